//! regctl, of regclient: chunked uploads, referrers, deletes of single tags.

use longshore_testkit::{Random, TestRegistry};

use crate::{
    client::{Client, assert_index, digest, host, restart},
    fixtures::fixtures,
    wire::{Direction, Wire},
};

#[tokio::test]
async fn regctl_copies_attaches_and_deletes() {
    let mut registry = TestRegistry::start().await;
    let host = host(&registry);
    let regctl = Client::go("regctl");
    regctl.ok(&["registry", "set", "--tls", "disabled", &host]).await;
    let (first, copy) = (format!("{host}/multi/app:v1"), format!("{host}/copy/app:v1"));
    fixtures().await.push_two_architectures(&first).await;

    let sbom = regctl.write("sbom.json", r#"{"sbom": 1}"#);
    let kind = ["--artifact-type", "application/vnd.example.sbom", "--file-media-type", "application/json"];
    let put = ["artifact", "put", "--file", &sbom, "--subject", &first];
    regctl.ok(&[&put[..], &kind[..]].concat()).await;
    regctl.ok(&["image", "copy", "--referrers", &first, &copy]).await;
    restart(&mut registry).await;

    assert_index(&registry, "copy/app", "v1", &["amd64", "arm64"]).await;
    let expected = digest(&registry, "multi/app", "v1").await;
    assert_eq!(regctl.ok(&["image", "digest", &copy]).await, expected);
    let listed = regctl.ok(&["artifact", "list", &copy]).await;
    assert!(listed.contains("application/vnd.example.sbom"), "{listed}");
    let get =
        ["artifact", "get", "--subject", &copy, "--filter-artifact-type", "application/vnd.example.sbom"];
    assert_eq!(regctl.ok(&get).await, r#"{"sbom": 1}"#);
    assert_eq!(
        regctl.ok(&["tag", "ls", &format!("{host}/copy/app")]).await,
        "v1",
        "the registry answers the referrers API, so that no fallback tag was made"
    );

    regctl.ok(&["image", "copy", &copy, &format!("{host}/copy/app:v2")]).await;
    regctl.ok(&["tag", "rm", &copy]).await;
    assert_eq!(regctl.ok(&["tag", "ls", &format!("{host}/copy/app")]).await, "v2");
    regctl.ok(&["manifest", "delete", &format!("{host}/copy/app@{expected}")]).await;
    regctl.fails(&["image", "digest", &format!("{host}/copy/app:v2")]).await;
}

#[tokio::test]
async fn regctl_goes_on_with_a_chunked_upload_that_broke() {
    let registry = TestRegistry::start().await;
    let wire = Wire::cutting(registry.address(), Direction::Upload, 5 << 19, 2).await;
    let host = wire.host();
    let regctl = Client::go("regctl");
    let chunks = ["--blob-chunk", "1048576", "--blob-max", "1048576"];
    regctl.ok(&[&["registry", "set", "--tls", "disabled"], &chunks[..], &[&host]].concat()).await;

    let bytes = Random::unique().bytes(8 << 20);
    let file = regctl.write("layer", &bytes);
    let image = format!("{host}/team/app:v1");
    let put =
        ["artifact", "put", "--artifact-type", "application/vnd.example.layer", "--file", &file, &image];
    regctl.ok(&put).await;
    assert_eq!(wire.cuts_left(), 0, "the connection broke in the middle of the upload");
    assert!(wire.requests_with("patch /v2/team/app/blobs/uploads/") >= 8, "it went in chunks");
    registry.pull_image("team/app", "v1").await;
}
