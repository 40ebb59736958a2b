//! podman: its own storage, push, pull, manifests, login. Nothing is run: that is docker's part.

use longshore_testkit::TestRegistry;

use crate::{
    client::{Client, LOGIN, assert_index, digest, host, restart, with_accounts},
    fixtures::fixtures,
};

const PLAIN: &str = "--tls-verify=false";

#[tokio::test]
async fn podman_pulls_and_pushes_debian() {
    let mut registry = TestRegistry::start().await;
    let host = host(&registry);
    let (first, second) = (format!("{host}/base/debian:v1"), format!("{host}/team/app:v2"));
    fixtures().await.push_debian(&first).await;

    let podman = Client::with_storage("podman");
    podman.ok(&["pull", PLAIN, &first]).await;
    podman.ok(&["tag", &first, &second]).await;
    podman.ok(&["push", PLAIN, &second]).await;
    podman.ok(&["rmi", "--all", "--force"]).await;
    restart(&mut registry).await;

    let pushed = digest(&registry, "team/app", "v2").await;
    podman.ok(&["pull", PLAIN, &format!("{host}/team/app@{pushed}")]).await;
    let kept = podman.ok(&["images", "--digests", "--format", "{{.Digest}}"]).await;
    assert_eq!(kept, pushed);
    podman.fails(&["pull", PLAIN, &format!("{host}/team/app:v1")]).await;
}

#[tokio::test]
async fn podman_makes_an_index_of_what_is_in_the_registry() {
    let registry = TestRegistry::start().await;
    let host = host(&registry);
    let first = format!("{host}/multi/app:v1");
    fixtures().await.push_two_architectures(&first).await;

    let podman = Client::with_storage("podman");
    podman.ok(&["manifest", "create", "localhost/all"]).await;
    podman.ok(&["manifest", "add", PLAIN, "--all", "localhost/all", &format!("docker://{first}")]).await;
    let again = format!("docker://{host}/multi/again:v1");
    podman.ok(&["manifest", "push", PLAIN, "--all", "localhost/all", &again]).await;
    assert_index(&registry, "multi/again", "v1", &["amd64", "arm64"]).await;

    podman.ok(&["pull", PLAIN, "--arch", "arm64", &format!("{host}/multi/again:v1")]).await;
    let format = ["--format", "{{.Architecture}}", &format!("{host}/multi/again:v1")];
    assert_eq!(podman.ok(&[&["image", "inspect"], &format[..]].concat()).await, "arm64");
}

#[tokio::test]
async fn podman_logs_in() {
    let podman = Client::with_storage("podman");
    let registry = with_accounts().await;
    let host = host(&registry);
    let (name, password) = LOGIN;
    let refused = podman.fails(&["login", PLAIN, "-u", name, "-p", "wrong", &host]).await;
    assert!(refused.contains("invalid username/password"), "{refused}");
    podman.fails(&["pull", PLAIN, &format!("{host}/team/app:v1")]).await;

    podman.ok(&["login", PLAIN, "-u", name, "-p", password, &host]).await;
    podman.ok(&["pull", "--arch", "amd64", &fixtures().await.two_architectures()]).await;
    let id = podman.ok(&["images", "--quiet"]).await;
    podman.ok(&["push", PLAIN, &id, &format!("{host}/team/app:v1")]).await;
    podman.ok(&["pull", PLAIN, &format!("{host}/team/app:v1")]).await;
    podman.ok(&["logout", &host]).await;
    podman.fails(&["pull", PLAIN, &format!("{host}/team/app:v1")]).await;
}
