//! Pull and mount of blobs.

use longshore_auth::Action;
use longshore_registry::{BlobPullError, MountOutcome};
use longshore_storage::BlobStore;
use longshore_types::Digest;

use crate::support::*;

fn digest() -> Digest {
    Digest::sha256(b"content")
}

async fn with_content() -> TestRegistry {
    let registry = TestRegistry::new(settings()).await;
    push_blob(&registry, &call(), &name("source"), b"content").await.unwrap();
    registry
}

#[tokio::test]
async fn a_blob_is_readable_only_where_it_is_linked() {
    let registry = with_content().await;
    assert_eq!(pull_blob(&registry, &name("source"), &digest()).await.unwrap(), b"content");
    let error = pull_blob(&registry, &name("other"), &digest()).await.unwrap_err();
    assert!(matches!(error, BlobPullError::NameUnknown(_)), "{error}");
    push_blob(&registry, &call(), &name("other"), b"something else").await.unwrap();
    let error = pull_blob(&registry, &name("other"), &digest()).await.unwrap_err();
    assert!(matches!(error, BlobPullError::BlobUnknown { .. }), "{error}");
    let stranger = granted(&[("other", Action::Pull)]);
    let error = registry.blob(&stranger, &name("source"), &digest()).await.err().unwrap();
    assert!(matches!(error, BlobPullError::Denied(_)), "{error}");
}

#[tokio::test]
async fn content_that_the_store_lost_is_unknown() {
    let registry = with_content().await;
    registry.store.remove(&digest()).await.unwrap();
    let error = pull_blob(&registry, &name("source"), &digest()).await.unwrap_err();
    assert!(matches!(error, BlobPullError::BlobUnknown { .. }), "{error}");
}

#[tokio::test]
async fn a_mount_links_without_bytes() {
    let registry = with_content().await;
    for (target, from) in [("a", Some(name("source"))), ("b", None), ("a", Some(name("a")))] {
        let outcome = registry.mount_blob(&call(), &name(target), &digest(), from.as_ref()).await.unwrap();
        assert!(matches!(outcome, MountOutcome::Mounted(d) if d == digest()), "{target} {from:?}");
        assert_eq!(pull_blob(&registry, &name(target), &digest()).await.unwrap(), b"content");
    }
}

#[tokio::test]
async fn a_mount_needs_a_source_that_the_caller_may_pull_from() {
    let registry = with_content().await;
    let check = async |rights: &[(&str, Action)], from: Option<&str>, wanted: bool| {
        let from = from.map(name);
        let call = granted(rights);
        let outcome = registry.mount_blob(&call, &name("target"), &digest(), from.as_ref()).await.unwrap();
        let mounted = matches!(outcome, MountOutcome::Mounted(_));
        assert_eq!(mounted, wanted, "{rights:?} {from:?}");
        assert_eq!(pull_blob(&registry, &name("target"), &digest()).await.is_ok(), wanted);
    };
    let push = ("target", Action::Push);
    check(&[push], Some("source"), false).await;
    check(&[push], None, false).await;
    check(&[push, ("source", Action::Push)], Some("source"), false).await;
    check(&[push, ("elsewhere", Action::Pull)], Some("elsewhere"), false).await;
    check(&[push, ("elsewhere", Action::Pull)], None, false).await;
    check(&[push, ("elsewhere", Action::Pull), ("source", Action::Pull)], None, true).await;
    let error = registry.mount_blob(&granted(&[]), &name("target"), &digest(), None).await;
    assert!(error.is_err());
}

#[tokio::test]
async fn what_the_store_lost_is_not_mounted() {
    let registry = with_content().await;
    registry.store.remove(&digest()).await.unwrap();
    let outcome =
        registry.mount_blob(&call(), &name("target"), &digest(), Some(&name("source"))).await.unwrap();
    assert!(matches!(outcome, MountOutcome::NotMounted));
}

#[tokio::test]
async fn health_is_tried_for_real() {
    let registry = with_content().await;
    registry.check(MINUTE).await.overall().unwrap();
    registry.metadata.close().await;
    let error = registry.check(MINUTE).await.overall().unwrap_err().to_owned();
    assert!(error.starts_with("index: "), "{error}");
}
