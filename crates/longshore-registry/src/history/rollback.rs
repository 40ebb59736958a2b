//! Tags back to what they were.

use longshore_auth::Action;
use longshore_metadata::{ManifestRecord, RepositoryId, ReviewEvent, TagEventAction, WriteTx};
use longshore_types::{Digest, RepositoryName, Tag};

use super::{RestoreError, gone, restored};
use crate::{
    Call, Registry,
    access::require,
    audit::{AuditRow, Operation},
    retry::retry_on_conflict,
};

impl Registry {
    /// Points a tag, deleted or not, to a manifest that it pointed to before, restoring that too if need be. Nothing
    /// happens where it points there already.
    ///
    /// # Errors
    /// [`RestoreError::Gone`] where the tag never pointed there, or the manifest cannot be restored any more.
    ///
    /// # Cancel safety
    /// Dropped, it still runs to its end.
    pub async fn roll_tag_back(
        &self,
        call: &Call,
        repository: &RepositoryName,
        tag: &Tag,
        digest: &Digest,
    ) -> Result<(), RestoreError> {
        require(call, Action::Push, repository)?;
        self.require_writable()?;
        let (registry, call, repository) = (self.clone(), call.clone(), repository.clone());
        let (tag, digest) = (tag.clone(), *digest);
        let roll_back = async move {
            retry_on_conflict(|| registry.try_roll_tag_back(&call, &repository, &tag, &digest)).await
        };
        self.inner.tasks.run(roll_back).await
    }

    async fn try_roll_tag_back(
        &self,
        call: &Call,
        repository: &RepositoryName,
        tag: &Tag,
        digest: &Digest,
    ) -> Result<(), RestoreError> {
        let (mut tx, id) = self.begin_restoration(repository).await?;
        if tx.tag(id, tag).await?.is_some_and(|now| now.digest == *digest) {
            return Ok(());
        }
        // Else whoever may move a tag could have it point to what somebody else deleted.
        if !tx.tag_had(id, tag, digest).await? {
            return Err(gone(format!("tag {tag} never pointed to {digest}")));
        }
        let record = tx.manifest_record(id, digest).await?;
        let record = record.ok_or_else(|| gone(format!("manifest {digest} of tag {tag} is gone")))?;
        if record.deleted_at.is_some() {
            self.show(&mut tx, call, &record).await?;
            self.show_together(&mut tx, call, &record).await?;
        }
        self.point_back(&mut tx, call, id, tag, &record).await?;
        self.notify(&mut tx, || restored(call, repository, &record).tag(Some(tag))).await?;
        let row = || AuditRow::new(call, Operation::RestoreTag, repository, Some(tag), Some(digest));
        self.record(&mut tx, row).await?;
        Ok(tx.commit().await?)
    }

    /// Points the tag there, and has collection look at what it pointed to before if that was its last.
    async fn point_back(
        &self,
        tx: &mut WriteTx,
        call: &Call,
        repository: RepositoryId,
        tag: &Tag,
        record: &ManifestRecord,
    ) -> Result<(), RestoreError> {
        let actor = call.caller.name.as_deref();
        let before = tx.set_tag(repository, tag, record, TagEventAction::Restore, actor, call.now).await?;
        if let Some(before) = before
            && tx.tags_of(before.manifest).await?.is_empty()
        {
            let review_after = self.inner.settings.untagged_review_after(call.now);
            let event = ReviewEvent::ManifestUntagged;
            tx.queue_manifest_review(repository, before.manifest, event, review_after).await?;
        }
        Ok(())
    }
}
