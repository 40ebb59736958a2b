//! What a push does that its project has no room for.

use longshore_metadata::{MetadataError, QuotaExceeded, QuotaLimit};
use longshore_registry::{ManifestPushError, MountError, UploadError};
use longshore_storage::{BlobStore, StoreError};
use longshore_types::{Digest, DigestAlgorithm};

use crate::support::*;

/// Sets the limit of a project that has a repository already.
async fn limit(registry: &TestRegistry, project: &str, bytes: u64) {
    let mut tx = registry.metadata.write().await.unwrap();
    let project = tx.project(&project.parse().unwrap()).await.unwrap().unwrap();
    tx.set_quota(project.id, QuotaLimit::Bytes(bytes), start()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn used(registry: &TestRegistry, project: &str) -> u64 {
    let mut tx = registry.metadata.read().await.unwrap();
    let project = tx.project(&project.parse().unwrap()).await.unwrap().unwrap();
    tx.quota_of(project.id).await.unwrap().unwrap().used_bytes
}

fn assert_exceeded(error: MetadataError, used_bytes: u64, needed_bytes: u64) {
    let MetadataError::QuotaExceeded(QuotaExceeded { used_bytes: used, needed_bytes: needed, .. }) = error
    else {
        panic!("{error}");
    };
    assert_eq!((used, needed), (used_bytes, needed_bytes));
}

async fn assert_nowhere(registry: &TestRegistry, content: &[u8]) {
    let digest = Digest::sha256(content);
    let stored = registry.store.stat(&digest).await;
    assert!(matches!(stored, Err(StoreError::NotFound)), "{stored:?}");
    assert_eq!(registry.metadata.read().await.unwrap().blob(&digest).await.unwrap(), None);
}

#[tokio::test]
async fn a_blob_that_does_not_fit_leaves_nothing() {
    let registry = TestRegistry::counting(settings()).await;
    let app = name("team/app");
    push_blob(&registry, &call(), &app, b"12345678").await.unwrap();
    limit(&registry, "team", 10).await;

    let upload = registry.start_upload(&call(), &app, DigestAlgorithm::Sha256).await.unwrap();
    let digest = Digest::sha256(b"abc");
    let finished = registry.finish_upload(&call(), &app, &upload.id, &digest, None, None, body(b"abc")).await;
    let Err(UploadError::Metadata(error)) = finished else { panic!("{finished:?}") };
    assert_exceeded(error, 8, 3);
    assert_nowhere(&registry, b"abc").await;
    let status = registry.upload_status(&call(), &app, &upload.id).await;
    assert!(matches!(status, Err(UploadError::UploadUnknown(_))), "{status:?}");

    let pushed = registry.push_blob(&call(), &app, &digest, Some(3), body(b"abc")).await;
    let Err(UploadError::Metadata(error)) = pushed else { panic!("{pushed:?}") };
    assert_exceeded(error, 8, 3);
    assert_nowhere(&registry, b"abc").await;
    registry.idle().await;
    assert!(
        registry
            .metadata
            .read()
            .await
            .unwrap()
            .stale_uploads(start().after(DAY), 9)
            .await
            .unwrap()
            .is_empty()
    );
    // What fits fits.
    push_blob(&registry, &call(), &app, b"ab").await.unwrap();
    assert_eq!(used(&registry, "team").await, 10);
    registry.assert_sound().await;
}

#[tokio::test]
async fn what_others_have_stays_when_it_does_not_fit_here() {
    let registry = TestRegistry::counting(settings()).await;
    let (app, other) = (name("team/app"), name("other/app"));
    push_blob(&registry, &call(), &other, b"theirs").await.unwrap();
    push_blob(&registry, &call(), &app, b"ours").await.unwrap();
    limit(&registry, "team", 5).await;
    let refused = push_blob(&registry, &call(), &app, b"theirs").await.unwrap_err();
    let UploadError::Metadata(error) = refused else { panic!("{refused}") };
    assert_exceeded(error, 4, 6);
    let digest = Digest::sha256(b"theirs");
    let refused = registry.mount_blob(&call(), &app, &digest, Some(&other)).await.unwrap_err();
    let MountError::Metadata(error) = refused else { panic!("{refused}") };
    assert_exceeded(error, 4, 6);
    assert_eq!(pull_blob(&registry, &other, &digest).await.unwrap(), b"theirs");
    // Within the project a mount takes no room.
    registry.mount_blob(&call(), &name("team/more"), &Digest::sha256(b"ours"), Some(&app)).await.unwrap();
    assert_eq!(used(&registry, "team").await, 4);
    registry.assert_sound().await;
}

#[tokio::test]
async fn a_manifest_that_does_not_fit_is_not_there() {
    let registry = TestRegistry::counting(settings()).await;
    let (app, image) = (name("team/app"), TestImage::new(&["config", "layer"]));
    image.push_blobs(&registry, &call(), &app).await;
    let size = image.manifest.len() as u64;
    limit(&registry, "team", 11 + size - 1).await;
    let refused = push_manifest(&registry, &call(), &app, Some("v1"), &image.manifest).await.unwrap_err();
    let ManifestPushError::Metadata(error) = refused else { panic!("{refused}") };
    assert_exceeded(error, 11, size);
    registry.manifest(&call(), &app, &by_tag("v1")).await.unwrap_err();
    limit(&registry, "team", 11 + size).await;
    push_manifest(&registry, &call(), &app, Some("v1"), &image.manifest).await.unwrap();
    // Pushed again, under another tag, and into another repository of the project, it takes no more.
    push_manifest(&registry, &call(), &app, Some("v2"), &image.manifest).await.unwrap();
    image.push(&registry, &call(), &name("team/other"), Some("v1")).await;
    assert_eq!(used(&registry, "team").await, 11 + size);
    registry.assert_sound().await;
}

#[tokio::test]
async fn collection_gives_room_back() {
    let registry = TestRegistry::counting(settings()).await;
    let (app, image) = (name("team/app"), TestImage::new(&["config", "layer"]));
    image.push(&registry, &call(), &app, Some("v1")).await;
    let full = used(&registry, "team").await;
    registry
        .delete_manifest(&call(), &app, &longshore_types::Reference::Digest(image.digest()))
        .await
        .unwrap();
    assert_eq!(used(&registry, "team").await, full, "it can still be restored");
    for days in 8..11 {
        registry.collect(start().after(days * DAY)).await;
    }
    assert_eq!(used(&registry, "team").await, 0);
    registry.assert_sound().await;
}
