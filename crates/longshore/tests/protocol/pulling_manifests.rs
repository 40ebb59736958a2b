//! Spec "Pulling manifests".

use longshore_testkit::{TestRegistry, image, media_type};
use reqwest::Method;

use crate::data_sets::{self, check};

#[tokio::test]
async fn pulling_manifests() {
    let registry = data_sets::registry().await;
    for set in data_sets::all() {
        data_sets::push(&registry, &set).await;
        let mut pulls: Vec<_> = set.content.manifests.iter().map(|m| (m.digest.to_string(), m)).collect();
        if set.by_tag {
            pulls.push(("v1".to_owned(), set.content.top()));
        }
        for (reference, manifest) in pulls {
            let reply = registry.get(&format!("/v2/{}/manifests/{reference}", set.name)).await;
            check(&set, &reply, reply.status == 200, "status");
            check(&set, &reply, reply.body == manifest.bytes, "bytes as they were pushed");
            check(&set, &reply, reply.header("content-type") == manifest.media_type, "type");
            check(
                &set,
                &reply,
                reply.header("docker-content-digest") == manifest.digest.to_string(),
                "digest",
            );
            check(&set, &reply, reply.header("content-length") == manifest.bytes.len().to_string(), "length");
        }
    }
}

#[tokio::test]
async fn accept_never_rewrites_a_manifest() {
    let registry = TestRegistry::start().await;
    let content = image().build();
    registry.push_image("spec/accept", "v1", &content).await;
    let both = format!("{}, {};q=0.5", media_type::DOCKER_MANIFEST, media_type::MANIFEST);
    for accept in ["*/*", media_type::MANIFEST, &both, "application/*"] {
        let reply =
            registry.call(Method::GET, "/v2/spec/accept/manifests/v1").header("Accept", accept).send().await;
        let reply = reply.assert_status(200).assert_header("content-type", media_type::MANIFEST);
        reply.assert_body(&content.top().bytes);
    }
}

#[tokio::test]
async fn what_a_client_has_is_not_sent_again() {
    let registry = TestRegistry::start().await;
    let (old, new) = (image().build(), image().build());
    registry.push_image("spec/cached", "v1", &old).await;
    let path = "/v2/spec/cached/manifests/v1";
    let etag = registry.get(path).await.assert_status(200).header("etag").to_owned();
    let ask = |etag: &str| registry.call(Method::GET, path).header("If-None-Match", etag);
    ask(&etag).send().await.assert_status(304).assert_body(b"");
    registry.push_image("spec/cached", "v1", &new).await;
    ask(&etag).send().await.assert_status(200).assert_body(&new.top().bytes);
}

#[tokio::test]
async fn a_manifest_that_is_not_there() {
    let registry = TestRegistry::start().await;
    registry.push_image("spec/known", "v1", &image().build()).await;
    let missing = image().build().digest();
    for reference in ["missing", &missing.to_string(), "-no-tag", &"a".repeat(129)] {
        let path = format!("/v2/spec/known/manifests/{reference}");
        registry.get(&path).await.assert_error(404, "MANIFEST_UNKNOWN");
    }
    let reply = registry.get("/v2/spec/known/manifests/sha256:baddigeststring").await;
    assert!([400, 404].contains(&reply.status), "{reply:?}");
    registry.get("/v2/spec/unknown/manifests/v1").await.assert_error(404, "NAME_UNKNOWN");
}
