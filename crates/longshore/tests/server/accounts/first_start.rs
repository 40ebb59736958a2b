//! What somebody finds who starts it for the first time, and how they get back in.

use std::os::unix::fs::PermissionsExt as _;

use bcrypt::hash;
use longshore_testkit::{TestRegistry, basic, image};

use super::with_accounts;

#[tokio::test]
async fn without_a_configuration_there_is_an_administrator_and_a_public_project() {
    let mut registry = TestRegistry::builder().without_file().spawn().await;
    let file = registry.data().join("longshore/admin-password");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let password = registry.admin_password();
    // Whoever reads the log learns where it is, and not what it is.
    let lines = registry.log();
    assert!(!lines.iter().any(|line| line.contains(&password)), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains(file.to_str().unwrap())), "{lines:?}");

    let content = image().build();
    registry.admin().push_image("library/app", "v1", &content).await;
    registry.admin().push_image("demo/app", "v1", &content).await;
    registry.pull_image("library/app", "v1").await;
    registry.get("/v2/demo/app/manifests/v1").await.assert_status(401);
    registry.post("/v2/library/app/blobs/uploads/").await.assert_status(401);

    registry.restart().await;
    assert_eq!(registry.admin_password(), password, "it is made once");
    registry.admin().pull_image("demo/app", "v1").await;
}

#[tokio::test]
async fn a_lost_password_is_replaced() {
    let registry = with_accounts().spawn().await;
    registry.create_user("ann").await;
    let old = registry.admin_password();
    registry.admin().get("/v2/").await.assert_status(200);
    let new = registry.run(&["admin", "reset-password"]).await.assert_success();
    let new = new.trim();
    assert_ne!(new, old);
    registry.authorized(basic("admin", new)).get("/v2/").await.assert_status(200);
    registry.authorized(basic("admin", &old)).get("/v2/").await.assert_status(401);
    assert!(!registry.data().join("longshore/admin-password").exists(), "it is not the password any more");

    registry.user("ann").get("/v2/").await.assert_status(200);
    let ann = registry.run(&["admin", "reset-password", "ann"]).await.assert_success();
    registry.authorized(basic("ann", ann.trim())).get("/v2/").await.assert_status(200);
    registry.user("ann").get("/v2/").await.assert_status(401);
    let refused = registry.run(&["admin", "reset-password", "nobody"]).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("no user nobody"), "{refused:?}");
}

#[tokio::test]
async fn a_configuration_of_registry_2_keeps_its_meaning() {
    let text = "version: 0.1\nlog: {formatter: json}\nstorage: {filesystem: }\nhttp: {addr: \"0.0.0.0:0\"}\n";
    let mut registry = TestRegistry::builder().text(text).spawn().await;
    registry.wait_for_log("anybody who reaches").await;
    assert!(!registry.data().join("longshore/admin-password").exists());
    assert!(!registry.data().join("longshore/secret-key").exists());
    let local = longshore_testkit::Api::new(format!("http://127.0.0.1:{}", registry.address().port()));
    local.push_image("team/app", "v1", &image().build()).await;
    local.get("/service/token").await.assert_status(404);
    local.get("/api/v2.0/ping").await.assert_status(404);

    let registry = TestRegistry::start().await;
    assert!(!registry.log().iter().any(|line| line.contains("anybody who reaches")), "on this machine alone");
    let refused = registry.run(&["admin", "reset-password"]).await;
    assert!(refused.code == Some(1) && refused.stderr.contains("accounts.enabled"), "{refused:?}");
}

#[tokio::test]
async fn names_of_an_htpasswd_file_become_users() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("htpasswd");
    std::fs::write(&file, format!("ann:{}\n", hash("sesame", 4).unwrap())).unwrap();
    let settings = with_accounts().set("auth.htpasswd.path", file.to_string_lossy());
    let registry = settings.set("auth.htpasswd.realm", "r").spawn().await;
    let ann = registry.authorized(basic("ann", "sesame"));
    ann.get("/v2/").await.assert_status(200);
    registry.authorized(basic("ann", "wrong")).get("/v2/").await.assert_status(401);
    // A user like others: with the rights that they are given.
    ann.post("/v2/team/app/blobs/uploads/").await.assert_error(403, "DENIED");
    registry.create_project("team", false).await;
    registry.add_member("team", "ann", longshore_testkit::role::DEVELOPER).await;
    ann.push_image("team/app", "v1", &image().build()).await;
}
