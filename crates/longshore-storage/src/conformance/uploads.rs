//! The contract of [`UploadStore`].

use bytes::Bytes;
use futures_util::TryStreamExt;
use longshore_types::{Digest, UploadId};

use super::{append, collect, content, read_blob};
use crate::{BlobStore, StoreError, UploadProgress, UploadStore};

pub(super) async fn check<S: BlobStore + UploadStore>(store: &S) {
    absent_uploads_are_not_found(store).await;
    an_upload_in_pieces_becomes_a_blob(store).await;
    an_empty_upload_becomes_an_empty_blob(store).await;
    unfinished_bytes_are_forgotten(store).await;
    a_shorter_progress_cuts(store).await;
    a_longer_progress_is_damage(store).await;
    bytes_of_another_replica_are_not_published(store).await;
    a_remembered_progress_outlives_the_writers_that_failed(store).await;
    publishing_again_brings_back_what_was_collected(store).await;
    published_content_does_not_change_with_its_upload(store).await;
    publishing_replaces_content_of_another_size(store).await;
    concurrent_publishes_agree(store).await;
    listing_knows_uploads(store).await;
}

async fn begin(store: &impl UploadStore) -> (UploadId, UploadProgress) {
    let id = UploadId::random();
    let progress = store.create(&id).await.expect("an upload begins");
    assert_eq!(progress.size_bytes, 0);
    (id, progress)
}

async fn absent_uploads_are_not_found<S: BlobStore + UploadStore>(store: &S) {
    let (id, progress) = begin(store).await;
    for _ in 0..2 {
        store.discard(&id, &progress).await.expect("to forget what is not there is no error");
    }
    assert!(matches!(store.writer(&id, &progress).await, Err(StoreError::NotFound)));
    let read = match store.read(&id, &progress).await {
        Ok(stream) => collect(stream).await,
        Err(error) => Err(error),
    };
    assert!(matches!(read, Err(StoreError::NotFound)));
    let (digest, _) = content(10);
    assert!(matches!(store.publish(&id, &progress, &digest).await, Err(StoreError::NotFound)));
    assert!(matches!(store.stat(&digest).await, Err(StoreError::NotFound)));
}

async fn an_upload_in_pieces_becomes_a_blob<S: BlobStore + UploadStore>(store: &S) {
    let (digest, bytes) = content(3_500_000);
    let (id, mut progress) = begin(store).await;
    let mut rest = bytes.clone();
    for size in [1, 0, 70_000, 999, 2_000_000, usize::MAX] {
        let piece = rest.split_to(size.min(rest.len()));
        let pieces: Vec<_> = piece.chunks(50_000).map(Bytes::copy_from_slice).collect();
        progress = append(store, &id, &progress, &pieces).await;
        assert_eq!(progress.size_bytes as usize, bytes.len() - rest.len());
    }
    assert_eq!(collect(store.read(&id, &progress).await.expect("it is read")).await.expect("whole"), bytes);
    assert!(matches!(store.stat(&digest).await, Err(StoreError::NotFound)), "not before it is published");
    store.publish(&id, &progress, &digest).await.expect("it is published");
    store.discard(&id, &progress).await.expect("the upload is forgotten");
    assert_eq!(read_blob(store, &digest).await.expect("the blob is read"), bytes);
}

async fn an_empty_upload_becomes_an_empty_blob<S: BlobStore + UploadStore>(store: &S) {
    let digest = Digest::sha256(b"");
    let (id, progress) = begin(store).await;
    let progress = append(store, &id, &progress, &[]).await;
    store.publish(&id, &progress, &digest).await.expect("it is published");
    store.discard(&id, &progress).await.expect("the upload is forgotten");
    assert_eq!(store.stat(&digest).await.expect("it is there").size_bytes, 0);
    assert_eq!(read_blob(store, &digest).await.expect("it is read"), b"");
}

async fn unfinished_bytes_are_forgotten<S: BlobStore + UploadStore>(store: &S) {
    let (digest, bytes) = content(3_000_000);
    let (id, progress) = begin(store).await;
    let progress = append(store, &id, &progress, &[bytes.slice(..1000)]).await;
    let mut writer = store.writer(&id, &progress).await.expect("it goes on");
    for _ in 0..3 {
        writer.write(Bytes::from(vec![b'!'; 1_200_000])).await.expect("a piece is written");
    }
    drop(writer);
    assert_eq!(
        collect(store.read(&id, &progress).await.expect("it is read")).await.expect("up to the progress"),
        bytes[..1000]
    );
    let progress = append(store, &id, &progress, &[bytes.slice(1000..)]).await;
    store.publish(&id, &progress, &digest).await.expect("it is published");
    assert_eq!(read_blob(store, &digest).await.expect("the blob is read"), bytes);
    store.discard(&id, &progress).await.expect("the upload is forgotten");
}

async fn a_shorter_progress_cuts<S: BlobStore + UploadStore>(store: &S) {
    let (_, bytes) = content(5000);
    let short = bytes.slice(..2000);
    let (id, progress) = begin(store).await;
    let before = append(store, &id, &progress, std::slice::from_ref(&short)).await;
    append(store, &id, &before, &[bytes.slice(2000..)]).await;
    let digest = Digest::sha256(&short);
    store.publish(&id, &before, &digest).await.expect("as far as the index knows");
    assert_eq!(read_blob(store, &digest).await.expect("the blob is read"), short);
    store.discard(&id, &before).await.expect("the upload is forgotten");
}

async fn a_longer_progress_is_damage<S: BlobStore + UploadStore>(store: &S) {
    let (digest, bytes) = content(100);
    let (id, progress) = begin(store).await;
    let progress = append(store, &id, &progress, &[bytes]).await;
    let longer = UploadProgress { size_bytes: progress.size_bytes + 1, ..progress.clone() };
    assert!(matches!(store.writer(&id, &longer).await, Err(StoreError::Corrupt(_))));
    assert!(matches!(store.publish(&id, &longer, &digest).await, Err(StoreError::Corrupt(_))));
    let read = match store.read(&id, &longer).await {
        Ok(stream) => collect(stream).await,
        Err(error) => Err(error),
    };
    assert!(matches!(read, Err(StoreError::Corrupt(_))));
    store.discard(&id, &progress).await.expect("the upload is forgotten");
}

/// Two replicas go on from the same progress; the one that finishes first must not publish what the other wrote.
async fn bytes_of_another_replica_are_not_published<S: BlobStore + UploadStore>(store: &S) {
    let ((digest, bytes), (other_digest, other_bytes)) = (content(1000), content(1000));
    let (id, begun) = begin(store).await;
    let progress = append(store, &id, &begun, std::slice::from_ref(&bytes)).await;
    let other = append(store, &id, &begun, std::slice::from_ref(&other_bytes)).await;
    assert!(matches!(store.publish(&id, &progress, &digest).await, Err(StoreError::NotFound)));
    assert!(matches!(store.stat(&digest).await, Err(StoreError::NotFound)));
    assert!(matches!(store.read(&id, &progress).await.map(drop), Err(StoreError::NotFound)));
    // Nor may anything be added to them.
    assert!(matches!(store.writer(&id, &progress).await.map(drop), Err(StoreError::NotFound)));
    for _ in 0..2 {
        store.publish(&id, &other, &other_digest).await.expect("the last one is published");
        assert_eq!(read_blob(store, &other_digest).await.expect("the blob is read"), other_bytes);
        store.remove(&other_digest).await.expect("collection takes it");
    }
    store.discard(&id, &other).await.expect("the upload is forgotten");
}

async fn a_remembered_progress_outlives_the_writers_that_failed<S: BlobStore + UploadStore>(store: &S) {
    let (digest, bytes) = content(5000);
    let (id, begun) = begin(store).await;
    let half = append(store, &id, &begun, &[bytes.slice(..2000)]).await;
    for progress in [&half, &begun, &half, &begun, &half] {
        let mut writer = store.writer(&id, progress).await.expect("it goes on");
        writer.write(Bytes::from(vec![b'!'; 1_200_000])).await.expect("a piece is written");
        drop(writer);
    }
    let whole = append(store, &id, &half, &[bytes.slice(2000..)]).await;
    store.publish(&id, &whole, &digest).await.expect("it is published");
    assert_eq!(read_blob(store, &digest).await.expect("the blob is read"), bytes);
    store.discard(&id, &whole).await.expect("the upload is forgotten");
}

async fn publishing_again_brings_back_what_was_collected<S: BlobStore + UploadStore>(store: &S) {
    let (digest, bytes) = content(100_000);
    let (id, progress) = begin(store).await;
    let progress = append(store, &id, &progress, std::slice::from_ref(&bytes)).await;
    for _ in 0..2 {
        store.publish(&id, &progress, &digest).await.expect("it is published");
        store.publish(&id, &progress, &digest).await.expect("once more is no error");
        assert!(store.remove(&digest).await.expect("collection takes it"));
    }
    store.publish(&id, &progress, &digest).await.expect("it is published");
    store.discard(&id, &progress).await.expect("the upload is forgotten");
    assert_eq!(read_blob(store, &digest).await.expect("the blob is read"), bytes);
}

/// A crash after publishing leaves the upload where the index last saw it; its client may go on with other bytes.
async fn published_content_does_not_change_with_its_upload<S: BlobStore + UploadStore>(store: &S) {
    let (digest, bytes) = content(100_000);
    let (id, progress) = begin(store).await;
    let half = append(store, &id, &progress, &[bytes.slice(..50_000)]).await;
    let whole = append(store, &id, &half, &[bytes.slice(50_000..)]).await;
    store.publish(&id, &whole, &digest).await.expect("it is published");
    let other = append(store, &id, &half, &[Bytes::from_static(b"something else")]).await;
    assert_eq!(read_blob(store, &digest).await.expect("the blob is read"), bytes);
    let wanted = [&bytes[..50_000], b"something else"].concat();
    assert_eq!(collect(store.read(&id, &other).await.expect("it is read")).await.expect("whole"), wanted);
    let other_digest = Digest::sha256(&wanted);
    store.publish(&id, &other, &other_digest).await.expect("it is published");
    assert_eq!(read_blob(store, &other_digest).await.expect("the blob is read"), wanted);
    assert_eq!(read_blob(store, &digest).await.expect("the blob is read"), bytes);
    store.discard(&id, &other).await.expect("the upload is forgotten");
}

async fn publishing_replaces_content_of_another_size<S: BlobStore + UploadStore>(store: &S) {
    let (digest, bytes) = content(1000);
    store.put(&digest, bytes.slice(..999)).await.expect("torn content is stored");
    let (id, progress) = begin(store).await;
    let progress = append(store, &id, &progress, std::slice::from_ref(&bytes)).await;
    store.publish(&id, &progress, &digest).await.expect("it is published");
    store.discard(&id, &progress).await.expect("the upload is forgotten");
    assert_eq!(read_blob(store, &digest).await.expect("the blob is read"), bytes);
}

async fn concurrent_publishes_agree<S: BlobStore + UploadStore>(store: &S) {
    let (digest, bytes) = content(10_000);
    let publish = || async {
        let (id, progress) = begin(store).await;
        let progress = append(store, &id, &progress, std::slice::from_ref(&bytes)).await;
        for _ in 0..5 {
            store.publish(&id, &progress, &digest).await.expect("it is published");
            store.remove(&digest).await.expect("somebody takes it");
        }
        store.publish(&id, &progress, &digest).await.expect("it is published");
        store.discard(&id, &progress).await.expect("the upload is forgotten");
    };
    futures_util::future::join_all((0..8).map(|_| publish())).await;
    let (id, progress) = begin(store).await;
    let progress = append(store, &id, &progress, std::slice::from_ref(&bytes)).await;
    store.publish(&id, &progress, &digest).await.expect("it is published");
    store.discard(&id, &progress).await.expect("the upload is forgotten");
    assert_eq!(read_blob(store, &digest).await.expect("the blob is read"), bytes);
}

async fn listing_knows_uploads(store: &impl UploadStore) {
    let (id, progress) = begin(store).await;
    let (gone, gone_progress) = begin(store).await;
    store.discard(&gone, &gone_progress).await.expect("the upload is forgotten");
    let listed: Vec<_> = store.list().try_collect().await.expect("uploads are listed");
    // Stores that cannot list uploads list none.
    assert!(listed.is_empty() || listed.iter().any(|(listed, _)| *listed == id));
    assert!(listed.iter().all(|(listed, _)| *listed != gone));
    store.discard(&id, &progress).await.expect("the upload is forgotten");
}
