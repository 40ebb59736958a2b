//! The history of tags, and the way back.

mod listing;
mod rollback;
mod together;

use longshore_auth::Action;
use longshore_metadata::{
    ManifestRecord, MetadataError, RepositoryId, ReviewEvent, TagEvent, TagEventAction, WriteTx,
};
use longshore_types::{Digest, Manifest, RepositoryName, Tag};

pub use listing::{DeletedManifest, DeletedTag, PastEvent};

use crate::{
    Call, Denied, Event, EventAction, ReadOnly, Registry,
    access::require,
    audit::{AuditRow, Operation},
    manifests::required_blobs,
    retry::retry_on_conflict,
};

/// Why nothing is restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The registry is read-only.
    #[error(transparent)]
    ReadOnly(#[from] ReadOnly),
    /// No such repository.
    #[error("no repository {0}")]
    NameUnknown(RepositoryName),
    /// The tag was never deleted, or too long ago, or its manifest is gone.
    #[error("nothing to restore: {0}")]
    Gone(String),
    /// It is there.
    #[error("nothing to restore: {0} is not deleted")]
    NotDeleted(String),
    /// The index failed.
    #[error("could not change the index")]
    Metadata(#[from] MetadataError),
}

impl Registry {
    /// Points a deleted tag to where it pointed last, restoring the manifest too if need be; within the undelete
    /// window. Returns where it points.
    ///
    /// # Cancel safety
    /// Dropped, the restoration still runs to its end.
    pub async fn restore_tag(
        &self,
        call: &Call,
        repository: &RepositoryName,
        tag: &Tag,
    ) -> Result<Digest, RestoreError> {
        require(call, Action::Push, repository)?;
        self.require_writable()?;
        let (registry, call, repository, tag) = (self.clone(), call.clone(), repository.clone(), tag.clone());
        let restore =
            async move { retry_on_conflict(|| registry.try_restore_tag(&call, &repository, &tag)).await };
        self.inner.tasks.run(restore).await
    }

    /// Shows a deleted manifest again, without tags; within the undelete window.
    ///
    /// # Cancel safety
    /// Dropped, the restoration still runs to its end.
    pub async fn restore_manifest(
        &self,
        call: &Call,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<(), RestoreError> {
        require(call, Action::Push, repository)?;
        self.require_writable()?;
        let (registry, call, repository, digest) = (self.clone(), call.clone(), repository.clone(), *digest);
        let restore = async move {
            retry_on_conflict(|| registry.try_restore_manifest(&call, &repository, &digest)).await
        };
        self.inner.tasks.run(restore).await
    }

    async fn try_restore_tag(
        &self,
        call: &Call,
        repository: &RepositoryName,
        tag: &Tag,
    ) -> Result<Digest, RestoreError> {
        let (mut tx, id) = self.begin_restoration(repository).await?;
        let last = tx.tag_events(id, Some(tag), None, 1).await?.entries.into_iter().next();
        let digest = self.deleted_target(tag, last.as_ref(), call)?;
        let record = tx.manifest_record(id, &digest).await?;
        let record = record.ok_or_else(|| gone(format!("manifest {digest} of tag {tag} is gone")))?;
        if record.deleted_at.is_some() {
            self.show(&mut tx, call, &record).await?;
            self.show_together(&mut tx, call, &record).await?;
        }
        let actor = call.caller.name.as_deref();
        tx.set_tag(id, tag, &record, TagEventAction::Restore, actor, call.now).await?;
        self.notify(&mut tx, || restored(call, repository, &record).tag(Some(tag))).await?;
        let row = || AuditRow::new(call, Operation::RestoreTag, repository, Some(tag), Some(&digest));
        self.record(&mut tx, row).await?;
        tx.commit().await?;
        Ok(digest)
    }

    async fn try_restore_manifest(
        &self,
        call: &Call,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<(), RestoreError> {
        let (mut tx, id) = self.begin_restoration(repository).await?;
        let record = tx.manifest_record(id, digest).await?;
        let record = record.ok_or_else(|| gone(format!("manifest {digest} is gone")))?;
        self.show(&mut tx, call, &record).await?;
        self.show_together(&mut tx, call, &record).await?;
        let review_after = self.inner.settings.untagged_review_after(call.now);
        tx.queue_manifest_review(id, record.id, ReviewEvent::ManifestPushed, review_after).await?;
        self.notify(&mut tx, || restored(call, repository, &record)).await?;
        let row = || AuditRow::new(call, Operation::RestoreArtifact, repository, None, Some(digest));
        self.record(&mut tx, row).await?;
        Ok(tx.commit().await?)
    }

    /// Begins a transaction that holds the project, as a push does, and the repository.
    async fn begin_restoration(
        &self,
        repository: &RepositoryName,
    ) -> Result<(WriteTx, RepositoryId), RestoreError> {
        let mut tx = self.inner.metadata.write().await?;
        self.require_project::<RestoreError>(&mut tx, repository).await?;
        let found = tx.repository(repository).await?;
        let id = found.ok_or_else(|| RestoreError::NameUnknown(repository.clone()))?.id;
        tx.lock_repository(id).await?;
        Ok((tx, id))
    }

    /// Where a tag pointed before the deletion that was the last thing to happen to it.
    fn deleted_target(
        &self,
        tag: &Tag,
        last: Option<&TagEvent>,
        call: &Call,
    ) -> Result<Digest, RestoreError> {
        match last {
            Some(TagEvent { action: TagEventAction::Delete, from: Some(digest), at, .. }) => {
                if self.inner.settings.is_restorable(*at, call.now) {
                    Ok(*digest)
                } else {
                    Err(gone(format!("tag {tag} was deleted too long ago")))
                }
            }
            Some(_) => Err(RestoreError::NotDeleted(format!("tag {tag}"))),
            None => Err(gone(format!("tag {tag} never was"))),
        }
    }

    /// Shows a deleted manifest again, if it may be and everything that a push of it would want is still there.
    async fn show(&self, tx: &mut WriteTx, call: &Call, record: &ManifestRecord) -> Result<(), RestoreError> {
        let digest = record.digest;
        let deleted_at =
            record.deleted_at.ok_or_else(|| RestoreError::NotDeleted(format!("manifest {digest}")))?;
        if !self.inner.settings.is_restorable(deleted_at, call.now) {
            return Err(gone(format!("manifest {digest} was deleted too long ago")));
        }
        let stored = tx.manifest_by_id(record.id).await?;
        let stored = stored.ok_or_else(|| gone(format!("manifest {digest} is gone")))?;
        let manifest = Manifest::parse(Some(&record.media_type), &stored.payload)
            .map_err(|error| MetadataError::Corrupt(format!("manifest {digest}: {error}")))?;
        let missing = tx.unlinked_blobs(record.repository, &required_blobs(&manifest)).await?;
        if let Some(blob) = missing.first()
            && !self.inner.settings.sparse_images
        {
            return Err(gone(format!("blob {blob} of manifest {digest} was deleted")));
        }
        Ok(tx.restore_manifest(record.id).await?)
    }
}

fn gone(why: String) -> RestoreError {
    RestoreError::Gone(why)
}

/// To other systems a manifest that comes back is one that was pushed.
fn restored(call: &Call, repository: &RepositoryName, record: &ManifestRecord) -> Event {
    Event::new(call, EventAction::Push, repository).content(
        record.digest,
        record.media_type.clone(),
        record.size_bytes,
    )
}
