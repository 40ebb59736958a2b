use longshore_accounts::{
    Accounts, Act, ManageError, MemberGrant, NewHolder, NewSecret, RobotDetails, RobotId, RobotPlan,
    ScopedPermissions, TextFilter,
};
use longshore_auth::{GrantScope, Permission, PermissionSet, Target};

use crate::support::{
    add_member, admin, login, make_project, make_users, nobody, on_both_databases, recorded, user, word,
};

on_both_databases! {
    a_robot_logs_in_and_does_what_it_was_given,
    names_durations_and_levels_are_checked,
    nobody_makes_a_robot_that_can_do_more,
    secrets_are_rotated,
    robots_are_changed_and_removed,
    robots_are_hidden_from_others,
    a_removed_project_is_forgotten_by_robots_of_the_system,
}

fn at_project(name: &str, permissions: &[Permission]) -> ScopedPermissions {
    let scope = GrantScope::Project(name.parse().unwrap());
    ScopedPermissions { scope, permissions: PermissionSet::of(permissions) }
}

fn everywhere(permissions: &[Permission]) -> ScopedPermissions {
    ScopedPermissions { scope: GrantScope::AllProjects, permissions: PermissionSet::of(permissions) }
}

fn system(permissions: &[Permission]) -> ScopedPermissions {
    ScopedPermissions { scope: GrantScope::System, permissions: PermissionSet::of(permissions) }
}

fn plan(permissions: &[ScopedPermissions]) -> RobotPlan {
    RobotPlan { description: String::new(), disabled: false, days: 30, permissions: permissions.to_vec() }
}

async fn create(
    accounts: &Accounts,
    act: &Act,
    project: Option<&str>,
    name: &str,
    permissions: &[ScopedPermissions],
) -> Result<NewSecret<RobotDetails>, ManageError> {
    let project = project.map(|name| name.parse().unwrap());
    accounts.create_robot(act, project.as_ref(), name, &plan(permissions)).await
}

fn may(accounts: &Accounts, act: &Act, project: &str, permission: Permission) -> bool {
    let name = project.parse().unwrap();
    accounts.may(&act.access, &Target::project(&name, false), permission, &act.circumstances)
}

async fn a_robot_logs_in_and_does_what_it_was_given(accounts: Accounts) {
    let admin = admin();
    make_project(&accounts, &admin, "team").await;
    make_project(&accounts, &admin, "team/sub").await;
    let push = at_project("team", &[Permission::REPOSITORY_PUSH]);
    let made = create(&accounts, &admin, Some("team"), "ci", &[push]).await.unwrap();
    assert_eq!(made.record.name, "robot$team+ci");
    assert_eq!(made.record.permissions[0].permissions.len(), 1, "as it was given");
    let robot = login(&accounts, "robot$team+ci", made.secret.reveal()).await.unwrap();
    assert!(may(&accounts, &robot, "team", Permission::REPOSITORY_PUSH));
    assert!(may(&accounts, &robot, "team/sub", Permission::REPOSITORY_PULL), "who pushes may pull");
    assert!(!may(&accounts, &robot, "team", Permission::ARTIFACT_DELETE));
    assert!(!may(&accounts, &robot, "library", Permission::REPOSITORY_PUSH));
    assert!(login(&accounts, "robot$team+ci", "wrong").await.is_none());
    assert_eq!(
        word(
            create(&accounts, &admin, Some("team"), "ci", &[at_project("team", &[Permission::TAG_LIST])])
                .await
        ),
        "conflict"
    );
    let rows = recorded(&accounts, "robot").await;
    assert_eq!(rows[0], ["create_robot", "robot$team+ci", "team", "admin"].map(str::to_owned));
}

async fn names_durations_and_levels_are_checked(accounts: Accounts) {
    let admin = admin();
    make_project(&accounts, &admin, "team").await;
    let pull = || at_project("team", &[Permission::REPOSITORY_PULL]);
    for bad in ["", "CI", "c+i", "-ci", "c..i", "ci/x", "é", &"c".repeat(201)] {
        assert_eq!(word(create(&accounts, &admin, None, bad, &[pull()]).await), "invalid", "{bad}");
    }
    for (days, wanted) in [(0, "invalid"), (-2, "invalid"), (i64::MAX, "invalid"), (-1, "done"), (1, "done")]
    {
        let plan = RobotPlan { days, ..plan(&[pull()]) };
        let name = if days < 0 { "for-ever".to_owned() } else { format!("for-{days}") };
        assert_eq!(word(accounts.create_robot(&admin, None, &name, &plan).await), wanted, "{days}");
    }
    let check = async |project, permissions: &[ScopedPermissions], wanted: &str| {
        assert_eq!(
            word(create(&accounts, &admin, project, "ci", permissions).await),
            wanted,
            "{permissions:?}"
        );
    };
    check(None, &[], "invalid").await;
    check(None, &[at_project("team", &[])], "invalid").await;
    check(None, &[at_project("team", &[Permission::USER_CREATE])], "invalid").await;
    check(None, &[system(&[Permission::REPOSITORY_PULL])], "invalid").await;
    check(None, &[at_project("team", &[Permission::ROBOT_UPDATE])], "invalid").await;
    check(None, &[at_project("none", &[Permission::TAG_LIST])], "unknown").await;
    check(Some("none"), &[at_project("none", &[Permission::TAG_LIST])], "unknown").await;
    check(Some("team"), &[everywhere(&[Permission::TAG_LIST])], "invalid").await;
    check(Some("team"), &[system(&[Permission::USER_LIST])], "invalid").await;
    check(Some("team"), &[at_project("library", &[Permission::TAG_LIST])], "invalid").await;
    check(None, &[pull(), everywhere(&[Permission::TAG_LIST]), system(&[Permission::USER_LIST])], "done")
        .await;
}

async fn nobody_makes_a_robot_that_can_do_more(accounts: Accounts) {
    let admin = admin();
    make_users(&accounts, ["ann", "bob", "eve"]).await;
    let team = make_project(&accounts, &admin, "team").await;
    let sub = make_project(&accounts, &admin, "team/sub").await;
    let own =
        PermissionSet::of(&[Permission::PROJECT_READ, Permission::ROBOT_CREATE, Permission::REPOSITORY_PULL]);
    let maker = accounts.create_role(&admin, "maker", own).await.unwrap();
    add_member(&accounts, team, "ann", maker).await;
    let pusher = accounts.create_role(&admin, "pusher", own.with(Permission::REPOSITORY_PUSH)).await.unwrap();
    add_member(&accounts, team, "bob", pusher).await;
    add_member(&accounts, sub, "bob", 5).await;
    let try_it = async |act: &Act, project, name: &str, permissions: &[ScopedPermissions]| {
        word(create(&accounts, act, project, name, permissions).await)
    };
    let pull = at_project("team", &[Permission::REPOSITORY_PULL]);
    let push = at_project("team", &[Permission::REPOSITORY_PUSH]);
    let ann = user(&accounts, "ann").await;
    assert_eq!(try_it(&ann, Some("team"), "a1", std::slice::from_ref(&pull)).await, "done");
    assert_eq!(try_it(&ann, Some("team"), "a2", std::slice::from_ref(&push)).await, "forbidden");
    assert_eq!(try_it(&ann, None, "a3", std::slice::from_ref(&pull)).await, "forbidden");
    assert_eq!(try_it(&nobody(), Some("team"), "a4", std::slice::from_ref(&pull)).await, "unknown");
    let eve = user(&accounts, "eve").await;
    assert_eq!(try_it(&eve, Some("team"), "a4", std::slice::from_ref(&pull)).await, "unknown");
    // Who reads the project for some repositories alone cannot let a robot read all that there is to read in it.
    let blind = PermissionSet::of(&[Permission::ROBOT_CREATE, Permission::REPOSITORY_PULL]);
    let blind = accounts.create_role(&admin, "blind maker", blind).await.unwrap();
    add_member(&accounts, team, "eve", blind).await;
    let some = MemberGrant { role: 3, repositories: "app".to_owned(), ..MemberGrant::default() };
    accounts.add_member(&admin, team, &NewHolder::User("eve".to_owned()), &some).await.unwrap();
    let eve = user(&accounts, "eve").await;
    assert!(may(&accounts, &eve, "team", Permission::REPOSITORY_PULL));
    let read = at_project("team", &[Permission::PROJECT_READ]);
    assert_eq!(try_it(&eve, Some("team"), "a4", std::slice::from_ref(&read)).await, "forbidden");
    assert_eq!(try_it(&eve, Some("team"), "a5", std::slice::from_ref(&pull)).await, "done");
    // It would push to the project within, where its maker may not.
    let bob = user(&accounts, "bob").await;
    assert_eq!(try_it(&bob, Some("team"), "b1", std::slice::from_ref(&push)).await, "forbidden");
    assert_eq!(try_it(&bob, Some("team"), "b2", std::slice::from_ref(&pull)).await, "done");

    // A robot, too.
    let given = [
        at_project("team", &[Permission::ROBOT_CREATE, Permission::REPOSITORY_PULL]),
        system(&[Permission::ROBOT_CREATE, Permission::USER_LIST]),
    ];
    let made = create(&accounts, &admin, None, "maker", &given).await.unwrap();
    let robot = login(&accounts, "robot$maker", made.secret.reveal()).await.unwrap();
    assert_eq!(try_it(&robot, Some("team"), "c1", std::slice::from_ref(&pull)).await, "done");
    assert_eq!(try_it(&robot, Some("team"), "c2", std::slice::from_ref(&push)).await, "forbidden");
    assert_eq!(try_it(&robot, None, "c3", &[system(&[Permission::USER_LIST])]).await, "done");
    assert_eq!(try_it(&robot, None, "c4", &[system(&[Permission::USER_CREATE])]).await, "forbidden");
    assert_eq!(try_it(&robot, None, "c5", &[everywhere(&[Permission::REPOSITORY_PULL])]).await, "forbidden");
    let given = [everywhere(&[Permission::REPOSITORY_PULL]), system(&[Permission::ROBOT_CREATE])];
    let made = create(&accounts, &admin, None, "wide", &given).await.unwrap();
    let robot = login(&accounts, "robot$wide", made.secret.reveal()).await.unwrap();
    assert_eq!(try_it(&robot, None, "d1", &[everywhere(&[Permission::REPOSITORY_PULL])]).await, "done");
    assert_eq!(try_it(&robot, None, "d2", &[everywhere(&[Permission::REPOSITORY_PUSH])]).await, "forbidden");
}

async fn secrets_are_rotated(accounts: Accounts) {
    let admin = admin();
    make_users(&accounts, ["ann"]).await;
    let team = make_project(&accounts, &admin, "team").await;
    let push = at_project("team", &[Permission::REPOSITORY_PUSH]);
    let made = create(&accounts, &admin, Some("team"), "ci", &[push]).await.unwrap();
    let id = made.record.record.id;
    let rotated = accounts.rotate_robot_secret(&admin, id, None).await.unwrap();
    let logs_in = async |secret: &str| login(&accounts, "robot$team+ci", secret).await.is_some();
    assert!(!logs_in(made.secret.reveal()).await);
    assert!(logs_in(rotated.secret.reveal()).await);
    for bad in ["short1A", "nouppercase1", "NOLOWERCASE1", "NoDigitsAtAll", &"aA1".repeat(43)] {
        assert_eq!(word(accounts.rotate_robot_secret(&admin, id, Some(bad)).await), "invalid", "{bad}");
    }
    let chosen = accounts.rotate_robot_secret(&admin, id, Some("Chosen-Secret1")).await.unwrap();
    assert_eq!(chosen.secret.reveal(), "Chosen-Secret1");
    assert!(logs_in("Chosen-Secret1").await && !logs_in(rotated.secret.reveal()).await);

    // Who has less than the robot does not become it.
    let keeper =
        PermissionSet::of(&[Permission::PROJECT_READ, Permission::ROBOT_READ, Permission::ROBOT_UPDATE]);
    let keeper = accounts.create_role(&admin, "keeper", keeper).await.unwrap();
    add_member(&accounts, team, "ann", keeper).await;
    let ann = user(&accounts, "ann").await;
    assert_eq!(word(accounts.rotate_robot_secret(&ann, id, None).await), "forbidden");
    assert_eq!(word(accounts.rotate_robot_secret(&ann, id, Some("Another-Secret1")).await), "forbidden");
    assert_eq!(word(accounts.set_robot_disabled(&ann, id, true).await), "done");
    assert!(!logs_in("Chosen-Secret1").await);
}

async fn robots_are_changed_and_removed(accounts: Accounts) {
    let admin = admin();
    make_project(&accounts, &admin, "team").await;
    let pull = at_project("team", &[Permission::REPOSITORY_PULL]);
    let made = create(&accounts, &admin, Some("team"), "ci", std::slice::from_ref(&pull)).await.unwrap();
    let robot = made.record.record;
    let update =
        async |name: &str, plan: &RobotPlan| word(accounts.update_robot(&admin, robot.id, name, plan).await);
    let wider = RobotPlan {
        description: "builds".to_owned(),
        disabled: true,
        days: -1,
        ..plan(&[at_project("team", &[Permission::REPOSITORY_PULL, Permission::TAG_LIST])])
    };
    assert_eq!(update("other", &wider).await, "invalid");
    assert_eq!(update("robot$team+other", &wider).await, "invalid");
    assert_eq!(update("robot$team+ci", &wider).await, "done");
    let shown = accounts.robot(&admin, robot.id).await.unwrap();
    assert_eq!((shown.record.disabled, shown.record.expires_at), (true, None));
    assert_eq!(shown.permissions, wider.permissions);
    assert!(login(&accounts, "robot$team+ci", made.secret.reveal()).await.is_none(), "disabled");
    assert_eq!(update("ci", &plan(&[pull])).await, "done");
    assert!(login(&accounts, "robot$team+ci", made.secret.reveal()).await.is_some());
    assert_eq!(word(accounts.delete_robot(&admin, robot.id).await), "done");
    assert!(login(&accounts, "robot$team+ci", made.secret.reveal()).await.is_none());
    assert_eq!(word(accounts.delete_robot(&admin, robot.id).await), "unknown");
    let operations: Vec<_> =
        recorded(&accounts, "robot").await.into_iter().map(|row| row[0].clone()).collect();
    let operations: Vec<_> = operations.iter().filter(|operation| operation.ends_with("_robot")).collect();
    assert_eq!(operations, ["create_robot", "update_robot", "update_robot", "delete_robot"]);
}

async fn robots_are_hidden_from_others(accounts: Accounts) {
    let admin = admin();
    make_users(&accounts, ["ann", "eve"]).await;
    let team = make_project(&accounts, &admin, "team").await;
    add_member(&accounts, team, "ann", 3).await;
    let given = [at_project("team", &[Permission::TAG_LIST])];
    let own = create(&accounts, &admin, Some("team"), "ci", &given).await.unwrap().record.record.id;
    let given = [everywhere(&[Permission::TAG_LIST])];
    let systems = create(&accounts, &admin, None, "ci", &given).await.unwrap().record.record.id;
    let (ann, eve) = (user(&accounts, "ann").await, user(&accounts, "eve").await);
    let absent = RobotId::of_number(999);
    for (act, id, read, delete) in [
        (&ann, own, "done", "forbidden"),
        (&ann, systems, "unknown", "unknown"),
        (&eve, own, "unknown", "unknown"),
        (&eve, systems, "unknown", "unknown"),
        (&eve, absent, "unknown", "unknown"),
    ] {
        assert_eq!(
            (word(accounts.robot(act, id).await), word(accounts.delete_robot(act, id).await)),
            (read, delete)
        );
    }
    let list = async |act: &Act, project, name: Option<&'static str>| {
        let found = accounts.list_robots(act, project, name.map(TextFilter::Is), 0, 9).await;
        found.map(|(robots, total)| {
            assert_eq!(robots.len() as u64, total);
            robots.into_iter().map(|robot| robot.name).collect::<Vec<_>>()
        })
    };
    assert_eq!(list(&ann, Some(team), None).await.unwrap(), ["robot$team+ci"]);
    assert_eq!(word(list(&ann, None, None).await), "forbidden");
    assert_eq!(word(list(&eve, Some(team), None).await), "unknown");
    assert_eq!(list(&admin, None, None).await.unwrap(), ["robot$ci"]);
    assert_eq!(list(&admin, Some(team), Some("robot$team+ci")).await.unwrap(), ["robot$team+ci"]);
    assert_eq!(list(&admin, Some(team), Some("robot$ci")).await.unwrap(), [] as [&str; 0]);
}

async fn a_removed_project_is_forgotten_by_robots_of_the_system(accounts: Accounts) {
    let admin = admin();
    let team = make_project(&accounts, &admin, "team").await;
    let given = [at_project("team", &[Permission::TAG_LIST]), at_project("library", &[Permission::TAG_LIST])];
    let made = create(&accounts, &admin, None, "ci", &given).await.unwrap();
    accounts.delete_project(&admin, team).await.unwrap();
    make_project(&accounts, &admin, "team").await;
    let robot = login(&accounts, "robot$ci", made.secret.reveal()).await.unwrap();
    assert!(!may(&accounts, &robot, "team", Permission::TAG_LIST));
    assert!(may(&accounts, &robot, "library", Permission::TAG_LIST));
}
