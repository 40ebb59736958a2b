//! Spec "Pulling blobs".

use longshore_testkit::{Blob, TestRegistry};
use longshore_types::DigestAlgorithm;
use reqwest::Method;

use crate::data_sets::{self, check};

#[tokio::test]
async fn pulling_blobs() {
    let registry = data_sets::registry().await;
    for set in data_sets::all() {
        data_sets::push(&registry, &set).await;
        for blob in &set.content.blobs {
            let reply = registry.get(&format!("/v2/{}/blobs/{}", set.name, blob.digest)).await;
            check(&set, &reply, reply.status == 200 && reply.body == blob.bytes, "blob");
            check(&set, &reply, reply.header("docker-content-digest") == blob.digest.to_string(), "digest");
            check(&set, &reply, reply.header("content-length") == blob.bytes.len().to_string(), "length");
        }
    }
}

#[tokio::test]
async fn a_blob_is_readable_only_where_it_is_linked() {
    let registry = TestRegistry::start().await;
    let blob = Blob::random(512);
    registry.push_blob("spec/here", &blob).await;
    registry.push_blob("spec/there", &Blob::random(1)).await;
    for method in [Method::GET, Method::HEAD] {
        let path = format!("/v2/spec/there/blobs/{}", blob.digest);
        registry.call(method, &path).send().await.assert_error(404, "BLOB_UNKNOWN");
    }
    registry.get(&format!("/v2/spec/nowhere/blobs/{}", blob.digest)).await.assert_status(404);
}

#[tokio::test]
async fn what_a_client_has_is_not_sent_again() {
    let registry = TestRegistry::start().await;
    for algorithm in DigestAlgorithm::ALL {
        let blob = Blob::new(algorithm, "", "cached content");
        registry.push_blob("spec/cached", &blob).await;
        let path = format!("/v2/spec/cached/blobs/{}", blob.digest);
        let etag = registry.get(&path).await.assert_status(200).header("etag").to_owned();
        assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");
        for condition in [etag.as_str(), "*", &format!("\"other\", {etag}")] {
            let reply = registry.call(Method::GET, &path).header("If-None-Match", condition).send().await;
            reply.assert_status(304).assert_body(b"");
        }
        let reply = registry.call(Method::GET, &path).header("If-None-Match", "\"other\"").send().await;
        reply.assert_status(200).assert_body(&blob.bytes);
    }
}

#[tokio::test]
async fn registry_proxying_echoes_the_namespace() {
    let registry = TestRegistry::start().await;
    let blob = Blob::random(16);
    registry.push_blob("spec/ns", &blob).await;
    let path = format!("/v2/spec/ns/blobs/{}?ns=upstream.example.com", blob.digest);
    registry.get(&path).await.assert_status(200).assert_header("oci-namespace", "upstream.example.com");
    let plain = format!("/v2/spec/ns/blobs/{}", blob.digest);
    registry.get(&plain).await.assert_status(200).assert_header("oci-namespace", "");
}
