//! Pull and mount of blobs.

mod mount;

use std::sync::Arc;

use longshore_auth::Action;
use longshore_metadata::MetadataError;
use longshore_storage::{Blob, StoreError};
use longshore_types::{Digest, RepositoryName};

use crate::{Call, Denied, Event, EventAction, ReadOnly, Registry, access::require};

/// A blob, opened.
#[derive(Clone)]
pub struct PulledBlob {
    /// Its digest.
    pub digest: Digest,
    /// Its content.
    pub blob: Arc<dyn Blob>,
    /// Where the client should fetch it instead, if the store and the settings say so.
    pub redirect: Option<String>,
}

/// Why a blob cannot be pulled.
#[derive(Debug, thiserror::Error)]
pub enum BlobPullError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// No such repository.
    #[error("no repository {0}")]
    NameUnknown(RepositoryName),
    /// The repository does not link that blob, or the store lost it (which the log says).
    #[error("no blob {digest} in {repository}")]
    BlobUnknown {
        /// Where.
        repository: RepositoryName,
        /// What.
        digest: Digest,
    },
    /// The index failed.
    #[error("could not read the index")]
    Metadata(#[from] MetadataError),
    /// The store failed.
    #[error("could not read content")]
    Store(#[from] StoreError),
}

/// What became of a mount.
#[derive(Debug)]
pub enum MountOutcome {
    /// The repository links the blob now.
    Mounted(Digest),
    /// It could not be mounted; begin an upload instead (specification v1.1.1, "Mounting a blob from another repository").
    NotMounted,
}

/// Why a mount failed altogether.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    /// The caller may not push here. (No right to pull from the source is [`MountOutcome::NotMounted`].)
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The registry is read-only.
    #[error(transparent)]
    ReadOnly(#[from] ReadOnly),
    /// The index failed.
    #[error("could not change the index")]
    Metadata(#[from] MetadataError),
    /// The store failed.
    #[error("could not read content")]
    Store(#[from] StoreError),
}

impl Registry {
    /// Opens a blob that the repository links. The future is small, for it is moved about: what is rare is boxed.
    pub async fn blob(
        &self,
        call: &Call,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<PulledBlob, BlobPullError> {
        require(call, Action::Pull, repository)?;
        if self.inner.metadata.blob_in(repository, digest).await?.is_none() {
            return Err(Box::pin(self.not_linked(repository, digest)).await?);
        }
        let blob = match self.inner.blobs.open(digest).await {
            Ok(blob) => blob,
            Err(error @ (StoreError::NotFound | StoreError::Corrupt(_))) => {
                return Err(Box::pin(self.lost(repository, digest, error)).await?);
            }
            Err(error) => return Err(error.into()),
        };
        let redirect = match self.inner.settings.redirect_lifetime {
            Some(lifetime) => self.inner.blobs.redirect(digest, lifetime).await?,
            None => None,
        };
        self.notify_pull(|| Event::new(call, EventAction::Pull, repository).blob(*digest, blob.size_bytes()));
        Ok(PulledBlob { digest: *digest, blob, redirect })
    }

    /// What the index links, the store has not.
    async fn lost(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        error: StoreError,
    ) -> Result<BlobPullError, MetadataError> {
        // Another process may have collected it a moment ago.
        if self.inner.metadata.read().await?.blob_in(repository, digest).await?.is_none() {
            return self.not_linked(repository, digest).await;
        }
        tracing::error!(
            %repository, %digest, error = &error as &dyn std::error::Error,
            "a linked blob is damaged or missing: run longshore verify"
        );
        Ok(BlobPullError::BlobUnknown { repository: repository.clone(), digest: *digest })
    }

    /// A digest is no permission: a blob is readable where it is linked.
    async fn not_linked(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<BlobPullError, MetadataError> {
        Ok(match self.inner.metadata.read().await?.repository(repository).await? {
            Some(_) => BlobPullError::BlobUnknown { repository: repository.clone(), digest: *digest },
            None => BlobPullError::NameUnknown(repository.clone()),
        })
    }
}
