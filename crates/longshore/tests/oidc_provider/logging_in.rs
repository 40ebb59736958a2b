//! Logins that work, and what comes of them.

use longshore_testkit::{basic, image, role};
use reqwest::Method;
use serde_json::json;

use super::support::{Browser, logins, provider, registry, source};

#[tokio::test]
async fn people_log_in_with_their_browsers_and_then_with_docker() {
    let provider = provider().await;
    let registry = registry(&[source("sso", &provider)]).spawn().await;
    registry.create_project("team", false).await;
    let group = json!({ "role_id": role::DEVELOPER, "member_group": { "group_name": "developers", "group_type": 3 } });
    registry.admin().post_json("/api/v2.0/projects/team/members", &group).await.assert_status(201);

    let mut bob = Browser::new(&registry);
    let back = bob.log_in(&provider, "bob-2", "?redirect_url=%2Fprojects%2Fteam%3Ftab%3Dtags").await;
    let back = back.assert_status(302).assert_header("location", "/projects/team?tab=tags");
    assert_eq!(back.header("cache-control"), "no-store");
    assert_eq!(bob.cookies.keys().collect::<Vec<_>>(), ["__Host-sid"], "what was begun is forgotten");
    let user = bob.user().await.unwrap();
    assert_eq!((user["username"].as_str(), user["admin_role_in_auth"].as_bool()), (Some("bob"), Some(false)));
    assert_eq!(user["realname"], "Bob");

    let rows = logins(&registry).await;
    let row = rows.iter().find(|row| row["username"] == "bob").unwrap_or_else(|| panic!("{rows:?}"));
    assert!(row.to_string().contains("sso") && row["operation_result"] == true, "{row}");

    // A provider checks no passwords: programs get a secret of their own. By the group, this one may push.
    let token = json!({ "name": "laptop", "duration": 30 });
    let token =
        bob.change(Method::POST, "/api/v2.0/users/current/tokens", &token).await.assert_status(201).json();
    let docker = registry.authorized(basic("bob", token["secret"].as_str().unwrap()));
    docker.get("/v2/").await.assert_status(200);
    let content = image().build();
    docker.with_token(&["repository:team/app:pull,push"]).await.push_image("team/app", "v1", &content).await;
    let path = format!("/api/v2.0/users/{}/cli_secret", user["user_id"]);
    bob.change(Method::PUT, &path, &json!({ "secret": "Secret-of-bob-1" })).await.assert_status(200);
    let docker = registry.authorized(basic("bob", "Secret-of-bob-1"));
    docker.with_token(&["repository:team/app:pull"]).await.pull_image("team/app", "v1").await;

    // Who is in no group sees nothing of it.
    let mut eve = Browser::new(&registry);
    eve.log_in(&provider, "eve-3", "").await.assert_status(302).assert_header("location", "/");
    assert_eq!(eve.get("/api/v2.0/projects/team").await.status, 404);
    bob.get("/api/v2.0/projects/team").await.assert_status(200);

    // A group of the provider makes administrators.
    let mut ann = Browser::new(&registry);
    ann.log_in(&provider, "ann-1", "").await.assert_status(302);
    let user = ann.user().await.unwrap();
    assert_eq!((user["username"].as_str(), user["admin_role_in_auth"].as_bool()), (Some("ann"), Some(true)));
    assert_eq!(user["email"], "ann@example.org");
    ann.get("/api/v2.0/users").await.assert_status(200);
}

#[tokio::test]
async fn logging_in_again_ends_the_session_before_and_logging_out_the_last() {
    let provider = provider().await;
    let registry = registry(&[source("sso", &provider)]).spawn().await;
    let mut bob = Browser::new(&registry);
    bob.log_in(&provider, "bob-2", "").await.assert_status(302);
    let mut before = bob.clone();
    bob.log_in(&provider, "bob-2", "").await.assert_status(302);
    assert_ne!(before.cookies, bob.cookies);
    assert_eq!(before.user().await, Err(401));
    assert_eq!(bob.user().await.unwrap()["username"], "bob");
    let mut last = bob.clone();
    bob.get("/c/log_out").await.assert_status(200);
    assert!(bob.cookies.is_empty());
    assert_eq!(last.user().await, Err(401));
}

/// Each replica can go on with what another began.
#[tokio::test]
async fn a_login_survives_a_restart() {
    let provider = provider().await;
    let mut registry = registry(&[source("sso", &provider)]).spawn().await;
    let mut bob = Browser::new(&registry);
    let address = bob.begin("").await;
    let back = provider.visit(&address, longshore_testkit::AtProvider::Agrees("bob-2")).await;
    registry.restart().await;
    let mut again = Browser::new(&registry);
    again.cookies = bob.cookies;
    again.come_back(&back).await.assert_status(302);
    assert_eq!(again.user().await.unwrap()["username"], "bob");
}
