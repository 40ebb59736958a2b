//! What was deleted and can be restored, and what a deletion would take along.

use longshore_types::{Digest, Tag, Timestamp};

use crate::{
    ManifestId, ManifestRecord, MetadataError, Page, ReadTx, RepositoryId, TagEvent,
    manifests::record_columns,
    sql::{Row, Value, at_most, batches, one_more, page, params, placeholders},
};

/// A place in a listing from the newest to the oldest: the moment of the last entry and its row.
pub type Before = (Timestamp, i64);

/// Before nothing.
const FROM_THE_END: Before = (Timestamp::MAX, i64::MAX);

impl ReadTx {
    /// Deletions of tags after `since`, where the tag was not made again and its manifest is there or was deleted after
    /// `since` itself; newest first, before `before`.
    pub async fn deleted_tags_page(
        &mut self,
        repository: RepositoryId,
        since: Timestamp,
        before: Option<Before>,
        limit: usize,
    ) -> Result<Page<TagEvent>, MetadataError> {
        let sql = "SELECT e.id, e.tag, e.action, e.from_digest, e.to_digest, e.actor, e.at FROM tag_events e \
             WHERE e.repository_id = $1 AND e.action = 2 AND e.at > $2 AND (e.at, e.id) < ($3, $4) \
             AND NOT EXISTS (SELECT 1 FROM tag_events n \
                 WHERE n.repository_id = e.repository_id AND n.tag = e.tag AND n.id > e.id) \
             AND EXISTS (SELECT 1 FROM manifests m WHERE m.repository_id = e.repository_id \
                 AND m.digest = e.from_digest AND (m.deleted_at IS NULL OR m.deleted_at > $2)) \
             ORDER BY e.at DESC, e.id DESC LIMIT $5";
        let (at, id) = before.unwrap_or(FROM_THE_END);
        let rows = self.query(sql, params![repository, since, at, id, one_more(limit)]).await?;
        page(rows, limit, TagEvent::read)
    }

    /// Manifests that were deleted after `since`, newest deletion first, before `before`.
    pub async fn deleted_manifests_page(
        &mut self,
        repository: RepositoryId,
        since: Timestamp,
        before: Option<Before>,
        limit: usize,
    ) -> Result<Page<ManifestRecord>, MetadataError> {
        const SQL: &str = concat!(
            "SELECT ",
            record_columns!(),
            " FROM manifests m WHERE m.repository_id = $1 AND m.deleted_at IS NOT NULL AND m.deleted_at > $2 \
             AND (m.deleted_at, m.id) < ($3, $4) ORDER BY m.deleted_at DESC, m.id DESC LIMIT $5"
        );
        let (at, id) = before.unwrap_or(FROM_THE_END);
        let rows = self.query(SQL, params![repository, since, at, id, one_more(limit)]).await?;
        page(rows, limit, ManifestRecord::read)
    }

    /// The tags that were deleted from a manifest in that moment, at most `limit`.
    pub async fn tags_deleted_from(
        &mut self,
        repository: RepositoryId,
        manifest: &Digest,
        at: Timestamp,
        limit: usize,
    ) -> Result<Vec<Tag>, MetadataError> {
        let sql = "SELECT tag FROM tag_events WHERE repository_id = $1 AND action = 2 AND at = $2 \
                   AND from_digest = $3 ORDER BY id LIMIT $4";
        let rows = self.query(sql, params![repository, at, manifest, at_most(limit)]).await?;
        rows.into_iter().map(|mut row| row.parsed("tag")).collect()
    }

    /// Whether a tag ever pointed to a manifest, as its history says.
    pub async fn tag_had(
        &mut self,
        repository: RepositoryId,
        tag: &Tag,
        digest: &Digest,
    ) -> Result<bool, MetadataError> {
        let sql = "SELECT 1 FROM tag_events WHERE repository_id = $1 AND tag = $2 \
                   AND (to_digest = $3 OR from_digest = $3) LIMIT 1";
        self.exists(sql, params![repository, tag.as_str(), digest]).await
    }

    /// Those of `digests` whose manifests are in the repository, and not deleted before `since`.
    pub async fn restorable_manifests(
        &mut self,
        repository: RepositoryId,
        digests: &[Digest],
        since: Timestamp,
    ) -> Result<Vec<Digest>, MetadataError> {
        let mut found = Vec::new();
        for batch in batches(digests) {
            let sql = format!(
                "SELECT digest FROM manifests WHERE repository_id = $1 AND digest IN ({}) \
                 AND (deleted_at IS NULL OR deleted_at > ${})",
                placeholders(2, batch.len()),
                batch.len() + 2,
            );
            let digests = batch.iter().map(Value::from);
            let params: Vec<Value<'_>> =
                std::iter::once(repository.into()).chain(digests).chain([since.into()]).collect();
            for mut row in self.query(&sql, &params).await? {
                found.push(row.digest()?);
            }
        }
        Ok(found)
    }

    /// Manifests of the repository that are not deleted and refer to `digest` in any way, each once, at most `limit`.
    pub async fn live_manifests_naming(
        &mut self,
        repository: RepositoryId,
        digest: &Digest,
        limit: usize,
    ) -> Result<Vec<ManifestId>, MetadataError> {
        let sql = "SELECT DISTINCT r.manifest_id FROM manifest_references r CROSS JOIN manifests m \
                   WHERE r.repository_id = $1 AND r.digest = $2 AND m.id = r.manifest_id \
                   AND m.deleted_at IS NULL LIMIT $3";
        let rows = self.query(sql, params![repository, digest, at_most(limit)]).await?;
        rows.into_iter().map(|mut row: Row| Ok(ManifestId(row.int()?))).collect()
    }
}
