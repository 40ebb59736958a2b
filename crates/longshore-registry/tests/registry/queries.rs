//! How many calls to the index each use case costs: begins, statements, and two for each commit.

use longshore_metadata::FaultPlan;
use longshore_registry::Registry;
use longshore_types::{Digest, DigestAlgorithm, Reference, RepositoryName};

use crate::support::*;

/// Runs `work` and says how many calls it made.
async fn calls<T>(sane: &TestRegistry, work: impl AsyncFnOnce(Registry) -> T) -> u64 {
    let plan = FaultPlan::counting();
    let registry = registry(sane.metadata.clone().with_faults(&plan), sane.store.clone(), settings());
    work(registry.clone()).await;
    registry.idle().await;
    plan.calls()
}

async fn pull(sane: &TestRegistry, app: &RepositoryName, reference: Reference) -> u64 {
    calls(sane, async |registry| registry.manifest(&call(), app, &reference).await.unwrap()).await
}

async fn blob(sane: &TestRegistry, app: &RepositoryName, content: &[u8]) -> u64 {
    calls(sane, async |registry| pull_blob(&registry, app, &Digest::sha256(content)).await.unwrap()).await
}

#[tokio::test]
async fn a_warm_pull_asks_the_index_nothing() {
    let registry = TestRegistry::new(settings()).await;
    let app = name("app");
    let image = TestImage::new(&["config", "layer"]);
    image.push(&registry, &call(), &app, Some("v1")).await;
    image.push(&registry, &call(), &app, Some("v2")).await;
    let by_digest = Reference::Digest(image.digest());
    // The row of the repository, then the manifest; each read begins once.
    assert_eq!(pull(&registry, &app, by_tag("v1")).await, 4, "cold");
    assert_eq!(pull(&registry, &app, by_tag("v2")).await, 2, "another tag");
    assert_eq!(pull(&registry, &app, by_digest.clone()).await, 2, "by digest");
    assert_eq!(blob(&registry, &app, b"layer").await, 2, "a blob");
    for reference in [by_tag("v1"), by_tag("v2"), by_digest] {
        assert_eq!(pull(&registry, &app, reference).await, 0, "warm");
    }
    assert_eq!(blob(&registry, &app, b"layer").await, 0, "warm");
    // A push of the same is no change to anyone, and a push of something else not to the others.
    push_manifest(&registry, &call(), &app, Some("v1"), &image.manifest).await.unwrap();
    assert_eq!(pull(&registry, &app, by_tag("v1")).await, 0, "pushed again");
    let other = TestImage::with(&["config", "layer"], r#","annotations":{"a":"b"}"#);
    push_manifest(&registry, &call(), &app, Some("v1"), &other.manifest).await.unwrap();
    assert_eq!(pull(&registry, &app, by_tag("v1")).await, 2, "moved");
    assert_eq!(pull(&registry, &app, by_tag("v2")).await, 0, "left alone");
}

#[tokio::test]
async fn a_caller_without_rights_gets_nothing_from_memory() {
    let registry = TestRegistry::new(settings()).await;
    let app = name("app");
    let image = TestImage::new(&["config"]);
    image.push(&registry, &call(), &app, Some("v1")).await;
    assert_eq!(pull(&registry, &app, by_tag("v1")).await + blob(&registry, &app, b"config").await, 6);
    assert_eq!(pull(&registry, &app, by_tag("v1")).await + blob(&registry, &app, b"config").await, 0);
    let stranger = granted(&[("other", longshore_auth::Action::Pull)]);
    registry.manifest(&stranger, &app, &by_tag("v1")).await.unwrap_err();
    assert!(registry.blob(&stranger, &app, &Digest::sha256(b"config")).await.is_err());
}

/// What a push may cost, so that nobody makes it dearer unseen.
#[tokio::test]
async fn pushes_stay_within_their_bounds() {
    let registry = TestRegistry::new(settings()).await;
    let (app, other) = (name("app"), name("other"));
    let image = TestImage::new(&["config", "layer"]);
    image.push(&registry, &call(), &app, Some("v1")).await;
    push_blob(&registry, &call(), &other, b"config").await.unwrap();
    let at_most = |what: &str, calls: u64, most: u64| assert!(calls <= most, "{what}: {calls} calls");

    let started = calls(&registry, async |registry| {
        registry.start_upload(&call(), &app, DigestAlgorithm::Sha256).await.unwrap()
    });
    at_most("the begin of an upload", started.await, 8);
    let digest = Digest::sha256(b"more");
    let pushed = calls(&registry, async |registry| {
        registry.push_blob(&call(), &app, &digest, Some(4), body(b"more")).await.unwrap()
    });
    at_most("a blob in one request", pushed.await, 24);
    let layer = Digest::sha256(b"layer");
    let mounted = calls(&registry, async |registry| {
        registry.mount_blob(&call(), &other, &layer, Some(&app)).await.unwrap()
    });
    at_most("a mount", mounted.await, 11);
    let pushed = calls(&registry, async |registry| {
        push_manifest(&registry, &call(), &other, Some("v1"), &image.manifest).await.unwrap()
    });
    at_most("a manifest", pushed.await, 15);
}
