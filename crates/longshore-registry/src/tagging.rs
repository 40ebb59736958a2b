//! Tags that are made and taken away without a push.

use longshore_auth::Action;
use longshore_metadata::{MetadataError, TagEventAction};
use longshore_types::{Digest, Reference, RepositoryName, Tag};

use crate::{
    Call, DeleteError, Denied, Event, EventAction, ReadOnly, Registry,
    access::require,
    audit::{AuditRow, Operation},
    browse::find,
    retry::retry_on_conflict,
};

/// Why there is no new tag.
#[derive(Debug, thiserror::Error)]
pub enum TagError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The registry is read-only.
    #[error(transparent)]
    ReadOnly(#[from] ReadOnly),
    /// No such repository.
    #[error("no repository {0}")]
    NameUnknown(RepositoryName),
    /// No such manifest.
    #[error("no manifest {reference} in {repository}")]
    ManifestUnknown {
        /// Where.
        repository: RepositoryName,
        /// What.
        reference: Reference,
    },
    /// The repository has that tag.
    #[error("tag {tag} exists in {repository}")]
    Exists {
        /// Where.
        repository: RepositoryName,
        /// Which.
        tag: Tag,
    },
    /// The index failed.
    #[error("could not change the index")]
    Metadata(#[from] MetadataError),
}

impl Registry {
    /// Points a new tag to the manifest that `reference` names. Returns its digest.
    ///
    /// # Cancel safety
    /// Dropped, it still runs to its end.
    pub async fn create_tag(
        &self,
        call: &Call,
        repository: &RepositoryName,
        reference: &Reference,
        tag: &Tag,
    ) -> Result<Digest, TagError> {
        require(call, Action::Push, repository)?;
        self.require_writable()?;
        let (registry, call, repository) = (self.clone(), call.clone(), repository.clone());
        let (reference, tag) = (reference.clone(), tag.clone());
        let create = async move {
            retry_on_conflict(|| registry.try_create_tag(&call, &repository, &reference, &tag)).await
        };
        self.inner.tasks.run(create).await
    }

    async fn try_create_tag(
        &self,
        call: &Call,
        repository: &RepositoryName,
        reference: &Reference,
        tag: &Tag,
    ) -> Result<Digest, TagError> {
        let mut tx = self.inner.metadata.write().await?;
        let found = tx.repository(repository).await?;
        let found = found.ok_or_else(|| TagError::NameUnknown(repository.clone()))?;
        tx.lock_repository(found.id).await?;
        let record = find(&mut tx, &found, reference).await?.ok_or_else(|| TagError::ManifestUnknown {
            repository: repository.clone(),
            reference: reference.clone(),
        })?;
        if tx.tag(found.id, tag).await?.is_some() {
            return Err(TagError::Exists { repository: repository.clone(), tag: tag.clone() });
        }
        let actor = call.caller.name.as_deref();
        tx.set_tag(found.id, tag, &record, TagEventAction::Push, actor, call.now).await?;
        let event = || {
            Event::new(call, EventAction::Push, repository)
                .content(record.digest, record.media_type.clone(), record.size_bytes)
                .tag(Some(tag))
        };
        self.notify(&mut tx, event).await?;
        let row = || AuditRow::new(call, Operation::CreateTag, repository, Some(tag), Some(&record.digest));
        self.record(&mut tx, row).await?;
        tx.commit().await?;
        Ok(record.digest)
    }

    /// Deletes a tag of the artifact that `reference` names.
    ///
    /// # Errors
    /// [`DeleteError::ManifestUnknown`] also where the tag is another artifact's.
    ///
    /// # Cancel safety
    /// Dropped, it still runs to its end.
    pub async fn delete_tag_of(
        &self,
        call: &Call,
        repository: &RepositoryName,
        reference: &Reference,
        tag: &Tag,
    ) -> Result<(), DeleteError> {
        require(call, Action::Delete, repository)?;
        let unknown =
            |reference: Reference| DeleteError::ManifestUnknown { repository: repository.clone(), reference };
        let mut tx = self.inner.metadata.read().await?;
        let found = tx.repository(repository).await?;
        let found = found.ok_or_else(|| DeleteError::NameUnknown(repository.clone()))?;
        let record = find(&mut tx, &found, reference).await?.ok_or_else(|| unknown(reference.clone()))?;
        let held = tx.tag(found.id, tag).await?.is_some_and(|held| held.manifest == record.id);
        drop(tx);
        let tag = Reference::Tag(tag.clone());
        if held { self.delete_manifest(call, repository, &tag).await } else { Err(unknown(tag)) }
    }
}
