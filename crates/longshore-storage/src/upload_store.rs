//! Content that is still arriving.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use longshore_types::{Digest, Timestamp, UploadId};

use crate::{ByteStream, StoreError};

/// How far an upload came; kept in the index, so that another process or replica can go on with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadProgress {
    /// How many bytes are durably there.
    pub size_bytes: u64,
    /// What the backend must remember beside it, in its own form: which file it was and a mark of its content for files,
    /// the multipart id and part tags for object storage.
    pub state: Vec<u8>,
}

/// Takes the next bytes of an upload. Dropped without [`UploadWriter::finish`], the upload stays where its last
/// progress left it.
#[async_trait]
pub trait UploadWriter: Send {
    /// Adds bytes, each time with a write of its own or a part of one: small ones are better gathered before
    /// ([`crate::PieceBuffers`]). They may wait in memory, bounded whatever the upload's size.
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError>;

    /// Makes everything written durable and says how far the upload is now. Progress that others began from, or made
    /// from the same beginning, is void then unless its bytes are still there.
    async fn finish(self: Box<Self>) -> Result<UploadProgress, StoreError>;
}

/// Unfinished content by upload id. At most one writer an upload at a time within a process: the caller sees to it.
/// Another replica may begin a writer from an older progress meanwhile; once that one has finished, what others hold is
/// [`StoreError::NotFound`], so that no bytes are taken for those that somebody else hashed.
#[async_trait]
pub trait UploadStore: Send + Sync {
    /// Begins an upload without bytes.
    async fn create(&self, id: &UploadId) -> Result<UploadProgress, StoreError>;

    /// Goes on with an upload from `progress`; bytes beyond it, from a writer that never finished, are forgotten.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the upload is gone or holds other bytes, [`StoreError::Corrupt`] when it is shorter than `progress`.
    async fn writer(
        &self,
        id: &UploadId,
        progress: &UploadProgress,
    ) -> Result<Box<dyn UploadWriter>, StoreError>;

    /// The bytes up to `progress`, from the first.
    ///
    /// # Errors
    /// As for [`UploadStore::writer`]; damage may also show as the stream goes on.
    async fn read(&self, id: &UploadId, progress: &UploadProgress) -> Result<ByteStream, StoreError>;

    /// Makes the upload's bytes up to `progress` the content of `digest`, which the caller vouches they hash to:
    /// durable, data and directory, on return. Where the blob store already holds content of that size it is left
    /// alone. May be called again; the upload itself stays until [`UploadStore::discard`], because collection may take
    /// the blob before the index links it, and then it is published once more.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the upload is gone, or somebody else wrote other bytes to it since `progress`.
    async fn publish(
        &self,
        id: &UploadId,
        progress: &UploadProgress,
        digest: &Digest,
    ) -> Result<(), StoreError>;

    /// Forgets the upload and its bytes; to forget what is not there is no error. Published content is not touched.
    async fn discard(&self, id: &UploadId, progress: &UploadProgress) -> Result<(), StoreError>;

    /// Every upload the store has bytes for and when they were last written: for sweeping those the index forgot.
    /// Stores that cannot list them return none.
    fn list(&self) -> BoxStream<'static, Result<(UploadId, Timestamp), StoreError>>;
}
