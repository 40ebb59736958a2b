//! Blobs and the repositories that link them.

use std::collections::HashSet;

use longshore_types::{Digest, RepositoryName, Timestamp};

use crate::{
    MetadataError, Page, ReadTx, RepositoryId, WriteTx,
    cache::Key,
    sql::{Row, Value, at_most, batches, digest_key, one_more, page, params, placeholders},
};

/// A blob's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobId(pub(crate) i64);

/// A blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobRecord {
    /// Its row.
    pub id: BlobId,
    /// Its digest.
    pub digest: Digest,
    /// Its length.
    pub size_bytes: u64,
}

impl BlobRecord {
    pub(crate) fn read(mut row: Row) -> Result<Self, MetadataError> {
        Self::read_from(&mut row)
    }

    /// From the columns `id, digest, size_bytes`; others may follow.
    pub(crate) fn read_from(row: &mut Row) -> Result<Self, MetadataError> {
        Ok(Self { id: BlobId(row.int()?), digest: row.digest()?, size_bytes: row.unsigned()? })
    }
}

/// Looks a blob up; also with a lock.
const BLOB: &str = "SELECT id, digest, size_bytes FROM blobs WHERE digest = $1";

impl ReadTx {
    /// The blob, if this repository links it.
    pub async fn blob_in(
        &mut self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<BlobRecord>, MetadataError> {
        let sql = "SELECT b.id, b.digest, b.size_bytes FROM repositories r CROSS JOIN blobs b \
                   JOIN repository_blobs l ON l.repository_id = r.id AND l.blob_id = b.id \
                   WHERE r.name = $1 AND b.digest = $2";
        self.query_opt(sql, params![repository, digest]).await?.map(BlobRecord::read).transpose()
    }

    /// The blob of that digest, linked or not.
    pub async fn blob(&mut self, digest: &Digest) -> Result<Option<BlobRecord>, MetadataError> {
        self.query_opt(BLOB, params![digest]).await?.map(BlobRecord::read).transpose()
    }

    /// Blobs by digest, after `after`.
    pub async fn blobs_page(
        &mut self,
        after: Option<&Digest>,
        limit: usize,
    ) -> Result<Page<BlobRecord>, MetadataError> {
        let sql = "SELECT id, digest, size_bytes FROM blobs WHERE digest > $1 ORDER BY digest LIMIT $2";
        let rows = self.query(sql, &[digest_key(after), one_more(limit).into()]).await?;
        page(rows, limit, BlobRecord::read)
    }

    /// Blobs that the repository links, by row, after `after`.
    pub async fn repository_blobs_page(
        &mut self,
        repository: RepositoryId,
        after: Option<BlobId>,
        limit: usize,
    ) -> Result<Page<BlobRecord>, MetadataError> {
        let sql = "SELECT b.id, b.digest, b.size_bytes FROM \
                   (SELECT blob_id FROM repository_blobs WHERE repository_id = $1 AND blob_id > $2 \
                    ORDER BY blob_id LIMIT $3) AS l JOIN blobs b ON b.id = l.blob_id ORDER BY l.blob_id";
        let after = after.map_or(i64::MIN, |id| id.0);
        let rows = self.query(sql, params![repository, after, one_more(limit)]).await?;
        page(rows, limit, BlobRecord::read)
    }

    /// Some repositories that link the blob, at most `limit`, by name.
    pub async fn repositories_linking(
        &mut self,
        digest: &Digest,
        limit: usize,
    ) -> Result<Vec<RepositoryName>, MetadataError> {
        // The limit comes first: a base layer may be linked by every repository there is.
        let sql = "SELECT r.name FROM (SELECT l.repository_id FROM blobs b \
                   JOIN repository_blobs l ON l.blob_id = b.id WHERE b.digest = $1 LIMIT $2) AS found \
                   JOIN repositories r ON r.id = found.repository_id ORDER BY r.name";
        let rows = self.query(sql, params![digest, at_most(limit)]).await?;
        rows.into_iter().map(|mut row| row.parsed("repository name")).collect()
    }

    /// Those of `digests` that the repository does not link as blobs.
    pub async fn unlinked_blobs(
        &mut self,
        repository: RepositoryId,
        digests: &[Digest],
    ) -> Result<Vec<Digest>, MetadataError> {
        let mut linked = HashSet::new();
        for batch in batches(digests) {
            let sql = format!(
                "SELECT b.digest FROM blobs b CROSS JOIN repository_blobs l \
                 WHERE l.repository_id = $1 AND l.blob_id = b.id AND b.digest IN ({})",
                placeholders(2, batch.len())
            );
            let digests = batch.iter().map(Value::from);
            let params: Vec<Value<'_>> = std::iter::once(repository.into()).chain(digests).collect();
            for mut row in self.query(&sql, &params).await? {
                linked.insert(row.digest()?);
            }
        }
        Ok(digests.iter().filter(|digest| !linked.contains(*digest)).copied().collect())
    }
}

impl WriteTx {
    /// The blob's row, made if it is new, and locked until commit: collection cannot take it meanwhile. Content must
    /// be seen in the store *after* this call and before the link.
    pub async fn ensure_blob(
        &mut self,
        digest: &Digest,
        size_bytes: u64,
        now: Timestamp,
    ) -> Result<BlobRecord, MetadataError> {
        if let Some(found) = self.lock_blob(digest).await?.filter(|found| found.size_bytes == size_bytes) {
            return Ok(found);
        }
        // DO UPDATE, so that the row is locked also if another transaction makes it meanwhile.
        let sql = "INSERT INTO blobs (digest, size_bytes, created_at) VALUES ($1, $2, $3) \
                   ON CONFLICT (digest) DO UPDATE SET size_bytes = excluded.size_bytes \
                   RETURNING id, digest, size_bytes";
        let row = self.query_opt(sql, params![digest, size_bytes, now]).await?;
        BlobRecord::read(row.ok_or_else(|| MetadataError::vanished("the new blob vanished"))?)
    }

    /// The blob's row, locked until commit against linking and collection.
    pub async fn lock_blob(&mut self, digest: &Digest) -> Result<Option<BlobRecord>, MetadataError> {
        let rows = self.query_locking(BLOB, "FOR UPDATE", params![digest]).await?;
        rows.into_iter().next().map(BlobRecord::read).transpose()
    }

    /// Links a blob into a repository; linking twice is no error.
    ///
    /// # Errors
    /// [`MetadataError::Conflict`] when the blob or the repository is gone; [`MetadataError::QuotaExceeded`].
    pub async fn link_blob(
        &mut self,
        repository: RepositoryId,
        blob: BlobId,
        now: Timestamp,
    ) -> Result<(), MetadataError> {
        let sql = "INSERT INTO repository_blobs (repository_id, blob_id, linked_at) VALUES ($1, $2, $3) \
                   ON CONFLICT (repository_id, blob_id) DO NOTHING \
                   RETURNING (SELECT counted FROM repositories WHERE id = $1)";
        let Some(mut row) = self.query_opt(sql, params![repository, blob, now]).await? else { return Ok(()) };
        if row.int()? == 1 { self.hold_blob(repository, blob).await } else { Ok(()) }
    }

    /// Takes the link away. Returns whether there was one.
    pub async fn unlink_blob(
        &mut self,
        repository: RepositoryId,
        blob: BlobId,
    ) -> Result<bool, MetadataError> {
        let sql = "DELETE FROM repository_blobs WHERE repository_id = $1 AND blob_id = $2 \
                   RETURNING (SELECT digest FROM blobs WHERE id = $2), \
                   (SELECT counted FROM repositories WHERE id = $1)";
        let Some(mut row) = self.query_opt(sql, params![repository, blob]).await? else { return Ok(false) };
        let digest = row.digest()?;
        self.changes(Key::Link(repository, digest));
        if row.int()? == 1 {
            self.release(repository, &digest).await?;
        }
        Ok(true)
    }

    /// Whether any repository links the blob.
    pub async fn blob_is_linked(&mut self, blob: BlobId) -> Result<bool, MetadataError> {
        let sql = "SELECT 1 FROM repository_blobs WHERE blob_id = $1 LIMIT 1";
        self.exists(sql, params![blob]).await
    }

    /// Forgets a blob that nothing links, with its reviews. The caller holds [`WriteTx::lock_blob`].
    ///
    /// # Errors
    /// [`MetadataError::Conflict`] when something links it all the same.
    pub async fn delete_blob(&mut self, blob: BlobId) -> Result<(), MetadataError> {
        self.execute("DELETE FROM blob_reviews WHERE blob_id = $1", params![blob]).await?;
        self.execute("DELETE FROM blobs WHERE id = $1", params![blob]).await.map(drop)
    }
}
