//! Mounts: a blob of one repository linked into another without sending its bytes again.

use longshore_auth::{Action, Permissions};
use longshore_metadata::{BlobRecord, MetadataError, ReadTx, ReviewEvent};
use longshore_storage::StoreError;
use longshore_types::{Digest, RepositoryName};

use super::{MountError, MountOutcome};
use crate::{Call, Event, EventAction, Registry, access::require, retry::retry_on_conflict};

/// Where a caller's rights are listed one by one, so many repositories are looked into for a mount without `from`.
const SOURCES_MAX: usize = 100;

impl Registry {
    /// Links a blob that `from` links; without `from`, one that any repository links which the caller may pull from.
    ///
    /// # Cancel safety
    /// Dropped, the mount still runs to its end.
    pub async fn mount_blob(
        &self,
        call: &Call,
        repository: &RepositoryName,
        digest: &Digest,
        from: Option<&RepositoryName>,
    ) -> Result<MountOutcome, MountError> {
        require(call, Action::Push, repository)?;
        self.require_writable()?;
        if from.is_some_and(|from| !call.caller.may(Action::Pull, from)) {
            return Ok(MountOutcome::NotMounted);
        }
        let (registry, call, digest) = (self.clone(), call.clone(), *digest);
        let (repository, from) = (repository.clone(), from.cloned());
        let mount = async move {
            retry_on_conflict(|| registry.try_mount(&call, &repository, &digest, from.as_ref())).await
        };
        self.inner.tasks.run(mount).await
    }

    async fn try_mount(
        &self,
        call: &Call,
        repository: &RepositoryName,
        digest: &Digest,
        from: Option<&RepositoryName>,
    ) -> Result<MountOutcome, MountError> {
        // Most mounts that fail do so for want of a source; they need not wait for their turn to write.
        let mut tx = self.inner.metadata.read().await?;
        if source(&mut tx, call, digest, from).await?.is_none() {
            return Ok(MountOutcome::NotMounted);
        }
        drop(tx);
        let mut tx = self.inner.metadata.write().await?;
        self.require_project::<MountError>(&mut tx, repository).await?;
        let target = tx.ensure_locked_repository(repository, call.now).await?;
        // From here collection cannot take the blob; before, it may have: so look for link and content again.
        let Some(blob) = tx.lock_blob(digest).await? else { return Ok(MountOutcome::NotMounted) };
        let Some(source) = source(&mut tx, call, digest, from).await? else {
            return Ok(MountOutcome::NotMounted);
        };
        if !self.has_content(&blob).await? {
            return Ok(MountOutcome::NotMounted);
        }
        tx.link_blob(target.id, blob.id, call.now).await?;
        let review_after = call.now.after(self.inner.settings.collection.delay);
        tx.queue_blob_review(target.id, blob.id, ReviewEvent::BlobLinked, review_after).await?;
        let event = || Event {
            from_repository: Some(source.to_string()),
            ..Event::new(call, EventAction::Mount, repository).blob(*digest, blob.size_bytes)
        };
        self.notify(&mut tx, event).await?;
        tx.commit().await?;
        Ok(MountOutcome::Mounted(*digest))
    }

    /// Whether the store still has the content of a blob that is locked.
    async fn has_content(&self, blob: &BlobRecord) -> Result<bool, StoreError> {
        match self.inner.blobs.stat(&blob.digest).await {
            Ok(stat) => Ok(stat.size_bytes == blob.size_bytes),
            Err(StoreError::NotFound | StoreError::Corrupt(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// A repository that links the blob and that the caller may pull from.
async fn source(
    tx: &mut ReadTx,
    call: &Call,
    digest: &Digest,
    from: Option<&RepositoryName>,
) -> Result<Option<RepositoryName>, MetadataError> {
    let candidates: Vec<&RepositoryName> = match (from, &call.caller.permissions) {
        (Some(from), _) => vec![from],
        (None, Permissions::All) => {
            return Ok(tx.repositories_linking(digest, 1).await?.into_iter().next());
        }
        (None, Permissions::Granted { repositories, .. }) => repositories
            .iter()
            .filter(|grant| grant.actions.contains(&Action::Pull))
            .map(|grant| &grant.repository)
            .take(SOURCES_MAX)
            .collect(),
    };
    for repository in candidates {
        if tx.blob_in(repository, digest).await?.is_some() {
            return Ok(Some(repository.clone()));
        }
    }
    Ok(None)
}
