//! A piece of an upload.

use longshore_metadata::{MetadataError, UploadRecord};
use longshore_types::{RepositoryName, Timestamp, UploadId};

use super::{UploadBody, UploadError, UploadStatus, receive::Announced, session::Session};
use crate::{Call, Registry, retry::retry_on_conflict};

impl Registry {
    /// Adds a piece. `offset` is where it begins, if the client says (else: at the end); `size_bytes` is its length, if the client says.
    ///
    /// # Cancel safety
    /// Dropped, the bytes that have arrived by the end of `body` are still written and remembered.
    pub async fn append_upload(
        &self,
        call: &Call,
        repository: &RepositoryName,
        id: &UploadId,
        offset: Option<u64>,
        size_bytes: Option<u64>,
        body: UploadBody,
    ) -> Result<UploadStatus, UploadError> {
        let (registry, call, repository, id) = (self.clone(), call.clone(), repository.clone(), *id);
        let announced = Announced { offset, size_bytes };
        let append = async move {
            let mut session = registry.open_session(&call, &repository, &id).await?;
            registry.append(&mut session, announced, body, call.now).await?;
            Ok(session.status())
        };
        self.inner.tasks.run(append).await
    }

    /// Writes a body and remembers how far it came; gives the upload up when it grows beyond the limit.
    async fn append(
        &self,
        session: &mut Session,
        announced: Announced,
        body: UploadBody,
        now: Timestamp,
    ) -> Result<(), UploadError> {
        let end = self.receive_or_discard(session, announced, body).await?;
        self.remember(session, now).await?;
        Ok(end?)
    }

    /// Keeps in the index how far the upload is in the store.
    ///
    /// The bytes are durable by now; the note of them need not be. After a power cut the upload may be back at an earlier
    /// point, which the store can go on from, and the client asks where it is.
    pub(super) async fn remember(&self, session: &Session, now: Timestamp) -> Result<(), UploadError> {
        let Some(row) = &session.row else { return Ok(()) };
        if session.progress.size_bytes == row.size_bytes {
            return Ok(());
        }
        let record = UploadRecord {
            size_bytes: session.progress.size_bytes,
            digester_state: session.digester.state().as_bytes().to_vec(),
            store_state: session.progress.state.clone(),
            updated_at: now,
            ..row.clone()
        };
        let remembered = retry_on_conflict(async || -> Result<bool, MetadataError> {
            let mut tx = self.inner.metadata.write_relaxed().await?;
            let remembered = tx.update_upload(&record, row.size_bytes).await?;
            tx.commit().await?;
            Ok(remembered)
        })
        .await?;
        // Given up, or another replica wrote to it meanwhile: its next status tells.
        if remembered { Ok(()) } else { Err(UploadError::Busy(record.id)) }
    }
}
