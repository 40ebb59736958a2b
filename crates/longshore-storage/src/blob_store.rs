//! Finished content, by digest.

use std::{fs::File, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use longshore_types::{ByteRange, Digest, Timestamp};

use crate::StoreError;

/// Bytes as they come from a store, in order. An error ends the stream: the content so far is not the whole.
pub type ByteStream = BoxStream<'static, Result<Bytes, StoreError>>;

/// What a listing says of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobStat {
    /// Its digest, as the store files it; not verified.
    pub digest: Digest,
    /// Its length.
    pub size_bytes: u64,
    /// When the store last wrote it.
    pub modified_at: Timestamp,
}

/// How much room a store has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// All of it, in bytes.
    pub total_bytes: u64,
    /// What is left for this process.
    pub free_bytes: u64,
}

/// Content that was opened: it stays readable to the end, even if the store removes it meanwhile.
pub trait Blob: Send + Sync {
    /// Its length.
    fn size_bytes(&self) -> u64;

    /// When the store last wrote it, as it was when the content was opened; `None` where opening does not tell.
    fn modified_at(&self) -> Option<Timestamp> {
        None
    }

    /// The bytes of `range`, which must lie inside the content. May be called many times; each stream reads for itself.
    fn stream(&self, range: ByteRange) -> ByteStream;

    /// The bytes of `range`, if they lie in memory and need not be copied.
    fn bytes_now(&self, _range: ByteRange) -> Option<Bytes> {
        None
    }

    /// Appends the bytes of `range` to `to`, if that needs no waiting for a disk, a network or another thread. Otherwise
    /// `to` stays as it is: [`Blob::stream`] has the bytes, or says what is wrong.
    fn read_now(&self, _range: ByteRange, _to: &mut Vec<u8>) -> bool {
        false
    }

    /// The file that holds exactly the content, for ways to send it without copying; `None` where there is no such file,
    /// or where sending `range` from it would probably wait for a disk.
    fn file_now(&self, _range: ByteRange) -> Option<&Arc<File>> {
        None
    }
}

/// Finished content by digest. Content appears whole or not at all, and never changes.
#[async_trait]
pub trait BlobStore: Send + Sync {
    /// What the store holds under `digest`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when it holds nothing.
    async fn stat(&self, digest: &Digest) -> Result<BlobStat, StoreError>;

    /// Opens content for reading.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none.
    async fn open(&self, digest: &Digest) -> Result<Arc<dyn Blob>, StoreError>;

    /// An address from which a client may fetch the content itself for the next `lifetime`; `None` where the store
    /// has no such thing.
    async fn redirect(&self, _digest: &Digest, _lifetime: Duration) -> Result<Option<String>, StoreError> {
        Ok(None)
    }

    /// Stores small content in one call: durable on return. The caller vouches that `bytes` hash to `digest`. Content
    /// that is already there stays untouched.
    async fn put(&self, digest: &Digest, bytes: Bytes) -> Result<(), StoreError>;

    /// Removes content; to remove what is not there is no error. Returns whether something was removed.
    async fn remove(&self, digest: &Digest) -> Result<bool, StoreError>;

    /// [`BlobStore::remove`] for several at once, with an answer for each in the same order. Stores override it where
    /// that is less work than one after the other.
    async fn remove_many(&self, digests: &[Digest]) -> Vec<Result<bool, StoreError>> {
        let mut answers = Vec::with_capacity(digests.len());
        for digest in digests {
            answers.push(self.remove(digest).await);
        }
        answers
    }

    /// Takes damaged content out of the way, keeping its bytes for whoever looks into it. Returns where they are now,
    /// in words for a person. From then on the digest is [`StoreError::NotFound`] until it is stored again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none.
    async fn set_aside(&self, digest: &Digest) -> Result<String, StoreError>;

    /// Everything the store holds, in no order. What is not a blob's place is passed over.
    fn list(&self) -> BoxStream<'static, Result<BlobStat, StoreError>>;

    /// Writes, reads and removes a trifle, so that health means something.
    ///
    /// # Errors
    /// Whatever keeps the store from working.
    async fn check(&self) -> Result<(), StoreError>;

    /// How much room there is; `None` where the store has no bounds of its own.
    async fn space(&self) -> Result<Option<Space>, StoreError> {
        Ok(None)
    }
}
