use longshore_accounts::{Accounts, Act, Credentials, Csrf, LoginError, ManageError, NewSession, SessionId};
use longshore_metadata::{Metadata, UserId};

use crate::support::{
    FakeSource, PASSWORD, at, by_admin, circumstances, local, make_users, on_both_databases, recorded,
    sqlite, with_sources, word,
};

on_both_databases! {
    a_session_lasts_while_it_is_used_and_not_for_ever,
    logging_out_ends_it,
    what_changes_a_user_ends_their_sessions,
    a_user_has_so_many_sessions,
    users_see_their_sessions_and_end_them,
    a_password_that_is_changed_by_its_owner_ends_the_other_sessions,
}

const HOUR: i64 = 3600;

async fn log_in(accounts: &Accounts, name: &str, seconds: i64) -> NewSession {
    accounts.log_in(name, PASSWORD, &circumstances(seconds, "192.0.2.1"), "r").await.unwrap()
}

async fn who(accounts: &Accounts, id: &SessionId, seconds: i64) -> String {
    let credentials = Credentials::Session { id: id.reveal().to_owned(), csrf: Csrf::NotNeeded };
    word(accounts.login(&credentials, &circumstances(seconds, "192.0.2.1"), "r").await)
}

async fn a_session_lasts_while_it_is_used_and_not_for_ever(metadata: Metadata) {
    let accounts = local(&metadata);
    make_users(&accounts, ["ann"]).await;
    let used = log_in(&accounts, "ann", 0).await;
    let idle = log_in(&accounts, "ann", 0).await;
    assert!(used.id != idle.id && used.ends_at == at(12 * HOUR));
    // Used each hour, and each time written by what tends logins.
    for hour in 1..12 {
        assert_eq!(who(&accounts, &used.id, hour * HOUR).await, "user ann", "{hour}");
        accounts.tend_logins(at(hour * HOUR)).await.unwrap();
        let lasts = if hour < 2 { "user ann" } else { "anonymous" };
        // Looking at it is using it: only after it has ended, or at the very first.
        if hour != 1 {
            assert_eq!(who(&accounts, &idle.id, hour * HOUR).await, lasts, "{hour}");
        }
    }
    assert_eq!(who(&accounts, &used.id, 12 * HOUR - 1).await, "user ann");
    assert_eq!(who(&accounts, &used.id, 12 * HOUR).await, "anonymous");
    accounts.tend_logins(at(12 * HOUR)).await.unwrap();
    let id = UserId::of_number(used.user.id.number());
    assert_eq!(metadata.read().await.unwrap().sessions_count(id).await.unwrap(), 0, "they are forgotten");
}

async fn logging_out_ends_it(metadata: Metadata) {
    let accounts = local(&metadata);
    make_users(&accounts, ["ann"]).await;
    let session = log_in(&accounts, "ann", 1).await;
    let other = log_in(&accounts, "ann", 1).await;
    for _ in 0..2 {
        accounts.log_out(&session.id, &circumstances(2, ""), "r").await.unwrap();
    }
    assert_eq!(who(&accounts, &session.id, 3).await, "anonymous");
    assert_eq!(who(&accounts, &other.id, 3).await, "user ann");
    let rows = [recorded(&metadata, "login_user").await, recorded(&metadata, "logout_user").await];
    assert_eq!(rows.each_ref().map(Vec::len), [2, 1], "each login on the pages is recorded");
    assert!(rows.iter().flatten().all(|row| row.actor == "ann" && row.succeeded));
}

async fn what_changes_a_user_ends_their_sessions(metadata: Metadata) {
    let source = FakeSource::new("ldap");
    let accounts = with_sources(&metadata, &[&source]);
    let ids = make_users(&accounts, ["ann", "bob", "eve", "dan"]).await;
    let mut sessions = Vec::new();
    for name in ["ann", "bob", "eve", "dan"] {
        sessions.push(log_in(&accounts, name, 1).await);
    }
    let act = by_admin(2);
    accounts.change_password(&act, ids[0], None, "Another123").await.unwrap();
    accounts.set_user_disabled(&act, ids[1], true).await.unwrap();
    accounts.set_user_disabled(&act, ids[1], false).await.unwrap();
    accounts.delete_user(&act, ids[2]).await.unwrap();
    accounts.set_user_source(&act, ids[3], "ldap", None).await.unwrap();
    for session in sessions {
        assert_eq!(who(&accounts, &session.id, 3).await, "anonymous", "{}", session.user.name);
    }
}

async fn a_user_has_so_many_sessions(metadata: Metadata) {
    let accounts = local(&metadata);
    let [ann] = make_users(&accounts, ["ann"]).await;
    let user = accounts.user(ann).await.unwrap();
    let mut sessions = Vec::new();
    for seconds in 0..55 {
        sessions.push(accounts.begin_session(&user, &circumstances(seconds, ""), "r").await.unwrap());
    }
    let count = metadata.read().await.unwrap().sessions_count(user.id).await.unwrap();
    assert_eq!(count, 50);
    assert_eq!(who(&accounts, &sessions[4].id, 60).await, "anonymous", "the oldest went");
    assert_eq!(who(&accounts, &sessions[5].id, 60).await, "user ann");
}

async fn users_see_their_sessions_and_end_them(metadata: Metadata) {
    let accounts = local(&metadata);
    let [ann, bob] = make_users(&accounts, ["ann", "bob"]).await;
    let (first, second) = (log_in(&accounts, "ann", 1).await, log_in(&accounts, "ann", 2).await);
    log_in(&accounts, "bob", 2).await;
    let shown = accounts.sessions_of(ann, Some(&second.id), at(3)).await.unwrap();
    let facts: Vec<_> = shown.iter().map(|session| (session.created_at, session.is_current)).collect();
    assert_eq!(facts, [(at(2), true), (at(1), false)]);
    assert_eq!((shown[0].address.as_str(), shown[0].expires_at), ("192.0.2.1", at(2 + 2 * HOUR)));
    for session in &shown {
        assert!(![first.id.reveal(), second.id.reveal()].contains(&session.label.as_str()));
        assert!(SessionId::parse(&session.label).is_none(), "nobody is logged in by it");
    }

    let label = &shown[1].label;
    let missing = accounts.end_session_of(&by_admin(4), bob, label).await;
    assert!(matches!(missing, Err(ManageError::Unknown { .. })), "it is none of bob's: {missing:?}");
    accounts.end_session_of(&by_admin(4), ann, label).await.unwrap();
    assert_eq!(who(&accounts, &first.id, 5).await, "anonymous");
    assert_eq!(who(&accounts, &second.id, 5).await, "user ann");
    let again = accounts.end_session_of(&by_admin(5), ann, label).await;
    assert!(matches!(again, Err(ManageError::Unknown { .. })), "{again:?}");
    let rows = recorded(&metadata, "logout_user").await;
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].actor.as_str(), rows[0].resource.as_str()), ("admin", "ann"));
    assert_eq!(accounts.sessions_of(ann, None, at(3 + 2 * HOUR)).await.unwrap(), [], "that have not ended");
}

async fn a_password_that_is_changed_by_its_owner_ends_the_other_sessions(metadata: Metadata) {
    let accounts = local(&metadata);
    let [ann] = make_users(&accounts, ["ann"]).await;
    let (here, there) = (log_in(&accounts, "ann", 1).await, log_in(&accounts, "ann", 1).await);
    let credentials = Credentials::Session { id: here.id.reveal().to_owned(), csrf: Csrf::NotNeeded };
    let circumstances = circumstances(2, "192.0.2.1");
    let access = accounts.login(&credentials, &circumstances, "r").await.unwrap();
    let act = Act { access, circumstances, request_id: "r".to_owned() };
    let (old, new) = (Some(PASSWORD), "Another123");
    accounts.change_password_and_stay(&act, ann, old, new, Some(&here.id)).await.unwrap();
    assert_eq!(who(&accounts, &here.id, 3).await, "user ann");
    assert_eq!(who(&accounts, &there.id, 3).await, "anonymous");
    // An administrator who gives somebody a password stays in none of theirs.
    let kept = Some(&here.id);
    accounts.change_password_and_stay(&by_admin(4), ann, None, "Another456", kept).await.unwrap();
    assert_eq!(who(&accounts, &here.id, 5).await, "anonymous");
}

#[tokio::test]
async fn changes_must_show_the_sessions_token() {
    let accounts = local(&sqlite().await);
    make_users(&accounts, ["ann"]).await;
    let session = log_in(&accounts, "ann", 1).await;
    let other = log_in(&accounts, "ann", 1).await;
    let change = async |token: Option<String>| {
        let credentials =
            Credentials::Session { id: session.id.reveal().to_owned(), csrf: Csrf::Token(token) };
        accounts.login(&credentials, &circumstances(2, ""), "r").await
    };
    assert_eq!(word(change(Some(session.id.csrf_token())).await), "user ann");
    let wrong =
        [None, Some(String::new()), Some(other.id.csrf_token()), Some(session.id.reveal().to_owned())];
    for token in wrong {
        assert!(matches!(change(token.clone()).await, Err(LoginError::Csrf)), "{token:?}");
    }
    for unknown in ["", "x", &"0".repeat(64), &"0".repeat(100_000)] {
        let credentials = Credentials::Session { id: unknown.to_owned(), csrf: Csrf::Token(None) };
        let outcome = accounts.login(&credentials, &circumstances(2, ""), "r").await;
        assert_eq!(word(outcome), "anonymous");
    }
}

#[tokio::test]
async fn only_passwords_open_a_session() {
    let metadata = sqlite().await;
    let accounts = local(&metadata);
    make_users(&accounts, ["ann"]).await;
    let refused = async |name: &str, secret: &str, wanted: &str| {
        let outcome = accounts.log_in(name, secret, &circumstances(1, ""), "r").await;
        let Err(LoginError::Refused(reason)) = outcome else { panic!("{name}: {outcome:?}") };
        assert_eq!(reason.to_string(), wanted);
    };
    refused("ann", "wrong", "wrong password").await;
    refused("robot$ci", PASSWORD, "robots do not log in on the pages").await;
    let token = longshore_auth::Secret::random_access_token();
    refused("ann", token.reveal(), "wrong password").await;
    let rows = recorded(&metadata, "login_user").await;
    assert!(rows.iter().all(|row| !row.succeeded) && rows.len() == 2, "{rows:?}");
}
