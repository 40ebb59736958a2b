//! Deletion of artifacts and of whole repositories.

use longshore_auth::Action;
use longshore_types::{Reference, RepositoryName};

use super::DeleteError;
use crate::{
    Call, Event, EventAction, Registry,
    access::require,
    audit::{AuditRow, Operation},
    browse::find,
    retry::retry_on_conflict,
};

/// Most manifests deleted in one transaction.
const BATCH: usize = 64;

impl Registry {
    /// Deletes an artifact with all its tags, by one of these or by its digest. What only it needs, the children of an
    /// index and what is about it, is seen no more and goes with it when it can no longer be restored.
    ///
    /// # Cancel safety
    /// Dropped, the deletion still runs to its end.
    pub async fn delete_artifact(
        &self,
        call: &Call,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<(), DeleteError> {
        require(call, Action::Delete, repository)?;
        let mut tx = self.inner.metadata.read().await?;
        let found = tx.repository(repository).await?;
        let found = found.ok_or_else(|| DeleteError::NameUnknown(repository.clone()))?;
        let record = find(&mut tx, &found, reference).await?;
        let record = record.ok_or_else(|| DeleteError::ManifestUnknown {
            repository: repository.clone(),
            reference: reference.clone(),
        })?;
        if let Some(index) = tx.live_index_of(found.id, &record.digest).await? {
            return Err(DeleteError::ManifestReferenced { digest: record.digest, index });
        }
        drop(tx);
        self.delete_manifest(call, repository, &Reference::Digest(record.digest)).await
    }

    /// Deletes every tag and manifest of a repository, some at a time: an end in between leaves the rest, and may be
    /// followed by another call. All of them are deleted at the same moment, so that what belongs together can come back
    /// together.
    ///
    /// # Cancel safety
    /// Dropped, the deletion still runs to its end.
    pub async fn delete_repository(
        &self,
        call: &Call,
        repository: &RepositoryName,
    ) -> Result<(), DeleteError> {
        self.require_deletable(call, repository)?;
        let mut tx = self.inner.metadata.read().await?;
        if tx.listed_repository(repository).await?.is_none() {
            return Err(DeleteError::NameUnknown(repository.clone()));
        }
        drop(tx);
        let (registry, call, repository) = (self.clone(), call.clone(), repository.clone());
        let delete = async move {
            while retry_on_conflict(|| registry.try_delete_some(&call, &repository)).await? {}
            Ok(())
        };
        self.inner.tasks.run(delete).await
    }

    /// Returns whether there may be more.
    async fn try_delete_some(&self, call: &Call, repository: &RepositoryName) -> Result<bool, DeleteError> {
        let begun = self.begin_change(repository).await?;
        let (mut tx, id) = begun.ok_or_else(|| DeleteError::NameUnknown(repository.clone()))?;
        let digests = tx.live_digests(id, BATCH).await?;
        for digest in &digests {
            self.delete_by_digest(&mut tx, call, id, digest).await?;
            let event =
                || Event { digest: Some(*digest), ..Event::new(call, EventAction::Delete, repository) };
            self.notify(&mut tx, event).await?;
            let row = || AuditRow::new(call, Operation::DeleteArtifact, repository, None, Some(digest));
            self.record(&mut tx, row).await?;
        }
        let last = digests.len() < BATCH;
        if last {
            let row = || AuditRow::new(call, Operation::DeleteRepository, repository, None, None);
            self.record(&mut tx, row).await?;
        }
        tx.commit().await?;
        Ok(!last)
    }
}
