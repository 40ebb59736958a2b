//! Tags and their history.

use longshore_types::{Digest, Tag, Timestamp};

use crate::{
    ManifestId, ManifestRecord, MetadataError, Page, ReadTx, RepositoryId, TagOrder, TextFilter, WriteTx,
    cache::Key,
    conditions::Conditions,
    sql::{Row, at_most, one_more, page, params, text_key},
};

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

impl TagRecord {
    fn read(mut row: Row) -> Result<Self, MetadataError> {
        Ok(Self {
            tag: row.parsed("tag")?,
            manifest: ManifestId(row.int()?),
            digest: row.digest()?,
            updated_at: row.timestamp()?,
        })
    }
}

impl TagEventAction {
    const ALL: [Self; 5] = [Self::Push, Self::Move, Self::Delete, Self::Restore, Self::Import];

    pub(crate) fn code(self) -> i64 {
        match self {
            Self::Push => 0,
            Self::Move => 1,
            Self::Delete => 2,
            Self::Restore => 3,
            Self::Import => 4,
        }
    }

    fn from_code(code: i64) -> Result<Self, MetadataError> {
        Self::ALL
            .into_iter()
            .find(|action| action.code() == code)
            .ok_or_else(|| MetadataError::Corrupt(format!("{code} is no action on a tag")))
    }
}

impl TagEvent {
    pub(crate) fn read(mut row: Row) -> Result<Self, MetadataError> {
        Ok(Self {
            id: row.int()?,
            tag: row.parsed("tag")?,
            action: TagEventAction::from_code(row.int()?)?,
            from: row.optional_digest()?,
            to: row.optional_digest()?,
            actor: row.optional_text()?,
            at: row.timestamp()?,
        })
    }
}

impl ReadTx {
    /// The tag, if it exists.
    pub async fn tag(
        &mut self,
        repository: RepositoryId,
        tag: &Tag,
    ) -> Result<Option<TagRecord>, MetadataError> {
        let sql = "SELECT t.name, t.manifest_id, m.digest, t.updated_at FROM tags t \
                   JOIN manifests m ON m.id = t.manifest_id WHERE t.repository_id = $1 AND t.name = $2";
        self.query_opt(sql, params![repository, tag.as_str()]).await?.map(TagRecord::read).transpose()
    }

    /// Tags in byte order, after `after` (which need not exist).
    pub async fn tags_page(
        &mut self,
        repository: RepositoryId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<TagRecord>, MetadataError> {
        let sql = "SELECT t.name, t.manifest_id, m.digest, t.updated_at FROM \
                   (SELECT name, manifest_id, updated_at FROM tags WHERE repository_id = $1 AND name > $2 \
                    ORDER BY name LIMIT $3) AS t JOIN manifests m ON m.id = t.manifest_id ORDER BY t.name";
        let rows = self.query(sql, params![repository, text_key(after), one_more(limit)]).await?;
        page(rows, limit, TagRecord::read)
    }

    /// The names of tags in byte order, after `after` (which need not exist): what a listing shows, without a look at
    /// the manifests.
    pub async fn tag_names_page(
        &mut self,
        repository: RepositoryId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<Tag>, MetadataError> {
        let sql = "SELECT name FROM tags WHERE repository_id = $1 AND name > $2 ORDER BY name LIMIT $3";
        let rows = self.query(sql, params![repository, text_key(after), one_more(limit)]).await?;
        page(rows, limit, |mut row| row.parsed("tag"))
    }

    /// Tags in an order, without the first `skip`: these are walked over in the order's index.
    pub async fn listed_tags(
        &mut self,
        repository: RepositoryId,
        name: Option<TextFilter<'_>>,
        (order, descending): (TagOrder, bool),
        skip: usize,
        limit: usize,
    ) -> Result<Vec<TagRecord>, MetadataError> {
        let mut conditions = Conditions::new(self.dialect());
        conditions.compare("t.repository_id", "=", repository);
        conditions.text("t.name", name);
        let order = match (order, descending) {
            (TagOrder::Name, false) => "t.name",
            (TagOrder::Name, true) => "t.name DESC",
            (TagOrder::Pushed, false) => "t.updated_at, t.name",
            (TagOrder::Pushed, true) => "t.updated_at DESC, t.name DESC",
        };
        let sql = conditions.sql();
        let (rows, skip) = (conditions.value(at_most(limit)), conditions.value(at_most(skip)));
        let sql = format!(
            "SELECT t.name, t.manifest_id, m.digest, t.updated_at FROM \
             (SELECT t.name AS name FROM tags t {sql} ORDER BY {order} LIMIT ${rows} OFFSET ${skip}) AS p \
             CROSS JOIN tags t CROSS JOIN manifests m \
             WHERE t.repository_id = $1 AND t.name = p.name AND m.id = t.manifest_id ORDER BY {order}"
        );
        self.query(&sql, &conditions.values).await?.into_iter().map(TagRecord::read).collect()
    }

    /// How many there are.
    pub async fn listed_tags_count(
        &mut self,
        repository: RepositoryId,
        name: Option<TextFilter<'_>>,
    ) -> Result<u64, MetadataError> {
        let mut conditions = Conditions::new(self.dialect());
        conditions.compare("t.repository_id", "=", repository);
        conditions.text("t.name", name);
        let sql = format!("SELECT COUNT(*) FROM tags t {}", conditions.sql());
        self.count(&sql, &conditions.values).await
    }

    /// The tags that point to a manifest.
    pub async fn tags_of(&mut self, manifest: ManifestId) -> Result<Vec<Tag>, MetadataError> {
        let sql = "SELECT name FROM tags WHERE manifest_id = $1 ORDER BY name";
        let rows = self.query(sql, params![manifest]).await?;
        rows.into_iter().map(|mut row| row.parsed("tag")).collect()
    }

    /// The history of a repository's tags (of one tag, if given), newest first, before event `before`.
    pub async fn tag_events(
        &mut self,
        repository: RepositoryId,
        tag: Option<&Tag>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<TagEvent>, MetadataError> {
        const OF_REPOSITORY: &str = "SELECT id, tag, action, from_digest, to_digest, actor, at FROM tag_events \
             WHERE repository_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
        const OF_TAG: &str = "SELECT id, tag, action, from_digest, to_digest, actor, at FROM tag_events \
             WHERE repository_id = $1 AND tag = $2 AND id < $3 ORDER BY id DESC LIMIT $4";
        let (before, rows) = (before.unwrap_or(i64::MAX), one_more(limit));
        let rows = match tag {
            None => self.query(OF_REPOSITORY, params![repository, before, rows]).await?,
            Some(tag) => self.query(OF_TAG, params![repository, tag.as_str(), before, rows]).await?,
        };
        page(rows, limit, TagEvent::read)
    }
}

impl WriteTx {
    /// Points a tag to a manifest and writes the event: `action`, or [`TagEventAction::Move`] where a push finds the
    /// tag on another manifest. Returns where it pointed before. The caller holds [`WriteTx::lock_repository`].
    ///
    /// # Errors
    /// [`MetadataError::Conflict`] when the manifest is gone.
    pub async fn set_tag(
        &mut self,
        repository: RepositoryId,
        tag: &Tag,
        manifest: &ManifestRecord,
        action: TagEventAction,
        actor: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<TagRecord>, MetadataError> {
        let before = self.tag(repository, tag).await?;
        let sql = "INSERT INTO tags (repository_id, name, manifest_id, updated_at) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (repository_id, name) \
                   DO UPDATE SET manifest_id = excluded.manifest_id, updated_at = excluded.updated_at";
        self.execute(sql, params![repository, tag.as_str(), manifest.id, now]).await?;
        let moved = before.as_ref().is_some_and(|before| before.manifest != manifest.id);
        let action = if moved && action == TagEventAction::Push { TagEventAction::Move } else { action };
        if moved {
            self.changes(Key::Tag(repository, tag.clone()));
        }
        let from = before.as_ref().map(|before| before.digest);
        self.insert_tag_event(repository, tag, (action, from, Some(manifest.digest)), actor, now).await?;
        Ok(before)
    }

    /// Deletes a tag and writes the event. Returns where it pointed. The caller holds [`WriteTx::lock_repository`].
    pub async fn delete_tag(
        &mut self,
        repository: RepositoryId,
        tag: &Tag,
        actor: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<TagRecord>, MetadataError> {
        let Some(before) = self.tag(repository, tag).await? else { return Ok(None) };
        let sql = "DELETE FROM tags WHERE repository_id = $1 AND name = $2";
        self.execute(sql, params![repository, tag.as_str()]).await?;
        self.changes(Key::Tag(repository, tag.clone()));
        let change = (TagEventAction::Delete, Some(before.digest), None);
        self.insert_tag_event(repository, tag, change, actor, now).await?;
        Ok(Some(before))
    }

    async fn insert_tag_event(
        &mut self,
        repository: RepositoryId,
        tag: &Tag,
        (action, from, to): (TagEventAction, Option<Digest>, Option<Digest>),
        actor: Option<&str>,
        now: Timestamp,
    ) -> Result<(), MetadataError> {
        let sql = "INSERT INTO tag_events (repository_id, tag, action, from_digest, to_digest, actor, at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let (from, to) = (from.as_ref(), to.as_ref());
        let params = params![repository, tag.as_str(), action.code(), from, to, actor, now];
        self.execute(sql, params).await?;
        self.touch_repository(repository, now).await
    }
}
