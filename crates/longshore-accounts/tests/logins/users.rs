use longshore_accounts::{
    Accounts, Act, ManageError, NewAccount, Profile, TextFilter, UserFilter, UserId, UserOrder,
};
use longshore_auth::{
    Access, Grant, GrantKind, GrantScope, Permission, PermissionSet, Principal, SystemRole,
};
use longshore_metadata::{Holder, Metadata};

use crate::support::{
    PASSWORD, at, by, by_access, by_admin, circumstances, local, login, make_users, new_account,
    on_both_databases, outcome, recorded, sqlite,
};

on_both_databases! {
    users_are_made_once,
    profiles_are_changed,
    users_are_listed,
    a_deleted_user_leaves_nothing_but_the_record,
    somebody_stays_who_may_do_everything,
    two_administrators_cannot_remove_each_other,
    whoever_is_promoted_meanwhile_is_not_taken_away_as_somebody_else,
    passwords_are_changed,
}

async fn users_are_made_once(metadata: Metadata) {
    let accounts = local(&metadata);
    accounts.first_start(at(0)).await.unwrap();
    let act = by_admin(1);
    let ann =
        NewAccount { email: "ann@example.org".to_owned(), real_name: "Ann".to_owned(), ..new_account("ann") };
    let id = accounts.create_user(&act, &ann).await.unwrap();
    let user = accounts.user(id.number()).await.unwrap();
    assert_eq!((user.name.as_str(), user.email.as_deref()), ("ann", Some("ann@example.org")));
    assert!(user.is_local() && !user.is_admin() && user.password_changed_at == Some(at(1)));
    for taken in [new_account("ann"), NewAccount { email: ann.email.clone(), ..new_account("other") }] {
        let outcome = accounts.create_user(&act, &taken).await;
        assert!(matches!(outcome, Err(ManageError::Conflict(_))), "{outcome:?}");
    }
    // No address is no address, and many may have none.
    accounts.create_user(&act, &new_account("bob")).await.unwrap();
    accounts.create_user(&act, &new_account("Bob")).await.unwrap();
    let bad = [
        new_account(""),
        new_account("a:b"),
        new_account("a,b"),
        new_account(" a"),
        new_account("robot$x"),
        new_account("anonymous"),
        new_account(&"x".repeat(256)),
        NewAccount { password: "weak".to_owned(), ..new_account("eve") },
        NewAccount { email: "no address".to_owned(), ..new_account("eve") },
        NewAccount { comment: "x".repeat(256), ..new_account("eve") },
    ];
    for bad in bad {
        let outcome = accounts.create_user(&act, &bad).await;
        assert!(matches!(outcome, Err(ManageError::Invalid(_))), "{bad:?}: {outcome:?}");
    }
    let rows = recorded(&metadata, "create_user").await;
    let made: Vec<_> = rows.iter().map(|row| (row.actor.as_str(), row.resource.as_str())).collect();
    assert_eq!(made, [("system", "admin"), ("admin", "ann"), ("admin", "bob"), ("admin", "Bob")]);
    assert!(rows.iter().all(|row| !row.detail.contains(PASSWORD)));
}

async fn profiles_are_changed(metadata: Metadata) {
    let accounts = local(&metadata);
    let [ann, bob] = make_users(&accounts, ["ann", "bob"]).await;
    let email = |text: &str| Profile { email: Some(text.to_owned()), ..Profile::default() };
    let own = by_access(login(&accounts, "ann", PASSWORD, 1).await.unwrap(), 1);
    accounts.update_profile(&own, ann, &email("ann@example.org")).await.unwrap();
    let comment = Profile { comment: Some("hello".to_owned()), ..Profile::default() };
    accounts.update_profile(&by_admin(2), ann, &comment).await.unwrap();
    let user = accounts.user(ann).await.unwrap();
    assert_eq!((user.email.as_deref(), user.comment.as_str()), (Some("ann@example.org"), "hello"));
    let taken = accounts.update_profile(&by_admin(3), bob, &email("ann@example.org")).await;
    assert!(matches!(taken, Err(ManageError::Conflict(_))), "{taken:?}");
    accounts.update_profile(&by_admin(3), ann, &email("")).await.unwrap();
    accounts.update_profile(&by_admin(3), bob, &email("ann@example.org")).await.unwrap();
    // What came with an access token that allows no such thing.
    let narrow = Access { ceiling: Some(Vec::new()), ..own.access };
    let refused = accounts.update_profile(&by_access(narrow, 4), ann, &comment).await;
    assert!(matches!(refused, Err(ManageError::Forbidden(_))), "{refused:?}");
    let nobody = accounts.update_profile(&by_admin(4), 999, &comment).await;
    assert!(matches!(nobody, Err(ManageError::Unknown { .. })));
    assert_eq!(recorded(&metadata, "update_user").await.len(), 4);
}

async fn users_are_listed(metadata: Metadata) {
    let accounts = local(&metadata);
    make_users(&accounts, ["dan", "ann", "bob"]).await;
    let names = async |filter: UserFilter<'_>, order, skip, limit| {
        let (users, total) = accounts.users(&filter, order, skip, limit).await.unwrap();
        (users.into_iter().map(|user| user.name).collect::<Vec<_>>().join(" "), total)
    };
    let all = UserFilter::default();
    let check = async |filter: UserFilter<'_>, order, skip, limit, wanted: &str, total| {
        assert_eq!(names(filter, order, skip, limit).await, (wanted.to_owned(), total), "{filter:?}");
    };
    check(all, UserOrder::Name, 0, 10, "admin ann bob dan", 4).await;
    check(all, UserOrder::NameDescending, 0, 10, "dan bob ann admin", 4).await;
    check(all, UserOrder::Id, 0, 2, "admin dan", 4).await;
    check(all, UserOrder::IdDescending, 1, 2, "ann dan", 4).await;
    check(all, UserOrder::Name, 4, 10, "", 4).await;
    let name = |text| UserFilter { name: Some(text), ..UserFilter::default() };
    check(name(TextFilter::Contains("an")), UserOrder::Name, 0, 10, "ann dan", 2).await;
    check(name(TextFilter::Is("ann")), UserOrder::Name, 0, 10, "ann", 1).await;
    check(name(TextFilter::Is("a\0n")), UserOrder::Name, 0, 10, "", 0).await;
    let source = UserFilter { source: Some(TextFilter::Is("local")), ..UserFilter::default() };
    check(source, UserOrder::Name, 0, 1, "admin", 4).await;
    let mut tx = metadata.read().await.unwrap();
    let page = tx.users_page(&all, UserOrder::Name, Some("ann"), 0, 1).await.unwrap();
    assert_eq!((page.entries[0].name.as_str(), page.more), ("bob", true));
}

async fn a_deleted_user_leaves_nothing_but_the_record(metadata: Metadata) {
    let accounts = local(&metadata);
    let [ann] = make_users(&accounts, ["ann"]).await;
    accounts.log_in("ann", PASSWORD, &circumstances(1, ""), "r").await.unwrap();
    let id = UserId::of_number(ann);
    let mut tx = metadata.write().await.unwrap();
    let name = "team".parse().unwrap();
    let project = tx.insert_project(&name, Some(id), at(1)).await.unwrap().unwrap();
    tx.insert_member(project, Holder::User(id), 1, "", at(1)).await.unwrap().unwrap();
    tx.set_cli_secret(id, b"hash", at(1)).await.unwrap();
    tx.commit().await.unwrap();

    let own = by_access(login(&accounts, "ann", PASSWORD, 1).await.unwrap(), 1);
    let outcome = accounts.delete_user(&own, ann).await;
    assert!(matches!(outcome, Err(ManageError::Precondition(_))), "{outcome:?}");
    accounts.delete_user(&by_admin(2), ann).await.unwrap();
    assert!(matches!(accounts.user(ann).await, Err(ManageError::Unknown { .. })));
    assert!(matches!(accounts.delete_user(&by_admin(2), ann).await, Err(ManageError::Unknown { .. })));
    let mut tx = metadata.read().await.unwrap();
    assert_eq!(tx.project(&name).await.unwrap().unwrap().owner, None, "what they made stays");
    assert_eq!(tx.memberships_of(id).await.unwrap(), []);
    assert_eq!((tx.sessions_count(id).await.unwrap(), tx.cli_secret(id).await.unwrap()), (0, None));
    drop(tx);
    let rows = recorded(&metadata, "delete_user").await;
    assert_eq!(
        (rows[0].resource.as_str(), rows[0].detail.as_str()),
        ("ann", r#"{"owned_projects":["team"]}"#)
    );
    assert_eq!(recorded(&metadata, "login_user").await[0].actor, "ann");
    // A new user of that name is another one.
    let new = accounts.create_user(&by_admin(3), &new_account("ann")).await.unwrap();
    assert!(new.number() > ann && !login(&accounts, "ann", PASSWORD, 4).await.unwrap().reaches(&name));
}

async fn somebody_stays_who_may_do_everything(metadata: Metadata) {
    let accounts = local(&metadata);
    let [ann, off] = make_users(&accounts, ["ann", "off"]).await;
    let act = by_admin(1);
    let last = |outcome: Result<(), ManageError>| {
        assert!(matches!(outcome, Err(ManageError::Precondition(_))), "{outcome:?}");
    };
    // One who may not log in does not count.
    accounts.set_system_role(&act, off, SystemRole::Admin).await.unwrap();
    accounts.set_user_disabled(&act, off, true).await.unwrap();
    last(accounts.set_system_role(&act, 1, SystemRole::None).await);
    last(accounts.set_system_role(&act, 1, SystemRole::Auditor).await);
    last(accounts.set_user_disabled(&act, 1, true).await);
    let by_off = by(Principal::User { id: off, name: "off".into(), system_role: SystemRole::Admin }, 1);
    last(accounts.delete_user(&by_off, 1).await);
    accounts.set_system_role(&act, 1, SystemRole::Admin).await.unwrap();

    accounts.set_system_role(&act, ann, SystemRole::Admin).await.unwrap();
    accounts.set_system_role(&act, 1, SystemRole::None).await.unwrap();
    assert!(!accounts.user(1).await.unwrap().is_admin());
    let ann_acts = by_access(login(&accounts, "ann", PASSWORD, 2).await.unwrap(), 2);
    last(accounts.set_user_disabled(&ann_acts, ann, true).await);
    accounts.delete_user(&ann_acts, 1).await.unwrap();
    accounts.delete_user(&ann_acts, off).await.unwrap();
}

async fn two_administrators_cannot_remove_each_other(metadata: Metadata) {
    let accounts = local(&metadata);
    let [ann] = make_users(&accounts, ["ann"]).await;
    for _ in 0..10 {
        for id in [1, ann] {
            accounts.set_system_role(&by_admin(1), id, SystemRole::Admin).await.unwrap();
        }
        let demote = |id: i64| {
            let accounts: Accounts = accounts.clone();
            tokio::spawn(async move { accounts.set_system_role(&by_admin(2), id, SystemRole::None).await })
        };
        let (one, two) = (demote(1), demote(ann));
        let done = [one.await.unwrap(), two.await.unwrap()];
        assert_eq!(done.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{done:?}");
    }
}

/// One makes a user an administrator and is no longer one; another takes that user away, who was none a moment ago.
async fn whoever_is_promoted_meanwhile_is_not_taken_away_as_somebody_else(metadata: Metadata) {
    let accounts = local(&metadata);
    let [ann, bob] = make_users(&accounts, ["ann", "bob"]).await;
    for round in 0..12 {
        accounts.set_user_disabled(&by_admin(1), ann, false).await.unwrap();
        accounts.set_system_role(&by_admin(1), ann, SystemRole::Admin).await.unwrap();
        accounts.set_user_disabled(&by_admin(1), bob, false).await.unwrap();
        accounts.set_system_role(&by_admin(1), bob, SystemRole::None).await.unwrap();
        let _ = accounts.set_user_disabled(&by_admin(1), 1, true).await;
        let (promoting, disabling) = (accounts.clone(), accounts.clone());
        let one = tokio::spawn(async move {
            let _ = promoting.set_system_role(&by_admin(2), bob, SystemRole::Admin).await;
            let _ = promoting.set_system_role(&by_admin(2), ann, SystemRole::None).await;
        });
        let other = tokio::spawn(async move {
            if round % 2 == 0 {
                tokio::task::yield_now().await;
            }
            let _ = disabling.set_user_disabled(&by_admin(2), bob, true).await;
        });
        one.await.unwrap();
        other.await.unwrap();
        let mut left = 0;
        for id in [1, ann, bob] {
            let user = accounts.user(id).await.unwrap();
            left += u32::from(user.is_admin() && !user.disabled);
        }
        assert!(left > 0, "nobody is left in round {round}");
        let _ = accounts.set_user_disabled(&by_admin(3), 1, false).await;
    }
}

async fn passwords_are_changed(metadata: Metadata) {
    let accounts = local(&metadata);
    let [ann] = make_users(&accounts, ["ann"]).await;
    let own = by_access(login(&accounts, "ann", PASSWORD, 1).await.unwrap(), 1);
    let change = async |act: &Act, old: Option<&str>, new: &str| match accounts
        .change_password(act, ann, old, new)
        .await
    {
        Ok(()) => "done".to_owned(),
        Err(error) => error.to_string(),
    };
    assert_eq!(change(&own, None, "Another123").await, "the old password is wrong");
    assert_eq!(change(&own, Some("wrong"), "Another123").await, "the old password is wrong");
    assert_eq!(change(&own, Some(PASSWORD), PASSWORD).await, "the new password is the old one");
    assert!(change(&own, Some(PASSWORD), "weak").await.contains("is too short"));
    assert_eq!(change(&own, Some(PASSWORD), "Another123").await, "done");
    assert_eq!(outcome(&accounts, "ann", "Another123", 2).await, "user ann");
    assert_eq!(change(&by_admin(3), None, PASSWORD).await, "done");
    assert_eq!(outcome(&accounts, "ann", PASSWORD, 3).await, "user ann");
    let failed = recorded(&metadata, "login_user").await.iter().filter(|row| !row.succeeded).count();
    assert_eq!(failed, 1, "wrong old passwords are guesses as any other");
    // So that nobody who found an open browser can try them all.
    let mut refusals = 0;
    while change(&own, Some("wrong"), "Another123").await == "the old password is wrong" && refusals < 10 {
        refusals += 1;
    }
    assert_eq!(change(&own, Some(PASSWORD), "Another123").await, "the old password is wrong");
}

/// Harbor's robots may be given the right to change users. It makes nobody an administrator.
#[tokio::test]
async fn who_may_change_users_changes_no_administrators() {
    let accounts = local(&sqlite().await);
    let [ann, auditor] = make_users(&accounts, ["ann", "auditor"]).await;
    accounts.set_system_role(&by_admin(0), auditor, SystemRole::Auditor).await.unwrap();
    let permissions = PermissionSet::of(&[Permission::USER_UPDATE, Permission::USER_DELETE]);
    let access = Access {
        principal: Principal::Robot { id: 1, name: "robot$users".into() },
        grants: vec![Grant::new(GrantScope::System, GrantKind::Robot, permissions, "robot")],
        ceiling: None,
    };
    let act = by_access(access, 1);
    let forbidden = |outcome: Result<(), ManageError>| {
        assert!(matches!(outcome, Err(ManageError::Forbidden(_))), "{outcome:?}");
    };
    forbidden(accounts.set_system_role(&act, ann, SystemRole::Admin).await);
    forbidden(accounts.set_user_source(&act, ann, "local", None).await);
    for id in [1, auditor] {
        forbidden(accounts.change_password(&act, id, None, "Another123").await);
        forbidden(accounts.set_user_disabled(&act, id, true).await);
        forbidden(accounts.delete_user(&act, id).await);
        forbidden(accounts.update_profile(&act, id, &Profile::default()).await);
    }
    accounts.set_user_disabled(&act, ann, true).await.unwrap();
    accounts.delete_user(&act, ann).await.unwrap();
}
