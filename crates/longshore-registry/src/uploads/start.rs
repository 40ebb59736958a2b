//! Begin, status and cancel.

use longshore_auth::Action;
use longshore_metadata::UploadRecord;
use longshore_types::{DigestAlgorithm, Digester, RepositoryName, UploadId};

use super::{UploadError, UploadStatus, limit::starter};
use crate::{Call, Registry, access::require, retry::retry_on_conflict};

impl Registry {
    /// Begins an upload; `algorithm` is what its digest will be by, as far as the client said.
    pub async fn start_upload(
        &self,
        call: &Call,
        repository: &RepositoryName,
        algorithm: DigestAlgorithm,
    ) -> Result<UploadStatus, UploadError> {
        let (registry, call, repository) = (self.clone(), call.clone(), repository.clone());
        self.inner.tasks.run(async move { registry.start(&call, &repository, algorithm).await }).await
    }

    async fn start(
        &self,
        call: &Call,
        repository: &RepositoryName,
        algorithm: DigestAlgorithm,
    ) -> Result<UploadStatus, UploadError> {
        require(call, Action::Push, repository)?;
        self.require_writable()?;
        self.require_room_for_upload(call).await?;
        let id = UploadId::random();
        let _lock = self.inner.upload_locks.try_lock(id).ok_or(UploadError::Busy(id))?;
        // The store first: a row must not promise an upload that the store does not know.
        let progress = self.inner.uploads.create(&id).await?;
        let started = retry_on_conflict(async || -> Result<(), UploadError> {
            // No content is promised yet: a power cut may take the session back, and the client begins again. A crash
            // of this program does not.
            let mut tx = self.inner.metadata.write_relaxed().await?;
            self.require_project::<UploadError>(&mut tx, repository).await?;
            let repository = tx.ensure_repository(repository, call.now).await?;
            if self.inner.settings.managed_projects {
                tx.check_room(repository.project, 0).await?;
            }
            let record = UploadRecord {
                id,
                repository: repository.id,
                size_bytes: progress.size_bytes,
                digester_state: Digester::new(algorithm).state().as_bytes().to_vec(),
                store_state: progress.state.clone(),
                started_at: call.now,
                updated_at: call.now,
            };
            tx.insert_upload(&record, starter(call).unwrap_or_default()).await?;
            Ok(tx.commit().await?)
        })
        .await;
        if let Err(error) = started {
            self.discard_bytes(&id, &progress).await;
            return Err(error);
        }
        Ok(UploadStatus { id, size_bytes: progress.size_bytes })
    }

    /// How far an upload is.
    pub async fn upload_status(
        &self,
        call: &Call,
        repository: &RepositoryName,
        id: &UploadId,
    ) -> Result<UploadStatus, UploadError> {
        require(call, Action::Push, repository)?;
        let (_, record) = self.upload_record(repository, id).await?.ok_or(UploadError::UploadUnknown(*id))?;
        Ok(UploadStatus { id: record.id, size_bytes: record.size_bytes })
    }

    /// Gives an upload up.
    ///
    /// # Cancel safety
    /// Dropped, the upload is still given up.
    pub async fn cancel_upload(
        &self,
        call: &Call,
        repository: &RepositoryName,
        id: &UploadId,
    ) -> Result<(), UploadError> {
        let (registry, call, repository, id) = (self.clone(), call.clone(), repository.clone(), *id);
        let cancel = async move {
            let session = registry.open_session(&call, &repository, &id).await?;
            registry.discard(&session).await
        };
        self.inner.tasks.run(cancel).await
    }
}
