//! Blobs and the repositories that link them.

use longshore_types::{Digest, RepositoryName, Timestamp};

use crate::{MetadataError, Page, ReadTx, RepositoryId, WriteTx};

/// A blob's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobId(pub(crate) i64);

/// A blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobRecord {
    /// Its row.
    pub id: BlobId,
    /// Its digest.
    pub digest: Digest,
    /// Its length.
    pub size_bytes: u64,
}

impl ReadTx {
    /// The blob, if this repository links it.
    pub async fn blob_in(
        &mut self,
        _repository: &RepositoryName,
        _digest: &Digest,
    ) -> Result<Option<BlobRecord>, MetadataError> {
        todo!()
    }

    /// The blob of that digest, linked or not.
    pub async fn blob(&mut self, _digest: &Digest) -> Result<Option<BlobRecord>, MetadataError> {
        todo!()
    }

    /// Blobs by digest, after `after`.
    pub async fn blobs_page(
        &mut self,
        _after: Option<&Digest>,
        _limit: usize,
    ) -> Result<Page<BlobRecord>, MetadataError> {
        todo!()
    }

    /// Blobs that the repository links, by digest, after `after`.
    pub async fn repository_blobs_page(
        &mut self,
        _repository: RepositoryId,
        _after: Option<&Digest>,
        _limit: usize,
    ) -> Result<Page<BlobRecord>, MetadataError> {
        todo!()
    }

    /// Some repositories that link the blob, at most `limit`, by name.
    pub async fn repositories_linking(
        &mut self,
        _digest: &Digest,
        _limit: usize,
    ) -> Result<Vec<RepositoryName>, MetadataError> {
        todo!()
    }

    /// Those of `digests` that the repository does not link as blobs.
    pub async fn unlinked_blobs(
        &mut self,
        _repository: RepositoryId,
        _digests: &[Digest],
    ) -> Result<Vec<Digest>, MetadataError> {
        todo!()
    }
}

impl WriteTx {
    /// The blob's row, made if it is new, and locked until commit: collection cannot take it meanwhile. Content must
    /// be seen in the store *after* this call and before the link.
    pub async fn ensure_blob(
        &mut self,
        _digest: &Digest,
        _size_bytes: u64,
        _now: Timestamp,
    ) -> Result<BlobRecord, MetadataError> {
        todo!()
    }

    /// The blob's row, locked until commit against linking and collection.
    pub async fn lock_blob(&mut self, _digest: &Digest) -> Result<Option<BlobRecord>, MetadataError> {
        todo!()
    }

    /// Links a blob into a repository; linking twice is no error.
    pub async fn link_blob(
        &mut self,
        _repository: RepositoryId,
        _blob: BlobId,
        _now: Timestamp,
    ) -> Result<(), MetadataError> {
        todo!()
    }

    /// Takes the link away. Returns whether there was one.
    pub async fn unlink_blob(
        &mut self,
        _repository: RepositoryId,
        _blob: BlobId,
    ) -> Result<bool, MetadataError> {
        todo!()
    }

    /// Whether any repository links the blob.
    pub async fn blob_is_linked(&mut self, _blob: BlobId) -> Result<bool, MetadataError> {
        todo!()
    }

    /// Forgets a blob that nothing links, with its reviews. The caller holds [`WriteTx::lock_blob`].
    pub async fn delete_blob(&mut self, _blob: BlobId) -> Result<(), MetadataError> {
        todo!()
    }
}
