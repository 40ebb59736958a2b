use longshore_accounts::{Accounts, GroupKind, MemberGrant, MemberId, NewHolder, ProjectId};
use longshore_auth::{Permission, PermissionSet};

use crate::support::{add_member, admin, make_project, make_users, on_both_databases, recorded, user, word};

on_both_databases! {
    users_and_groups_become_members,
    nobody_gives_or_takes_more_than_they_have,
    somebody_remains_who_administers,
    a_membership_may_be_for_some_repositories,
}

fn grant(role: i64) -> MemberGrant {
    MemberGrant { role, ..MemberGrant::default() }
}

async fn list(accounts: &Accounts, project: ProjectId, name: Option<&str>) -> Vec<(String, String)> {
    let (found, total) = accounts.list_members(project, name, 0, 50).await.unwrap();
    assert_eq!(total, found.len() as u64);
    found.into_iter().map(|member| (member.record.name, member.role_name)).collect()
}

async fn users_and_groups_become_members(accounts: Accounts) {
    let [ann, _] = make_users(&accounts, ["ann", "bob"]).await;
    let admin = admin();
    let team = make_project(&accounts, &admin, "team").await;
    let add =
        async |holder: NewHolder, role| word(accounts.add_member(&admin, team, &holder, &grant(role)).await);
    let group = |kind, name: &str| NewHolder::Group { kind, name: name.to_owned(), source: String::new() };
    assert_eq!(add(NewHolder::UserId(ann), 2).await, "done");
    assert_eq!(add(NewHolder::User("ann".to_owned()), 3).await, "conflict");
    assert_eq!(add(NewHolder::User("bob".to_owned()), 9).await, "invalid");
    assert_eq!(add(NewHolder::User("bob".to_owned()), 4).await, "done");
    assert_eq!(add(NewHolder::User("none".to_owned()), 4).await, "unknown");
    assert_eq!(add(NewHolder::UserId(999), 4).await, "unknown");
    assert_eq!(add(NewHolder::GroupId(999), 4).await, "unknown");
    assert_eq!(add(group(GroupKind::Oidc, "devs"), 3).await, "done");
    assert_eq!(add(group(GroupKind::Oidc, "devs"), 2).await, "conflict");
    assert_eq!(add(group(GroupKind::Ldap, "cn=devs,dc=example"), 5).await, "done");
    let member = |name: &str, role: &str| (name.to_owned(), role.to_owned());
    let all = [
        member("admin", "projectAdmin"),
        member("ann", "developer"),
        member("bob", "maintainer"),
        member("devs", "guest"),
        member("cn=devs,dc=example", "limitedGuest"),
    ];
    assert_eq!(list(&accounts, team, None).await, all);
    assert_eq!(list(&accounts, team, Some("devs")).await, all[3..]);

    let (members, _) = accounts.list_members(team, Some("bob"), 0, 1).await.unwrap();
    let bob = members[0].record.id;
    accounts.update_member(&admin, team, bob, &grant(5)).await.unwrap();
    assert_eq!(accounts.member(team, bob).await.unwrap().role_name, "limitedGuest");
    assert_eq!(word(accounts.update_member(&admin, team, bob, &grant(0)).await), "invalid");
    accounts.remove_member(&admin, team, bob).await.unwrap();
    assert_eq!(word(accounts.member(team, bob).await), "unknown");
    assert_eq!(word(accounts.remove_member(&admin, team, bob).await), "unknown");
    let other = make_project(&accounts, &admin, "other").await;
    let ann = list_ids(&accounts, team, "ann").await;
    assert_eq!(word(accounts.remove_member(&admin, other, ann).await), "unknown", "of another project");

    let operations: Vec<_> = recorded(&accounts, "project_member").await;
    let count = |operation: &str| operations.iter().filter(|row| row[0] == operation).count();
    let counts = ["create_project_member", "update_project_member", "delete_project_member"].map(count);
    assert_eq!(counts, [4, 1, 1]);
    assert!(operations.iter().all(|row| row[2] == "team" && row[3] == "admin"), "{operations:?}");
}

async fn list_ids(accounts: &Accounts, project: ProjectId, name: &str) -> MemberId {
    accounts.list_members(project, Some(name), 0, 1).await.unwrap().0[0].record.id
}

async fn nobody_gives_or_takes_more_than_they_have(accounts: Accounts) {
    make_users(&accounts, ["ann", "bob", "eve", "max"]).await;
    let admin = admin();
    let team = make_project(&accounts, &admin, "team").await;
    let own = PermissionSet::of(&[
        Permission::PROJECT_READ,
        Permission::MEMBER_CREATE,
        Permission::MEMBER_LIST,
        Permission::MEMBER_UPDATE,
        Permission::MEMBER_DELETE,
        Permission::REPOSITORY_PULL,
    ]);
    let recruiter = accounts.create_role(&admin, "recruiter", own).await.unwrap();
    let reader = accounts
        .create_role(
            &admin,
            "reader",
            PermissionSet::of(&[Permission::PROJECT_READ, Permission::REPOSITORY_PULL]),
        )
        .await
        .unwrap();
    add_member(&accounts, team, "ann", recruiter).await;
    let maintainer = add_member(&accounts, team, "max", 4).await;
    let ann = user(&accounts, "ann").await;
    let add = async |name: &str, role| {
        word(accounts.add_member(&ann, team, &NewHolder::User(name.to_owned()), &grant(role)).await)
    };
    assert_eq!(add("bob", reader).await, "done");
    assert_eq!(add("eve", recruiter).await, "done");
    for role in 1..=5 {
        assert_eq!(add("admin", role).await, "forbidden", "{role}");
    }
    let bob = list_ids(&accounts, team, "bob").await;
    assert_eq!(word(accounts.update_member(&ann, team, bob, &grant(2)).await), "forbidden");
    assert_eq!(word(accounts.update_member(&ann, team, maintainer, &grant(reader)).await), "forbidden");
    assert_eq!(word(accounts.remove_member(&ann, team, maintainer).await), "forbidden");
    assert_eq!(word(accounts.remove_member(&ann, team, bob).await), "done");

    // What everybody has while the project is public is not theirs to give.
    accounts.update_project(&admin, team, &[longshore_accounts::public_setting(true)].into()).await.unwrap();
    assert_eq!(add("bob", 5).await, "forbidden");

    // Project admins give every role, also one with what they lack themselves.
    add_member(&accounts, team, "bob", 1).await;
    let wide = PermissionSet::of(&[Permission::METADATA_LIST]);
    let wide = accounts.create_role(&admin, "wide", wide).await.unwrap();
    let bob = user(&accounts, "bob").await;
    let eve = list_ids(&accounts, team, "eve").await;
    assert_eq!(word(accounts.update_member(&bob, team, eve, &grant(wide)).await), "done");
    assert_eq!(word(accounts.update_member(&bob, team, eve, &grant(1)).await), "done");
}

async fn somebody_remains_who_administers(accounts: Accounts) {
    make_users(&accounts, ["ann", "bob"]).await;
    let ann = user(&accounts, "ann").await;
    let team = make_project(&accounts, &ann, "team").await;
    let ann = user(&accounts, "ann").await;
    let own = list_ids(&accounts, team, "ann").await;
    assert_eq!(word(accounts.remove_member(&ann, team, own).await), "precondition");
    assert_eq!(word(accounts.update_member(&ann, team, own, &grant(2)).await), "precondition");
    let some = MemberGrant { repositories: "app/**".to_owned(), ..grant(1) };
    assert_eq!(word(accounts.update_member(&ann, team, own, &some).await), "precondition");
    assert_eq!(word(accounts.update_member(&ann, team, own, &grant(1)).await), "done", "nothing changes");

    // In a project within, those around remain.
    let sub = make_project(&accounts, &ann, "team/sub").await;
    let ann = user(&accounts, "ann").await;
    let inner = list_ids(&accounts, sub, "ann").await;
    assert_eq!(word(accounts.remove_member(&ann, sub, inner).await), "done");

    // Whoever cannot log in, or a group with nobody in it, is nobody who administers.
    let [off] = make_users(&accounts, ["off"]).await;
    add_member(&accounts, team, "off", 1).await;
    accounts.set_user_disabled(&admin(), off, true).await.unwrap();
    let (name, source) = ("empty".to_owned(), String::new());
    let empty = NewHolder::Group { kind: GroupKind::Oidc, name, source };
    accounts.add_member(&admin(), team, &empty, &grant(1)).await.unwrap();
    assert_eq!(word(accounts.remove_member(&ann, team, own).await), "precondition");

    add_member(&accounts, team, "bob", 1).await;
    assert_eq!(word(accounts.remove_member(&ann, team, own).await), "done");
    let bob = list_ids(&accounts, team, "bob").await;
    let by_bob = user(&accounts, "bob").await;
    assert_eq!(word(accounts.remove_member(&by_bob, team, bob).await), "precondition");
    assert_eq!(word(accounts.remove_member(&admin(), team, bob).await), "done");
}

async fn a_membership_may_be_for_some_repositories(accounts: Accounts) {
    make_users(&accounts, ["ann"]).await;
    let admin = admin();
    let team = make_project(&accounts, &admin, "team").await;
    let add = async |repositories: &str, condition: &str| {
        let grant =
            MemberGrant { role: 2, repositories: repositories.to_owned(), condition: condition.to_owned() };
        word(accounts.add_member(&admin, team, &NewHolder::User("ann".to_owned()), &grant).await)
    };
    assert_eq!(add("app/{", "").await, "invalid");
    assert_eq!(add("app/**", "none").await, "invalid", "there is no such policy");
    assert_eq!(add("app/**", "").await, "done");
    assert_eq!(add("app/**", "").await, "conflict");
    assert_eq!(add("web", "").await, "done");
    let ann = user(&accounts, "ann").await;
    let may = async |repository: &str| {
        let action = longshore_auth::Action::Push;
        let repository = repository.parse().unwrap();
        accounts.may_act(&ann.access, &repository, action, &ann.circumstances).await.unwrap()
    };
    assert!(may("team/app/x").await && may("team/web").await);
    assert!(!may("team/other").await && !may("team/web/x").await);
    let (members, _) = accounts.list_members(team, Some("ann"), 0, 9).await.unwrap();
    let second = members[1].record.id;
    let like_first = MemberGrant { repositories: "app/**".to_owned(), ..grant(2) };
    assert_eq!(word(accounts.update_member(&admin, team, second, &like_first).await), "conflict");
}
