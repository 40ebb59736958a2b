use longshore_accounts::{Accounts, Doing, MemberGrant, NewHolder, PolicyPlan, Supposed};
use longshore_auth::{Action, Circumstances, Permission, Target};

use crate::support::{
    add_member, admin, at, make_project, make_users, on_both_databases, recorded, user, word,
};

on_both_databases! {
    policies_are_made_changed_and_removed,
    a_change_counts_at_once,
    who_has_something_on_a_condition_cannot_give_it_away,
    simulations_tell_what_decides,
}

const ANYBODY: &str = "permit (principal, action, resource);";
const OFFICE: &str = r#"@id("office") permit (principal, action, resource)
when { context has address && context.address.isInRange(ip("10.0.0.0/8")) };"#;
const DEV_TAGS: &str =
    r#"permit (principal, action, resource) unless { context has tag && !(context.tag like "dev-*") };"#;

fn plan(name: &str, text: &str) -> PolicyPlan {
    PolicyPlan { name: name.to_owned(), description: String::new(), text: text.to_owned() }
}

async fn policies_are_made_changed_and_removed(accounts: Accounts) {
    let admin = admin();
    let create =
        async |name: &str, text: &str| word(accounts.create_access_policy(&admin, &plan(name, text)).await);
    assert_eq!(create("", ANYBODY).await, "invalid");
    assert_eq!(create(" office", ANYBODY).await, "invalid");
    assert_eq!(
        create("office", "permit (principal, action, resource) when { context.tags };").await,
        "invalid"
    );
    let id = accounts.create_access_policy(&admin, &plan("office", OFFICE)).await.unwrap();
    assert_eq!(create("office", ANYBODY).await, "conflict");
    assert_eq!(create("all", ANYBODY).await, "done");
    let (found, total) = accounts.access_policies(1, 5).await.unwrap();
    assert_eq!((found.len(), found[0].name.as_str(), total), (1, "all", 2));

    let update = async |id, name: &str, text: &str| {
        word(accounts.update_access_policy(&admin, id, &plan(name, text)).await)
    };
    assert_eq!(update(id, "all", ANYBODY).await, "conflict");
    assert_eq!(update(99, "none", ANYBODY).await, "unknown");
    assert_eq!(update(id, "office", "nonsense").await, "invalid");
    assert_eq!(update(id, "premises", OFFICE).await, "done");
    let policy = accounts.access_policy(id).await.unwrap();
    assert_eq!(
        (policy.name.as_str(), policy.version.revision, policy.text.as_str()),
        ("premises", 2, OFFICE)
    );

    make_users(&accounts, ["ann"]).await;
    let team = make_project(&accounts, &admin, "team").await;
    let grant =
        |condition: &str| MemberGrant { role: 2, condition: condition.to_owned(), ..MemberGrant::default() };
    let ann = NewHolder::User("ann".to_owned());
    assert_eq!(word(accounts.add_member(&admin, team, &ann, &grant("office")).await), "invalid");
    let member = accounts.add_member(&admin, team, &ann, &grant("premises")).await.unwrap();
    assert_eq!(accounts.member(team, member).await.unwrap().condition, "premises");
    let refused = accounts.delete_access_policy(&admin, id).await.unwrap_err().to_string();
    assert_eq!(refused, "policy premises is the condition of ann in team");
    accounts.update_member(&admin, team, member, &grant("")).await.unwrap();
    assert_eq!(word(accounts.delete_access_policy(&admin, id).await), "done");
    assert_eq!(word(accounts.delete_access_policy(&admin, id).await), "unknown");
    let operations: Vec<_> =
        recorded(&accounts, "access_policy").await.into_iter().map(|row| row[0].clone()).collect();
    let wanted =
        ["create_access_policy", "create_access_policy", "update_access_policy", "delete_access_policy"];
    assert_eq!(operations, wanted);
}

async fn a_change_counts_at_once(accounts: Accounts) {
    let admin = admin();
    let id = accounts.create_access_policy(&admin, &plan("office", OFFICE)).await.unwrap();
    make_users(&accounts, ["ann"]).await;
    let team = make_project(&accounts, &admin, "team").await;
    let ann = NewHolder::User("ann".to_owned());
    let grant = MemberGrant { role: 2, condition: "office".to_owned(), ..MemberGrant::default() };
    accounts.add_member(&admin, team, &ann, &grant).await.unwrap();
    let name = "team".parse().unwrap();
    let may = async |address: [u8; 4]| {
        let ann = user(&accounts, "ann").await;
        let here = Circumstances { address: Some(address.into()), ..ann.circumstances };
        accounts.may(&ann.access, &Target::project(&name, false), Permission::TAG_LIST, &here)
    };
    let (inside, outside) = ([10, 1, 2, 3], [192, 0, 2, 1]);
    assert_eq!((may(inside).await, may(outside).await), (true, false));
    accounts.update_access_policy(&admin, id, &plan("office", ANYBODY)).await.unwrap();
    assert_eq!((may(inside).await, may(outside).await), (true, true));
    // What another replica does is seen by the row's revision alone.
    let mut tx = accounts.metadata().write().await.unwrap();
    let never = "permit (principal is Robot, action, resource);";
    let row = longshore_metadata::NewAccessPolicy { name: "office", description: "", text: never };
    tx.update_access_policy(id, &row, at(20)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((may(inside).await, may(outside).await), (false, false));
    // What nothing understands agrees to nothing.
    let mut tx = accounts.metadata().write().await.unwrap();
    let row = longshore_metadata::NewAccessPolicy { text: "of a later version", ..row };
    tx.update_access_policy(id, &row, at(21)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((may(inside).await, may(outside).await), (false, false));
}

async fn who_has_something_on_a_condition_cannot_give_it_away(accounts: Accounts) {
    let admin = admin();
    accounts.create_access_policy(&admin, &plan("all", ANYBODY)).await.unwrap();
    make_users(&accounts, ["ann", "bob"]).await;
    let team = make_project(&accounts, &admin, "team").await;
    let ann = NewHolder::User("ann".to_owned());
    let grant = MemberGrant { role: 1, condition: "all".to_owned(), ..MemberGrant::default() };
    let member = accounts.add_member(&admin, team, &ann, &grant).await.unwrap();
    let bob = NewHolder::User("bob".to_owned());
    let guest = MemberGrant { role: 3, ..MemberGrant::default() };
    let by_ann = user(&accounts, "ann").await;
    assert_eq!(word(accounts.add_member(&by_ann, team, &bob, &guest).await), "forbidden");
    let unconditional = MemberGrant { role: 1, ..MemberGrant::default() };
    assert_eq!(word(accounts.update_member(&by_ann, team, member, &unconditional).await), "forbidden");
    accounts.update_member(&admin, team, member, &unconditional).await.unwrap();
    let by_ann = user(&accounts, "ann").await;
    assert_eq!(word(accounts.add_member(&by_ann, team, &bob, &guest).await), "done");
}

async fn simulations_tell_what_decides(accounts: Accounts) {
    let admin = admin();
    accounts.create_access_policy(&admin, &plan("dev tags", DEV_TAGS)).await.unwrap();
    make_users(&accounts, ["ann", "bob"]).await;
    let team = make_project(&accounts, &admin, "team").await;
    let ann = NewHolder::User("ann".to_owned());
    let grant = MemberGrant { role: 2, condition: "dev tags".to_owned(), ..MemberGrant::default() };
    accounts.add_member(&admin, team, &ann, &grant).await.unwrap();
    add_member(&accounts, team, "bob", 3).await;
    let push = |name: &str, tag: &str| Supposed {
        name: Some(name.to_owned()),
        doing: Doing::Action(Action::Push),
        project: None,
        repository: Some("team/app".parse().unwrap()),
        circumstances: Circumstances { tag: Some(tag.parse().unwrap()), ..Circumstances::at(at(10)) },
        text: None,
    };

    let told = accounts.simulate(&push("ann", "dev-1")).await.unwrap();
    assert!(told.allowed, "{told:?}");
    assert_eq!(told.because, "member of team as developer (project team)");
    assert_eq!(told.grant.unwrap().policy.as_deref(), Some("dev tags"));
    assert_eq!((told.policies.len(), told.policies[0].answer.rules.len()), (1, 1));

    let told = accounts.simulate(&push("ann", "v1")).await.unwrap();
    assert!(!told.allowed);
    assert_eq!(told.permission, Permission::REPOSITORY_PULL, "the first that is refused");
    let because =
        "member of team as developer (project team) would allow it, but its condition dev tags does not hold";
    assert_eq!(told.because, because);
    assert!(!told.policies[0].answer.agrees && told.policies[0].answer.rules.is_empty());

    let told = accounts.simulate(&push("bob", "dev-1")).await.unwrap();
    assert_eq!((told.allowed, told.permission), (false, Permission::REPOSITORY_PUSH));
    assert_eq!(told.because, "the nearest role does not allow it: member of team as guest (project team)");

    // A text that is not saved, as if everything depended on it.
    let office = Some(OFFICE.to_owned());
    let mut supposed =
        Supposed { doing: Doing::Permission(Permission::TAG_LIST), text: office, ..push("bob", "v1") };
    assert!(!accounts.simulate(&supposed).await.unwrap().allowed);
    supposed.circumstances.address = Some([10, 0, 0, 1].into());
    let told = accounts.simulate(&supposed).await.unwrap();
    assert!(told.allowed);
    assert_eq!(told.policies[0].answer.rules[0].id.as_deref(), Some("office"));
    let broken = Supposed { text: Some("permit".to_owned()), ..push("bob", "v1") };
    assert_eq!(word(accounts.simulate(&broken).await), "invalid");

    assert_eq!(word(accounts.simulate(&push("nobody", "v1")).await), "unknown");
    let elsewhere = Supposed { repository: Some("other/app".parse().unwrap()), ..push("ann", "v1") };
    assert_eq!(word(accounts.simulate(&elsewhere).await), "unknown");
    let told = accounts.simulate(&push("admin", "v1")).await.unwrap();
    assert!(told.allowed && told.because == "system administrator" && told.policies.is_empty());
    let anonymous = Supposed { name: None, ..push("ann", "v1") };
    let told = accounts.simulate(&anonymous).await.unwrap();
    assert_eq!((told.allowed, told.because.as_str()), (false, "nothing grants it"));
}
