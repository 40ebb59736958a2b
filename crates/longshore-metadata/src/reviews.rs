//! The queues of collection: what may have become garbage, and when to look again.

use longshore_types::Timestamp;

use crate::{BlobRecord, ManifestId, MetadataError, ReadTx, RepositoryId, WriteTx};

/// Why something is to be reviewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReviewEvent {
    /// A blob was uploaded or mounted, and perhaps no manifest follows.
    BlobLinked,
    /// A blob's link was deleted.
    BlobUnlinked,
    /// A manifest was pushed without a tag.
    ManifestPushed,
    /// A manifest was deleted, and is due when it can no longer be restored.
    ManifestDeleted,
    /// The last tag of a manifest moved or was deleted.
    ManifestUntagged,
    /// An index that named the manifest, or its subject, is gone for good.
    ParentPurged,
}

/// A link to look at: does anything in the repository still need the blob?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobReview {
    /// The repository.
    pub repository: RepositoryId,
    /// The blob.
    pub blob: BlobRecord,
    /// What put it on the queue (the latest).
    pub event: ReviewEvent,
    /// Not before.
    pub review_after: Timestamp,
}

/// A manifest to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestReview {
    /// The repository.
    pub repository: RepositoryId,
    /// The manifest.
    pub manifest: ManifestId,
    /// What put it on the queue (the latest).
    pub event: ReviewEvent,
    /// Not before.
    pub review_after: Timestamp,
}

impl ReadTx {
    /// Links due for review, longest due first.
    pub async fn due_blob_reviews(
        &mut self,
        _now: Timestamp,
        _limit: usize,
    ) -> Result<Vec<BlobReview>, MetadataError> {
        todo!()
    }

    /// Manifests due for review, longest due first.
    pub async fn due_manifest_reviews(
        &mut self,
        _now: Timestamp,
        _limit: usize,
    ) -> Result<Vec<ManifestReview>, MetadataError> {
        todo!()
    }

    /// How many links and manifests wait for review, due or not.
    pub async fn reviews_count(&mut self) -> Result<(u64, u64), MetadataError> {
        todo!()
    }
}

impl WriteTx {
    /// Puts a link on the queue; where it waits already, the later moment and the new event count.
    pub async fn queue_blob_review(
        &mut self,
        _repository: RepositoryId,
        _blob: crate::BlobId,
        _event: ReviewEvent,
        _review_after: Timestamp,
    ) -> Result<(), MetadataError> {
        todo!()
    }

    /// Takes a link off the queue.
    pub async fn delete_blob_review(
        &mut self,
        _repository: RepositoryId,
        _blob: crate::BlobId,
    ) -> Result<(), MetadataError> {
        todo!()
    }

    /// Puts a manifest on the queue; where it waits already, the later moment and the new event count.
    pub async fn queue_manifest_review(
        &mut self,
        _repository: RepositoryId,
        _manifest: ManifestId,
        _event: ReviewEvent,
        _review_after: Timestamp,
    ) -> Result<(), MetadataError> {
        todo!()
    }

    /// Takes a manifest off the queue.
    pub async fn delete_manifest_review(&mut self, _manifest: ManifestId) -> Result<(), MetadataError> {
        todo!()
    }
}
