//! Spec "Listing Referrers".

use std::collections::BTreeSet;

use longshore_testkit::{Blob, Reply, TestRegistry, artifact, image, media_type};
use serde_json::{Value, json};

use crate::data_sets;

/// The descriptors of a reply that is what the section asks for.
#[track_caller]
fn descriptors(reply: Reply) -> Vec<Value> {
    let reply = reply.assert_status(200).assert_header("content-type", media_type::INDEX);
    let index = reply.json();
    assert_eq!((&index["schemaVersion"], &index["mediaType"]), (&json!(2), &json!(media_type::INDEX)));
    index["manifests"].as_array().expect("a list, never null").clone()
}

#[tokio::test]
async fn listing_referrers() {
    let registry = data_sets::registry().await;
    for set in data_sets::all() {
        data_sets::push(&registry, &set).await;
        for (subject, expected) in &set.referrers {
            let path = format!("/v2/{}/referrers/{subject}", set.name);
            let listed = descriptors(registry.get(&path).await);
            assert_eq!(sorted(listed), sorted(expected.clone()), "{}", set.name);
            let types: BTreeSet<&str> = expected.iter().filter_map(|d| d["artifactType"].as_str()).collect();
            for artifact_type in types {
                let escaped = artifact_type.replace('+', "%2B");
                let reply = registry.get(&format!("{path}?artifactType={escaped}")).await;
                let reply = reply.assert_header("oci-filters-applied", "artifactType");
                let matching = expected.iter().filter(|d| d["artifactType"] == artifact_type);
                assert_eq!(sorted(descriptors(reply)), sorted(matching.cloned().collect()), "{}", set.name);
            }
        }
        // Whatever has no referrers has an empty list.
        if set.referrers.is_empty() {
            let path = format!("/v2/{}/referrers/{}", set.name, set.content.digest());
            assert_eq!(descriptors(registry.get(&path).await), [Value::Null; 0]);
        }
    }
}

fn sorted(mut descriptors: Vec<Value>) -> Vec<Value> {
    descriptors.sort_by_key(|descriptor| descriptor["digest"].to_string());
    descriptors
}

#[tokio::test]
async fn nothing_known_is_an_empty_list_never_404() {
    let registry = TestRegistry::start().await;
    let digest = Blob::random(8).digest;
    registry.push_blob("spec/known", &Blob::random(1)).await;
    for repository in ["spec/known", "spec/unknown"] {
        let path = format!("/v2/{repository}/referrers/{digest}");
        assert!(descriptors(registry.get(&path).await).is_empty());
        let reply = registry.get(&format!("{path}?artifactType=a/b")).await;
        assert!(descriptors(reply.assert_header("oci-filters-applied", "artifactType")).is_empty());
    }
    for bad in ["sha256:abc", "latest", "md5:00"] {
        let reply = registry.get(&format!("/v2/spec/known/referrers/{bad}")).await;
        reply.assert_error(400, "DIGEST_INVALID");
    }
}

#[tokio::test]
async fn an_index_without_type_has_none_in_the_list() {
    let registry = TestRegistry::start().await;
    let subject = image().build();
    let referring = longshore_testkit::index(Vec::new()).subject(subject.top().descriptor()).build();
    registry.push_image("spec/typeless", "index", &referring).await;
    let listed =
        descriptors(registry.get(&format!("/v2/spec/typeless/referrers/{}", subject.digest())).await);
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].get("artifactType"), None, "\"the artifactType MUST be omitted\"");
}

#[tokio::test]
async fn many_referrers_come_in_pages() {
    let registry = TestRegistry::start().await;
    let subject = image().build();
    registry.push_image("spec/pages", "v1", &subject).await;
    let mut expected = BTreeSet::new();
    for nth in 0..7 {
        let about = artifact(&format!("application/vnd.example.t{}", nth % 2)).layers(0);
        let about = about.subject(subject.top().descriptor()).annotation("nth", &nth.to_string()).build();
        expected.insert(about.digest().to_string());
        registry.push_image("spec/pages", &format!("a{nth}"), &about).await;
    }
    for (filter, count) in [("", 7), ("&artifactType=application/vnd.example.t0", 4)] {
        let mut next = Some(format!("/v2/spec/pages/referrers/{}?n=3{filter}", subject.digest()));
        let mut seen = BTreeSet::new();
        while let Some(path) = next {
            let reply = registry.get(&path).await;
            next = reply.next_link();
            let page = descriptors(reply);
            assert!(page.len() <= 3, "{page:?}");
            for descriptor in page {
                let digest = descriptor["digest"].as_str().expect("a digest").to_owned();
                assert!(expected.contains(&digest));
                assert!(seen.insert(digest), "listed twice");
            }
        }
        assert_eq!(seen.len(), count);
    }
}

#[tokio::test]
async fn a_deleted_referrer_leaves_the_list() {
    let registry = TestRegistry::start().await;
    let subject = image().build();
    let sbom = artifact("application/vnd.example.sbom").subject(subject.top().descriptor()).build();
    registry.push_image("spec/deleted", "v1", &subject).await;
    registry.push_image("spec/deleted", "sbom", &sbom).await;
    let path = format!("/v2/spec/deleted/referrers/{}", subject.digest());
    assert_eq!(descriptors(registry.get(&path).await).len(), 1);
    registry.delete(&format!("/v2/spec/deleted/manifests/{}", sbom.digest())).await.assert_status(202);
    assert!(descriptors(registry.get(&path).await).is_empty());
}

#[tokio::test]
async fn the_referrers_tag_schema_counts_too() {
    let registry = TestRegistry::start().await;
    let subject = image().build();
    registry.push_image("spec/fallback", "v1", &subject).await;
    // A client that knew no referrers API left this: an index under the tag of the subject's digest.
    let (known, unknown) = (image().build(), image().build());
    registry.push_image("spec/fallback", "signature", &known).await;
    let list = longshore_testkit::index(vec![known.clone()]).missing(unknown.top().descriptor()).build();
    let tag = subject.digest().to_string().replace(':', "-");
    registry.put_manifest("spec/fallback", &tag, list.top()).await.assert_status(201);
    let listed =
        descriptors(registry.get(&format!("/v2/spec/fallback/referrers/{}", subject.digest())).await);
    let digests: Vec<&Value> = listed.iter().map(|descriptor| &descriptor["digest"]).collect();
    assert_eq!(digests, [&json!(known.digest())], "what is not here is not listed");
}
