use longshore_metadata::{
    GroupKind, Holder, Metadata, NewRobot, NewTrustRule, NewUser, ProjectId, RobotId, RobotLevel, RoleRecord,
    TextFilter, TrustRuleKind, UserId, WriteTx,
};

use crate::support::{at, on_both_databases};

on_both_databases! {
    members_are_users_and_groups,
    a_membership_may_change_unless_there_is_one_alike,
    roles_are_counted_in_projects,
    roles_are_kept,
    robots_are_kept_by_level,
    a_robot_goes_with_the_rules_that_trust_others_to_be_it,
    rules_are_found_by_issuer,
    access_tokens_are_their_users_own,
}

async fn user(tx: &mut WriteTx, name: &str) -> UserId {
    tx.insert_user(&NewUser { name, source: "local", ..NewUser::default() }, at(1)).await.unwrap().unwrap()
}

async fn project(tx: &mut WriteTx, name: &str) -> ProjectId {
    tx.insert_project(&name.parse().unwrap(), None, at(1)).await.unwrap().unwrap()
}

async fn robot(tx: &mut WriteTx, name: &str, project: Option<ProjectId>) -> RobotId {
    let robot = NewRobot {
        name,
        project,
        description: "builds",
        secret_hash: name.as_bytes(),
        permissions: "[]",
        disabled: false,
        duration_days: 30,
        expires_at: Some(at(9)),
        created_by: "ann",
    };
    let id = tx.insert_robot(&robot, at(1)).await.unwrap().unwrap();
    assert_eq!(tx.insert_robot(&robot, at(1)).await.unwrap(), None);
    id
}

fn rule(name: &str, robot: RobotId) -> NewTrustRule<'_> {
    NewTrustRule {
        name,
        kind: TrustRuleKind::Oidc,
        issuer: "https://issuer.example",
        audience: "here",
        claims: r#"{"sub":"repo:team/*"}"#,
        robot,
        disabled: false,
    }
}

async fn members_are_users_and_groups(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let (team, other) = (project(&mut tx, "team").await, project(&mut tx, "other").await);
    let ann = Holder::User(user(&mut tx, "ann").await);
    let devs = Holder::Group(tx.ensure_group(GroupKind::Oidc, "sso", "devs", "devs", at(1)).await.unwrap());
    let first = tx.insert_member(team, ann, 1, "", at(1)).await.unwrap().unwrap();
    tx.insert_member(team, devs, 2, "", at(1)).await.unwrap().unwrap();
    tx.insert_member(team, ann, 2, "app/**", at(1)).await.unwrap().unwrap();
    assert_eq!(tx.insert_member(team, ann, 3, "", at(1)).await.unwrap(), None);
    tx.insert_member(other, ann, 3, "", at(1)).await.unwrap().unwrap();
    tx.commit().await.unwrap();

    let mut tx = metadata.read().await.unwrap();
    let names = async |tx: &mut longshore_metadata::ReadTx, name: Option<&'static str>, skip, limit| {
        let found = tx.members_page(team, name.map(TextFilter::Contains), skip, limit).await.unwrap();
        found.into_iter().map(|member| (member.name, member.role)).collect::<Vec<_>>()
    };
    let member = |name: &str, role| (name.to_owned(), role);
    let all = [member("ann", 1), member("devs", 2), member("ann", 2)];
    assert_eq!(names(&mut tx, None, 0, 9).await, all);
    assert_eq!(names(&mut tx, None, 1, 1).await, all[1..2]);
    assert_eq!(names(&mut tx, Some("ev"), 0, 9).await, all[1..2]);
    assert_eq!(tx.members_count(team, None).await.unwrap(), 3);
    assert_eq!(tx.members_count(team, Some(TextFilter::Contains("ann"))).await.unwrap(), 2);
    assert_eq!(tx.member(other, first).await.unwrap(), None, "of another project");
}

async fn a_membership_may_change_unless_there_is_one_alike(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let team = project(&mut tx, "team").await;
    let ann = Holder::User(user(&mut tx, "ann").await);
    let id = tx.insert_member(team, ann, 1, "", at(1)).await.unwrap().unwrap();
    tx.insert_member(team, ann, 2, "app/**", at(1)).await.unwrap().unwrap();
    let member = tx.member(team, id).await.unwrap().unwrap();
    assert!(tx.set_member(&member, 4, "", None).await.unwrap());
    assert!(!tx.set_member(&member, 4, "app/**", None).await.unwrap());
    let changed = tx.member(team, id).await.unwrap().unwrap();
    assert_eq!((changed.role, changed.repositories.as_str()), (4, ""));
    tx.delete_member(id).await.unwrap();
    assert_eq!(tx.member(team, id).await.unwrap(), None);
    tx.commit().await.unwrap();
}

async fn roles_are_counted_in_projects(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let (team, sub) = (project(&mut tx, "team").await, project(&mut tx, "team/sub").await);
    let (ann, bob) = (user(&mut tx, "ann").await, user(&mut tx, "bob").await);
    let id = tx.insert_member(team, Holder::User(ann), 1, "", at(1)).await.unwrap().unwrap();
    tx.insert_member(team, Holder::User(bob), 1, "app", at(1)).await.unwrap().unwrap();
    tx.insert_member(sub, Holder::User(bob), 1, "", at(1)).await.unwrap().unwrap();
    assert!(!tx.others_have_role(&[team], 1, id).await.unwrap(), "for some repositories alone");
    assert!(tx.others_have_role(&[team, sub], 1, id).await.unwrap());
    assert!(!tx.others_have_role(&[team, sub], 2, id).await.unwrap());
    assert!(!tx.others_have_role(&[], 1, id).await.unwrap());
    assert_eq!(tx.members_by_role(team).await.unwrap().into_iter().collect::<Vec<_>>(), [(1, 2)]);
    tx.commit().await.unwrap();
}

async fn roles_are_kept(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let team = project(&mut tx, "team").await;
    let ann = Holder::User(user(&mut tx, "ann").await);
    let id = tx.insert_role("pusher", r#"["repository:push"]"#, at(1)).await.unwrap().unwrap();
    assert!(id > RoleRecord::FIRST);
    assert_eq!(tx.insert_role("pusher", "[]", at(1)).await.unwrap(), None);
    let other = tx.insert_role("puller", "[]", at(1)).await.unwrap().unwrap();
    assert!(!tx.role_is_used(id).await.unwrap());
    tx.insert_member(team, ann, id, "", at(1)).await.unwrap().unwrap();
    assert!(tx.role_is_used(id).await.unwrap());
    tx.update_role(id, "writer", "[]", at(2)).await.unwrap();
    assert_eq!(tx.role_named("pusher").await.unwrap(), None);
    assert_eq!(tx.role_named("writer").await.unwrap().unwrap().id, id);
    let page = tx.roles_page(RoleRecord::FIRST, 1).await.unwrap();
    assert_eq!((page.entries[0].id, page.more), (id, true));
    let page = tx.roles_page(id, 1).await.unwrap();
    assert_eq!((page.entries[0].id, page.more), (other, false));
    assert!(tx.lock_role(other).await.unwrap());
    tx.delete_role(other).await.unwrap();
    assert!(!tx.lock_role(other).await.unwrap());
    assert_eq!(tx.role(other).await.unwrap(), None);
    tx.commit().await.unwrap();
}

async fn robots_are_kept_by_level(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let (team, other) = (project(&mut tx, "team").await, project(&mut tx, "other").await);
    let ci = robot(&mut tx, "team+ci", Some(team)).await;
    robot(&mut tx, "other+ci", Some(other)).await;
    robot(&mut tx, "ci", None).await;
    robot(&mut tx, "backup", None).await;
    let names = async |tx: &mut WriteTx, level, name: Option<&'static str>, skip| {
        let name = name.map(TextFilter::Contains);
        let page = tx.robots_page(level, name, skip, 9).await.unwrap();
        assert_eq!(tx.robots_count(level, name).await.unwrap(), (page.entries.len() + skip) as u64);
        page.entries.into_iter().map(|robot| robot.name).collect::<Vec<_>>()
    };
    assert_eq!(names(&mut tx, RobotLevel::System, None, 0).await, ["backup", "ci"]);
    assert_eq!(names(&mut tx, RobotLevel::System, None, 1).await, ["ci"]);
    assert_eq!(names(&mut tx, RobotLevel::System, Some("ack"), 0).await, ["backup"]);
    assert_eq!(names(&mut tx, RobotLevel::Project(team), None, 0).await, ["team+ci"]);

    let mut record = tx.robot_by_id(ci).await.unwrap().unwrap();
    assert_eq!((record.project, record.expires_at, record.duration_days), (Some(team), Some(at(9)), 30));
    record.disabled = true;
    record.expires_at = None;
    record.duration_days = -1;
    record.permissions = r#"[{"scope":"*","permissions":[]}]"#.to_owned();
    record.description = "none".to_owned();
    tx.update_robot(&record, at(5)).await.unwrap();
    tx.set_robot_secret(ci, b"new", at(6)).await.unwrap();
    let changed = tx.robot("team+ci").await.unwrap().unwrap();
    assert_eq!((changed.secret_hash.as_slice(), changed.updated_at), (&b"new"[..], at(6)));
    assert_eq!((changed.disabled, changed.permissions), (true, record.permissions));
    tx.commit().await.unwrap();
}

async fn a_robot_goes_with_the_rules_that_trust_others_to_be_it(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let (one, two) = (robot(&mut tx, "one", None).await, robot(&mut tx, "two", None).await);
    let gone = tx.insert_trust_rule(&rule("first", one), at(1)).await.unwrap().unwrap();
    tx.insert_trust_rule(&rule("second", two), at(1)).await.unwrap().unwrap();
    tx.delete_robot(one).await.unwrap();
    assert_eq!(tx.robot_by_id(one).await.unwrap(), None);
    assert_eq!(tx.trust_rule(gone).await.unwrap(), None);
    assert_eq!(tx.trust_rules_count().await.unwrap(), 1);
    tx.commit().await.unwrap();
}

async fn rules_are_found_by_issuer(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let robot = robot(&mut tx, "ci", None).await;
    let first = tx.insert_trust_rule(&rule("first", robot), at(1)).await.unwrap().unwrap();
    assert_eq!(tx.insert_trust_rule(&rule("first", robot), at(1)).await.unwrap(), None);
    let other =
        NewTrustRule { issuer: "spiffe://example.org", kind: TrustRuleKind::Spiffe, ..rule("second", robot) };
    let second = tx.insert_trust_rule(&other, at(1)).await.unwrap().unwrap();
    let issuer = "https://issuer.example";
    assert_eq!(tx.trust_rules_of(issuer).await.unwrap()[0].claims, r#"{"sub":"repo:team/*"}"#);
    assert_eq!(tx.trust_rules_of("https://issuer.example/").await.unwrap(), []);
    assert_eq!(tx.trust_rule(second).await.unwrap().unwrap().kind, TrustRuleKind::Spiffe);
    let all = tx.trust_rules_page(0, 9).await.unwrap();
    assert_eq!(all.iter().map(|rule| rule.id).collect::<Vec<_>>(), [first, second]);
    assert_eq!(tx.trust_rules_page(1, 9).await.unwrap(), all[1..]);
    assert_eq!(tx.trust_rules_of_robots(&[robot]).await.unwrap(), all);
    let disabled = NewTrustRule { disabled: true, ..rule("renamed", robot) };
    tx.update_trust_rule(first, &disabled, at(2)).await.unwrap();
    assert_eq!(tx.trust_rules_of(issuer).await.unwrap(), [], "one that is disabled counts for nothing");
    assert_eq!(tx.trust_rule_named(robot, "renamed").await.unwrap().unwrap().updated_at, at(2));
    tx.delete_trust_rule(first).await.unwrap();
    assert_eq!(tx.trust_rule(first).await.unwrap(), None);
    tx.commit().await.unwrap();
}

async fn access_tokens_are_their_users_own(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let (ann, bob) = (user(&mut tx, "ann").await, user(&mut tx, "bob").await);
    let make = async |tx: &mut WriteTx, user, name, hash: &'static [u8]| {
        tx.insert_access_token(user, name, hash, Some("[]"), Some(at(9)), at(1)).await.unwrap()
    };
    let laptop = make(&mut tx, ann, "laptop", b"1").await.unwrap();
    make(&mut tx, ann, "desk", b"2").await.unwrap();
    make(&mut tx, bob, "laptop", b"3").await.unwrap();
    assert_eq!(make(&mut tx, ann, "laptop", b"4").await, None);
    assert_eq!(tx.access_token_by_hash(b"1").await.unwrap().unwrap().id, laptop);
    assert_eq!(tx.access_token(bob, laptop).await.unwrap(), None);
    assert_eq!(tx.access_tokens_count(ann).await.unwrap(), 2);
    let page = tx.access_tokens_page(ann, 1, 9).await.unwrap();
    assert_eq!(page.iter().map(|token| token.name.as_str()).collect::<Vec<_>>(), ["desk"]);
    tx.delete_access_token(laptop).await.unwrap();
    assert_eq!(tx.access_token_by_hash(b"1").await.unwrap(), None);
    tx.commit().await.unwrap();
}
