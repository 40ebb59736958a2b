//! Deletion, history and the way back.

use longshore_metadata::TagEventAction;
use longshore_registry::{BlobPullError, DeleteError, RegistrySettings, RestoreError};
use longshore_types::{Digest, Reference};

use crate::support::*;

#[tokio::test]
async fn a_tag_is_deleted_alone_and_a_manifest_with_its_tags() {
    let registry = TestRegistry::new(settings()).await;
    let (image, app) = (TestImage::new(&["a"]), name("app"));
    let by_digest = Reference::Digest(image.digest());
    for tag in ["v1", "v2"] {
        image.push(&registry, &call(), &app, Some(tag)).await;
    }
    registry.delete_manifest(&call(), &app, &by_tag("v1")).await.unwrap();
    let tags = registry.tags(&call(), &app, None, 10).await.unwrap();
    assert_eq!(tags.entries, [tag("v2")]);
    assert_pulls(&registry, &app, &by_digest).await;

    registry.delete_manifest(&call(), &app, &by_digest).await.unwrap();
    assert!(registry.manifest(&call(), &app, &by_digest).await.is_err());
    assert!(registry.manifest(&call(), &app, &by_tag("v2")).await.is_err());
    for reference in [by_digest, by_tag("v1"), by_tag("v2")] {
        let error = registry.delete_manifest(&call(), &app, &reference).await.unwrap_err();
        assert!(matches!(error, DeleteError::ManifestUnknown { .. }), "{error}");
    }
    let history = registry.tag_history(&call(), &app, None, None, 10).await.unwrap().entries;
    let actions: Vec<_> =
        history.iter().map(|past| (past.event.tag.to_string(), past.event.action)).collect();
    use TagEventAction::{Delete, Push};
    let wanted = [("v2", Delete), ("v1", Delete), ("v2", Push), ("v1", Push)];
    assert_eq!(actions, wanted.map(|(t, a)| (t.to_owned(), a)));
}

#[tokio::test]
async fn what_is_off_or_unknown_is_not_deleted() {
    let registry = TestRegistry::new(settings()).await;
    let app = name("app");
    let error = registry.delete_manifest(&call(), &app, &by_tag("v1")).await.unwrap_err();
    assert!(matches!(error, DeleteError::NameUnknown(_)), "{error}");
    let error = registry.delete_blob(&call(), &app, &Digest::sha256(b"")).await.unwrap_err();
    assert!(matches!(error, DeleteError::NameUnknown(_)), "{error}");
    TestImage::new(&["a"]).push(&registry, &call(), &app, Some("v1")).await;
    let error = registry.delete_blob(&call(), &app, &Digest::sha256(b"")).await.unwrap_err();
    assert!(matches!(error, DeleteError::BlobUnknown { .. }), "{error}");
    let off = registry.reopened(RegistrySettings { delete_enabled: false, ..settings() });
    let error = off.delete_manifest(&call(), &app, &by_tag("v1")).await.unwrap_err();
    assert!(matches!(error, DeleteError::Disabled), "{error}");
    let frozen = registry.reopened(RegistrySettings { readonly: true, ..settings() });
    let error = frozen.delete_manifest(&call(), &app, &by_tag("v1")).await.unwrap_err();
    assert!(matches!(error, DeleteError::ReadOnly(_)), "{error}");
    let error = registry.delete_manifest(&granted(&[]), &app, &by_tag("v1")).await.unwrap_err();
    assert!(matches!(error, DeleteError::Denied(_)), "{error}");
}

#[tokio::test]
async fn a_blob_in_use_is_not_deleted() {
    let registry = TestRegistry::new(settings()).await;
    let (image, app) = (TestImage::new(&["config", "layer"]), name("app"));
    image.push(&registry, &call(), &app, Some("v1")).await;
    let digest = Digest::sha256(b"layer");
    let error = registry.delete_blob(&call(), &app, &digest).await.unwrap_err();
    assert!(matches!(error, DeleteError::BlobReferenced { manifest, .. } if manifest == image.digest()));
    registry.delete_manifest(&call(), &app, &Reference::Digest(image.digest())).await.unwrap();
    registry.delete_blob(&call(), &app, &digest).await.unwrap();
    let error = pull_blob(&registry, &app, &digest).await.unwrap_err();
    assert!(matches!(error, BlobPullError::BlobUnknown { .. }), "{error}");
    // Without that blob the manifest must not come back.
    let error = registry.restore_manifest(&call(), &app, &image.digest()).await.unwrap_err();
    assert!(matches!(&error, RestoreError::Gone(why) if why.contains("blob")), "{error}");
}

#[tokio::test]
async fn tags_and_manifests_come_back_within_the_window() {
    let registry = TestRegistry::new(settings()).await;
    let (image, app) = (TestImage::new(&["config", "layer"]), name("app"));
    image.push(&registry, &call(), &app, Some("v1")).await;
    registry.delete_manifest(&call(), &app, &Reference::Digest(image.digest())).await.unwrap();
    let last_moment = at(start().after(7 * DAY - MINUTE));
    registry.collect(last_moment.now).await;
    registry.restore_manifest(&last_moment, &app, &image.digest()).await.unwrap();
    assert!(registry.manifest(&call(), &app, &by_tag("v1")).await.is_err());
    assert_eq!(registry.restore_tag(&last_moment, &app, &tag("v1")).await.unwrap(), image.digest());
    assert_pulls(&registry, &app, &by_tag("v1")).await;
    registry.assert_sound().await;
    for (error, wanted) in [
        (registry.restore_tag(&last_moment, &app, &tag("v1")).await.unwrap_err(), "is not deleted"),
        (registry.restore_tag(&last_moment, &app, &tag("v9")).await.unwrap_err(), "never was"),
        (registry.restore_manifest(&last_moment, &app, &image.digest()).await.unwrap_err(), "is not deleted"),
    ] {
        assert!(error.to_string().contains(wanted), "{error}");
    }
}

#[tokio::test]
async fn after_the_window_nothing_comes_back() {
    let registry = TestRegistry::new(settings()).await;
    let (image, app) = (TestImage::new(&["config", "layer"]), name("app"));
    image.push(&registry, &call(), &app, Some("v1")).await;
    registry.delete_manifest(&call(), &app, &Reference::Digest(image.digest())).await.unwrap();
    let late = at(start().after(7 * DAY));
    for collected in [false, true] {
        if collected {
            assert_eq!(registry.collect(late.now).await, [format!("manifest {}", image.digest())]);
        }
        let error = registry.restore_tag(&late, &app, &tag("v1")).await.unwrap_err();
        assert!(matches!(error, RestoreError::Gone(_)), "{error}");
        let error = registry.restore_manifest(&late, &app, &image.digest()).await.unwrap_err();
        assert!(matches!(error, RestoreError::Gone(_)), "{error}");
    }
}
