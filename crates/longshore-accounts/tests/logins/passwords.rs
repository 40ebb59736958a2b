use std::time::{Duration, Instant};

use longshore_accounts::{Accounts, AccountsSettings, Act, Credentials, LoginError, NewAccount};
use longshore_auth::{Circumstances, Permission, SystemRole, Target, decide};
use longshore_metadata::{Metadata, UserId};

use crate::support::{
    PASSWORD, at, basic, by_access, by_admin, circumstances, durable_sqlite, local, login, make_users,
    new_account, on_both_databases, outcome, sqlite, word,
};

on_both_databases! {
    names_and_passwords,
    what_is_changed_counts_at_once,
    wrong_passwords_slow_a_user_down,
}

async fn names_and_passwords(metadata: Metadata) {
    let accounts = local(&metadata);
    let [_, off] = make_users(&accounts, ["ann", "off"]).await;
    accounts.set_user_disabled(&by_admin(0), off, true).await.unwrap();
    let check = async |name: &str, secret: &str, wanted: &str| {
        assert_eq!(outcome(&accounts, name, secret, 1).await, wanted, "{name} {secret}");
    };
    check("ann", PASSWORD, "user ann").await;
    check("ann", PASSWORD, "user ann").await;
    check("ann", "sesame123", "refused: wrong password").await;
    check("ann", "", "refused: wrong password").await;
    check("Ann", PASSWORD, "refused: nobody of that name with that password").await;
    check("", "", "refused: nobody of that name with that password").await;
    check("off", PASSWORD, "refused: the user is disabled").await;
    check("a\0b", PASSWORD, "refused: no name or password is so long").await;
    check(&"x".repeat(256), PASSWORD, "refused: no name or password is so long").await;
    check("ann", &"x".repeat(5000), "refused: no name or password is so long").await;
    let nobody = accounts.login(&Credentials::None, &circumstances(1, ""), "r").await;
    assert_eq!(word(nobody), "anonymous");
}

async fn what_is_changed_counts_at_once(metadata: Metadata) {
    // Another process over the same index: what it changes counts here too.
    let (accounts, other) = (local(&metadata), local(&metadata));
    let [ann, bob, eve, dan] = make_users(&accounts, ["ann", "bob", "eve", "dan"]).await;
    for name in ["ann", "bob", "eve", "dan"] {
        assert_eq!(outcome(&accounts, name, PASSWORD, 1).await, format!("user {name}"));
    }
    other.change_password(&by_admin(2), ann, None, "Another123").await.unwrap();
    other.set_user_disabled(&by_admin(2), bob, true).await.unwrap();
    other.delete_user(&by_admin(2), eve).await.unwrap();
    let eve = NewAccount { password: "Another123".to_owned(), ..new_account("eve") };
    other.create_user(&by_admin(2), &eve).await.unwrap();
    other.set_system_role(&by_admin(2), dan, SystemRole::Admin).await.unwrap();
    assert_eq!(outcome(&accounts, "ann", PASSWORD, 2).await, "refused: wrong password");
    assert_eq!(outcome(&accounts, "ann", "Another123", 2).await, "user ann");
    assert_eq!(outcome(&accounts, "bob", PASSWORD, 2).await, "refused: the user is disabled");
    assert_eq!(outcome(&accounts, "eve", PASSWORD, 2).await, "refused: wrong password");
    let dan = login(&accounts, "dan", PASSWORD, 2).await.unwrap();
    assert_eq!(dan.principal.system_role(), SystemRole::Admin);
}

async fn failures(metadata: &Metadata, id: i64) -> u32 {
    metadata.read().await.unwrap().user_by_id(UserId::of_number(id)).await.unwrap().unwrap().failed_logins
}

async fn wrong_passwords_slow_a_user_down(metadata: Metadata) {
    let accounts = local(&metadata);
    let [ann, bob] = make_users(&accounts, ["ann", "bob"]).await;
    for n in 0..4 {
        assert_eq!(failures(&metadata, ann).await, n);
        assert_eq!(outcome(&accounts, "ann", "wrong", 1).await, "refused: wrong password");
    }
    assert_eq!(outcome(&accounts, "ann", PASSWORD, 1).await, "user ann");
    assert_eq!(failures(&metadata, ann).await, 0, "a right one forgives");

    for _ in 0..5 {
        outcome(&accounts, "bob", "wrong", 10).await;
    }
    let waits = "refused: too many wrong passwords: the next one is not looked at yet";
    assert_eq!(outcome(&accounts, "bob", PASSWORD, 10).await, waits);
    assert_eq!(outcome(&accounts, "bob", "wrong", 10).await, waits);
    // Another process knows as well.
    assert_eq!(outcome(&local(&metadata), "bob", PASSWORD, 10).await, waits);
    assert_eq!(failures(&metadata, bob).await, 5, "who comes too early is not counted");
    assert_eq!(outcome(&accounts, "bob", "wrong", 11).await, "refused: wrong password");
    assert_eq!(outcome(&accounts, "bob", PASSWORD, 12).await, waits, "the wait doubles");
    assert_eq!(outcome(&accounts, "bob", PASSWORD, 13).await, "user bob");
    assert_eq!(failures(&metadata, bob).await, 0);
}

/// Who knows a name could else keep its owner out, with a wrong password from time to time.
#[tokio::test]
async fn the_delay_holds_up_strangers_and_not_the_user() {
    let accounts = local(&sqlite().await);
    make_users(&accounts, ["ann"]).await;
    let from = async |address: &str, secret: &str, seconds: i64| {
        word(accounts.login(&basic("ann", secret), &circumstances(seconds, address), "r").await)
    };
    assert_eq!(from("192.0.2.7", PASSWORD, 1).await, "user ann");
    for _ in 0..8 {
        from("198.51.100.7", "guess", 100).await;
    }
    let waits = "refused: too many wrong passwords: the next one is not looked at yet";
    assert_eq!(from("198.51.100.7", PASSWORD, 100).await, waits);
    assert_eq!(from("203.0.113.1", PASSWORD, 100).await, waits, "nobody knows that it is Ann");
    assert_eq!(from("192.0.2.7", "typo", 100).await, "refused: wrong password");
    assert_eq!(from("192.0.2.7", PASSWORD, 100).await, "user ann");
}

#[tokio::test]
async fn an_address_that_guesses_is_slowed_down_and_others_are_not() {
    let metadata = sqlite().await;
    let accounts = local(&metadata);
    make_users(&accounts, ["ann"]).await;
    let bad = circumstances(1, "198.51.100.7");
    assert_eq!(word(accounts.login(&basic("ann", PASSWORD), &bad, "r").await), "user ann");
    for n in 0..31 {
        let outcome = accounts.login(&basic(&format!("user{n}"), "guess"), &bad, "r").await;
        assert!(matches!(outcome, Err(LoginError::Refused(_))), "{n}: {outcome:?}");
    }
    let outcome = accounts.login(&basic("admin", "guess"), &bad, "r").await;
    let Err(LoginError::TooMany { retry_after }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(retry_after, Duration::from_secs(1));
    // Who was let in a short while ago goes on, and so does everybody else.
    assert_eq!(word(accounts.login(&basic("ann", PASSWORD), &bad, "r").await), "user ann");
    assert_eq!(outcome_from(&accounts, "198.51.100.8").await, "user ann");
    let later = circumstances(70, "198.51.100.7");
    assert_eq!(word(accounts.login(&basic("ann", PASSWORD), &later, "r").await), "user ann");
}

async fn outcome_from(accounts: &Accounts, address: &str) -> String {
    word(accounts.login(&basic("ann", PASSWORD), &circumstances(1, address), "r").await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_logins_at_once_are_all_answered() {
    let accounts = local(&sqlite().await);
    make_users(&accounts, ["ann"]).await;
    let logins = (0..64).map(|n| {
        let accounts = accounts.clone();
        tokio::spawn(async move {
            let secret = if n % 16 == 0 { "wrong" } else { PASSWORD };
            (n, outcome(&accounts, "ann", secret, 1).await)
        })
    });
    for login in logins.collect::<Vec<_>>() {
        let (n, outcome) = login.await.unwrap();
        let wanted = if n % 16 == 0 { "refused: wrong password" } else { "user ann" };
        assert_eq!(outcome, wanted);
    }
}

#[tokio::test]
async fn whose_password_has_expired_may_change_it_and_nothing_else() {
    let metadata = sqlite().await;
    let settings = AccountsSettings {
        password_lifetime: Some(Duration::from_secs(3600)),
        ..AccountsSettings::default()
    };
    let accounts = Accounts::new(metadata, settings, Vec::new());
    let [ann] = make_users(&accounts, ["ann"]).await;
    accounts.set_system_role(&by_admin(0), ann, SystemRole::Admin).await.unwrap();
    let may = |act: &Act, permission| {
        decide(&act.access, &Target::SYSTEM, permission, &Circumstances::at(at(0))).allowed
    };
    let before = by_access(login(&accounts, "ann", PASSWORD, 3599).await.unwrap(), 3599);
    assert!(may(&before, Permission::USER_CREATE) && may(&before, Permission::PROFILE_UPDATE));
    // The very same login, remembered.
    let after = by_access(login(&accounts, "ann", PASSWORD, 3600).await.unwrap(), 3600);
    assert!(!may(&after, Permission::USER_CREATE) && may(&after, Permission::PROFILE_UPDATE));
    accounts.change_password(&after, ann, Some(PASSWORD), "Another123").await.unwrap();
    let changed = by_access(login(&accounts, "ann", "Another123", 3601).await.unwrap(), 3601);
    assert!(may(&changed, Permission::USER_CREATE));
}

/// One check of a password each; that it takes as long for nobody is shown beside the hash. And none waits for the disk,
/// which would tell them apart from afar.
#[tokio::test]
async fn nobody_and_somebody_take_the_same_work() {
    let folder = tempfile::tempdir().unwrap();
    let metadata = durable_sqlite(folder.path()).await;
    let accounts = local(&metadata);
    let [_, off] = make_users(&accounts, ["ann", "off"]).await;
    accounts.set_user_disabled(&by_admin(0), off, true).await.unwrap();
    for name in ["ann", "nobody", "off", "robot$nobody"] {
        // The first refusal has a row of the record, the second has not.
        for _ in 0..2 {
            let before = metadata.durable_commits().await;
            let began = Instant::now();
            outcome(&accounts, name, "wrong", 1).await;
            assert!(began.elapsed() > Duration::from_millis(1), "{name}: no password was checked");
            assert_eq!(metadata.durable_commits().await, before, "{name}");
        }
    }
}
