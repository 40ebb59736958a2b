//! Deletion of tags, manifests and blobs. Nothing here touches bytes: collection does, later.

mod preview;
mod together;

use longshore_auth::Action;
use longshore_metadata::{MetadataError, RepositoryId, ReviewEvent, WriteTx};
use longshore_types::{Digest, Reference, RepositoryName, Tag};

pub use preview::DeletionPreview;

use crate::{
    Call, Denied, Event, EventAction, ReadOnly, Registry,
    access::require,
    audit::{AuditRow, Operation},
    retry::retry_on_conflict,
};

/// Why nothing is deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Deleting is switched off.
    #[error("deleting is switched off (storage.delete.enabled)")]
    Disabled,
    /// The registry is read-only.
    #[error(transparent)]
    ReadOnly(#[from] ReadOnly),
    /// No such repository.
    #[error("no repository {0}")]
    NameUnknown(RepositoryName),
    /// No such tag or manifest.
    #[error("no manifest {reference} in {repository}")]
    ManifestUnknown {
        /// Where.
        repository: RepositoryName,
        /// What.
        reference: Reference,
    },
    /// No such blob.
    #[error("no blob {digest} in {repository}")]
    BlobUnknown {
        /// Where.
        repository: RepositoryName,
        /// What.
        digest: Digest,
    },
    /// A manifest still needs the blob.
    #[error("blob {digest} is used by manifest {manifest}: delete that first")]
    BlobReferenced {
        /// What.
        digest: Digest,
        /// By which manifest.
        manifest: Digest,
    },
    /// An index still names the manifest.
    #[error("manifest {digest} is part of index {index}: delete that first")]
    ManifestReferenced {
        /// What.
        digest: Digest,
        /// By which index.
        index: Digest,
    },
    /// The index failed.
    #[error("could not change the index")]
    Metadata(#[from] MetadataError),
}

impl Registry {
    /// Deletes a tag alone, or a manifest with every tag on it.
    ///
    /// # Cancel safety
    /// Dropped, the deletion still runs to its end.
    pub async fn delete_manifest(
        &self,
        call: &Call,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<(), DeleteError> {
        self.require_deletable(call, repository)?;
        let (registry, call) = (self.clone(), call.clone());
        let (repository, reference) = (repository.clone(), reference.clone());
        let delete = async move {
            retry_on_conflict(|| registry.try_delete_manifest(&call, &repository, &reference)).await
        };
        self.inner.tasks.run(delete).await
    }

    /// Takes a blob out of a repository.
    ///
    /// # Cancel safety
    /// Dropped, the deletion still runs to its end.
    pub async fn delete_blob(
        &self,
        call: &Call,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<(), DeleteError> {
        self.require_deletable(call, repository)?;
        let (registry, call, repository, digest) = (self.clone(), call.clone(), repository.clone(), *digest);
        let delete =
            async move { retry_on_conflict(|| registry.try_delete_blob(&call, &repository, &digest)).await };
        self.inner.tasks.run(delete).await
    }

    fn require_deletable(&self, call: &Call, repository: &RepositoryName) -> Result<(), DeleteError> {
        require(call, Action::Delete, repository)?;
        self.require_writable()?;
        if self.inner.settings.delete_enabled { Ok(()) } else { Err(DeleteError::Disabled) }
    }

    async fn try_delete_manifest(
        &self,
        call: &Call,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<(), DeleteError> {
        let begun = self.begin_change(repository).await?;
        let (mut tx, id) = begun.ok_or_else(|| DeleteError::NameUnknown(repository.clone()))?;
        let event = Event::new(call, EventAction::Delete, repository);
        let event = match reference {
            Reference::Tag(tag) => {
                self.delete_tag(&mut tx, call, id, tag).await?.then(|| event.tag(Some(tag)))
            }
            Reference::Digest(digest) => {
                let found = self.delete_by_digest(&mut tx, call, id, digest).await?;
                found.then_some(Event { digest: Some(*digest), ..event })
            }
        };
        let Some(event) = event else {
            return Err(DeleteError::ManifestUnknown {
                repository: repository.clone(),
                reference: reference.clone(),
            });
        };
        self.notify(&mut tx, || event).await?;
        let row = || match reference {
            Reference::Tag(tag) => AuditRow::new(call, Operation::DeleteTag, repository, Some(tag), None),
            Reference::Digest(digest) => {
                AuditRow::new(call, Operation::DeleteArtifact, repository, None, Some(digest))
            }
        };
        self.record(&mut tx, row).await?;
        Ok(tx.commit().await?)
    }

    /// Deletes a tag. Its manifest is reviewed when the tag can no longer be restored, also when other tags hold it
    /// now: collection takes no manifest whose review is yet to come.
    async fn delete_tag(
        &self,
        tx: &mut WriteTx,
        call: &Call,
        repository: RepositoryId,
        tag: &Tag,
    ) -> Result<bool, MetadataError> {
        let actor = call.caller.name.as_deref();
        let Some(deleted) = tx.delete_tag(repository, tag, actor, call.now).await? else { return Ok(false) };
        let settings = &self.inner.settings;
        let review_after =
            settings.deleted_review_after(call.now).max(settings.untagged_review_after(call.now));
        tx.queue_manifest_review(repository, deleted.manifest, ReviewEvent::ManifestUntagged, review_after)
            .await?;
        Ok(true)
    }

    async fn delete_by_digest(
        &self,
        tx: &mut WriteTx,
        call: &Call,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<bool, MetadataError> {
        let record = tx.manifest_record(repository, digest).await?;
        let Some(record) = record.filter(|record| record.deleted_at.is_none()) else { return Ok(false) };
        for tag in tx.tags_of(record.id).await? {
            tx.delete_tag(repository, &tag, call.caller.name.as_deref(), call.now).await?;
        }
        tx.mark_manifest_deleted(record.id, call.now).await?;
        let review_after = self.inner.settings.deleted_review_after(call.now);
        tx.queue_manifest_review(repository, record.id, ReviewEvent::ManifestDeleted, review_after).await?;
        Ok(true)
    }

    async fn try_delete_blob(
        &self,
        call: &Call,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<(), DeleteError> {
        let begun = self.begin_change(repository).await?;
        let (mut tx, id) = begun.ok_or_else(|| DeleteError::NameUnknown(repository.clone()))?;
        let unknown = || DeleteError::BlobUnknown { repository: repository.clone(), digest: *digest };
        let blob = tx.blob_in(repository, digest).await?.ok_or_else(unknown)?;
        // A manifest that was deleted does not count: whoever restores it is told that the blob is gone.
        if let Some(manifest) = tx.live_manifest_referring_to(id, digest).await? {
            return Err(DeleteError::BlobReferenced { digest: *digest, manifest });
        }
        tx.unlink_blob(id, blob.id).await?;
        let review_after = call.now.after(self.inner.settings.collection.delay);
        tx.queue_blob_review(id, blob.id, ReviewEvent::BlobUnlinked, review_after).await?;
        let event = || Event {
            digest: Some(*digest),
            size_bytes: Some(blob.size_bytes),
            ..Event::new(call, EventAction::Delete, repository)
        };
        self.notify(&mut tx, event).await?;
        let row = || AuditRow::new(call, Operation::DeleteBlob, repository, None, Some(digest));
        self.record(&mut tx, row).await?;
        Ok(tx.commit().await?)
    }
}
