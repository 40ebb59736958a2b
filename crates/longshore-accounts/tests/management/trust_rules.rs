use std::collections::BTreeMap;

use longshore_accounts::{
    Accounts, Act, RobotId, RobotPlan, ScopedPermissions, TrustRuleId, TrustRuleKind, TrustRulePlan,
};
use longshore_auth::{GrantScope, Permission, PermissionSet};

use crate::support::{add_member, admin, make_project, make_users, on_both_databases, recorded, user, word};

on_both_databases! {
    rules_are_made_changed_and_removed,
    what_trusts_too_many_is_refused,
    who_could_not_be_the_robot_makes_no_rule_for_it,
}

const ISSUER: &str = "https://token.actions.example";

async fn robot(accounts: &Accounts, project: Option<&str>, permission: Permission) -> RobotId {
    let scope = match project {
        Some(name) => GrantScope::Project(name.parse().unwrap()),
        None => GrantScope::AllProjects,
    };
    let permissions = vec![ScopedPermissions { scope, permissions: PermissionSet::of(&[permission]) }];
    let plan = RobotPlan { description: String::new(), disabled: false, days: -1, permissions };
    let project = project.map(|name| name.parse().unwrap());
    let made = accounts.create_robot(&admin(), project.as_ref(), "ci", &plan).await.unwrap();
    made.record.record.id
}

fn plan(name: &str, robot: RobotId) -> TrustRulePlan {
    TrustRulePlan {
        name: name.to_owned(),
        kind: TrustRuleKind::Oidc,
        issuer: ISSUER.to_owned(),
        audience: "registry.example".to_owned(),
        claims: BTreeMap::from([("repository".to_owned(), "team/*".to_owned())]),
        robot,
        disabled: false,
    }
}

async fn rules_are_made_changed_and_removed(accounts: Accounts) {
    let admin = admin();
    let team = make_project(&accounts, &admin, "team").await;
    let own = robot(&accounts, Some("team"), Permission::REPOSITORY_PUSH).await;
    let systems = robot(&accounts, None, Permission::REPOSITORY_PULL).await;
    let create = async |plan: &TrustRulePlan| word(accounts.create_trust_rule(&admin, plan).await);
    let first = accounts.create_trust_rule(&admin, &plan("first", own)).await.unwrap();
    assert_eq!(create(&plan("first", own)).await, "conflict");
    // Who makes rules for another robot learns nothing of the names here, and takes none away.
    assert_eq!(create(&plan("first", systems)).await, "done");
    assert_eq!(create(&plan("third", RobotId::of_number(999))).await, "unknown");
    let shown = accounts.trust_rule(&admin, first).await.unwrap();
    assert_eq!((shown.robot_name.as_str(), shown.claims["repository"].as_str()), ("robot$team+ci", "team/*"));
    let list = async |project| {
        let (found, total) = accounts.list_trust_rules(&admin, project, 0, 9).await.unwrap();
        assert_eq!(total, found.len() as u64);
        found.into_iter().map(|rule| rule.record.name).collect::<Vec<_>>()
    };
    assert_eq!(list(None).await, ["first", "first"]);
    assert_eq!(list(Some(team)).await, ["first"]);

    let usable = async || {
        let found = accounts.trust_rules_of(ISSUER).await.unwrap();
        found.into_iter().map(|rule| (rule.name, rule.robot)).collect::<Vec<_>>()
    };
    assert_eq!(usable().await, [("first".to_owned(), own), ("first".to_owned(), systems)]);
    assert_eq!(accounts.trust_rules_of(ISSUER).await.unwrap()[0].rule.audience(), "registry.example");
    let update = async |plan: &TrustRulePlan| word(accounts.update_trust_rule(&admin, first, plan).await);
    assert_eq!(create(&plan("second", own)).await, "done");
    assert_eq!(update(&plan("second", own)).await, "conflict");
    assert_eq!(update(&plan("first", systems)).await, "conflict", "nor by going to another robot");
    let (found, _) = accounts.list_trust_rules(&admin, None, 2, 9).await.unwrap();
    assert_eq!(word(accounts.delete_trust_rule(&admin, found[0].record.id).await), "done");
    let elsewhere = |disabled| TrustRulePlan {
        issuer: "https://issuer.example".to_owned(),
        disabled,
        ..plan("renamed", own)
    };
    assert_eq!(update(&elsewhere(false)).await, "invalid", "nobody of that name is configured");
    assert_eq!(update(&elsewhere(true)).await, "done", "one that is no longer can be switched off");
    assert_eq!(update(&TrustRulePlan { disabled: true, ..plan("renamed", own) }).await, "done");
    assert_eq!(usable().await, [("first".to_owned(), systems)]);
    assert_eq!(word(accounts.delete_trust_rule(&admin, first).await), "done");
    assert_eq!(word(accounts.delete_trust_rule(&admin, first).await), "unknown");
    let operations: Vec<_> =
        recorded(&accounts, "trust_rule").await.into_iter().map(|row| row[0].clone()).collect();
    let made = ["create_trust_rule"; 3];
    let rest = ["delete_trust_rule", "update_trust_rule", "update_trust_rule", "delete_trust_rule"];
    assert_eq!(operations, [made.as_slice(), &rest].concat());
}

async fn what_trusts_too_many_is_refused(accounts: Accounts) {
    let admin = admin();
    let robot = robot(&accounts, None, Permission::REPOSITORY_PULL).await;
    let check = async |change: fn(&mut TrustRulePlan), wanted: &str| {
        let mut plan = plan("rule", robot);
        change(&mut plan);
        assert_eq!(word(accounts.create_trust_rule(&admin, &plan).await), wanted, "{plan:?}");
    };
    check(|plan| plan.name.clear(), "invalid").await;
    check(|plan| plan.issuer.clear(), "invalid").await;
    check(|plan| plan.audience.clear(), "invalid").await;
    check(|plan| plan.claims.clear(), "invalid").await;
    check(|plan| plan.claims = [("repository".to_owned(), "*".to_owned())].into(), "invalid").await;
    check(|plan| plan.claims = [(String::new(), "team/*".to_owned())].into(), "invalid").await;
    check(|plan| plan.claims = [("ref".to_owned(), "refs/heads/main".to_owned())].into(), "invalid").await;
    check(|plan| plan.claims = [("sub".to_owned(), "repo:*".to_owned())].into(), "invalid").await;
    check(|plan| plan.issuer = "https://issuer.example".to_owned(), "invalid").await;
    check(|plan| plan.kind = TrustRuleKind::Spiffe, "invalid").await;
    check(|plan| plan.issuer = "spiffe://example.org".to_owned(), "invalid").await;
    check(|plan| plan.issuer = "https://issuer.example\n".to_owned(), "invalid").await;
    let spiffe = |plan: &mut TrustRulePlan| {
        plan.kind = TrustRuleKind::Spiffe;
        plan.issuer = "spiffe://example.org".to_owned();
        plan.claims = [("sub".to_owned(), "spiffe://example.org/ci/*".to_owned())].into();
    };
    check(spiffe, "done").await;
}

async fn who_could_not_be_the_robot_makes_no_rule_for_it(accounts: Accounts) {
    let admin = admin();
    make_users(&accounts, ["ann", "bob", "eve"]).await;
    let team = make_project(&accounts, &admin, "team").await;
    let robot = robot(&accounts, Some("team"), Permission::REPOSITORY_PUSH).await;
    let ruler = PermissionSet::of(&[
        Permission::PROJECT_READ,
        Permission::ROBOT_READ,
        Permission::TRUST_RULE_CREATE,
        Permission::TRUST_RULE_READ,
    ]);
    let ruler = accounts.create_role(&admin, "ruler", ruler).await.unwrap();
    add_member(&accounts, team, "ann", ruler).await;
    add_member(&accounts, team, "bob", 1).await;
    let create = async |name: &str| {
        let act = user(&accounts, name).await;
        word(accounts.create_trust_rule(&act, &plan(name, robot)).await)
    };
    assert_eq!(create("ann").await, "forbidden");
    assert_eq!(create("eve").await, "unknown");
    assert_eq!(create("bob").await, "done");
    let rule = accounts.trust_rules_of(ISSUER).await.unwrap();
    assert_eq!(rule.len(), 1);
    let (found, _) = accounts.list_trust_rules(&admin, Some(team), 0, 9).await.unwrap();
    let id: TrustRuleId = found[0].record.id;
    let delete = async |act: &Act| word(accounts.delete_trust_rule(act, id).await);
    assert_eq!(delete(&user(&accounts, "eve").await).await, "unknown");
    assert_eq!(delete(&user(&accounts, "ann").await).await, "forbidden");
    assert_eq!(delete(&user(&accounts, "bob").await).await, "done");
}
