//! What every backend must do, as a test that each of them runs.

mod blobs;
mod uploads;

use bytes::Bytes;
use futures_util::TryStreamExt;
use longshore_types::{ByteRange, Digest, UploadId};

use crate::{BlobStore, ByteStream, StoreError, UploadProgress, UploadStore};

/// Checks a backend; panics where it breaks the contract. The store may hold other content already and keeps some of
/// the suite's. Nothing else may use it meanwhile.
pub async fn check<S: BlobStore + UploadStore>(store: &S) {
    check_blobs(store).await;
    uploads::check(store).await;
}

/// Checks a store of finished content alone.
pub async fn check_blobs<S: BlobStore>(store: &S) {
    blobs::check(store).await;
}

/// Content that no other check uses: `size_bytes` long, or a little more.
fn content(size_bytes: usize) -> (Digest, Bytes) {
    let mut bytes = UploadId::random().to_string().into_bytes();
    while bytes.len() < size_bytes {
        bytes.extend_from_within(..bytes.len().min(size_bytes - bytes.len()));
    }
    (Digest::sha256(&bytes), bytes.into())
}

async fn collect(stream: ByteStream) -> Result<Vec<u8>, StoreError> {
    stream
        .try_fold(Vec::new(), |mut all, piece| async move {
            all.extend_from_slice(&piece);
            Ok(all)
        })
        .await
}

async fn read_blob(store: &impl BlobStore, digest: &Digest) -> Result<Vec<u8>, StoreError> {
    let blob = store.open(digest).await?;
    match ByteRange::whole(blob.size_bytes()) {
        Some(range) => collect(blob.stream(range)).await,
        None => Ok(Vec::new()),
    }
}

/// Writes pieces to an upload that stands at `progress`.
async fn append(
    store: &impl UploadStore,
    id: &UploadId,
    progress: &UploadProgress,
    pieces: &[Bytes],
) -> UploadProgress {
    let mut writer = store.writer(id, progress).await.expect("an upload that exists has a writer");
    for piece in pieces {
        writer.write(piece.clone()).await.expect("a piece is written");
    }
    writer.finish().await.expect("a writer finishes")
}
