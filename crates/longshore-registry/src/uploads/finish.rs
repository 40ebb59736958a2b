//! The end of an upload: from bytes to a blob that the repository links.

use longshore_auth::Action;
use longshore_metadata::{MetadataError, ReviewEvent};
use longshore_storage::{StoreError, UploadProgress};
use longshore_types::{Digest, DigestAlgorithm, RepositoryName, UploadId};

use super::{
    BodyError, PushedBlob, UploadBody, UploadError,
    receive::Announced,
    session::{Session, gone},
};
use crate::{
    Call, Event, EventAction, Registry, access::require, hashing::digest_of_stream, retry::retry_on_conflict,
};

impl Registry {
    /// Adds the last piece (perhaps empty), compares the digest, publishes the content and links it.
    ///
    /// # Cancel safety
    /// As for [`Registry::append_upload`].
    #[expect(clippy::too_many_arguments, reason = "each is a part of the one request")]
    pub async fn finish_upload(
        &self,
        call: &Call,
        repository: &RepositoryName,
        id: &UploadId,
        digest: &Digest,
        offset: Option<u64>,
        size_bytes: Option<u64>,
        body: UploadBody,
    ) -> Result<PushedBlob, UploadError> {
        let (registry, call, repository) = (self.clone(), call.clone(), repository.clone());
        let (id, digest, announced) = (*id, *digest, Announced { offset, size_bytes });
        let finish = async move {
            let mut session = registry.open_session(&call, &repository, &id).await?;
            if let Err(error) = registry.receive_or_discard(&mut session, announced, body).await? {
                registry.remember(&session, call.now).await?;
                return Err(error.into());
            }
            registry.finish(&call, &repository, &session, &digest).await
        };
        self.inner.tasks.run(finish).await
    }

    /// Stores a whole blob from one request. It leaves nothing to resume: whatever fails, its bytes are forgotten.
    ///
    /// # Cancel safety
    /// Dropped, the push still runs to its end or to the end of `body`.
    pub async fn push_blob(
        &self,
        call: &Call,
        repository: &RepositoryName,
        digest: &Digest,
        size_bytes: Option<u64>,
        body: UploadBody,
    ) -> Result<PushedBlob, UploadError> {
        let (registry, call, repository, digest) = (self.clone(), call.clone(), repository.clone(), *digest);
        let push = async move { registry.push_whole(&call, &repository, &digest, size_bytes, body).await };
        self.inner.tasks.run(push).await
    }

    async fn push_whole(
        &self,
        call: &Call,
        repository: &RepositoryName,
        digest: &Digest,
        size_bytes: Option<u64>,
        body: UploadBody,
    ) -> Result<PushedBlob, UploadError> {
        require(call, Action::Push, repository)?;
        self.require_writable()?;
        let mut session = self.open_unrecorded_session(repository, digest.algorithm()).await?;
        let result = match self.receive(&mut session, Announced { offset: None, size_bytes }, body).await {
            Ok(Ok(())) => self.finish(call, repository, &session, digest).await,
            Ok(Err(error)) => Err(error.into()),
            Err(error) => Err(error),
        };
        if result.is_err() {
            self.discard_bytes(&session.id, &session.progress).await;
        }
        result
    }

    /// [`Registry::receive`] for an upload that the index knows: one that grew too large for the registry or its project is
    /// given up.
    pub(super) async fn receive_or_discard(
        &self,
        session: &mut Session,
        announced: Announced,
        body: UploadBody,
    ) -> Result<Result<(), BodyError>, UploadError> {
        let received = self.receive(session, announced, body).await;
        if let Err(UploadError::TooLarge { .. } | UploadError::Metadata(MetadataError::QuotaExceeded(_))) =
            received
        {
            self.discard(session).await?;
        }
        received
    }

    /// Compares the digest, publishes, links, and forgets the upload; also one that its project has no room for, and one
    /// whose project is gone.
    async fn finish(
        &self,
        call: &Call,
        repository: &RepositoryName,
        session: &Session,
        digest: &Digest,
    ) -> Result<PushedBlob, UploadError> {
        let actual = self.digest_of_upload(session, digest.algorithm()).await?;
        if actual != *digest {
            self.discard(session).await?;
            return Err(UploadError::DigestMismatch { wanted: *digest, actual });
        }
        let (id, progress) = (&session.id, &session.progress);
        self.inner.uploads.publish(id, progress, digest).await.map_err(gone(*id))?;
        let linked = retry_on_conflict(|| self.link_published(call, repository, id, progress, digest)).await;
        if let Err(UploadError::Metadata(MetadataError::QuotaExceeded(_)) | UploadError::Denied(_)) = linked {
            self.discard(session).await?;
            self.take_back(digest, progress.size_bytes, call.now).await;
        }
        linked?;
        // Nothing depends on it, and it may have to wait for the file system's journal: the client need not.
        let (registry, id, progress) = (self.clone(), *id, progress.clone());
        let size_bytes = progress.size_bytes;
        self.inner.tasks.spawn(async move { registry.discard_bytes(&id, &progress).await });
        tracing::debug!(%repository, %digest, size_bytes, "stored a blob");
        Ok(PushedBlob { digest: *digest, size_bytes })
    }

    /// What the upload was hashed by as it came, or, when the client wants another algorithm after all, read again.
    async fn digest_of_upload(
        &self,
        session: &Session,
        algorithm: DigestAlgorithm,
    ) -> Result<Digest, UploadError> {
        if session.digester.algorithm() == algorithm {
            return Ok(session.digester.clone().finish());
        }
        let content = self.inner.uploads.read(&session.id, &session.progress).await;
        let content = content.map_err(gone(session.id))?;
        Ok(digest_of_stream(content, algorithm).await?)
    }

    /// Links content that was published. Between publishing and here collection may have taken it as garbage; from
    /// `ensure_blob` on it cannot, so the look at the store comes after it and the link after the look.
    async fn link_published(
        &self,
        call: &Call,
        repository: &RepositoryName,
        id: &UploadId,
        progress: &UploadProgress,
        digest: &Digest,
    ) -> Result<(), UploadError> {
        let mut tx = self.inner.metadata.write().await?;
        self.require_project::<UploadError>(&mut tx, repository).await?;
        let record = tx.ensure_locked_repository(repository, call.now).await?;
        let blob = tx.ensure_blob(digest, progress.size_bytes, call.now).await?;
        match self.inner.blobs.stat(digest).await {
            Ok(stat) if stat.size_bytes == progress.size_bytes => {}
            Ok(_) | Err(StoreError::NotFound) => {
                self.inner.uploads.publish(id, progress, digest).await.map_err(gone(*id))?;
            }
            Err(error) => return Err(error.into()),
        }
        tx.link_blob(record.id, blob.id, call.now).await?;
        let review_after = call.now.after(self.inner.settings.collection.delay);
        tx.queue_blob_review(record.id, blob.id, ReviewEvent::BlobLinked, review_after).await?;
        tx.delete_upload(id).await?;
        let event = || Event::new(call, EventAction::Push, repository).blob(*digest, progress.size_bytes);
        self.notify(&mut tx, event).await?;
        Ok(tx.commit().await?)
    }
}
