//! buildah: builds here, pushes, pulls.

use longshore_testkit::TestRegistry;

use crate::{
    client::{Client, LOGIN, assert_index, digest, host, restart, with_accounts},
    fixtures::{build_two_architectures, fixtures},
};

const PLAIN: &str = "--tls-verify=false";

#[tokio::test]
async fn buildah_pushes_debian_and_builds_on_what_it_pulled() {
    let debian = fixtures().await.debian();
    let mut registry = TestRegistry::start().await;
    let host = host(&registry);
    let base = format!("{host}/base/debian:v1");
    let buildah = Client::with_storage("buildah");

    let id = buildah.ok(&["pull", &debian]).await;
    let id = id.lines().last().expect("buildah pull prints the image's id");
    buildah.ok(&["push", PLAIN, id, &format!("docker://{base}")]).await;
    buildah.ok(&["rmi", "--all", "--force"]).await;
    restart(&mut registry).await;

    buildah
        .write("Containerfile", format!("FROM {base}\nRUN cat /etc/greeting > /copy\nRUN test -s /copy\n"));
    let app = format!("{host}/team/app:v1");
    buildah.ok(&["bud", PLAIN, "--isolation", "chroot", "--layers", "-t", &app, "."]).await;
    buildah.ok(&["push", PLAIN, &app]).await;
    buildah.ok(&["rmi", "--all", "--force"]).await;

    let by_digest = format!("{host}/team/app@{}", digest(&registry, "team/app", "v1").await);
    buildah.ok(&["pull", PLAIN, &by_digest]).await;
    registry.pull_image("team/app", "v1").await;
}

#[tokio::test]
async fn buildah_pushes_an_index_and_pulls_one_architecture() {
    let registry = TestRegistry::start().await;
    let name = format!("{}/multi/app:v1", host(&registry));
    let buildah = Client::with_storage("buildah");
    build_two_architectures(&buildah, "localhost/two").await;
    buildah.ok(&["manifest", "push", PLAIN, "--all", "localhost/two", &format!("docker://{name}")]).await;
    assert_index(&registry, "multi/app", "v1", &["amd64", "arm64"]).await;

    buildah.ok(&["rmi", "--all", "--force"]).await;
    buildah.ok(&["pull", PLAIN, "--arch", "arm64", &name]).await;
    let shown =
        buildah.ok(&["inspect", "--type", "image", "--format", "{{.OCIv1.Architecture}}", &name]).await;
    assert_eq!(shown, "arm64");
}

#[tokio::test]
async fn buildah_logs_in() {
    let buildah = Client::with_storage("buildah");
    let registry = with_accounts().await;
    let host = host(&registry);
    let two = fixtures().await.two_architectures();
    let (name, password) = LOGIN;
    buildah.ok(&["pull", "--arch", "amd64", &two]).await;
    let id = buildah.ok(&["images", "--quiet"]).await;
    let target = format!("docker://{host}/team/app:v1");
    buildah.fails(&["push", PLAIN, &id, &target]).await;
    buildah.fails(&["login", PLAIN, "-u", name, "-p", "wrong", &host]).await;
    buildah.ok(&["login", PLAIN, "-u", name, "-p", password, &host]).await;
    buildah.ok(&["push", PLAIN, &id, &target]).await;
}
