use longshore_metadata::{AuditEvent, Metadata, UserId};
use serde_json::Value;

use crate::support::{
    PASSWORD, at, basic, circumstances, local, make_users, on_both_databases, outcome, recorded,
};

on_both_databases! {
    logins_are_recorded_once_in_a_while,
    refusals_are_counted_into_few_rows,
    guesses_with_fresh_names_fill_no_record,
    when_somebody_was_last_there_is_written_beside,
}

fn detail(row: &AuditEvent) -> Value {
    serde_json::from_str(&row.detail).unwrap()
}

async fn logins_are_recorded_once_in_a_while(metadata: Metadata) {
    let accounts = local(&metadata);
    make_users(&accounts, ["ann"]).await;
    for seconds in [1, 2, 100, 200, 590, 700] {
        assert_eq!(outcome(&accounts, "ann", PASSWORD, seconds).await, "user ann");
    }
    for seconds in [3, 4, 800] {
        let elsewhere = circumstances(seconds, "2001:db8::1");
        accounts.login(&basic("ann", PASSWORD), &elsewhere, "r7").await.unwrap();
    }
    let rows = recorded(&metadata, "login_user").await;
    let seen: Vec<_> = rows.iter().map(|row| (row.at, row.address.as_str())).collect();
    let (here, there) = ("192.0.2.1", "2001:db8::1");
    assert_eq!(seen, [(at(1), here), (at(3), there), (at(700), here), (at(800), there)]);
    let first = &rows[0];
    assert!(first.succeeded && first.actor == "ann" && first.resource == "ann" && first.request_id == "r1");
    assert_eq!(detail(first)["by"], "password");
}

async fn refusals_are_counted_into_few_rows(metadata: Metadata) {
    let accounts = local(&metadata);
    make_users(&accounts, ["ann"]).await;
    for seconds in 1..8 {
        outcome(&accounts, "ann", "wrong", seconds).await;
    }
    outcome(&accounts, "nobody", "wrong", 8).await;
    accounts.tend_logins(at(60)).await.unwrap();
    let rows = recorded(&metadata, "login_user").await;
    let seen: Vec<_> = rows.iter().map(|row| (row.actor.as_str(), row.succeeded)).collect();
    assert_eq!(seen, [("ann", false), ("nobody", false)]);
    assert_eq!(detail(&rows[0])["reason"], "wrong password");

    accounts.tend_logins(at(61)).await.unwrap();
    let rows = recorded(&metadata, "login_user").await;
    assert_eq!(rows.len(), 3);
    assert_eq!((rows[2].actor.as_str(), &detail(&rows[2])["count"]), ("ann", &6.into()));
    accounts.tend_logins(at(200)).await.unwrap();
    assert_eq!(recorded(&metadata, "login_user").await.len(), 3, "each refusal once");
}

async fn when_somebody_was_last_there_is_written_beside(metadata: Metadata) {
    let accounts = local(&metadata);
    let [ann] = make_users(&accounts, ["ann"]).await;
    let last = async || {
        let mut tx = metadata.read().await.unwrap();
        tx.user_by_id(UserId::of_number(ann)).await.unwrap().unwrap().last_login_at
    };
    outcome(&accounts, "ann", PASSWORD, 1).await;
    outcome(&accounts, "ann", PASSWORD, 50).await;
    assert_eq!(last().await, None, "not in the login itself");
    accounts.tend_logins(at(51)).await.unwrap();
    assert_eq!(last().await, Some(at(50)));
    // The clock was set back: the moment only grows.
    outcome(&accounts, "ann", PASSWORD, 40).await;
    accounts.tend_logins(at(52)).await.unwrap();
    assert_eq!(last().await, Some(at(50)));
}

async fn guesses_with_fresh_names_fill_no_record(metadata: Metadata) {
    let accounts = local(&metadata);
    accounts.first_start(at(0)).await.unwrap();
    // In the form of an access token: no password is checked, and nobody waits.
    let secret = longshore_auth::secret::Secret::random_access_token();
    for n in 0..50 {
        let elsewhere = circumstances(1, &format!("2001:db8::{n}"));
        let refused = accounts.login(&basic(&format!("n{n}"), secret.reveal()), &elsewhere, "r").await;
        assert!(matches!(refused, Err(longshore_accounts::LoginError::Refused(_))), "{refused:?}");
    }
    assert_eq!(recorded(&metadata, "login_user").await.len(), 20);
    accounts.tend_logins(at(2)).await.unwrap();
    assert_eq!(recorded(&metadata, "login_user").await.len(), 20, "the minute is not over");
    accounts.wind_up(at(3)).await.unwrap();
    let rows = recorded(&metadata, "login_user").await;
    let last = rows.last().unwrap();
    assert_eq!((rows.len(), last.address.as_str(), last.actor.as_str()), (21, "2001:db8::", "anonymous"));
    assert_eq!(detail(last)["count"], 30);
}
