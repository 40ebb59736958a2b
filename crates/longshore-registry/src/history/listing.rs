//! What happened to tags, and what can be restored.

use std::collections::HashSet;

use longshore_auth::Action;
use longshore_metadata::{Before, ManifestRecord, MetadataError, Page, ReadTx, RepositoryId, TagEvent};
use longshore_types::{Digest, RepositoryName, Tag, Timestamp};

use crate::{Call, ListError, Registry, access::require};

/// Most tags shown of a deleted manifest.
const TAGS_MAX: usize = 100;

/// Something that happened to a tag, and whether the way back is open.
#[derive(Clone, Debug)]
pub struct PastEvent {
    /// What happened.
    pub event: TagEvent,
    /// Whether the manifest that it pointed to before is there, or can be restored.
    pub from_available: bool,
    /// The same for the one it points to since.
    pub to_available: bool,
}

/// A tag that was deleted and can be restored.
#[derive(Clone, Debug)]
pub struct DeletedTag {
    /// The deletion.
    pub event: TagEvent,
    /// Until when.
    pub until: Timestamp,
}

/// A manifest that was deleted and can be restored.
#[derive(Clone, Debug)]
pub struct DeletedManifest {
    /// What it was.
    pub record: ManifestRecord,
    /// When it was deleted.
    pub deleted_at: Timestamp,
    /// Until when it can be restored.
    pub until: Timestamp,
    /// Tags that were deleted with it; no more than a hundred.
    pub tags: Vec<Tag>,
}

impl Registry {
    /// What happened to the tags of a repository (to one, if given), newest first, before event `before`.
    pub async fn tag_history(
        &self,
        call: &Call,
        repository: &RepositoryName,
        tag: Option<&Tag>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<PastEvent>, ListError> {
        let (mut tx, id) = self.begin_past(call, repository).await?;
        let page = tx.tag_events(id, tag, before, limit).await?;
        let digests: Vec<Digest> =
            page.entries.iter().flat_map(|event| [event.from, event.to]).flatten().collect();
        let available = tx.restorable_manifests(id, &digests, self.restorable_since(call)).await?;
        let available: HashSet<Digest> = available.into_iter().collect();
        let is_available = |digest: Option<Digest>| digest.is_some_and(|digest| available.contains(&digest));
        let entries = page.entries.into_iter().map(|event| PastEvent {
            from_available: is_available(event.from),
            to_available: is_available(event.to),
            event,
        });
        Ok(Page { entries: entries.collect(), more: page.more })
    }

    /// Tags that were deleted and can be restored, those deleted last first, before `before`.
    pub async fn deleted_tags(
        &self,
        call: &Call,
        repository: &RepositoryName,
        before: Option<Before>,
        limit: usize,
    ) -> Result<Page<DeletedTag>, ListError> {
        let (mut tx, id) = self.begin_past(call, repository).await?;
        let page = tx.deleted_tags_page(id, self.restorable_since(call), before, limit).await?;
        let window = self.inner.settings.undelete_window;
        let deleted = |event: TagEvent| DeletedTag { until: event.at.after(window), event };
        Ok(Page { entries: page.entries.into_iter().map(deleted).collect(), more: page.more })
    }

    /// Manifests that were deleted and can be restored, those deleted last first, before `before`.
    pub async fn deleted_manifests(
        &self,
        call: &Call,
        repository: &RepositoryName,
        before: Option<Before>,
        limit: usize,
    ) -> Result<Page<DeletedManifest>, ListError> {
        let (mut tx, id) = self.begin_past(call, repository).await?;
        let page = tx.deleted_manifests_page(id, self.restorable_since(call), before, limit).await?;
        let mut entries = Vec::new();
        for record in page.entries {
            entries.extend(self.deleted(&mut tx, id, record).await?);
        }
        Ok(Page { entries, more: page.more })
    }

    async fn deleted(
        &self,
        tx: &mut ReadTx,
        repository: RepositoryId,
        record: ManifestRecord,
    ) -> Result<Option<DeletedManifest>, MetadataError> {
        let Some(deleted_at) = record.deleted_at else { return Ok(None) };
        let tags = tx.tags_deleted_from(repository, &record.digest, deleted_at, TAGS_MAX).await?;
        let until = deleted_at.after(self.inner.settings.undelete_window);
        Ok(Some(DeletedManifest { record, deleted_at, until, tags }))
    }

    /// Whether there ever was something in a repository of that name.
    pub async fn had_repository(&self, call: &Call, name: &RepositoryName) -> Result<bool, ListError> {
        require(call, Action::Pull, name)?;
        Ok(self.inner.metadata.read().await?.repository(name).await?.is_some())
    }

    async fn begin_past(
        &self,
        call: &Call,
        repository: &RepositoryName,
    ) -> Result<(ReadTx, RepositoryId), ListError> {
        require(call, Action::Pull, repository)?;
        let mut tx = self.inner.metadata.read().await?;
        let record = tx.repository(repository).await?;
        let id = record.ok_or_else(|| ListError::NameUnknown(repository.clone()))?.id;
        Ok((tx, id))
    }

    /// What was deleted after that can be restored.
    pub(super) fn restorable_since(&self, call: &Call) -> Timestamp {
        call.now.before(self.inner.settings.undelete_window)
    }
}
