//! The keys that sign tokens, over months.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use longshore_accounts::{Accounts, AccountsSettings, KeysError, TokenService, Workloads};
use longshore_auth::{Access, Circumstances, Scope, SecretKey};
use longshore_metadata::{Metadata, MetadataSettings};
use longshore_testkit::Postgres;
use longshore_types::Timestamp;

const DAY: Duration = Duration::from_secs(24 * 3600);
const MINUTE: Duration = Duration::from_secs(60);

async fn index(url: &str) -> Metadata {
    let settings = MetadataSettings { url: url.to_owned(), connections_max: 4, durable: false };
    Metadata::open(&settings).await.unwrap()
}

async fn service(index: &Metadata, secret: &str, now: Timestamp) -> Result<TokenService, KeysError> {
    let accounts = Accounts::new(index.clone(), AccountsSettings::default(), Vec::new());
    let workloads = Workloads::new(&Default::default()).unwrap();
    TokenService::open(accounts, workloads, SecretKey::parse(secret).unwrap(), 30 * DAY, "", now).await
}

fn start() -> Timestamp {
    Timestamp::from_unix_millis(1_800_000_000_000)
}

fn key_ids(service: &TokenService) -> Vec<String> {
    let keys: serde_json::Value = serde_json::from_str(&service.jwks()).unwrap();
    let keys = keys["keys"].as_array().unwrap();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn token(service: &TokenService, now: Timestamp) -> String {
    let login = longshore_accounts::Login { access: Access::anonymous(), until: None };
    let asked: [Scope; 0] = [];
    let granted = service.issue(&login, &asked, &Circumstances::at(now)).await.unwrap();
    granted.token.token.reveal().to_owned()
}

#[tokio::test]
async fn a_key_follows_another_and_no_good_token_is_refused() {
    let index = index("sqlite::memory:").await;
    let secret = SecretKey::generate();
    let service = service(&index, secret.reveal(), start()).await.unwrap();
    let first = key_ids(&service);
    assert_eq!(first.len(), 1);

    // Looked at every minute for a hundred days: at any time what was issued nine minutes ago is good.
    let (mut most, mut seen) = (0, first.clone());
    let mut recent = Vec::new();
    let mut now = start();
    for minute in 0..100 * 24 * 60_u64 {
        // Most of the time nothing happens: only around the changes every minute is lived through.
        let of_day = minute % (30 * 24 * 60);
        if (120..30 * 24 * 60 - 120).contains(&of_day) && minute % 600 != 0 {
            now = now.after(MINUTE);
            continue;
        }
        service.refresh_keys(now).await.unwrap();
        let ids = key_ids(&service);
        most = most.max(ids.len());
        seen.extend(ids.into_iter().filter(|id| !seen.contains(id)).collect::<Vec<_>>());
        recent.push((now, token(&service, now).await));
        recent.retain(|(at, _)| now < at.after(9 * MINUTE));
        for (at, token) in &recent {
            assert!(service.verify(token, now).is_ok(), "issued at {at:?}, refused at {now:?}");
        }
        now = now.after(MINUTE);
    }
    assert_eq!((seen.len(), most), (4, 2), "one each 30 days, and never more than two at a time");
    assert_eq!(key_ids(&service).len(), 1, "those of before are forgotten");
    assert!(!key_ids(&service).contains(&first[0]));
}

#[tokio::test]
async fn replicas_agree_about_keys() {
    let url = Postgres::shared().fresh_database().unwrap();
    let (one, other) = (index(&url).await, index(&url).await);
    let secret = SecretKey::generate();
    let (first, second) =
        tokio::join!(service(&one, secret.reveal(), start()), service(&other, secret.reveal(), start()));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!((key_ids(&first).len(), key_ids(&first)), (1, key_ids(&second)));
    let later = start().after(31 * DAY);
    let (a, b) = tokio::join!(first.refresh_keys(later), second.refresh_keys(later));
    a.and(b).unwrap();
    assert_eq!((key_ids(&first).len(), key_ids(&first)), (2, key_ids(&second)));
    // One that has not heard of the new key yet still takes what the others sign.
    let third = service(&one, secret.reveal(), later).await.unwrap();
    let made = token(&third, later).await;
    assert!(first.verify(&made, later).is_ok() && second.verify(&made, later).is_ok());
}

#[tokio::test]
async fn another_secret_key_opens_nothing() {
    let index = index("sqlite::memory:").await;
    service(&index, SecretKey::generate().reveal(), start()).await.unwrap();
    let error = service(&index, SecretKey::generate().reveal(), start()).await.err().unwrap();
    assert!(matches!(error, KeysError::Seal(_)), "{error}");
}
