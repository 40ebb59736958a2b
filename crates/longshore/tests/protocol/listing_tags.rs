//! Spec "Listing Tags"; distribution's catalog beside it.

use longshore_testkit::{Api, Blob, TestRegistry, image};
use serde_json::json;

use crate::data_sets;

async fn tags(api: &Api, query: &str) -> Vec<String> {
    let reply = api.get(&format!("/v2/spec/tags/tags/list{query}")).await.assert_status(200);
    assert_eq!(reply.json()["name"], "spec/tags");
    serde_json::from_value(reply.json()["tags"].clone()).expect("a list of texts, never null")
}

/// A registry whose repository `spec/tags` has `names` as tags.
async fn tagged(names: &[&str]) -> TestRegistry {
    let registry = TestRegistry::start().await;
    let content = image().build();
    registry.push_image("spec/tags", names[0], &content).await;
    for name in &names[1..] {
        registry.put_manifest("spec/tags", name, content.top()).await.assert_status(201);
    }
    registry
}

#[tokio::test]
async fn listing_tags() {
    let registry = data_sets::registry().await;
    for set in data_sets::all() {
        data_sets::push(&registry, &set).await;
        let reply = registry.get(&format!("/v2/{}/tags/list", set.name)).await.assert_status(200);
        let expected = if set.by_tag { json!(["v1"]) } else { json!([]) };
        assert_eq!(reply.json(), json!({"name": set.name, "tags": expected}));
    }
}

#[tokio::test]
async fn tags_are_sorted_by_their_bytes_and_paged() {
    let registry = tagged(&["b", "a", "_", "B", "10", "9", "a.b", "a-b"]).await;
    let sorted = ["10", "9", "B", "_", "a", "a-b", "a.b", "b"];
    assert_eq!(tags(&registry, "").await, sorted);
    assert_eq!(tags(&registry, "?n=100").await, sorted);
    assert_eq!(tags(&registry, "?n=3").await, sorted[..3]);
    assert_eq!(tags(&registry, "?n=3&last=B").await, sorted[3..6]);
    assert_eq!(tags(&registry, "?last=a").await, sorted[5..]);
    assert_eq!(tags(&registry, "?last=b").await, [""; 0]);
    // A tag that is not there (any more) marks a place all the same.
    assert_eq!(tags(&registry, "?last=a0").await, ["b"]);
    let mut path = "/v2/spec/tags/tags/list?n=3".to_owned();
    let mut walked = Vec::new();
    loop {
        let reply = registry.get(&path).await.assert_status(200);
        walked.extend(serde_json::from_value::<Vec<String>>(reply.json()["tags"].clone()).unwrap());
        match reply.next_link() {
            Some(next) => path = next,
            None => break,
        }
    }
    assert_eq!(walked, sorted, "Link leads through every page and then ends");
}

#[tokio::test]
async fn n_of_zero_is_an_empty_page_without_link() {
    let registry = tagged(&["a", "b"]).await;
    let reply = registry.get("/v2/spec/tags/tags/list?n=0").await.assert_status(200);
    assert_eq!(reply.json()["tags"], json!([]));
    assert_eq!(reply.next_link(), None);
    for n in ["-1", "many", "1.5"] {
        let reply = registry.get(&format!("/v2/spec/tags/tags/list?n={n}")).await;
        assert_eq!(reply.status, 400, "{n}: {reply:?}");
    }
}

#[tokio::test]
async fn a_repository_without_tags_and_one_that_is_not_there() {
    let registry = TestRegistry::start().await;
    registry.push_blob("spec/blobs-only", &Blob::random(1)).await;
    let reply = registry.get("/v2/spec/blobs-only/tags/list").await.assert_status(200);
    assert_eq!(reply.json()["tags"], json!([]));
    registry.get("/v2/spec/unknown/tags/list").await.assert_error(404, "NAME_UNKNOWN");
}

#[tokio::test]
async fn pages_end_at_the_operators_limit() {
    let registry = TestRegistry::builder().set("tags.maxtags", 2).set("catalog.maxentries", 2).spawn().await;
    let content = image().build();
    for repository in ["a/one", "a/two", "b/three"] {
        registry.push_image(repository, "t1", &content).await;
        for tag in ["t2", "t3"] {
            registry.put_manifest(repository, tag, content.top()).await.assert_status(201);
        }
    }
    for (path, field, total) in [("/v2/a/one/tags/list", "tags", 3), ("/v2/_catalog", "repositories", 3)] {
        for query in ["", "?n=2", "?n=1"] {
            let mut next = Some(format!("{path}{query}"));
            let mut seen = Vec::new();
            while let Some(path) = next {
                let reply = registry.get(&path).await.assert_status(200);
                let page = reply.json()[field].as_array().expect("a list").clone();
                assert!(page.len() <= 2, "{page:?}");
                seen.extend(page);
                next = reply.next_link();
            }
            assert_eq!(seen.len(), total, "{path}{query}: {seen:?}");
            assert!(seen.windows(2).all(|pair| pair[0].as_str() < pair[1].as_str()), "{seen:?}");
        }
    }
}
