//! Unfinished uploads.

use longshore_types::{Timestamp, UploadId};

use crate::{MetadataError, ReadTx, RepositoryId, WriteTx};

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

impl ReadTx {
    /// The upload, if it exists in that repository.
    pub async fn upload(
        &mut self,
        _repository: RepositoryId,
        _id: &UploadId,
    ) -> Result<Option<UploadRecord>, MetadataError> {
        todo!()
    }

    /// Whether any repository has an upload of that id.
    pub async fn upload_exists(&mut self, _id: &UploadId) -> Result<bool, MetadataError> {
        todo!()
    }

    /// Uploads that have not grown since `since`, oldest first.
    pub async fn stale_uploads(
        &mut self,
        _since: Timestamp,
        _limit: usize,
    ) -> Result<Vec<UploadRecord>, MetadataError> {
        todo!()
    }

    /// How many uploads are unfinished.
    pub async fn uploads_count(&mut self) -> Result<u64, MetadataError> {
        todo!()
    }
}

impl WriteTx {
    /// Remembers a new upload.
    pub async fn insert_upload(&mut self, _upload: &UploadRecord) -> Result<(), MetadataError> {
        todo!()
    }

    /// Remembers how far an upload is now, if it still was at `size_before`. Returns whether it was: `false` means
    /// that somebody else went on with it, or that it is gone.
    pub async fn update_upload(
        &mut self,
        _upload: &UploadRecord,
        _size_before: u64,
    ) -> Result<bool, MetadataError> {
        todo!()
    }

    /// Forgets an upload. Returns whether there was one.
    pub async fn delete_upload(&mut self, _id: &UploadId) -> Result<bool, MetadataError> {
        todo!()
    }
}
