use std::sync::atomic::Ordering;

use longshore_accounts::{Accounts, AccountsSettings, LoginError, ManageError, Vouched};
use longshore_auth::SystemRole;
use longshore_metadata::{GroupKind, Metadata, UserRecord};

use crate::support::{
    FakeSource, PASSWORD, by_admin, circumstances, login, make_users, on_both_databases, outcome, person,
    recorded, sqlite, with_sources,
};

on_both_databases! {
    the_first_login_makes_a_user,
    each_login_brings_a_user_up_to_date,
    what_a_source_changes_is_recorded,
    nobody_gets_a_name_of_another_source,
    sources_are_asked_in_their_order,
    an_administrator_moves_a_user_to_another_source,
    many_first_logins_at_once_make_one_user,
    a_cli_secret_stands_for_a_password_of_elsewhere,
    another_spelling_does_not_escape_the_delay,
}

async fn user(metadata: &Metadata, name: &str) -> Option<UserRecord> {
    metadata.read().await.unwrap().user(name).await.unwrap()
}

async fn groups(metadata: &Metadata, user: &UserRecord) -> Vec<String> {
    let groups = metadata.read().await.unwrap().groups_of_user(user.id).await.unwrap();
    assert!(groups.iter().all(|group| group.kind == GroupKind::Ldap));
    groups.into_iter().map(|group| group.name).collect()
}

const NOBODY: &str = "refused: nobody of that name with that password";

async fn the_first_login_makes_a_user(metadata: Metadata) {
    let source = FakeSource::new("ldap");
    let accounts = with_sources(&metadata, &[&source]);
    source.knows("secret", person("ann", &["dev", "ops"]));
    assert_eq!(outcome(&accounts, "ann", "wrong", 1).await, NOBODY);
    assert_eq!(user(&metadata, "ann").await, None);
    // As people type it; the source says how it is written.
    assert_eq!(outcome(&accounts, "Ann", "secret", 1).await, "user ann");
    let ann = user(&metadata, "ann").await.unwrap();
    assert_eq!((ann.source.as_str(), ann.real_name.as_str()), ("ldap", "Real ann"));
    assert_eq!(ann.email.as_deref(), Some("ann@example.org"));
    assert!(!ann.is_admin() && ann.password_hash.is_none());
    assert_eq!(groups(&metadata, &ann).await, ["dev", "ops"]);
    let rows = recorded(&metadata, "create_user").await;
    assert_eq!((rows.len(), rows[0].resource.as_str(), rows[0].actor.as_str()), (1, "ann", "ann"));
    // Remembered: the source is asked once.
    let asked = source.asked();
    assert_eq!(outcome(&accounts, "Ann", "secret", 2).await, "user ann");
    assert_eq!(source.asked(), asked);
    assert_eq!(outcome(&accounts, "Ann", "secret", 70).await, "user ann");
    assert_eq!(source.asked(), asked + 1);
}

async fn each_login_brings_a_user_up_to_date(metadata: Metadata) {
    let source = FakeSource::new("ldap");
    let accounts = with_sources(&metadata, &[&source]);
    source.knows("secret", person("ann", &["dev"]));
    assert_eq!(outcome(&accounts, "ann", "secret", 1).await, "user ann");
    let before = user(&metadata, "ann").await.unwrap();
    outcome(&accounts, "ann", "secret", 100).await;
    assert_eq!(user(&metadata, "ann").await.unwrap().updated_at, before.updated_at, "nothing was new");

    let mut changed = person("ann", &["ops"]);
    changed.real_name = "Ann Other".to_owned();
    changed.email = None;
    changed.admin = true;
    source.knows("secret", changed);
    let access = login(&accounts, "ann", "secret", 200).await.unwrap();
    assert_eq!(access.principal.system_role(), SystemRole::Admin);
    let after = user(&metadata, "ann").await.unwrap();
    assert_eq!((after.real_name.as_str(), after.email.as_deref()), ("Ann Other", None));
    assert_eq!((after.id, after.source_admin, after.system_role), (before.id, true, 0));
    assert_eq!(groups(&metadata, &after).await, ["ops"]);
    source.knows("secret", person("ann", &[]));
    let access = login(&accounts, "ann", "secret", 300).await.unwrap();
    assert_eq!(access.principal.system_role(), SystemRole::None, "and no longer");
    assert_eq!(groups(&metadata, &after).await, Vec::<String>::new());

    // The same person by another name, and one whose address somebody else has.
    let renamed = longshore_identity::Identity { name: "ann-b".to_owned(), ..person("ann", &[]) };
    source.knows("secret", renamed);
    assert_eq!(outcome(&accounts, "ann-b", "secret", 400).await, "user ann-b");
    assert_eq!(user(&metadata, "ann-b").await.unwrap().id, before.id);
    let twin =
        longshore_identity::Identity { email: Some("ann@example.org".to_owned()), ..person("twin", &[]) };
    source.knows("secret", twin);
    assert_eq!(outcome(&accounts, "twin", "secret", 400).await, "user twin");
    // An address is nobody's alone: who took it here first cannot keep its owner from it.
    assert_eq!(user(&metadata, "twin").await.unwrap().email.as_deref(), Some("ann@example.org"));

    let id = before.id.number();
    accounts.set_user_disabled(&by_admin(500), id, true).await.unwrap();
    assert_eq!(outcome(&accounts, "ann-b", "secret", 500).await, "refused: the user is disabled");
}

async fn another_spelling_does_not_escape_the_delay(metadata: Metadata) {
    let source = FakeSource::new("ldap");
    let accounts = with_sources(&metadata, &[&source]);
    source.knows("secret", person("ann", &[]));
    assert_eq!(outcome(&accounts, "ann", "secret", 1).await, "user ann");
    // Another process, to which no address is known.
    let accounts = with_sources(&metadata, &[&source]);
    for name in ["Ann", "aNN", "ann ", " ann", "ANN"] {
        assert_eq!(outcome(&accounts, name, "wrong", 2).await, "refused: refused by the source", "{name}");
    }
    assert_eq!(user(&metadata, "ann").await.unwrap().failed_logins, 5);
    let waits = "refused: too many wrong passwords: the next one is not looked at yet";
    assert_eq!(outcome(&accounts, "Ann", "secret", 2).await, waits);
    assert_eq!(outcome(&accounts, "Ann", "secret", 4).await, "user ann");
}

async fn what_a_source_changes_is_recorded(metadata: Metadata) {
    let source = FakeSource::new("ldap");
    let accounts = with_sources(&metadata, &[&source]);
    let details = async |operation| -> Vec<serde_json::Value> {
        let rows = recorded(&metadata, operation).await;
        rows.iter().map(|row| serde_json::from_str(&row.detail).unwrap()).collect()
    };
    source.knows("secret", person("ann", &["dev"]));
    assert_eq!(outcome(&accounts, "ann", "secret", 1).await, "user ann");
    let made = serde_json::json!({
        "source": "ldap", "source_admin": false, "groups_added": ["cn=dev,dc=example"],
    });
    assert_eq!(details("create_user").await, [made]);
    assert_eq!(outcome(&accounts, "ann", "secret", 100).await, "user ann");
    assert!(details("update_user").await.is_empty(), "nothing changed");

    let admin = longshore_identity::Identity { admin: true, ..person("ann", &["ops"]) };
    source.knows("secret", admin);
    assert_eq!(outcome(&accounts, "ann", "secret", 200).await, "user ann");
    let changed = serde_json::json!({
        "source": "ldap", "source_admin": true,
        "groups_added": ["cn=ops,dc=example"], "groups_removed": ["cn=dev,dc=example"],
    });
    assert_eq!(details("update_user").await, [changed]);

    // Known by the old name, called otherwise there.
    let renamed = longshore_identity::Identity {
        external_id: "uid=ann,dc=example".to_owned(),
        ..person("anna", &["ops"])
    };
    source.knows("secret", renamed);
    assert_eq!(outcome(&accounts, "anna", "secret", 300).await, "user anna");
    let changed = serde_json::json!({
        "source": "ldap", "source_admin": false, "name_before": "ann",
        "email_before": "ann@example.org", "real_name_before": "Real ann",
    });
    assert_eq!(details("update_user").await[1..], [changed]);
    let row = &recorded(&metadata, "update_user").await[1];
    assert_eq!(
        (row.actor.as_str(), row.resource.as_str(), row.address.as_str()),
        ("anna", "anna", "192.0.2.1")
    );
}

async fn nobody_gets_a_name_of_another_source(metadata: Metadata) {
    let (first, second) = (FakeSource::new("first"), FakeSource::new("second"));
    let accounts = with_sources(&metadata, &[&first, &second]);
    make_users(&accounts, ["loc"]).await;
    // A local user's password is asked of nobody.
    first.knows("guess", person("loc", &[]));
    first.knows("guess", person("admin", &[]));
    let asked = first.asked();
    assert_eq!(outcome(&accounts, "loc", "guess", 1).await, "refused: wrong password");
    assert_eq!(outcome(&accounts, "admin", "guess", 1).await, "refused: wrong password");
    assert_eq!(first.asked(), asked);
    // Nor does another spelling help.
    let clash = "refused: the name is another user's: known and vouched for by local";
    assert_eq!(outcome(&accounts, "LOC", "guess", 1).await, clash);

    first.knows("one", person("ann", &[]));
    second.knows("two", person("ann", &[]));
    assert_eq!(outcome(&accounts, "ann", "one", 2).await, "user ann");
    assert_eq!(outcome(&accounts, "ann", "two", 2).await, "refused: refused by the source");
    assert_eq!(outcome(&accounts, "ANN", "two", 2).await, "refused: refused by the source");
    // Somebody else of the same name in the same source: the account was given to another person.
    let other = longshore_identity::Identity { external_id: "uid=other".to_owned(), ..person("ann", &[]) };
    first.knows("one", other);
    let clash = "refused: the name is another user's: known as uid=ann,dc=example";
    assert_eq!(outcome(&accounts, "ann", "one", 100).await, clash);
    // A source that is no longer configured lets nobody in, and others do not step in.
    let fewer = with_sources(&metadata, &[&second]);
    assert_eq!(outcome(&fewer, "ann", "two", 200).await, "refused: no such source of identity");
}

async fn sources_are_asked_in_their_order(metadata: Metadata) {
    let (first, second) = (FakeSource::new("first"), FakeSource::new("second"));
    let accounts = with_sources(&metadata, &[&first, &second]);
    first.knows("same", person("ann", &[]));
    second.knows("same", person("ann", &[]));
    second.knows("two", person("bob", &[]));
    assert_eq!(outcome(&accounts, "ann", "same", 1).await, "user ann");
    assert_eq!(user(&metadata, "ann").await.unwrap().source, "first");
    assert_eq!(outcome(&accounts, "bob", "two", 1).await, "user bob");
    // One that is down might have known the name.
    first.down.store(true, Ordering::SeqCst);
    let unknown = login(&accounts, "eve", "x", 1).await;
    assert!(matches!(unknown, Err(LoginError::Unavailable(_))), "{unknown:?}");
    assert_eq!(outcome(&accounts, "bob", "two", 100).await, "user bob", "known to be the other's");
    let down = login(&accounts, "ann", "same", 100).await;
    assert!(matches!(down, Err(LoginError::Unavailable(_))), "{down:?}");
}

async fn an_administrator_moves_a_user_to_another_source(metadata: Metadata) {
    let source = FakeSource::new("ldap");
    let accounts = with_sources(&metadata, &[&source]);
    let [ann, bob] = make_users(&accounts, ["ann", "bob"]).await;
    source.knows("secret", person("ann", &["dev"]));
    let act = by_admin(1);
    accounts.set_user_source(&act, ann, "ldap", None).await.unwrap();
    assert_eq!(outcome(&accounts, "ann", PASSWORD, 2).await, "refused: refused by the source");
    assert_eq!(outcome(&accounts, "ann", "secret", 2).await, "user ann");
    let moved = user(&metadata, "ann").await.unwrap();
    assert_eq!(moved.id.number(), ann);
    assert_eq!(moved.external_id.as_deref(), Some("uid=ann,dc=example"));
    let taken = accounts.set_user_source(&act, bob, "ldap", Some("uid=ann,dc=example")).await;
    assert!(matches!(taken, Err(ManageError::Conflict(_))), "{taken:?}");
    let unknown = accounts.set_user_source(&act, bob, "nothing", None).await;
    assert!(matches!(unknown, Err(ManageError::Invalid(_))), "{unknown:?}");
    // And back.
    accounts.set_user_source(&act, ann, "local", None).await.unwrap();
    assert_eq!(outcome(&accounts, "ann", "secret", 3).await, "refused: wrong password");
    accounts.change_password(&act, ann, None, PASSWORD).await.unwrap();
    assert_eq!(outcome(&accounts, "ann", PASSWORD, 3).await, "user ann");
}

async fn many_first_logins_at_once_make_one_user(metadata: Metadata) {
    let source = FakeSource::new("ldap");
    source.knows("secret", person("ann", &["dev", "ops"]));
    let logins = (0..8).map(|_| {
        // As many processes over one index.
        let accounts = with_sources(&metadata, &[&source]);
        tokio::spawn(async move { outcome(&accounts, "ann", "secret", 1).await })
    });
    for login in logins.collect::<Vec<_>>() {
        assert_eq!(login.await.unwrap(), "user ann");
    }
    assert_eq!(recorded(&metadata, "create_user").await.len(), 1);
    let ann = user(&metadata, "ann").await.unwrap();
    assert_eq!(groups(&metadata, &ann).await, ["dev", "ops"]);
}

async fn a_cli_secret_stands_for_a_password_of_elsewhere(metadata: Metadata) {
    let source = FakeSource::new("ldap");
    let accounts = with_sources(&metadata, &[&source]);
    let [loc] = make_users(&accounts, ["loc"]).await;
    source.knows("secret", person("ann", &[]));
    outcome(&accounts, "ann", "secret", 1).await;
    let ann = user(&metadata, "ann").await.unwrap().id.number();
    let act = by_admin(1);
    let made = accounts.set_cli_secret(&act, ann, "").await.unwrap();
    let asked = source.asked();
    assert_eq!(outcome(&accounts, "ann", made.reveal(), 2).await, "user ann");
    assert_eq!(source.asked(), asked, "nobody else is asked");
    accounts.set_cli_secret(&act, ann, "Chosen1234").await.unwrap();
    assert_eq!(outcome(&accounts, "ann", made.reveal(), 3).await, "refused: refused by the source");
    assert_eq!(outcome(&accounts, "ann", "Chosen1234", 3).await, "user ann");
    assert_eq!(outcome(&accounts, "ann", "secret", 3).await, "user ann", "the password goes on being one");
    let session = accounts.log_in("ann", "Chosen1234", &circumstances(3, ""), "r").await;
    assert!(matches!(session, Err(LoginError::Refused(_))), "{session:?}");
    let weak = accounts.set_cli_secret(&act, ann, "weak").await;
    assert!(matches!(weak, Err(ManageError::Invalid(_))));
    let local = accounts.set_cli_secret(&act, loc, "Chosen1234").await;
    assert!(matches!(local, Err(ManageError::Precondition(_))));
}

/// Who logs in at a provider has no password that anybody here could check, but may have a CLI secret.
#[tokio::test]
async fn users_of_a_provider_come_with_a_cli_secret() {
    let metadata = sqlite().await;
    let settings = AccountsSettings { providers: vec!["sso".to_owned()], ..AccountsSettings::default() };
    let accounts = Accounts::new(metadata.clone(), settings, Vec::new());
    let [ann] = make_users(&accounts, ["ann"]).await;
    accounts.set_user_source(&by_admin(1), ann, "sso", None).await.unwrap();
    assert_eq!(outcome(&accounts, "ann", PASSWORD, 2).await, "refused: the user logs in at a provider");
    let person =
        longshore_identity::Identity { external_id: "subject".to_owned(), ..person("ann", &["dev"]) };
    let vouched = Vouched { source: "sso", groups: GroupKind::Oidc, identity: &person };
    let user = accounts.onboard(&vouched, &circumstances(3, ""), "r").await.unwrap();
    assert_eq!((user.id.number(), user.external_id.as_deref()), (ann, Some("subject")));
    let session = accounts.begin_session(&user, &circumstances(3, ""), "r").await.unwrap();
    assert_eq!(session.user.name, "ann");
    let secret = accounts.set_cli_secret(&by_admin(4), ann, "").await.unwrap();
    assert_eq!(outcome(&accounts, "ann", secret.reveal(), 5).await, "user ann");
    let groups = metadata.read().await.unwrap().groups_of_user(user.id).await.unwrap();
    assert_eq!((groups.len(), groups[0].kind), (1, GroupKind::Oidc));
}

#[tokio::test]
async fn nobody_becomes_a_user_where_that_is_off_or_by_a_name_that_is_none() {
    let metadata = sqlite().await;
    let source = FakeSource::new("ldap");
    source.knows("secret", person("ann", &[]));
    let settings = AccountsSettings { onboarding: false, ..AccountsSettings::default() };
    let accounts = Accounts::new(metadata.clone(), settings, vec![source.clone()]);
    let wanted = "refused: ldap knows ann, but nobody becomes a user by logging in";
    assert_eq!(outcome(&accounts, "ann", "secret", 1).await, wanted);
    let accounts = with_sources(&metadata, &[&source]);
    for bad in ["a:b", "a,b", "a/b", "system", " "] {
        source.knows("secret", person(bad, &[]));
        let outcome = outcome(&accounts, bad, "secret", 1).await;
        assert!(outcome.starts_with("refused: the name "), "{bad}: {outcome}");
        assert_eq!(user(&metadata, bad).await, None);
    }
}

#[tokio::test]
async fn refusals_take_as_long_whoever_was_asked() {
    let source = FakeSource::new("ldap");
    let accounts = with_sources(&sqlite().await, &[&source]);
    make_users(&accounts, ["loc"]).await;
    for name in ["loc", "nobody"] {
        let began = std::time::Instant::now();
        assert!(outcome(&accounts, name, "wrong", 1).await.starts_with("refused"));
        assert!(began.elapsed() >= std::time::Duration::from_millis(400), "{name}");
    }
}
