//! Deletion of tags, manifests and blobs. Nothing here touches bytes: collection does, later.

use longshore_auth::Action;
use longshore_metadata::MetadataError;
use longshore_types::{Digest, Reference, RepositoryName};

use crate::{Call, Registry};

/// Why nothing is deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// The caller may not.
    #[error("{action:?} on {repository} is not allowed")]
    Denied {
        /// What they wanted.
        action: Action,
        /// Where.
        repository: RepositoryName,
    },
    /// Deleting is switched off.
    #[error("deleting is switched off (storage.delete.enabled)")]
    Disabled,
    /// The registry is read-only.
    #[error("the registry is read-only at the moment")]
    ReadOnly,
    /// No such repository.
    #[error("no repository {0}")]
    NameUnknown(RepositoryName),
    /// No such tag or manifest.
    #[error("no manifest {reference} in {repository}")]
    ManifestUnknown {
        /// Where.
        repository: RepositoryName,
        /// What.
        reference: Reference,
    },
    /// No such blob.
    #[error("no blob {digest} in {repository}")]
    BlobUnknown {
        /// Where.
        repository: RepositoryName,
        /// What.
        digest: Digest,
    },
    /// A manifest still needs the blob.
    #[error("blob {digest} is used by manifest {manifest}: delete that first")]
    BlobReferenced {
        /// What.
        digest: Digest,
        /// By which manifest.
        manifest: Digest,
    },
    /// The index failed.
    #[error("could not change the index")]
    Metadata(#[from] MetadataError),
}

impl Registry {
    /// Deletes a tag alone, or a manifest with every tag on it.
    ///
    /// # Cancel safety
    /// Dropped, the deletion still runs to its end.
    pub async fn delete_manifest(
        &self,
        _call: &Call,
        _repository: &RepositoryName,
        _reference: &Reference,
    ) -> Result<(), DeleteError> {
        todo!()
    }

    /// Takes a blob out of a repository.
    ///
    /// # Cancel safety
    /// Dropped, the deletion still runs to its end.
    pub async fn delete_blob(
        &self,
        _call: &Call,
        _repository: &RepositoryName,
        _digest: &Digest,
    ) -> Result<(), DeleteError> {
        todo!()
    }
}
