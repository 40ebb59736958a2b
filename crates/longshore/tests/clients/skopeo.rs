//! skopeo: copies, inspects, lists, deletes.

use longshore_testkit::{TestRegistry, media_type};

use crate::{
    client::{Client, LOGIN, assert_index, digest, host, manifest, restart, with_accounts, with_htpasswd},
    fixtures::fixtures,
};

const FROM: &str = "--src-tls-verify=false";
const TO: &str = "--dest-tls-verify=false";
const PLAIN: &str = "--tls-verify=false";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

#[tokio::test]
async fn skopeo_copies_debian_there_and_back() {
    let debian = fixtures().await.debian();
    let mut registry = TestRegistry::start().await;
    let host = host(&registry);
    let skopeo = Client::debian("skopeo");
    let image = format!("docker://{host}/base/debian:v1");
    skopeo.ok(&["copy", "--preserve-digests", TO, &debian, &image]).await;
    restart(&mut registry).await;

    let expected = skopeo.ok(&["inspect", "--format", "{{.Digest}}", &debian]).await;
    assert_eq!(digest(&registry, "base/debian", "v1").await, expected);
    assert_eq!(skopeo.ok(&["inspect", PLAIN, "--format", "{{.Digest}}", &image]).await, expected);

    let pinned = format!("docker://{host}/base/debian@{expected}");
    skopeo.ok(&["copy", "--preserve-digests", FROM, &pinned, "dir:back"]).await;
    let raw = skopeo.ok(&["inspect", "--raw", &debian]).await;
    assert_eq!(skopeo.read("back/manifest.json"), raw, "the manifest comes back byte for byte");
}

#[tokio::test]
async fn skopeo_mirrors_an_index_between_repositories() {
    let registry = TestRegistry::start().await;
    let host = host(&registry);
    let skopeo = Client::debian("skopeo");
    let (first, second) = (format!("docker://{host}/multi/app:v1"), format!("docker://{host}/copy/app:v1"));
    skopeo.ok(&["copy", "--all", TO, &fixtures().await.two_architectures(), &first]).await;
    skopeo.ok(&["copy", "--all", "--preserve-digests", FROM, TO, &first, &second]).await;
    assert_index(&registry, "copy/app", "v1", &["amd64", "arm64"]).await;
    assert_eq!(digest(&registry, "multi/app", "v1").await, digest(&registry, "copy/app", "v1").await);

    let repository = format!("{host}/multi/app");
    skopeo.ok(&["sync", "--src", "docker", "--dest", "dir", "--all", FROM, &repository, "mirror"]).await;
    assert!(skopeo.read("mirror/app:v1/manifest.json").contains("arm64"));
}

#[tokio::test]
async fn skopeo_converts_to_docker_schema_2_and_to_zstd() {
    let skopeo = Client::debian("skopeo");
    // Its layers are not compressed yet: skopeo leaves compressed ones as they are.
    let archive = format!("docker-archive:{}", fixtures().await.debian_archive());
    let zstd = ["--format", "oci", "--dest-compress-format", "zstd"];
    for (options, media_type, layer_media_type) in [
        (&["--format", "v2s2"][..], media_type::DOCKER_MANIFEST, DOCKER_LAYER),
        (&zstd[..], media_type::MANIFEST, "application/vnd.oci.image.layer.v1.tar+zstd"),
    ] {
        // A registry for each: skopeo remembers in which forms a registry has a layer, and would take the first again.
        let registry = TestRegistry::start().await;
        let image = format!("docker://{}/team/app:v1", host(&registry));
        skopeo.ok(&[&["copy", TO], options, &[&archive, &image]].concat()).await;
        let manifest = manifest(&registry, "team/app", "v1").await;
        assert_eq!(manifest["mediaType"], media_type);
        assert_eq!(manifest["layers"][0]["mediaType"], layer_media_type);
        skopeo.ok(&["copy", FROM, &image, "oci:back:v1"]).await;
    }
}

#[tokio::test]
async fn skopeo_lists_and_deletes() {
    let registry = TestRegistry::start().await;
    let host = host(&registry);
    let two = fixtures().await.two_architectures();
    let skopeo = Client::debian("skopeo");
    for (architecture, tag) in [("amd64", "v1"), ("arm64", "v2")] {
        let image = format!("docker://{host}/team/app:{tag}");
        skopeo.ok(&["copy", "--override-arch", architecture, TO, &two, &image]).await;
    }
    let repository = format!("docker://{host}/team/app");
    assert_eq!(tags(&skopeo, &repository).await, ["v1", "v2"]);

    skopeo.ok(&["delete", PLAIN, &format!("{repository}:v1")]).await;
    assert_eq!(tags(&skopeo, &repository).await, ["v2"]);
    skopeo.fails(&["inspect", PLAIN, &format!("{repository}:v1")]).await;
    skopeo.ok(&["inspect", PLAIN, &format!("{repository}:v2")]).await;
}

#[tokio::test]
async fn skopeo_logs_in() {
    let skopeo = Client::debian("skopeo");
    for registry in [with_accounts().await, with_htpasswd(&skopeo).await] {
        log_in_and_copy(&skopeo, &registry).await;
    }
}

async fn log_in_and_copy(skopeo: &Client, registry: &TestRegistry) {
    let host = host(registry);
    let two = fixtures().await.two_architectures();
    let image = format!("docker://{host}/team/app:v1");
    let (name, password) = LOGIN;
    skopeo.fails(&["copy", TO, &two, &image]).await;
    skopeo.fails(&["login", PLAIN, "-u", name, "-p", "wrong", &host]).await;
    skopeo.ok(&["login", PLAIN, "-u", name, "-p", password, &host]).await;
    skopeo.ok(&["copy", TO, &two, &image]).await;
    skopeo.ok(&["inspect", PLAIN, &image]).await;
}

async fn tags(skopeo: &Client, repository: &str) -> Vec<String> {
    let listed = skopeo.ok(&["list-tags", PLAIN, repository]).await;
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("skopeo prints JSON");
    serde_json::from_value(listed["Tags"].clone()).expect("skopeo prints tags")
}
