//! Pull and mount of blobs.

use std::sync::Arc;

use longshore_auth::Action;
use longshore_metadata::MetadataError;
use longshore_storage::{Blob, StoreError};
use longshore_types::{Digest, RepositoryName};

use crate::{Call, Registry};

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
    #[error("{action:?} on {repository} is not allowed")]
    Denied {
        /// What they wanted.
        action: Action,
        /// Where.
        repository: RepositoryName,
    },
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
    #[error("{action:?} on {repository} is not allowed")]
    Denied {
        /// What they wanted.
        action: Action,
        /// Where.
        repository: RepositoryName,
    },
    /// The registry is read-only.
    #[error("the registry is read-only at the moment")]
    ReadOnly,
    /// The index failed.
    #[error("could not change the index")]
    Metadata(#[from] MetadataError),
    /// The store failed.
    #[error("could not read content")]
    Store(#[from] StoreError),
}

impl Registry {
    /// Opens a blob that the repository links.
    pub async fn blob(
        &self,
        _call: &Call,
        _repository: &RepositoryName,
        _digest: &Digest,
    ) -> Result<PulledBlob, BlobPullError> {
        todo!()
    }

    /// Links a blob that `from` links; without `from`, one that any repository links which the caller may pull from.
    ///
    /// # Cancel safety
    /// Dropped, the mount still runs to its end.
    pub async fn mount_blob(
        &self,
        _call: &Call,
        _repository: &RepositoryName,
        _digest: &Digest,
        _from: Option<&RepositoryName>,
    ) -> Result<MountOutcome, MountError> {
        todo!()
    }
}
