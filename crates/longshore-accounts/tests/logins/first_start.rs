use longshore_accounts::{ManageError, ProjectKey};
use longshore_metadata::{LOCAL_SOURCE, Metadata};

use crate::support::{
    FakeSource, PASSWORD, at, by_admin, circumstances, local, make_users, on_both_databases, outcome,
    recorded, with_sources,
};

on_both_databases! {
    the_first_start_makes_somebody_and_something,
    of_several_starts_at_once_one_makes_them,
    what_is_there_stays,
    an_operator_can_reset_a_password,
}

async fn the_first_start_makes_somebody_and_something(metadata: Metadata) {
    let accounts = local(&metadata);
    let password = accounts.first_start(at(0)).await.unwrap().unwrap();
    assert_eq!(password.reveal().len(), 32);
    assert!(accounts.first_start(at(1)).await.unwrap().is_none());

    let admin = accounts.user(1).await.unwrap();
    assert!(admin.name == "admin" && admin.is_admin() && admin.source == LOCAL_SOURCE);
    let library =
        accounts.find_project(&ProjectKey::Name("library".parse().unwrap())).await.unwrap().unwrap();
    assert!(library.public && library.record.owner == Some(admin.id));
    assert_eq!(outcome(&accounts, "admin", password.reveal(), 2).await, "user admin");
    assert_eq!(outcome(&accounts, "admin", "", 2).await, "refused: wrong password");
    let [next] = make_users(&accounts, ["ann"]).await;
    assert!(next > 1);
    for (operation, resource) in [("create_user", "admin"), ("create_project", "library")] {
        let rows = recorded(&metadata, operation).await;
        assert_eq!((rows[0].actor.as_str(), rows[0].resource.as_str()), ("system", resource));
    }
}

async fn of_several_starts_at_once_one_makes_them(metadata: Metadata) {
    let start = || {
        let accounts = local(&metadata);
        tokio::spawn(async move { accounts.first_start(at(0)).await })
    };
    let starts: Vec<_> = (0..4).map(|_| start()).collect();
    let mut passwords = Vec::new();
    for start in starts {
        passwords.extend(start.await.unwrap().unwrap());
    }
    assert_eq!(passwords.len(), 1);
    assert_eq!(outcome(&local(&metadata), "admin", passwords[0].reveal(), 1).await, "user admin");
    assert_eq!(recorded(&metadata, "create_user").await.len(), 1);
}

async fn what_is_there_stays(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let library = "library".parse().unwrap();
    let id = tx.insert_project(&library, None, at(0)).await.unwrap().unwrap();
    tx.set_project_metadata(id, "public", "false").await.unwrap();
    tx.commit().await.unwrap();
    let accounts = local(&metadata);
    assert!(accounts.first_start(at(1)).await.unwrap().is_some());
    assert!(!accounts.find_project(&ProjectKey::Name(library)).await.unwrap().unwrap().public);
    assert_eq!(recorded(&metadata, "create_project").await.len(), 0);
}

async fn an_operator_can_reset_a_password(metadata: Metadata) {
    let source = FakeSource::new("ldap");
    let accounts = with_sources(&metadata, &[&source]);
    let [ann, bob] = make_users(&accounts, ["ann", "bob"]).await;
    let session = accounts.log_in("ann", PASSWORD, &circumstances(1, ""), "r").await.unwrap();
    accounts.set_user_disabled(&by_admin(1), ann, true).await.unwrap();
    let new = accounts.reset_password("ann", at(2)).await.unwrap();
    assert_eq!(outcome(&accounts, "ann", PASSWORD, 2).await, "refused: wrong password");
    assert_eq!(outcome(&accounts, "ann", new.reveal(), 2).await, "user ann");
    let id = longshore_accounts::UserId::of_number(ann);
    assert_eq!(metadata.read().await.unwrap().sessions_count(id).await.unwrap(), 0, "{session:?}");

    let nobody = accounts.reset_password("nobody", at(2)).await;
    assert!(matches!(nobody, Err(ManageError::Unknown { .. })));
    accounts.set_user_source(&by_admin(3), bob, "ldap", None).await.unwrap();
    assert!(matches!(accounts.reset_password("bob", at(3)).await, Err(ManageError::Precondition(_))));
}
