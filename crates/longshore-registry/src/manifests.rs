//! Pull and push of manifests.

mod push;
mod required;

use std::{ops::Deref, sync::Arc};

use longshore_auth::Action;
use longshore_metadata::{ManifestContent, MetadataError};
use longshore_storage::StoreError;
use longshore_types::{Digest, ManifestError, Reference, RepositoryName, Tag};

pub(crate) use required::{references, required_blobs};

use crate::{Call, Denied, Event, EventAction, ReadOnly, Registry, access::require, pull_rows::Pull};

/// A manifest as it was pushed, with the texts that replies are made of. A clone copies nothing.
#[derive(Clone, Debug)]
pub struct PulledManifest(Arc<ManifestContent>);

impl Deref for PulledManifest {
    type Target = ManifestContent;
    fn deref(&self) -> &ManifestContent {
        &self.0
    }
}

/// Why a manifest cannot be pulled.
#[derive(Debug, thiserror::Error)]
pub enum ManifestPullError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// No such repository.
    #[error("no repository {0}")]
    NameUnknown(RepositoryName),
    /// No such manifest.
    #[error("no manifest {reference} in {repository}")]
    ManifestUnknown {
        /// Where.
        repository: RepositoryName,
        /// What.
        reference: Reference,
    },
    /// The index failed.
    #[error("could not read the index")]
    Metadata(#[from] MetadataError),
}

/// Under which names a manifest is pushed.
#[derive(Clone, Debug)]
pub struct ManifestTarget {
    /// From the path.
    pub reference: Reference,
    /// From `tag=` parameters (main branch of the specification, July 2026): only with a digest in the path.
    pub tags: Vec<Tag>,
}

/// A manifest that was stored.
#[derive(Clone, Debug)]
pub struct PushedManifest {
    /// Its digest, by the algorithm that the reference asked for, else sha256.
    pub digest: Digest,
    /// Its subject, to be answered as `OCI-Subject`.
    pub subject: Option<Digest>,
    /// The tags that now point to it, to be answered as `OCI-Tag`.
    pub tags: Vec<Tag>,
    /// What the client should be told though the push succeeded.
    pub warnings: Vec<String>,
}

/// Why a manifest is not stored.
#[derive(Debug, thiserror::Error)]
pub enum ManifestPushError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The registry is read-only.
    #[error(transparent)]
    ReadOnly(#[from] ReadOnly),
    /// The bytes are no manifest.
    #[error(transparent)]
    Invalid(#[from] ManifestError),
    /// The bytes do not hash to the digest in the path.
    #[error("the manifest's digest is {actual}, the request says {wanted}")]
    DigestMismatch {
        /// From the request.
        wanted: Digest,
        /// Of the bytes.
        actual: Digest,
    },
    /// It names blobs that the repository does not have.
    #[error("the manifest names blobs that {repository} does not have: push or mount them first")]
    BlobsUnknown {
        /// Where.
        repository: RepositoryName,
        /// Which.
        missing: Vec<Digest>,
    },
    /// The index failed.
    #[error("could not change the index")]
    Metadata(#[from] MetadataError),
    /// The store failed.
    #[error("could not read content")]
    Store(#[from] StoreError),
}

impl Registry {
    /// The manifest that `reference` names, for somebody who pulls it.
    pub async fn manifest(
        &self,
        call: &Call,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<PulledManifest, ManifestPullError> {
        let manifest = self.find_manifest(call, repository, reference).await?;
        self.tell_of_pull(call, repository, reference, &manifest);
        Ok(manifest)
    }

    /// The manifest that `reference` names. Nobody hears of it, until it is known whether it is sent
    /// ([`Registry::tell_of_pull`]).
    pub async fn find_manifest(
        &self,
        call: &Call,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<PulledManifest, ManifestPullError> {
        require(call, Action::Pull, repository)?;
        let Some(manifest) = self.inner.metadata.manifest(repository, reference).await? else {
            // Boxed, so that pulls do not carry the room that a query needs.
            return Err(Box::pin(self.manifest_unknown(repository, reference)).await?);
        };
        Ok(PulledManifest(manifest))
    }

    /// Tells those who want to know that a manifest is sent.
    pub fn tell_of_pull(
        &self,
        call: &Call,
        repository: &RepositoryName,
        reference: &Reference,
        PulledManifest(manifest): &PulledManifest,
    ) {
        let tag = match reference {
            Reference::Tag(tag) => Some(tag),
            Reference::Digest(_) => None,
        };
        self.notify_pull(|| {
            Event::new(call, EventAction::Pull, repository)
                .content(manifest.digest, manifest.media_type.clone(), manifest.payload.len() as u64)
                .tag(tag)
        });
        // Who only asks whether it is there gets no bytes.
        if call.request.method != "HEAD" {
            self.record_pull(&Pull { call, repository, tag, digest: &manifest.digest });
        }
    }

    /// Why there is no such manifest.
    async fn manifest_unknown(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<ManifestPullError, MetadataError> {
        Ok(match self.inner.metadata.read().await?.repository(repository).await? {
            Some(_) => ManifestPullError::ManifestUnknown {
                repository: repository.clone(),
                reference: reference.clone(),
            },
            None => ManifestPullError::NameUnknown(repository.clone()),
        })
    }
}
