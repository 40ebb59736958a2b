//! Uploads: in pieces, broken off, taken up again.

use futures_util::{StreamExt, stream};
use longshore_registry::{BodyError, RegistrySettings, UploadError, UploadSettings, UploadStatus};
use longshore_storage::{UploadProgress, UploadStore};
use longshore_types::{Digest, DigestAlgorithm, UploadId};
use tokio::sync::mpsc;

use crate::support::*;

async fn begin(registry: &TestRegistry) -> UploadId {
    registry.start_upload(&call(), &name("app"), DigestAlgorithm::Sha256).await.unwrap().id
}

async fn append(
    registry: &TestRegistry,
    id: &UploadId,
    offset: u64,
    bytes: &[u8],
) -> Result<u64, UploadError> {
    let status = registry.append_upload(&call(), &name("app"), id, Some(offset), None, body(bytes)).await?;
    Ok(status.size_bytes)
}

async fn finish(
    registry: &TestRegistry,
    id: &UploadId,
    content: &[u8],
    rest: &[u8],
) -> Result<(), UploadError> {
    let digest = Digest::sha256(content);
    registry.finish_upload(&call(), &name("app"), id, &digest, None, None, body(rest)).await.map(drop)
}

async fn size(registry: &TestRegistry, id: &UploadId) -> Result<u64, UploadError> {
    registry.upload_status(&call(), &name("app"), id).await.map(|status| status.size_bytes)
}

pub(crate) async fn uploads_in_store(registry: &TestRegistry) -> usize {
    registry.store.list_uploads().await
}

trait ListUploads {
    async fn list_uploads(&self) -> usize;
}

impl ListUploads for longshore_storage::MemoryStore {
    async fn list_uploads(&self) -> usize {
        UploadStore::list(self).count().await
    }
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 31 % 251) as u8).collect()
}

#[tokio::test]
async fn pieces_make_a_blob() {
    let registry = TestRegistry::new(settings()).await;
    // Longer than one piece of hashing, and not a multiple of anything.
    let content = content(5_300_001);
    let id = begin(&registry).await;
    assert_eq!(append(&registry, &id, 0, &content[..10]).await.unwrap(), 10);
    assert_eq!(append(&registry, &id, 10, &content[10..3_000_000]).await.unwrap(), 3_000_000);
    finish(&registry, &id, &content, &content[3_000_000..]).await.unwrap();
    assert_eq!(pull_blob(&registry, &name("app"), &Digest::sha256(&content)).await.unwrap(), content);
    let error = size(&registry, &id).await.unwrap_err();
    assert!(matches!(error, UploadError::UploadUnknown(_)), "{error}");
    assert_eq!(uploads_in_store(&registry).await, 0);
}

#[tokio::test]
async fn the_empty_blob_is_a_blob() {
    let registry = TestRegistry::new(settings()).await;
    let id = begin(&registry).await;
    finish(&registry, &id, b"", b"").await.unwrap();
    let digest = Digest::sha256(b"");
    assert_eq!(pull_blob(&registry, &name("app"), &digest).await.unwrap(), b"");
    registry.push_blob(&call(), &name("other"), &digest, Some(0), body(b"")).await.unwrap();
    assert_eq!(pull_blob(&registry, &name("other"), &digest).await.unwrap(), b"");
}

#[tokio::test]
async fn a_piece_out_of_order_changes_nothing() {
    let registry = TestRegistry::new(settings()).await;
    let id = begin(&registry).await;
    append(&registry, &id, 0, b"abc").await.unwrap();
    for offset in [0, 2, 4] {
        let error = append(&registry, &id, offset, b"xyz").await.unwrap_err();
        let UploadError::OutOfOrder { status } = error else { panic!("{error}") };
        assert_eq!(status, UploadStatus { id, size_bytes: 3 });
    }
    let digest = Digest::sha256(b"abcdef");
    let error = registry
        .finish_upload(&call(), &name("app"), &id, &digest, Some(1), None, body(b"def"))
        .await
        .unwrap_err();
    assert!(matches!(error, UploadError::OutOfOrder { .. }), "{error}");
    finish(&registry, &id, b"abcdef", b"def").await.unwrap();
}

#[tokio::test]
async fn what_arrived_before_a_disconnect_counts() {
    let registry = TestRegistry::new(settings()).await;
    let id = begin(&registry).await;
    let broken =
        registry.append_upload(&call(), &name("app"), &id, Some(0), Some(100), broken_body(b"abc")).await;
    assert!(matches!(broken, Err(UploadError::Body(BodyError::Disconnected(_)))));
    assert_eq!(size(&registry, &id).await.unwrap(), 3);
    // Also when it breaks in the closing request, and for another process on the same index and store.
    let digest = Digest::sha256(b"abcdefghi");
    let broken =
        registry.finish_upload(&call(), &name("app"), &id, &digest, Some(3), None, broken_body(b"def")).await;
    assert!(matches!(broken, Err(UploadError::Body(_))));
    let registry = registry.reopened(settings());
    assert_eq!(size(&registry, &id).await.unwrap(), 6);
    finish(&registry, &id, b"abcdefghi", b"ghi").await.unwrap();
    assert_eq!(pull_blob(&registry, &name("app"), &digest).await.unwrap(), b"abcdefghi");
}

#[tokio::test]
async fn a_disconnect_before_the_first_byte_leaves_the_upload_usable() {
    let registry = TestRegistry::new(settings()).await;
    let id = begin(&registry).await;
    for _ in 0..2 {
        let broken =
            registry.append_upload(&call(), &name("app"), &id, Some(0), Some(3), broken_body(b"")).await;
        assert!(matches!(broken, Err(UploadError::Body(BodyError::Disconnected(_)))));
    }
    finish(&registry, &id, b"abc", b"abc").await.unwrap();
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_stop_the_upload() {
    let registry = TestRegistry::new(settings()).await;
    let id = begin(&registry).await;
    let (sender, receiver) = mpsc::channel(1);
    let slow = stream::unfold(receiver, async |mut r: mpsc::Receiver<_>| Some((r.recv().await?, r)));
    {
        let app = name("app");
        let caller = call();
        let mut append = Box::pin(registry.append_upload(&caller, &app, &id, None, None, slow.boxed()));
        assert!(futures_util::poll!(&mut append).is_pending());
    }
    sender.send(Ok("abc".into())).await.unwrap();
    drop(sender);
    registry.idle().await;
    assert_eq!(size(&registry, &id).await.unwrap(), 3);
}

#[tokio::test]
async fn one_writer_at_a_time() {
    let registry = TestRegistry::new(settings()).await;
    let id = begin(&registry).await;
    let (sender, receiver) = mpsc::channel(1);
    let slow = stream::unfold(receiver, async |mut r: mpsc::Receiver<_>| Some((r.recv().await?, r)));
    let first = tokio::spawn({
        let registry = registry.registry.clone();
        async move { registry.append_upload(&call(), &name("app"), &id, None, None, slow.boxed()).await }
    });
    // Two sends through a channel of one: the first has been taken, so the upload is in the writer's hands.
    sender.send(Ok("abc".into())).await.unwrap();
    sender.send(Ok("def".into())).await.unwrap();
    let error = append(&registry, &id, 0, b"xyz").await.unwrap_err();
    assert!(matches!(error, UploadError::Busy(_)), "{error}");
    let error = registry.cancel_upload(&call(), &name("app"), &id).await.unwrap_err();
    assert!(matches!(error, UploadError::Busy(_)), "{error}");
    // Another replica cannot know; the index decides who was first.
    let other = registry.reopened(settings());
    append(&other, &id, 0, b"other").await.unwrap();
    drop(sender);
    let error = first.await.unwrap().unwrap_err();
    assert!(matches!(error, UploadError::Busy(_)), "{error}");
    assert_eq!(size(&registry, &id).await.unwrap(), 5);
}

#[tokio::test]
async fn another_algorithm_than_announced_is_hashed_again() {
    let registry = TestRegistry::new(settings()).await;
    let id = begin(&registry).await;
    append(&registry, &id, 0, b"abc").await.unwrap();
    let digest = Digest::of(DigestAlgorithm::Sha512, b"abcdef");
    registry.finish_upload(&call(), &name("app"), &id, &digest, None, Some(3), body(b"def")).await.unwrap();
    assert_eq!(pull_blob(&registry, &name("app"), &digest).await.unwrap(), b"abcdef");
}

#[tokio::test]
async fn wrong_content_is_given_up() {
    let registry = TestRegistry::new(settings()).await;
    let id = begin(&registry).await;
    append(&registry, &id, 0, b"abc").await.unwrap();
    let error = finish(&registry, &id, b"something else", b"").await.unwrap_err();
    assert!(matches!(error, UploadError::DigestMismatch { actual, .. } if actual == Digest::sha256(b"abc")));
    let error = size(&registry, &id).await.unwrap_err();
    assert!(matches!(error, UploadError::UploadUnknown(_)), "{error}");
    let wrong = Digest::sha256(b"wrong");
    let error = registry.push_blob(&call(), &name("app"), &wrong, None, body(b"abc")).await.unwrap_err();
    assert!(matches!(error, UploadError::DigestMismatch { .. }), "{error}");
    assert_eq!(uploads_in_store(&registry).await, 0);
}

#[tokio::test]
async fn a_wrong_length_is_told() {
    let registry = TestRegistry::new(settings()).await;
    let id = begin(&registry).await;
    append(&registry, &id, 0, b"abc").await.unwrap();
    for wanted in [0, 2, 4] {
        let error = registry
            .append_upload(&call(), &name("app"), &id, Some(3), Some(wanted), body(b"def"))
            .await
            .unwrap_err();
        assert!(matches!(error, UploadError::SizeMismatch { actual: 3, .. }), "{error}");
    }
    assert_eq!(size(&registry, &id).await.unwrap(), 3);
    finish(&registry, &id, b"abcdef", b"def").await.unwrap();
}

#[tokio::test]
async fn nothing_is_left_of_a_whole_push_that_broke_off() {
    let registry = TestRegistry::new(settings()).await;
    let digest = Digest::sha256(b"abcdef");
    let broken = registry.push_blob(&call(), &name("app"), &digest, Some(6), broken_body(b"abc")).await;
    assert!(matches!(broken, Err(UploadError::Body(_))));
    assert_eq!(uploads_in_store(&registry).await, 0);
    assert!(pull_blob(&registry, &name("app"), &digest).await.is_err());
}

#[tokio::test]
async fn limits_hold() {
    let uploads = UploadSettings { count_max: 2, blob_bytes_max: Some(5), ..settings().uploads };
    let registry = TestRegistry::new(RegistrySettings { uploads, ..settings() }).await;
    let (first, second) = (begin(&registry).await, begin(&registry).await);
    let error = registry.start_upload(&call(), &name("app"), DigestAlgorithm::Sha256).await.unwrap_err();
    assert!(matches!(error, UploadError::TooMany), "{error}");

    append(&registry, &first, 0, b"abc").await.unwrap();
    let error = append(&registry, &first, 3, b"def").await.unwrap_err();
    assert!(matches!(error, UploadError::TooLarge { limit: 5 }), "{error}");
    let error = size(&registry, &first).await.unwrap_err();
    assert!(matches!(error, UploadError::UploadUnknown(_)), "{error}");

    // Announced too large: refused before a byte is read.
    let endless = stream::pending().boxed();
    let error =
        registry.append_upload(&call(), &name("app"), &second, Some(0), Some(6), endless).await.unwrap_err();
    assert!(matches!(error, UploadError::TooLarge { limit: 5 }), "{error}");
    let id = begin(&registry).await;
    finish(&registry, &id, b"abcde", b"abcde").await.unwrap();
}

#[tokio::test]
async fn an_upload_belongs_to_its_repository() {
    let registry = TestRegistry::new(settings()).await;
    let id = begin(&registry).await;
    push_blob(&registry, &call(), &name("other"), b"x").await.unwrap();
    for repository in ["other", "unknown"] {
        let error = registry.upload_status(&call(), &name(repository), &id).await.unwrap_err();
        assert!(matches!(error, UploadError::UploadUnknown(_)), "{error}");
        let error = registry
            .append_upload(&call(), &name(repository), &id, None, None, body(b"x"))
            .await
            .unwrap_err();
        assert!(matches!(error, UploadError::UploadUnknown(_)), "{error}");
    }
    registry.cancel_upload(&call(), &name("app"), &id).await.unwrap();
    let error = registry.cancel_upload(&call(), &name("app"), &id).await.unwrap_err();
    assert!(matches!(error, UploadError::UploadUnknown(_)), "{error}");
    assert_eq!(uploads_in_store(&registry).await, 0);
}

#[tokio::test]
async fn an_upload_that_the_store_lost_is_unknown() {
    let registry = TestRegistry::new(settings()).await;
    let id = begin(&registry).await;
    append(&registry, &id, 0, b"content").await.unwrap();
    let progress = UploadProgress { size_bytes: 7, state: Vec::new() };
    registry.store.discard(&id, &progress).await.unwrap();
    let error = append(&registry, &id, 7, b" and more").await.unwrap_err();
    assert!(matches!(error, UploadError::UploadUnknown(_)), "{error}");
    let error = finish(&registry, &id, b"content", b"").await.unwrap_err();
    assert!(matches!(error, UploadError::UploadUnknown(_)), "{error}");
    // By another digest than it was begun for, it is read again first.
    let sha512 = Digest::of(DigestAlgorithm::Sha512, b"content");
    let finished = registry.finish_upload(&call(), &name("app"), &id, &sha512, None, None, body(b"")).await;
    assert!(matches!(finished, Err(UploadError::UploadUnknown(_))), "{finished:?}");
}
