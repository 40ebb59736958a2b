use longshore_accounts::{Accounts, MemberGrant};
use longshore_auth::{Level, Permission, PermissionSet, Target};

use crate::support::{add_member, admin, make_project, make_users, on_both_databases, recorded, user, word};

on_both_databases! {
    roles_are_made_changed_and_removed,
    what_a_role_permits_counts_at_once,
}

async fn roles_are_made_changed_and_removed(accounts: Accounts) {
    let admin = admin();
    let set = PermissionSet::of(&[Permission::REPOSITORY_PULL]);
    let create = async |name: &str, permissions| word(accounts.create_role(&admin, name, permissions).await);
    assert_eq!(create("", set).await, "invalid");
    assert_eq!(create(" puller", set).await, "invalid");
    assert_eq!(create("guest", set).await, "conflict", "one of Harbor's");
    assert_eq!(create("puller", PermissionSet::EMPTY).await, "invalid");
    assert_eq!(create("puller", set.with(Permission::USER_CREATE)).await, "invalid", "of the system");
    assert_eq!(create("wide", PermissionSet::of_robots(Level::Project)).await, "done");
    let id = accounts.create_role(&admin, "puller", set).await.unwrap();
    assert_eq!(create("puller", set).await, "conflict");
    let names: Vec<_> = accounts.roles().await.unwrap().into_iter().map(|role| role.name).collect();
    let wanted = ["projectAdmin", "developer", "guest", "maintainer", "limitedGuest", "wide", "puller"];
    assert!(names.iter().map(|name| &**name).eq(wanted), "{names:?}");

    let update = async |id, name: &str| word(accounts.update_role(&admin, id, name, set).await);
    assert_eq!(update(1, "boss").await, "forbidden");
    assert_eq!(update(999, "boss").await, "unknown");
    assert_eq!(update(id, "wide").await, "conflict");
    assert_eq!(update(id, "puller").await, "done", "its own name");
    assert_eq!(update(id, "reader").await, "done");
    let role = accounts.role(id).await.unwrap();
    assert_eq!((&*role.name, role.permissions), ("reader", set));
    assert_eq!(accounts.role(4).await.unwrap().name.as_ref(), "maintainer");

    assert_eq!(word(accounts.delete_role(&admin, 5).await), "forbidden");
    assert_eq!(word(accounts.delete_role(&admin, 999).await), "unknown");
    make_users(&accounts, ["ann"]).await;
    let team = make_project(&accounts, &admin, "team").await;
    let member = add_member(&accounts, team, "ann", id).await;
    assert_eq!(word(accounts.delete_role(&admin, id).await), "precondition");
    let guest = MemberGrant { role: 3, ..MemberGrant::default() };
    accounts.update_member(&admin, team, member, &guest).await.unwrap();
    assert_eq!(word(accounts.delete_role(&admin, id).await), "done");
    assert_eq!(word(accounts.role(id).await), "unknown");
    let operations: Vec<_> =
        recorded(&accounts, "role").await.into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(operations, ["create_role", "create_role", "update_role", "update_role", "delete_role"]);
}

async fn what_a_role_permits_counts_at_once(accounts: Accounts) {
    let admin = admin();
    make_users(&accounts, ["ann"]).await;
    let team = make_project(&accounts, &admin, "team").await;
    let set = PermissionSet::of(&[Permission::PROJECT_READ]);
    let id = accounts.create_role(&admin, "reader", set).await.unwrap();
    add_member(&accounts, team, "ann", id).await;
    let name = "team".parse().unwrap();
    let may = async || {
        let ann = user(&accounts, "ann").await;
        accounts.may(&ann.access, &Target::project(&name, false), Permission::TAG_LIST, &ann.circumstances)
    };
    assert!(!may().await);
    accounts.update_role(&admin, id, "reader", set.with(Permission::TAG_LIST)).await.unwrap();
    assert!(may().await);
}
