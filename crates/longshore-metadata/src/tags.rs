//! Tags and their history.

use longshore_types::{Digest, Tag, Timestamp};

use crate::{ManifestId, MetadataError, Page, ReadTx, RepositoryId, WriteTx};

/// A tag as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRecord {
    /// The tag.
    pub tag: Tag,
    /// The manifest's row.
    pub manifest: ManifestId,
    /// The manifest's digest.
    pub digest: Digest,
    /// When it was last pushed, moved or restored.
    pub updated_at: Timestamp,
}

/// What happened to a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TagEventAction {
    /// It came into being, or was pushed again to the same manifest.
    Push,
    /// It moved from one manifest to another.
    Move,
    /// It was deleted.
    Delete,
    /// It was restored after a deletion, or rolled back.
    Restore,
    /// It was found on a volume of another registry.
    Import,
}

/// A row of a tag's history; never changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagEvent {
    /// Grows with every event.
    pub id: i64,
    /// The tag.
    pub tag: Tag,
    /// What happened.
    pub action: TagEventAction,
    /// Where it pointed before.
    pub from: Option<Digest>,
    /// Where it points since.
    pub to: Option<Digest>,
    /// Who did it; `None` for an anonymous caller.
    pub actor: Option<String>,
    /// When.
    pub at: Timestamp,
}

impl ReadTx {
    /// The tag, if it exists.
    pub async fn tag(
        &mut self,
        _repository: RepositoryId,
        _tag: &Tag,
    ) -> Result<Option<TagRecord>, MetadataError> {
        todo!()
    }

    /// Tags in byte order, after `after` (which need not exist).
    pub async fn tags_page(
        &mut self,
        _repository: RepositoryId,
        _after: Option<&str>,
        _limit: usize,
    ) -> Result<Page<TagRecord>, MetadataError> {
        todo!()
    }

    /// The tags that point to a manifest.
    pub async fn tags_of(&mut self, _manifest: ManifestId) -> Result<Vec<Tag>, MetadataError> {
        todo!()
    }

    /// The history of a repository's tags (of one tag, if given), newest first, before event `before`.
    pub async fn tag_events(
        &mut self,
        _repository: RepositoryId,
        _tag: Option<&Tag>,
        _before: Option<i64>,
        _limit: usize,
    ) -> Result<Page<TagEvent>, MetadataError> {
        todo!()
    }
}

impl WriteTx {
    /// Points a tag to a manifest and writes the event: `action`, or [`TagEventAction::Move`] where a push finds the
    /// tag on another manifest. Returns where it pointed before.
    pub async fn set_tag(
        &mut self,
        _repository: RepositoryId,
        _tag: &Tag,
        _manifest: &crate::ManifestRecord,
        _action: TagEventAction,
        _actor: Option<&str>,
        _now: Timestamp,
    ) -> Result<Option<TagRecord>, MetadataError> {
        todo!()
    }

    /// Deletes a tag and writes the event. Returns where it pointed.
    pub async fn delete_tag(
        &mut self,
        _repository: RepositoryId,
        _tag: &Tag,
        _actor: Option<&str>,
        _now: Timestamp,
    ) -> Result<Option<TagRecord>, MetadataError> {
        todo!()
    }
}
