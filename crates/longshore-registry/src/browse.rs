//! What people look at: the repositories of projects, and artifacts with their tags, labels, accessories and
//! configuration. An artifact is a manifest that stands for something by itself: an image index with its children is
//! one, and a signature is an accessory of what it signs.

mod artifacts;
mod configuration;
mod images;
mod kind;
mod repositories;
mod tags;

use std::collections::BTreeMap;

use longshore_metadata::{
    LabelRecord, ManifestId, ManifestRecord, MetadataError, ProjectId, Pulls, ReadTx, RepositoryRecord,
    TagRecord,
};
use longshore_storage::StoreError;
use longshore_types::{Digest, Reference, RepositoryName};
use serde::Deserialize;

pub use images::{ImageHit, ImageHits, ImagesAfter, SEARCH_CHARACTERS_MIN};
pub(crate) use kind::cosign_tag;
pub use kind::media_types_of;

use crate::Denied;

/// Why there is nothing to look at.
#[derive(Debug, thiserror::Error)]
pub enum BrowseError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The caller may not list repositories.
    #[error("reading the catalog is not allowed")]
    CatalogDenied,
    /// No such repository, or nothing in it.
    #[error("no repository {0}")]
    NameUnknown(RepositoryName),
    /// No such artifact.
    #[error("no artifact {reference} in {repository}")]
    ManifestUnknown {
        /// Where.
        repository: RepositoryName,
        /// What.
        reference: Reference,
    },
    /// Artifacts of this kind have no such thing.
    #[error("{0}")]
    NotSupported(String),
    /// The index failed.
    #[error("could not read the index")]
    Metadata(#[from] MetadataError),
    /// The store failed.
    #[error("could not read content")]
    Store(#[from] StoreError),
}

/// Part of a listing by numbers of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// How many entries come before it.
    pub skip: usize,
    /// Most entries in it.
    pub limit: usize,
}

/// Part of a listing, and how long the whole is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// How many there are in all.
    pub total: u64,
}

/// What is wanted of an artifact beside what it always shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArtifactParts {
    /// Its tags.
    pub tags: bool,
    /// Its labels.
    pub labels: bool,
    /// What is about it.
    pub accessories: bool,
}

/// An artifact.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// Its manifest.
    pub record: ManifestRecord,
    /// The project that it belongs to.
    pub project: ProjectId,
    /// The repository.
    pub repository: RepositoryName,
    /// In capitals, as Harbor tells them apart: `IMAGE`, `CHART`, `UNKNOWN`.
    pub kind: String,
    /// The type of its configuration, or of the manifest where there is none.
    pub media_type: String,
    /// Its bytes and those of all that it names.
    pub size_bytes: u64,
    /// How often it was pulled.
    pub pulls: Option<Pulls>,
    /// What its configuration says of it.
    pub attributes: serde_json::Map<String, serde_json::Value>,
    /// Of the manifest.
    pub annotations: BTreeMap<String, String>,
    /// What an index names.
    pub children: Vec<ArtifactChild>,
    /// Its tags, if they are wanted; no more than a thousand.
    pub tags: Option<Vec<TagRecord>>,
    /// Its labels, if they are wanted.
    pub labels: Option<Vec<LabelRecord>>,
    /// What is about it, if that is wanted; no more than a hundred.
    pub accessories: Option<Vec<Accessory>>,
    /// Whether there is a build history.
    pub has_history: bool,
}

/// Tags of an artifact.
#[derive(Clone, Debug)]
pub struct TagsOfArtifact {
    /// Its manifest.
    pub record: ManifestRecord,
    /// How often that was pulled.
    pub pulls: Option<Pulls>,
    /// The tags.
    pub tags: Listed<TagRecord>,
}

/// A tag of a repository, and what it points to.
#[derive(Clone, Debug)]
pub struct TaggedArtifact {
    /// The tag.
    pub tag: TagRecord,
    /// What it points to, with its labels.
    pub artifact: Artifact,
    /// Who pushed, moved or restored it last; `None` where nobody was logged in.
    pub actor: Option<String>,
}

/// A manifest that an index names.
#[derive(Clone, Debug)]
pub struct ArtifactChild {
    /// Its digest.
    pub digest: Digest,
    /// Its row, if it is there.
    pub id: Option<ManifestId>,
    /// What it runs on.
    pub platform: Option<Platform>,
    /// Of the entry in the index.
    pub annotations: BTreeMap<String, String>,
    /// Where else it lies.
    pub urls: Vec<String>,
}

/// What an image runs on: image specification v1.1, "Image Index Property Descriptions".
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Platform {
    /// `amd64`.
    #[serde(default)]
    pub architecture: String,
    /// `linux`.
    #[serde(default)]
    pub os: String,
    /// The version of the operating system.
    #[serde(default, rename = "os.version")]
    pub os_version: Option<String>,
    /// What the operating system must have.
    #[serde(default, rename = "os.features")]
    pub os_features: Vec<String>,
    /// The variant of the processor: `v8`.
    #[serde(default)]
    pub variant: Option<String>,
}

/// A manifest that is about another one: a signature, a bill of materials.
#[derive(Clone, Debug)]
pub struct Accessory {
    /// The manifest.
    pub record: ManifestRecord,
    /// What it is about.
    pub subject: Digest,
    /// The row of that.
    pub subject_id: Option<ManifestId>,
    /// Its bytes and those of the blobs that it names.
    pub size_bytes: u64,
    /// In Harbor's words: `signature.cosign`.
    pub kind: &'static str,
}

/// The repository, if there is anything in it.
async fn listed(tx: &mut ReadTx, name: &RepositoryName) -> Result<RepositoryRecord, BrowseError> {
    tx.listed_repository(name).await?.ok_or_else(|| BrowseError::NameUnknown(name.clone()))
}

/// The manifest that a reference names.
pub(crate) async fn find(
    tx: &mut ReadTx,
    repository: &RepositoryRecord,
    reference: &Reference,
) -> Result<Option<ManifestRecord>, MetadataError> {
    match reference {
        Reference::Tag(tag) => tx.tagged_manifest(repository.id, tag).await,
        Reference::Digest(digest) => {
            let record = tx.manifest_record(repository.id, digest).await?;
            Ok(record.filter(|record| record.deleted_at.is_none()))
        }
    }
}
