//! crane, of go-containerregistry: the library under ko, kaniko and cosign.

use longshore_testkit::TestRegistry;

use crate::{
    client::{Client, LOGIN, assert_index, digest, host, restart, with_htpasswd},
    fixtures::fixtures,
};

#[tokio::test]
async fn crane_copies_pushes_changes_and_deletes() {
    let mut registry = TestRegistry::start().await;
    let host = host(&registry);
    let crane = Client::go("crane");
    let (first, copy) = (format!("{host}/multi/app:v1"), format!("{host}/copy/app:v1"));
    fixtures().await.push_two_architectures(&first).await;

    crane.ok(&["copy", &first, &copy]).await;
    let expected = digest(&registry, "multi/app", "v1").await;
    assert_eq!(crane.ok(&["digest", &copy]).await, expected);
    crane.ok(&["validate", "--remote", &copy]).await;
    crane.ok(&["pull", "--format", "oci", &copy, "layout"]).await;
    restart(&mut registry).await;
    crane.ok(&["push", "layout", &format!("{host}/copy/app:pushed")]).await;
    assert_index(&registry, "copy/app", "pushed", &["amd64", "arm64"]).await;

    crane.write("more", "one more layer");
    Client::debian("tar").ok(&["-C", &crane.path("."), "-cf", &crane.path("more.tar"), "more"]).await;
    let (base, more) = (format!("{copy}@{expected}"), format!("{host}/copy/app:more"));
    crane.ok(&["append", "--platform", "linux/arm64", "-b", &base, "-f", "more.tar", "-t", &more]).await;
    crane.ok(&["export", &more, "more-root.tar"]).await;
    let files = Client::debian("tar").ok(&["-tf", &crane.path("more-root.tar")]).await;
    assert!(files.contains("more") && files.contains("architecture"), "{files}");

    assert_eq!(crane.ok(&["ls", &format!("{host}/copy/app")]).await, "more\npushed\nv1");
    assert_eq!(crane.ok(&["catalog", &host]).await, "copy/app\nmulti/app");
    crane.ok(&["delete", &format!("{host}/copy/app@{expected}")]).await;
    assert_eq!(crane.ok(&["ls", &format!("{host}/copy/app")]).await, "more");
    crane.fails(&["manifest", &copy]).await;
    crane.ok(&["validate", "--remote", &first]).await;
}

#[tokio::test]
async fn crane_logs_in() {
    let crane = Client::go("crane");
    let registry = with_htpasswd(&crane).await;
    let host = host(&registry);
    let (name, password) = LOGIN;
    crane.fails(&["catalog", &host]).await;
    crane.ok(&["auth", "login", "-u", name, "-p", password, &host]).await;
    assert_eq!(crane.ok(&["catalog", &host]).await, "");
}
