//! Spec "Pushing Manifests" and "Pushing Manifests with Subject".

use longshore_testkit::{Blob, TestRegistry, artifact, image, index, media_type};
use longshore_types::DigestAlgorithm;
use serde_json::json;

use crate::data_sets::{self, check};

#[tokio::test]
async fn pushing_manifests() {
    let registry = data_sets::registry().await;
    for set in data_sets::all() {
        for blob in &set.content.blobs {
            registry.push_blob(set.name, blob).await;
        }
        let mut pushes: Vec<_> = set.content.manifests.iter().map(|m| (m.digest.to_string(), m)).collect();
        if set.by_tag {
            pushes.push(("v1".to_owned(), set.content.top()));
        }
        for (reference, manifest) in pushes {
            let reply = registry.put_manifest(set.name, &reference, manifest).await;
            check(&set, &reply, reply.status == 201, "created");
            check(
                &set,
                &reply,
                reply.header("docker-content-digest") == manifest.digest.to_string(),
                "digest",
            );
            let fields: serde_json::Value = serde_json::from_slice(&manifest.bytes).unwrap();
            let subject = fields["subject"]["digest"].as_str().unwrap_or_default();
            check(&set, &reply, reply.header("oci-subject") == subject, "subject");
            let pulled = registry.get(&reply.location()).await;
            check(&set, &pulled, pulled.status == 200 && pulled.body == manifest.bytes, "location");
            check(&set, &pulled, pulled.header("content-type") == manifest.media_type, "type");
        }
    }
}

#[tokio::test]
async fn pushing_tags_as_parameters() {
    let registry = TestRegistry::start().await;
    for algorithm in DigestAlgorithm::ALL {
        let child = image().algorithm(algorithm).build();
        let content = index(vec![child]).algorithm(algorithm).build();
        for blob in &content.blobs {
            registry.push_blob("spec/tags", blob).await;
        }
        for (nth, manifest) in content.manifests.iter().enumerate() {
            // "SHOULD support pushing at least 10 tags per request".
            let mut tags: Vec<String> = (0..10).map(|tag| format!("{algorithm}-{nth}-{tag}")).collect();
            let query: Vec<String> = tags.iter().map(|tag| format!("tag={tag}")).collect();
            let reference = format!("{}?{}", manifest.digest, query.join("&"));
            let reply = registry.put_manifest("spec/tags", &reference, manifest).await.assert_status(201);
            let mut answered = reply.header_list("oci-tag");
            answered.sort();
            tags.sort();
            assert_eq!(answered, tags);
            for tag in tags {
                let pulled = registry.get(&format!("/v2/spec/tags/manifests/{tag}")).await.assert_status(200);
                let pulled = pulled.assert_body(&manifest.bytes);
                pulled.assert_header("docker-content-digest", &manifest.digest.to_string());
            }
        }
    }
    let content = image().build();
    for blob in &content.blobs {
        registry.push_blob("spec/tags", blob).await;
    }
    let many: Vec<String> = (0..1000).map(|nth| format!("tag=t{nth}")).collect();
    let reference = format!("{}?{}", content.digest(), many.join("&"));
    registry.put_manifest("spec/tags", &reference, content.top()).await.assert_status(414);
    let reference = format!("{}?tag=good&tag=-bad", content.digest());
    registry.put_manifest("spec/tags", &reference, content.top()).await.assert_error(400, "MANIFEST_INVALID");
    registry.get("/v2/spec/tags/manifests/good").await.assert_error(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn a_tag_moves_to_what_is_pushed_last() {
    let registry = TestRegistry::start().await;
    let (old, new) = (image().build(), image().build());
    registry.push_image("spec/moves", "v1", &old).await;
    registry.push_image("spec/moves", "v1", &new).await;
    assert_eq!(registry.pull_image("spec/moves", "v1").await, new.top().bytes);
    assert_eq!(registry.pull_image("spec/moves", &old.digest().to_string()).await, old.top().bytes);
}

#[tokio::test]
async fn a_manifest_of_another_digest_is_refused() {
    let registry = TestRegistry::start().await;
    let content = image().build();
    for blob in &content.blobs {
        registry.push_blob("spec/digest", blob).await;
    }
    let padded = [&content.top().bytes[..], b"  "].concat();
    let padded = Blob::new(DigestAlgorithm::Sha256, media_type::MANIFEST, padded);
    for reference in [content.digest().to_string(), "sha256:baddigeststring".into(), "md5:00".into()] {
        let reply = registry.put_manifest("spec/digest", &reference, &padded).await;
        reply.assert_error(400, "DIGEST_INVALID");
    }
    let path = format!("/v2/spec/digest/manifests/{}", content.digest());
    registry.get(&path).await.assert_status(404);
}

#[tokio::test]
async fn what_is_no_manifest_is_refused() {
    let registry = TestRegistry::start().await;
    let content = image().build();
    for blob in &content.blobs {
        registry.push_blob("spec/invalid", blob).await;
    }
    let config = &content.json()["config"];
    let cases = [
        (media_type::MANIFEST, String::new()),
        (media_type::MANIFEST, "not JSON".to_owned()),
        (media_type::MANIFEST, "[]".to_owned()),
        (media_type::MANIFEST, json!({"schemaVersion": 2, "layers": []}).to_string()),
        (media_type::MANIFEST, json!({"schemaVersion": 1, "fsLayers": []}).to_string()),
        (media_type::MANIFEST, json!({"schemaVersion": 2, "config": config, "manifests": []}).to_string()),
        (media_type::INDEX, content.json().to_string()),
        (media_type::INDEX, json!({"schemaVersion": 2, "manifests": [{"digest": "sha256:no"}]}).to_string()),
        ("application/vnd.docker.distribution.manifest.v1+prettyjws", "{}".to_owned()),
    ];
    for (media_type, text) in cases {
        let manifest = Blob::new(DigestAlgorithm::Sha256, media_type, text);
        registry.put_manifest("spec/invalid", "v1", &manifest).await.assert_error(400, "MANIFEST_INVALID");
    }
    let path = "/v2/spec/invalid/tags/list";
    assert_eq!(registry.get(path).await.assert_status(200).json()["tags"], json!([]));
}

#[tokio::test]
async fn an_image_without_its_blobs_is_refused() {
    let registry = TestRegistry::start().await;
    for nth in 0..3 {
        let mut content = image().layers(2).build();
        let left_out = content.blobs.remove(nth);
        // Being in another repository does not help.
        registry.push_blob("spec/elsewhere", &left_out).await;
        for blob in &content.blobs {
            registry.push_blob("spec/missing", blob).await;
        }
        let reply = registry.put_manifest("spec/missing", "v1", content.top()).await;
        reply.assert_error(404, "MANIFEST_BLOB_UNKNOWN");
        registry.push_blob("spec/missing", &left_out).await;
        registry.put_manifest("spec/missing", "v1", content.top()).await.assert_status(201);
    }
}

#[tokio::test]
async fn what_is_sparse_comes_with_a_warning() {
    let registry = TestRegistry::builder().set("validation.manifests.sparse", true).spawn().await;
    let content = image().build();
    registry.push_blob("spec/sparse", &content.blobs[1]).await;
    let reply = registry.put_manifest("spec/sparse", "v1", content.top()).await.assert_status(201);
    // RFC 7234 section 5.5, as spec "Warnings" wants it.
    assert!(reply.header("warning").starts_with("299 - \""), "{reply:?}");
}

#[tokio::test]
async fn a_manifest_over_the_limit_is_413() {
    let registry = TestRegistry::builder().set("limits.manifest_bytes_max", 4096).spawn().await;
    let content = image().annotation("big", &"x".repeat(5000)).build();
    for blob in &content.blobs {
        registry.push_blob("spec/large", blob).await;
    }
    registry.put_manifest("spec/large", "v1", content.top()).await.assert_error(413, "MANIFEST_INVALID");
    registry.push_image("spec/large", "v2", &image().build()).await;
}

#[tokio::test]
async fn subject_and_referrer_in_either_order() {
    let registry = TestRegistry::start().await;
    let subject = image().build();
    let sbom = artifact("application/vnd.example.sbom").subject(subject.top().descriptor()).build();
    registry.push_image("spec/order", "sbom", &sbom).await;
    registry.push_image("spec/order", "v1", &subject).await;
    let path = format!("/v2/spec/order/referrers/{}", subject.digest());
    let listed = registry.get(&path).await.assert_status(200).json();
    assert_eq!(listed["manifests"][0]["digest"], sbom.digest().to_string());
}

#[tokio::test]
async fn parameters_of_the_content_type_are_ignored() {
    let registry = TestRegistry::start().await;
    let content = image().build();
    for blob in &content.blobs {
        registry.push_blob("spec/type", blob).await;
    }
    let mut manifest = content.top().clone();
    manifest.media_type += "; charset=utf-8";
    registry.put_manifest("spec/type", "v1", &manifest).await.assert_status(201);
    let reply = registry.get("/v2/spec/type/manifests/v1").await.assert_status(200);
    reply.assert_header("content-type", media_type::MANIFEST);
}
