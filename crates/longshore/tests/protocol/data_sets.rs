//! The kinds of content that every API is tried with.

use longshore_testkit::{
    Api, Blob, Content, Random, Reply, TestRegistry, artifact, image, index, media_type,
};
use longshore_types::{Digest, DigestAlgorithm};
use serde_json::{Value, json};

/// A kind of content, and what must be known to judge the answers about it.
pub(crate) struct DataSet {
    /// The repository it goes to, which is also its name in messages.
    pub(crate) name: &'static str,
    pub(crate) content: Content,
    /// Which descriptors the referrers API must list, by subject.
    pub(crate) referrers: Vec<(Digest, Vec<Value>)>,
    /// The top manifest can be pushed by a tag: its digest is the canonical sha256.
    pub(crate) by_tag: bool,
}

const EXAMPLE_V1: &str = "application/vnd.example.conformance.v1";
const EXAMPLE_V2: &str = "application/vnd.example.conformance.v2+json";

/// All kinds.
pub(crate) fn all() -> Vec<DataSet> {
    let sha512 = DigestAlgorithm::Sha512;
    let mut sets = vec![
        set("image", image().layers(2).build()),
        set("image-uncompressed", image().layer_media_type("application/vnd.oci.image.layer.v1.tar").build()),
        set("image-docker", image().layers(2).docker().build()),
        set("large-manifest", large_manifest()),
        set("index", platforms()),
        set("index-docker", index(vec![image().docker().build()]).docker().build()),
        set("nested-index", index(vec![platforms(), platforms()]).build()),
        set("empty-index", index(Vec::new()).build()),
        set("artifact", artifact(EXAMPLE_V1).build()),
        set("artifact-without-layers", artifact(EXAMPLE_V1).layers(0).build()),
        set(
            "artifact-index",
            index(vec![artifact(EXAMPLE_V1).build()]).field("artifactType", json!(EXAMPLE_V1)).build(),
        ),
        artifacts_with_subject(),
        index_with_subject(),
        missing_subject(),
        set("data-field", image().data_fields().build()),
        set("non-distributable-layers", non_distributable()),
        set("custom-fields", image().field("org.example.field", json!({"deep": [1, "two"]})).build()),
        set("no-layers", image().layers(0).build()),
        set("custom-media-type", custom_media_type()),
        set("sparse-image", sparse_image()),
        set(
            "sparse-index",
            index(vec![image().build()]).missing(missing_descriptor(media_type::MANIFEST)).build(),
        ),
        set("image-sha512", image().algorithm(sha512).build()),
        set("index-sha512", index(vec![image().algorithm(sha512).build()]).algorithm(sha512).build()),
        set("index-sha512-of-sha256", index(vec![image().build()]).algorithm(sha512).build()),
    ];
    for set in &mut sets {
        set.by_tag = set.content.digest().algorithm() == DigestAlgorithm::Sha256;
    }
    sets
}

/// A registry that takes all of them, also images whose layers are elsewhere.
pub(crate) async fn registry() -> TestRegistry {
    TestRegistry::builder().quick().set("validation.manifests.sparse", true).spawn().await
}

/// Pushes the blobs of a set, and its manifests by digest.
pub(crate) async fn push(api: &Api, set: &DataSet) {
    for blob in &set.content.blobs {
        api.push_blob(set.name, blob).await;
    }
    for manifest in &set.content.manifests {
        let reply = api.put_manifest(set.name, &manifest.digest.to_string(), manifest).await;
        assert_eq!(reply.status, 201, "{}: {reply:?}", set.name);
    }
    if set.by_tag {
        let reply = api.put_manifest(set.name, "v1", set.content.top()).await;
        assert_eq!(reply.status, 201, "{}: {reply:?}", set.name);
    }
}

/// Fails with the set's name when `right` does not hold.
#[track_caller]
pub(crate) fn check(set: &DataSet, reply: &Reply, right: bool, what: &str) {
    assert!(right, "{}: {what}: {reply:?}", set.name);
}

fn set(name: &'static str, content: Content) -> DataSet {
    DataSet { name, content, referrers: Vec::new(), by_tag: true }
}

fn platforms() -> Content {
    index(vec![image().platform("linux/amd64").build(), image().platform("linux/arm64").build()]).build()
}

fn missing_descriptor(media_type: &str) -> Value {
    let bytes = Random::unique().bytes(64);
    json!({"mediaType": media_type, "digest": Digest::sha256(&bytes), "size": 64})
}

/// Just below the 4 MiB that "Pushing Manifests" asks clients and registries to support.
fn large_manifest() -> Content {
    let text = "A".repeat(10_000);
    (0..390).fold(image(), |image, nth| image.annotation(&format!("large-annotation-{nth}"), &text)).build()
}

fn non_distributable() -> Content {
    let mut layer = missing_descriptor(media_type::LAYER_NON_DISTRIBUTABLE);
    layer["urls"] = json!(["https://store.example.com/layer"]);
    image().foreign_layer(layer).build()
}

/// A layer is named, pushed nowhere and not marked as foreign.
fn sparse_image() -> Content {
    let mut content = image().layers(2).build();
    content.blobs.remove(0);
    content
}

fn custom_media_type() -> Content {
    let text = json!({"mediaType": EXAMPLE_V2, "anything": ["goes"]}).to_string();
    let manifest = Blob::new(DigestAlgorithm::Sha256, EXAMPLE_V2, text);
    Content { blobs: Vec::new(), manifests: vec![manifest] }
}

/// What the referrers API must say about a manifest ("Listing Referrers").
pub(crate) fn referrer(content: &Content, artifact_type: &str) -> Value {
    let mut descriptor = content.top().descriptor();
    descriptor["artifactType"] = json!(artifact_type);
    if let Some(annotations) = content.json().get("annotations") {
        descriptor["annotations"] = annotations.clone();
    }
    descriptor
}

fn artifacts_with_subject() -> DataSet {
    let subject = image().build();
    let about = || subject.top().descriptor();
    let plain = image().subject(about()).build();
    let first = artifact(EXAMPLE_V1).subject(about()).annotation("org.example.note", "hello").build();
    let second = artifact(EXAMPLE_V2).subject(about()).annotation("org.example.note", "there").build();
    // Without artifactType the configuration's type stands in for it.
    let referrers = vec![
        referrer(&plain, media_type::CONFIG),
        referrer(&first, EXAMPLE_V1),
        referrer(&second, EXAMPLE_V2),
    ];
    let digest = subject.digest();
    let content = second.after(first).after(plain).after(subject);
    DataSet { name: "artifacts-with-subject", content, referrers: vec![(digest, referrers)], by_tag: true }
}

fn index_with_subject() -> DataSet {
    let subject = platforms();
    let referring = index(vec![artifact(EXAMPLE_V1).build()])
        .field("artifactType", json!(EXAMPLE_V1))
        .subject(subject.top().descriptor())
        .annotation("org.example.note", "of an index")
        .build();
    let referrers = vec![(subject.digest(), vec![referrer(&referring, EXAMPLE_V1)])];
    DataSet { name: "index-with-subject", content: referring.after(subject), referrers, by_tag: true }
}

fn missing_subject() -> DataSet {
    let subject = missing_descriptor(media_type::MANIFEST);
    let digest: Digest = subject["digest"].as_str().unwrap().parse().unwrap();
    let content = artifact(EXAMPLE_V1).subject(subject).build();
    let referrers = vec![(digest, vec![referrer(&content, EXAMPLE_V1)])];
    DataSet { name: "missing-subject", content, referrers, by_tag: true }
}
