//! What somebody has by the word of a source ends when the source says so.

use std::sync::atomic::Ordering;

use longshore_accounts::{Accounts, AccountsSettings, Credentials, Csrf, LoginError, Vouched};
use longshore_auth::{Access, Principal, SystemRole};
use longshore_identity::Identity;
use longshore_metadata::{GroupKind, Holder, Metadata, UserRecord};

use crate::{
    support::{
        FakeSource, at, by_admin, circumstances, login, make_users, on_both_databases, outcome, person,
        recorded, sqlite, with_sources,
    },
    tokens::{bearer, make_token},
};

on_both_databases! {
    who_left_comes_in_with_nothing,
    groups_and_administrators_are_those_of_now,
    a_source_that_is_taken_out_loses_its_word_and_no_user,
}

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

async fn user(metadata: &Metadata, name: &str) -> UserRecord {
    metadata.read().await.unwrap().user(name).await.unwrap().unwrap()
}

async fn with_token(accounts: &Accounts, token: &str, seconds: i64) -> Result<Access, LoginError> {
    let credentials = Credentials::Bearer(token.to_owned());
    accounts.login(&credentials, &circumstances(seconds, "192.0.2.1"), "r").await
}

fn admin(groups: &[&str]) -> Identity {
    Identity { admin: true, ..person("ann", groups) }
}

const GONE: &str = "refused: ldap does not know the user any more";

async fn who_left_comes_in_with_nothing(metadata: Metadata) {
    let source = FakeSource::new("ldap");
    let accounts = with_sources(&metadata, &[&source]);
    source.knows("secret", admin(&["dev"]));
    assert_eq!(outcome(&accounts, "ann", "secret", 0).await, "user ann");
    let ann = user(&metadata, "ann").await;
    assert_eq!(ann.confirmed_at, Some(at(0)));
    let token = make_token(&metadata, ann.id.number(), "ci", None, None).await;
    let session = accounts.log_in("ann", "secret", &circumstances(0, ""), "r").await.unwrap();
    let secret = accounts.set_cli_secret(&by_admin(0), ann.id.number(), "").await.unwrap();
    source.forgets("ann");
    // The last word counts for a quarter of an hour.
    assert_eq!(bearer(&accounts, token.reveal(), 14 * MINUTE).await, "user ann");
    assert_eq!(outcome(&accounts, "ann", secret.reveal(), 14 * MINUTE).await, "user ann");
    assert_eq!(bearer(&accounts, token.reveal(), 15 * MINUTE).await, GONE);
    assert_eq!(outcome(&accounts, "ann", secret.reveal(), 15 * MINUTE).await, GONE, "nor remembered");
    let credentials = Credentials::Session { id: session.id.reveal().to_owned(), csrf: Csrf::NotNeeded };
    let access = accounts.login(&credentials, &circumstances(15 * MINUTE, ""), "r").await.unwrap();
    assert_eq!(access.principal, Principal::Anonymous);
    let after = user(&metadata, "ann").await;
    assert_eq!((after.id, after.confirmed_at, after.source_admin), (ann.id, None, false));
    assert_eq!(metadata.read().await.unwrap().groups_of_user(ann.id).await.unwrap(), []);
    let rows = recorded(&metadata, "update_user").await;
    assert!(rows.iter().any(|row| row.detail.contains("\"vouched_for\":false") && row.resource == "ann"));
    // Tokens that were issued before say no more than that either.
    let bearer_now = accounts.access_of_bearer(Some("ann"), at(15 * MINUTE)).await.unwrap();
    assert_eq!(bearer_now.principal.system_role(), SystemRole::None);

    // Whoever gets the name is another person; and who comes back has everything again.
    source.knows("secret", Identity { external_id: "uid=other".to_owned(), ..person("ann", &[]) });
    assert_eq!(bearer(&accounts, token.reveal(), HOUR).await, GONE);
    source.knows("secret", admin(&["dev"]));
    assert_eq!(bearer(&accounts, token.reveal(), 2 * HOUR).await, "user ann");
    assert!(user(&metadata, "ann").await.source_admin);
}

async fn groups_and_administrators_are_those_of_now(metadata: Metadata) {
    let source = FakeSource::new("ldap");
    let accounts = with_sources(&metadata, &[&source]);
    source.knows("secret", admin(&["dev"]));
    assert_eq!(outcome(&accounts, "ann", "secret", 0).await, "user ann");
    let ann = user(&metadata, "ann").await;
    let token = make_token(&metadata, ann.id.number(), "ci", None, None).await;
    let mut tx = metadata.write().await.unwrap();
    let project = tx.insert_project(&"team".parse().unwrap(), None, at(0)).await.unwrap().unwrap();
    let group = tx.groups_of_user(ann.id).await.unwrap().remove(0);
    tx.insert_member(project, Holder::Group(group.id), 2, "", at(0)).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let team = "team".parse().unwrap();
    source.knows("secret", person("ann", &["dev"]));
    let before = with_token(&accounts, token.reveal(), MINUTE).await.unwrap();
    assert!(before.reaches(&team) && before.principal.system_role() == SystemRole::Admin);
    let demoted = with_token(&accounts, token.reveal(), 15 * MINUTE).await.unwrap();
    assert!(demoted.reaches(&team) && demoted.principal.system_role() == SystemRole::None);
    source.knows("secret", person("ann", &["ops"]));
    let moved = with_token(&accounts, token.reveal(), 30 * MINUTE).await.unwrap();
    assert!(!moved.reaches(&team));
    // Also an administrator who does nothing is asked about.
    source.knows("secret", admin(&[]));
    with_token(&accounts, token.reveal(), HOUR).await.unwrap();
    assert!(user(&metadata, "ann").await.source_admin);
    source.forgets("ann");
    accounts.confirm_administrators(at(HOUR + 30 * MINUTE)).await.unwrap();
    assert!(user(&metadata, "ann").await.source_admin);
    accounts.confirm_administrators(at(2 * HOUR + MINUTE)).await.unwrap();
    assert!(!user(&metadata, "ann").await.source_admin);
}

#[tokio::test]
async fn a_source_that_is_down_does_not_end_everybodys_rights_at_once() {
    let metadata = sqlite().await;
    let source = FakeSource::new("ldap");
    let accounts = with_sources(&metadata, &[&source]);
    source.knows("secret", admin(&[]));
    assert_eq!(outcome(&accounts, "ann", "secret", 0).await, "user ann");
    let ann = user(&metadata, "ann").await;
    let token = make_token(&metadata, ann.id.number(), "ci", None, None).await;
    source.down.store(true, Ordering::SeqCst);
    for hour in [1, 2, 23] {
        let access = with_token(&accounts, token.reveal(), hour * HOUR).await.unwrap();
        assert_eq!(access.principal.system_role(), SystemRole::Admin);
    }
    let late = with_token(&accounts, token.reveal(), 24 * HOUR).await;
    assert!(matches!(late, Err(LoginError::Unavailable(_))), "{late:?}");
    source.down.store(false, Ordering::SeqCst);
    assert_eq!(bearer(&accounts, token.reveal(), 24 * HOUR).await, "user ann");
}

async fn a_source_that_is_taken_out_loses_its_word_and_no_user(metadata: Metadata) {
    let source = FakeSource::new("ldap");
    let accounts = with_sources(&metadata, &[&source]);
    let [loc] = make_users(&accounts, ["loc"]).await;
    source.knows("secret", admin(&["dev"]));
    assert_eq!(outcome(&accounts, "ann", "secret", 0).await, "user ann");
    let ann = user(&metadata, "ann").await;
    let token = make_token(&metadata, ann.id.number(), "ci", None, None).await;
    let without = with_sources(&metadata, &[]);
    let refused = "refused: ldap has not vouched for the user for too long";
    assert_eq!(bearer(&without, token.reveal(), 1).await, refused);
    let access = without.access_of_bearer(Some("ann"), at(1)).await.unwrap();
    assert_eq!(access.principal.system_role(), SystemRole::None);
    // Nor does an administrator count who cannot log in.
    let last = without.set_user_disabled(&by_admin(1), 1, true).await;
    assert!(last.is_err(), "{last:?}");
    assert_eq!(user(&metadata, "ann").await.id, ann.id);
    // Put back, it counts again; so it does when an administrator has another source vouch for the user.
    assert_eq!(bearer(&accounts, token.reveal(), 2).await, "user ann");
    without.set_user_source(&by_admin(3), ann.id.number(), "local", None).await.unwrap();
    let local = user(&metadata, "ann").await;
    assert!(!local.is_admin() && local.confirmed_at.is_none());
    assert_eq!(bearer(&without, token.reveal(), 4).await, "user ann");
    assert_ne!(loc, ann.id.number());
}

#[tokio::test]
async fn the_word_of_a_provider_counts_from_login_to_login() {
    let metadata = sqlite().await;
    let settings = AccountsSettings { providers: vec!["sso".to_owned()], ..AccountsSettings::default() };
    let accounts = Accounts::new(metadata.clone(), settings, Vec::new());
    let identity = Identity { external_id: "subject".to_owned(), ..admin(&["dev"]) };
    let vouched = Vouched { source: "sso", groups: GroupKind::Oidc, identity: &identity };
    let day = 24 * HOUR;
    let ann = accounts.onboard(&vouched, &circumstances(0, ""), "r").await.unwrap();
    let token = make_token(&metadata, ann.id.number(), "ci", None, None).await;
    assert_eq!(bearer(&accounts, token.reveal(), 29 * day).await, "user ann");
    let refused = "refused: sso has not vouched for the user for too long";
    assert_eq!(bearer(&accounts, token.reveal(), 30 * day).await, refused);
    accounts.onboard(&vouched, &circumstances(31 * day, ""), "r").await.unwrap();
    assert_eq!(bearer(&accounts, token.reveal(), 32 * day).await, "user ann");
    let access = login(&accounts, "ann", token.reveal(), 32 * day).await.unwrap();
    assert_eq!(access.principal.system_role(), SystemRole::Admin);
}
