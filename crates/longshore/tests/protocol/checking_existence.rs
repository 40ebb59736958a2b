//! Spec "Checking if content exists in the registry".

use longshore_testkit::{Blob, TestRegistry};

use crate::data_sets::{self, check};

#[tokio::test]
async fn checking_if_content_exists_in_the_registry() {
    let registry = data_sets::registry().await;
    for set in data_sets::all() {
        data_sets::push(&registry, &set).await;
        let mut paths: Vec<(String, &Blob)> = Vec::new();
        for blob in &set.content.blobs {
            paths.push((format!("/v2/{}/blobs/{}", set.name, blob.digest), blob));
        }
        for manifest in &set.content.manifests {
            paths.push((format!("/v2/{}/manifests/{}", set.name, manifest.digest), manifest));
        }
        if set.by_tag {
            paths.push((format!("/v2/{}/manifests/v1", set.name), set.content.top()));
        }
        for (path, content) in paths {
            let reply = registry.head(&path).await;
            check(&set, &reply, reply.status == 200 && reply.body.is_empty(), "200 and no body");
            check(
                &set,
                &reply,
                reply.header("docker-content-digest") == content.digest.to_string(),
                "digest",
            );
            check(&set, &reply, reply.header("content-length") == content.bytes.len().to_string(), "length");
            if path.contains("/manifests/") {
                check(&set, &reply, reply.header("content-type") == content.media_type, "type");
            }
        }
    }
}

#[tokio::test]
async fn what_does_not_exist_is_404() {
    let registry = TestRegistry::start().await;
    registry.push_blob("spec/known", &Blob::random(1)).await;
    let digest = Blob::random(8).digest;
    for repository in ["spec/known", "spec/unknown"] {
        registry.head(&format!("/v2/{repository}/blobs/{digest}")).await.assert_status(404).assert_body(b"");
        registry
            .head(&format!("/v2/{repository}/manifests/{digest}"))
            .await
            .assert_status(404)
            .assert_body(b"");
        registry.head(&format!("/v2/{repository}/manifests/tag")).await.assert_status(404).assert_body(b"");
    }
}
