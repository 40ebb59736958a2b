//! Unfinished uploads.

use longshore_types::{Timestamp, UploadId};

use crate::{
    MetadataError, ReadTx, RepositoryId, WriteTx,
    sql::{Row, at_most, params},
};

/// An unfinished upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadRecord {
    /// Its id.
    pub id: UploadId,
    /// The repository it was begun in; no other may use it.
    pub repository: RepositoryId,
    /// How many bytes are durably there.
    pub size_bytes: u64,
    /// The digester's state after them (`longshore_types::DigesterState`).
    pub digester_state: Vec<u8>,
    /// What the storage backend remembers (`UploadProgress::state`).
    pub store_state: Vec<u8>,
    /// When it was begun.
    pub started_at: Timestamp,
    /// When it last grew.
    pub updated_at: Timestamp,
}

impl UploadRecord {
    fn read(mut row: Row) -> Result<Self, MetadataError> {
        Ok(Self {
            id: row.parsed("upload id")?,
            repository: RepositoryId(row.int()?),
            size_bytes: row.unsigned()?,
            digester_state: row.bytes()?,
            store_state: row.bytes()?,
            started_at: row.timestamp()?,
            updated_at: row.timestamp()?,
        })
    }
}

impl ReadTx {
    /// The upload, if it exists in that repository.
    pub async fn upload(
        &mut self,
        repository: RepositoryId,
        id: &UploadId,
    ) -> Result<Option<UploadRecord>, MetadataError> {
        let sql = "SELECT id, repository_id, size_bytes, digester_state, store_state, started_at, updated_at \
                   FROM uploads WHERE id = $1 AND repository_id = $2";
        self.query_opt(sql, params![id.to_string(), repository]).await?.map(UploadRecord::read).transpose()
    }

    /// Whether any repository has an upload of that id.
    pub async fn upload_exists(&mut self, id: &UploadId) -> Result<bool, MetadataError> {
        self.exists("SELECT 1 FROM uploads WHERE id = $1", params![id.to_string()]).await
    }

    /// Uploads that have not grown since `since`, oldest first.
    pub async fn stale_uploads(
        &mut self,
        since: Timestamp,
        limit: usize,
    ) -> Result<Vec<UploadRecord>, MetadataError> {
        let sql = "SELECT id, repository_id, size_bytes, digester_state, store_state, started_at, updated_at \
                   FROM uploads WHERE updated_at < $1 ORDER BY updated_at LIMIT $2";
        let rows = self.query(sql, params![since, at_most(limit)]).await?;
        rows.into_iter().map(UploadRecord::read).collect()
    }

    /// How many uploads are unfinished.
    pub async fn uploads_count(&mut self) -> Result<u64, MetadataError> {
        self.count("SELECT COUNT(*) FROM uploads", params![]).await
    }

    /// How many of the unfinished uploads somebody began; no more than `limit` are counted.
    pub async fn uploads_count_of(&mut self, started_by: &str, limit: usize) -> Result<u64, MetadataError> {
        let sql = "SELECT COUNT(*) FROM (SELECT 1 FROM uploads WHERE started_by = $1 LIMIT $2) AS own";
        self.count(sql, params![started_by, at_most(limit)]).await
    }
}

impl WriteTx {
    /// Remembers a new upload, and who began it.
    ///
    /// # Errors
    /// [`MetadataError::Conflict`] when the id is taken or the repository is gone.
    pub async fn insert_upload(
        &mut self,
        upload: &UploadRecord,
        started_by: &str,
    ) -> Result<(), MetadataError> {
        let sql = "INSERT INTO uploads (id, repository_id, size_bytes, digester_state, store_state, \
                   started_at, updated_at, started_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let params = params![
            upload.id.to_string(),
            upload.repository,
            upload.size_bytes,
            upload.digester_state.as_slice(),
            upload.store_state.as_slice(),
            upload.started_at,
            upload.updated_at,
            started_by,
        ];
        self.execute(sql, params).await.map(drop)
    }

    /// Remembers how far an upload is now, if it still was at `size_before`. Returns whether it was: `false` means
    /// that somebody else went on with it, or that it is gone.
    pub async fn update_upload(
        &mut self,
        upload: &UploadRecord,
        size_before: u64,
    ) -> Result<bool, MetadataError> {
        let sql = "UPDATE uploads SET size_bytes = $1, digester_state = $2, store_state = $3, updated_at = $4 \
                   WHERE id = $5 AND repository_id = $6 AND size_bytes = $7";
        let params = params![
            upload.size_bytes,
            upload.digester_state.as_slice(),
            upload.store_state.as_slice(),
            upload.updated_at,
            upload.id.to_string(),
            upload.repository,
            size_before,
        ];
        Ok(self.execute(sql, params).await? > 0)
    }

    /// Forgets an upload. Returns whether there was one.
    pub async fn delete_upload(&mut self, id: &UploadId) -> Result<bool, MetadataError> {
        Ok(self.execute("DELETE FROM uploads WHERE id = $1", params![id.to_string()]).await? > 0)
    }
}
