//! An upload in somebody's hands.

use longshore_auth::Action;
use longshore_metadata::{MetadataError, ProjectId, UploadRecord};
use longshore_storage::{StoreError, UploadProgress};
use longshore_types::{DigestAlgorithm, Digester, DigesterState, RepositoryName, UploadId};

use super::{UploadError, UploadLock, UploadStatus};
use crate::{Call, Registry, access::require, retry::retry_on_conflict};

/// An upload that nobody else in this process changes meanwhile.
pub(super) struct Session {
    pub(super) id: UploadId,
    /// The project that must have room for it; `None` where nobody limits projects.
    pub(super) project: Option<ProjectId>,
    /// How far it is in the store.
    pub(super) progress: UploadProgress,
    /// The digester after those bytes.
    pub(super) digester: Digester,
    /// Its row as it was read; `None` for an upload that lives for one request only, which nobody can resume.
    pub(super) row: Option<UploadRecord>,
    pub(super) _lock: UploadLock,
}

impl Session {
    pub(super) fn status(&self) -> UploadStatus {
        UploadStatus { id: self.id, size_bytes: self.progress.size_bytes }
    }
}

/// The store has lost an upload that the index still knows: to its client it is one that never was, and a new one
/// helps.
pub(super) fn gone(id: UploadId) -> impl FnOnce(StoreError) -> UploadError {
    move |error| match error {
        StoreError::NotFound => UploadError::UploadUnknown(id),
        error => error.into(),
    }
}

/// How far an upload came, in the store's words.
pub(crate) fn progress_of(record: &UploadRecord) -> UploadProgress {
    UploadProgress { size_bytes: record.size_bytes, state: record.store_state.clone() }
}

impl Registry {
    /// Takes an upload into the caller's hands.
    pub(super) async fn open_session(
        &self,
        call: &Call,
        repository: &RepositoryName,
        id: &UploadId,
    ) -> Result<Session, UploadError> {
        require(call, Action::Push, repository)?;
        self.require_writable()?;
        let lock = self.inner.upload_locks.try_lock(*id).ok_or(UploadError::Busy(*id))?;
        let (project, row) =
            self.upload_record(repository, id).await?.ok_or(UploadError::UploadUnknown(*id))?;
        let digester = Digester::resume(&DigesterState::from_bytes(row.digester_state.clone()))
            .map_err(|error| StoreError::Corrupt(error.into()))?;
        let project = Some(project).filter(|_| self.inner.settings.managed_projects);
        Ok(Session { id: *id, project, progress: progress_of(&row), digester, row: Some(row), _lock: lock })
    }

    /// Begins an upload that lives for one request only.
    pub(super) async fn open_unrecorded_session(
        &self,
        repository: &RepositoryName,
        algorithm: DigestAlgorithm,
    ) -> Result<Session, UploadError> {
        let id = UploadId::random();
        let project = match self.inner.settings.managed_projects {
            true => {
                let names: Vec<_> = repository.possible_projects().collect();
                let found = self.inner.metadata.read().await?.projects_named(&names).await?;
                found.first().map(|project| project.id)
            }
            false => None,
        };
        let lock = self.inner.upload_locks.try_lock(id).ok_or(UploadError::Busy(id))?;
        let progress = self.inner.uploads.create(&id).await?;
        Ok(Session { id, project, progress, digester: Digester::new(algorithm), row: None, _lock: lock })
    }

    /// The row of an upload, and the project that its repository belongs to.
    pub(super) async fn upload_record(
        &self,
        repository: &RepositoryName,
        id: &UploadId,
    ) -> Result<Option<(ProjectId, UploadRecord)>, MetadataError> {
        let mut tx = self.inner.metadata.read().await?;
        let Some(repository) = tx.repository(repository).await? else { return Ok(None) };
        Ok(tx.upload(repository.id, id).await?.map(|row| (repository.project, row)))
    }

    /// Gives an upload up: its row first, so that nobody goes on with bytes that are no longer there. What the store
    /// does not forget now, collection finds later.
    pub(super) async fn discard(&self, session: &Session) -> Result<(), UploadError> {
        if session.row.is_some() {
            retry_on_conflict(async || -> Result<(), MetadataError> {
                // Should a power cut bring the row back without its bytes, the store says so and collection takes it.
                let mut tx = self.inner.metadata.write_relaxed().await?;
                tx.delete_upload(&session.id).await?;
                tx.commit().await
            })
            .await?;
        }
        self.discard_bytes(&session.id, &session.progress).await;
        Ok(())
    }

    /// Lets the store forget an upload that the index no longer knows.
    pub(crate) async fn discard_bytes(&self, id: &UploadId, progress: &UploadProgress) {
        if let Err(error) = self.inner.uploads.discard(id, progress).await {
            tracing::warn!(upload = %id, error = &error as &dyn std::error::Error, "left an upload behind");
        }
    }
}
