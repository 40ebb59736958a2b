//! Spec "Content Management": deleting tags, manifests and blobs.

use longshore_testkit::{Blob, TestRegistry, image};

use crate::data_sets::{self, check};

#[tokio::test]
async fn deleting_tags_manifests_and_blobs() {
    let registry = data_sets::registry().await;
    for set in data_sets::all() {
        data_sets::push(&registry, &set).await;
        let mut paths = Vec::new();
        if set.by_tag {
            paths.push(format!("/v2/{}/manifests/v1", set.name));
        }
        for manifest in set.content.manifests.iter().rev() {
            paths.push(format!("/v2/{}/manifests/{}", set.name, manifest.digest));
        }
        for blob in &set.content.blobs {
            paths.push(format!("/v2/{}/blobs/{}", set.name, blob.digest));
        }
        for path in paths {
            let reply = registry.delete(&path).await;
            check(&set, &reply, reply.status == 202, "accepted");
            let gone = registry.head(&path).await;
            check(&set, &gone, gone.status == 404, "gone at once");
            let again = registry.delete(&path).await;
            check(&set, &again, again.status == 404, "nothing left to delete");
        }
    }
}

#[tokio::test]
async fn deleting_tags() {
    let registry = TestRegistry::start().await;
    let content = image().build();
    registry.push_image("spec/tags", "one", &content).await;
    registry.put_manifest("spec/tags", "two", content.top()).await.assert_status(201);
    registry.delete("/v2/spec/tags/manifests/one").await.assert_status(202);
    registry.get("/v2/spec/tags/manifests/one").await.assert_error(404, "MANIFEST_UNKNOWN");
    registry.delete("/v2/spec/tags/manifests/one").await.assert_error(404, "MANIFEST_UNKNOWN");
    for reference in ["two", &content.digest().to_string()] {
        registry.pull_image("spec/tags", reference).await;
    }
}

#[tokio::test]
async fn deleting_manifests() {
    let registry = TestRegistry::start().await;
    let content = image().build();
    registry.push_image("spec/manifests", "one", &content).await;
    registry.push_image("spec/manifests", "other", &image().build()).await;
    registry.put_manifest("spec/manifests", "two", content.top()).await.assert_status(201);
    let path = format!("/v2/spec/manifests/manifests/{}", content.digest());
    registry.delete(&path).await.assert_status(202);
    // "any tag pointing to that digest will return a 404".
    for reference in ["one", "two", &content.digest().to_string()] {
        let path = format!("/v2/spec/manifests/manifests/{reference}");
        registry.get(&path).await.assert_error(404, "MANIFEST_UNKNOWN");
    }
    let tags = registry.get("/v2/spec/manifests/tags/list").await.json();
    assert_eq!(tags["tags"], serde_json::json!(["other"]));
    registry.delete(&path).await.assert_error(404, "MANIFEST_UNKNOWN");
    // What was deleted can be pushed again.
    registry.push_image("spec/manifests", "one", &content).await;
    registry.pull_image("spec/manifests", "one").await;
    let unknown = format!("/v2/spec/unknown/manifests/{}", content.digest());
    registry.delete(&unknown).await.assert_error(404, "NAME_UNKNOWN");
}

#[tokio::test]
async fn deleting_blobs() {
    let registry = TestRegistry::start().await;
    let blob = Blob::random(64);
    registry.push_blob("spec/blobs", &blob).await;
    registry.push_blob("spec/others", &blob).await;
    let path = format!("/v2/spec/blobs/blobs/{}", blob.digest);
    registry.delete(&path).await.assert_status(202);
    registry.get(&path).await.assert_error(404, "BLOB_UNKNOWN");
    registry.delete(&path).await.assert_error(404, "BLOB_UNKNOWN");
    let elsewhere = format!("/v2/spec/others/blobs/{}", blob.digest);
    registry.get(&elsewhere).await.assert_status(200).assert_body(&blob.bytes);
    registry.push_blob("spec/blobs", &blob).await;
    registry.get(&path).await.assert_status(200).assert_body(&blob.bytes);
}

#[tokio::test]
async fn a_blob_in_use_is_not_deleted() {
    let registry = TestRegistry::start().await;
    let content = image().build();
    registry.push_image("spec/used", "v1", &content).await;
    for blob in &content.blobs {
        let reply = registry.delete(&format!("/v2/spec/used/blobs/{}", blob.digest)).await;
        assert!((400..500).contains(&reply.status), "{reply:?}");
    }
    registry.pull_image("spec/used", "v1").await;
}

#[tokio::test]
async fn deleting_that_is_switched_off_is_405() {
    let registry = TestRegistry::builder().set("storage.delete.enabled", false).spawn().await;
    let content = image().build();
    registry.push_image("spec/kept", "v1", &content).await;
    for path in [
        "/v2/spec/kept/manifests/v1".to_owned(),
        format!("/v2/spec/kept/manifests/{}", content.digest()),
        format!("/v2/spec/kept/blobs/{}", content.blobs[0].digest),
    ] {
        registry.delete(&path).await.assert_error(405, "UNSUPPORTED");
    }
    registry.pull_image("spec/kept", "v1").await;
}
