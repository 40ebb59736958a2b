//! Whom wrong passwords hold up, and whom not.

use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};

use longshore_accounts::{Accounts, LoginError};
use longshore_metadata::Metadata;
use tokio::time::timeout;

use crate::support::{
    FakeSource, PASSWORD, basic, circumstances, local, make_users, on_both_databases, outcome, person,
    sqlite, with_sources, word,
};

on_both_databases! {
    many_guesses_at_once_are_no_more_than_one_after_the_other,
    no_spelling_escapes_the_delay,
}

const WAITS: &str = "refused: too many wrong passwords: the next one is not looked at yet";
const TOO_MANY: &str = "too many logins, try again later";
const REFUSED: &str = "refused: refused by the source";

async fn from(accounts: &Accounts, address: &str, name: &str, secret: &str, seconds: i64) -> String {
    word(accounts.login(&basic(name, secret), &circumstances(seconds, address), "r").await)
}

/// How often each outcome came of guesses sent together; the right one is at that place.
async fn storm(
    accounts: &Accounts,
    name: &'static str,
    right: &'static str,
    at: usize,
) -> BTreeMap<String, u32> {
    let guesses = (0..48).map(|n| {
        let accounts = accounts.clone();
        let secret = if n == at { right.to_owned() } else { format!("guess{n}") };
        tokio::spawn(async move { outcome(&accounts, name, &secret, 1).await })
    });
    let mut outcomes = BTreeMap::new();
    for guess in guesses.collect::<Vec<_>>() {
        *outcomes.entry(guess.await.unwrap()).or_default() += 1;
    }
    outcomes
}

async fn many_guesses_at_once_are_no_more_than_one_after_the_other(metadata: Metadata) {
    let source = FakeSource::new("ldap");
    let accounts = with_sources(&metadata, &[&source]);
    make_users(&accounts, ["loc"]).await;
    for name in ["ann", "bob"] {
        source.knows("secret", person(name, &[]));
    }
    assert_eq!(outcome(&accounts, "ann", "secret", 0).await, "user ann");
    // Another process, to which no address is known. Of a user, of somebody who is none yet, of a local user.
    let accounts = with_sources(&metadata, &[&source]);
    let refused = "refused: nobody of that name with that password";
    for (name, right, wrong) in
        [("ann", "secret", REFUSED), ("bob", "secret", refused), ("loc", PASSWORD, "refused: wrong password")]
    {
        let asked = source.asked();
        let outcomes = storm(&accounts, name, right, 24).await;
        let user = format!("user {name}");
        let (looked_at, let_in) =
            (outcomes.get(wrong).copied().unwrap_or(0), outcomes.get(&user).copied().unwrap_or(0));
        assert_eq!(outcomes.values().sum::<u32>(), 48, "{outcomes:?}");
        assert!(outcomes.keys().all(|seen| [wrong, WAITS, &user].contains(&seen.as_str())), "{outcomes:?}");
        // Five before the right one, and five after it where it came among them.
        assert!((5..=5 + 5 * let_in).contains(&looked_at), "{outcomes:?}");
        assert!(source.asked() - asked <= looked_at + let_in, "{outcomes:?}");
    }
}

async fn no_spelling_escapes_the_delay(metadata: Metadata) {
    let source = FakeSource::new("ldap");
    let accounts = with_sources(&metadata, &[&source]);
    for name in ["jörg", "new"] {
        source.knows("secret", person(name, &[]));
    }
    assert_eq!(outcome(&accounts, "jörg", "secret", 1).await, "user jörg");
    let accounts = with_sources(&metadata, &[&source]);
    for name in ["JÖRG", "Jörg", "jÖrg", "jörg", "JöRG"] {
        assert_eq!(outcome(&accounts, name, "wrong", 2).await, REFUSED, "{name}");
    }
    assert_eq!(outcome(&accounts, "jÖRG", "secret", 2).await, WAITS);
    assert_eq!(outcome(&accounts, "JÖRG", "secret", 4).await, "user jörg");
    // Nor are those free who never logged in.
    for name in ["new", "New", "NEW", "nEw", "neW"] {
        let wanted = "refused: nobody of that name with that password";
        assert_eq!(outcome(&accounts, name, "wrong", 5).await, wanted, "{name}");
    }
    assert_eq!(outcome(&accounts, "NeW", "secret", 5).await, WAITS);
    assert_eq!(outcome(&accounts, "new", "secret", 7).await, "user new");
}

/// Behind one address: a program with an old password, and people.
#[tokio::test]
async fn what_one_name_does_wrong_keeps_no_other_out() {
    let accounts = local(&sqlite().await);
    make_users(&accounts, ["ann", "ci"]).await;
    let office = "192.0.2.7";
    for second in 0..100 {
        from(&accounts, office, "ci", "old", second).await;
    }
    assert_eq!(from(&accounts, office, "ci", PASSWORD, 100).await, TOO_MANY);
    assert_eq!(from(&accounts, office, "ann", PASSWORD, 100).await, "user ann");
    assert_eq!(from(&accounts, "192.0.2.8", "ann", PASSWORD, 100).await, "user ann");
}

#[tokio::test]
async fn who_logs_in_from_a_network_does_so_whatever_else_comes_from_it() {
    let accounts = local(&sqlite().await);
    make_users(&accounts, ["ann", "bob"]).await;
    let office = "192.0.2.7";
    assert_eq!(from(&accounts, office, "ann", PASSWORD, 1).await, "user ann");
    for n in 0..60 {
        from(&accounts, office, &format!("user{n}"), "guess", 200 + n).await;
    }
    assert_eq!(from(&accounts, office, "bob", PASSWORD, 260).await, TOO_MANY);
    assert_eq!(from(&accounts, office, "ann", PASSWORD, 260).await, "user ann");
    // What is guessed there at her password has a delay of its own.
    for _ in 0..5 {
        assert_eq!(from(&accounts, office, "ann", "guess", 400).await, "refused: wrong password");
    }
    assert_eq!(from(&accounts, office, "ann", "Another123", 400).await, WAITS);
    assert_eq!(from(&accounts, office, "ann", PASSWORD, 401).await, "user ann");
}

/// Who guesses does not begin anew each time that the user logs in.
#[tokio::test]
async fn the_users_own_logins_do_not_help_strangers() {
    let accounts = local(&sqlite().await);
    make_users(&accounts, ["ann"]).await;
    let home = "192.0.2.7";
    assert_eq!(from(&accounts, home, "ann", PASSWORD, 1).await, "user ann");
    let mut looked_at = 0;
    for minute in 0..20 {
        for n in 0..10 {
            let address = format!("198.51.{minute}.{n}");
            let guess = from(&accounts, &address, "ann", "guess", 100 + minute * 61).await;
            looked_at += u32::from(guess == "refused: wrong password");
        }
        assert_eq!(from(&accounts, home, "ann", PASSWORD, 130 + minute * 61).await, "user ann");
    }
    assert!(looked_at <= 14, "{looked_at}");
    assert_eq!(from(&accounts, "203.0.113.1", "ann", PASSWORD, 10_000).await, "user ann");
}

/// As in an outage: programs wait by the hundred, and the administrator comes to repair it.
#[tokio::test]
async fn a_source_that_hangs_keeps_no_local_user_out() {
    let source = FakeSource::new("ldap");
    let accounts = with_sources(&sqlite().await, &[&source]);
    make_users(&accounts, ["loc"]).await;
    source.knows("secret", person("ann", &[]));
    assert_eq!(outcome(&accounts, "ann", "secret", 1).await, "user ann");
    source.hangs.store(true, Ordering::SeqCst);
    let logins = (0..300).map(|n| {
        let accounts = accounts.clone();
        let name = if n % 2 == 0 { "ann".to_owned() } else { format!("user{n}") };
        tokio::spawn(async move {
            let address = format!("198.51.100.{}", n % 250);
            from(&accounts, &address, &name, &format!("secret{n}"), 100).await
        })
    });
    let logins: Vec<_> = logins.collect();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let login = async {
        loop {
            let outcome = outcome(&accounts, "loc", PASSWORD, 100).await;
            // Only cores may be waited for, and these are given back.
            if outcome != TOO_MANY {
                return outcome;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    assert_eq!(timeout(Duration::from_secs(60), login).await.unwrap(), "user loc");
    for login in logins {
        login.abort();
    }
}

/// Of a source that does not answer nobody knows who its users are; so nobody learns who they are not.
#[tokio::test]
async fn while_a_source_is_down_nothing_tells_who_is_local() {
    let source = FakeSource::new("ldap");
    let accounts = with_sources(&sqlite().await, &[&source]);
    make_users(&accounts, ["loc"]).await;
    source.knows("secret", person("ann", &[]));
    assert_eq!(outcome(&accounts, "ann", "secret", 1).await, "user ann");
    source.down.store(true, Ordering::SeqCst);
    for name in ["nobody", "loc", "ann", "admin"] {
        let refused = accounts.login(&basic(name, "wrong"), &circumstances(100, "192.0.2.1"), "r").await;
        assert!(matches!(refused, Err(LoginError::Unavailable(_))), "{name}: {refused:?}");
        let session = accounts.log_in(name, "wrong", &circumstances(100, "192.0.2.1"), "r").await;
        assert!(matches!(session, Err(LoginError::Unavailable(_))), "{name}: {session:?}");
    }
    assert_eq!(outcome(&accounts, "loc", PASSWORD, 100).await, "user loc");
    source.down.store(false, Ordering::SeqCst);
    assert_eq!(outcome(&accounts, "ann", "secret", 200).await, "user ann");
    assert_eq!(outcome(&accounts, "loc", "wrong", 200).await, "refused: wrong password");
}
