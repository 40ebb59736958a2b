use longshore_accounts::{Accounts, Credentials};
use longshore_auth::{Permission, Secret, Target, decide, secret::SecretHash};
use longshore_metadata::{Metadata, NewRobot, UserId};
use longshore_types::Timestamp;

use crate::support::{
    PASSWORD, at, basic, by_admin, circumstances, local, login, make_users, on_both_databases, outcome, word,
};

on_both_databases! {
    access_tokens_log_their_users_in,
    an_access_token_narrows_its_user,
    robots_log_in_by_their_secrets,
    robots_with_a_secret_that_somebody_chose,
    guesses_at_a_chosen_secret_are_slowed_down_from_everywhere,
}

pub(crate) async fn make_token(
    metadata: &Metadata,
    user: i64,
    name: &str,
    permissions: Option<&str>,
    expires_at: Option<Timestamp>,
) -> Secret {
    let secret = Secret::random_access_token();
    let hash = SecretHash::of_random(secret.reveal()).to_bytes();
    let mut tx = metadata.write().await.unwrap();
    let id = UserId::of_number(user);
    tx.insert_access_token(id, name, &hash, permissions, expires_at, at(0)).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    secret
}

pub(crate) async fn bearer(accounts: &Accounts, secret: &str, seconds: i64) -> String {
    let credentials = Credentials::Bearer(secret.to_owned());
    word(accounts.login(&credentials, &circumstances(seconds, "192.0.2.1"), "r").await)
}

async fn access_tokens_log_their_users_in(metadata: Metadata) {
    let accounts = local(&metadata);
    let [ann, bob] = make_users(&accounts, ["ann", "bob"]).await;
    let token = make_token(&metadata, ann, "ci", None, Some(at(100))).await;
    let token = token.reveal();
    assert_eq!(outcome(&accounts, "ann", token, 1).await, "user ann");
    assert_eq!(bearer(&accounts, token, 1).await, "user ann");
    assert_eq!(outcome(&accounts, "bob", token, 1).await, "refused: the access token is somebody else's");
    assert_eq!(outcome(&accounts, "ann", token, 100).await, "refused: the access token has expired");
    assert_eq!(bearer(&accounts, token, 100).await, "refused: the access token has expired");
    let none = Secret::random_access_token();
    assert_eq!(bearer(&accounts, none.reveal(), 1).await, "refused: no such access token");
    assert_eq!(bearer(&accounts, PASSWORD, 1).await, "refused: no access token, and no robot's secret");
    // A new password does not end it; disabling its user does, at once.
    accounts.change_password(&by_admin(2), ann, None, "Another123").await.unwrap();
    assert_eq!(outcome(&accounts, "ann", token, 3).await, "user ann");
    accounts.set_user_disabled(&by_admin(4), ann, true).await.unwrap();
    assert_eq!(outcome(&accounts, "ann", token, 5).await, "refused: the user is disabled");
    let gone = make_token(&metadata, bob, "ci", None, None).await;
    accounts.delete_user(&by_admin(6), bob).await.unwrap();
    assert_eq!(bearer(&accounts, gone.reveal(), 7).await, "refused: no such access token");
}

async fn an_access_token_narrows_its_user(metadata: Metadata) {
    let accounts = local(&metadata);
    let [ann] = make_users(&accounts, ["ann"]).await;
    accounts.set_system_role(&by_admin(0), ann, longshore_auth::SystemRole::Admin).await.unwrap();
    let project = "library".parse().unwrap();
    let check = async |permissions: Option<&str>, name: &str, pull: bool, push: bool| {
        let token = make_token(&metadata, ann, name, permissions, None).await;
        let access = login(&accounts, "ann", token.reveal(), 1).await.unwrap();
        let circumstances = circumstances(1, "");
        let may = |permission| {
            decide(&access, &Target::project(&project, false), permission, &circumstances).allowed
        };
        assert_eq!(
            (may(Permission::REPOSITORY_PULL), may(Permission::REPOSITORY_PUSH)),
            (pull, push),
            "{name}"
        );
    };
    check(None, "all", true, true).await;
    check(Some(r#"[{"scope":"library","permissions":["repository:pull"]}]"#), "pull", true, false).await;
    check(Some("[]"), "nothing", false, false).await;
    check(Some("damaged"), "damaged", false, false).await;
}

async fn make_robot(metadata: &Metadata, name: &str, hash: &SecretHash, expires_at: Option<Timestamp>) {
    let hash = hash.to_bytes();
    let robot = NewRobot {
        name,
        project: None,
        description: "",
        secret_hash: &hash,
        permissions: r#"[{"scope":"*","permissions":["repository:pull"]}]"#,
        disabled: name == "off",
        duration_days: -1,
        expires_at,
        created_by: "admin",
    };
    let mut tx = metadata.write().await.unwrap();
    tx.insert_robot(&robot, at(0)).await.unwrap().unwrap();
    tx.commit().await.unwrap();
}

async fn robots_log_in_by_their_secrets(metadata: Metadata) {
    let accounts = local(&metadata);
    let secrets = [Secret::random(), Secret::random(), Secret::random()];
    for (name, secret) in ["ci", "off", "old"].into_iter().zip(&secrets) {
        let expires_at = (name == "old").then(|| at(10));
        make_robot(&metadata, name, &SecretHash::of_random(secret.reveal()), expires_at).await;
    }
    let [ci, off, old] = secrets.each_ref().map(Secret::reveal);
    assert_eq!(outcome(&accounts, "robot$ci", ci, 1).await, "robot robot$ci");
    assert_eq!(bearer(&accounts, ci, 1).await, "robot robot$ci");
    assert_eq!(outcome(&accounts, "robot$ci", off, 1).await, "refused: wrong secret");
    assert_eq!(outcome(&accounts, "robot$ci", "", 1).await, "refused: wrong secret");
    assert_eq!(outcome(&accounts, "robot$nobody", ci, 1).await, "refused: no such robot");
    // Without the prefix it is no robot's name.
    assert_eq!(outcome(&accounts, "ci", ci, 1).await, "refused: nobody of that name with that password");
    assert_eq!(outcome(&accounts, "robot$off", off, 1).await, "refused: the robot is disabled");
    assert_eq!(outcome(&accounts, "robot$old", old, 9).await, "robot robot$old");
    assert_eq!(outcome(&accounts, "robot$old", old, 10).await, "refused: the robot has expired");
    assert_eq!(bearer(&accounts, old, 10).await, "refused: the robot has expired");
    let access = login(&accounts, "robot$ci", ci, 1).await.unwrap();
    let (project, circumstances) = ("any".parse().unwrap(), circumstances(1, ""));
    let may =
        |permission| decide(&access, &Target::project(&project, false), permission, &circumstances).allowed;
    assert!(may(Permission::REPOSITORY_PULL) && !may(Permission::REPOSITORY_PUSH));
}

async fn robots_with_a_secret_that_somebody_chose(metadata: Metadata) {
    let accounts = local(&metadata);
    make_robot(&metadata, "ci", &SecretHash::of_chosen(PASSWORD).unwrap(), None).await;
    for seconds in [1, 2, 70] {
        assert_eq!(outcome(&accounts, "robot$ci", PASSWORD, seconds).await, "robot robot$ci");
        assert_eq!(outcome(&accounts, "robot$ci", "Sesame124", seconds).await, "refused: wrong secret");
    }
    assert_eq!(bearer(&accounts, PASSWORD, 70).await, "refused: no access token, and no robot's secret");
    // Another secret counts at once.
    let mut tx = metadata.write().await.unwrap();
    let id = tx.robot("ci").await.unwrap().unwrap().id;
    tx.set_robot_secret(id, &SecretHash::of_chosen("Another123").unwrap().to_bytes(), at(71)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(outcome(&accounts, "robot$ci", PASSWORD, 71).await, "refused: wrong secret");
    assert_eq!(outcome(&accounts, "robot$ci", "Another123", 71).await, "robot robot$ci");
}

async fn guesses_at_a_chosen_secret_are_slowed_down_from_everywhere(metadata: Metadata) {
    let accounts = local(&metadata);
    make_robot(&metadata, "ci", &SecretHash::of_chosen(PASSWORD).unwrap(), None).await;
    let from = async |address: &str, secret: &str, seconds| {
        word(accounts.login(&basic("robot$ci", secret), &circumstances(seconds, address), "r").await)
    };
    assert_eq!(from("198.51.100.1", PASSWORD, 0).await, "robot robot$ci");
    // Each guess from another network.
    for n in 0..5 {
        assert_eq!(from(&format!("192.0.2.{n}"), "Sesame124", 100).await, "refused: wrong secret");
    }
    let waits = "refused: too many wrong secrets: the next one is not looked at yet";
    assert_eq!(from("192.0.2.77", PASSWORD, 100).await, waits);
    // The pipeline goes on, and forgives nothing by that.
    assert_eq!(from("198.51.100.1", PASSWORD, 100).await, "robot robot$ci");
    assert_eq!(from("192.0.2.77", "Sesame124", 100).await, waits);
    // Elsewhere the right one does, once it is looked at.
    assert_eq!(from("192.0.2.77", PASSWORD, 170).await, "robot robot$ci");
    for _ in 0..2 {
        assert_eq!(from("192.0.2.78", "Sesame124", 171).await, "refused: wrong secret");
    }
}
