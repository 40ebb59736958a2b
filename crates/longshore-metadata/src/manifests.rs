//! Manifests, with their exact bytes, and what they refer to.

use std::collections::BTreeMap;

use longshore_types::{Digest, MediaType, Reference, RepositoryName, Timestamp};

use crate::{MetadataError, Page, ReadTx, RepositoryId, WriteTx};

/// A manifest's row: one per repository and digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ManifestId(pub(crate) i64);

/// A manifest without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestRecord {
    /// Its row.
    pub id: ManifestId,
    /// Where it belongs.
    pub repository: RepositoryId,
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: MediaType,
    /// As a referrers list shows it: the field, or the type of the configuration.
    pub artifact_type: Option<String>,
    /// The digest of its subject.
    pub subject: Option<Digest>,
    /// The length of its bytes.
    pub size_bytes: u64,
    /// When it was (last) pushed.
    pub pushed_at: Timestamp,
    /// When it was deleted, while it can still be restored.
    pub deleted_at: Option<Timestamp>,
}

/// A manifest with its bytes, exactly as pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredManifest {
    /// What is known of it.
    pub record: ManifestRecord,
    /// Its bytes.
    pub payload: Vec<u8>,
}

/// How a manifest refers to content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReferenceKind {
    /// The configuration blob of an image.
    Config,
    /// A layer blob of an image.
    Layer,
    /// A manifest of an index.
    Child,
}

/// Something a manifest refers to. The digest alone counts: what it names may be absent (sparse indexes, layers that
/// are not distributed) and may come later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ManifestReference {
    /// How.
    pub kind: ReferenceKind,
    /// To what.
    pub digest: Digest,
}

/// A manifest to be stored.
#[derive(Clone, Debug)]
pub struct NewManifest<'a> {
    /// Where it belongs.
    pub repository: RepositoryId,
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: &'a MediaType,
    /// As a referrers list shows it.
    pub artifact_type: Option<&'a str>,
    /// The digest of its subject.
    pub subject: Option<Digest>,
    /// Its annotations, for referrers lists and search.
    pub annotations: &'a BTreeMap<String, String>,
    /// Its exact bytes.
    pub payload: &'a [u8],
    /// What it refers to; the same thing may stand there twice.
    pub references: &'a [ManifestReference],
}

/// What a referrers list says of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferrerRecord {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: MediaType,
    /// The length of its bytes.
    pub size_bytes: u64,
    /// Its artifact type.
    pub artifact_type: Option<String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

impl ReadTx {
    /// The manifest that `reference` names in that repository; deleted ones do not count. The hot path: one query.
    pub async fn manifest(
        &mut self,
        _repository: &RepositoryName,
        _reference: &Reference,
    ) -> Result<Option<StoredManifest>, MetadataError> {
        todo!()
    }

    /// What is known of a manifest, also when it is deleted but still restorable.
    pub async fn manifest_record(
        &mut self,
        _repository: RepositoryId,
        _digest: &Digest,
    ) -> Result<Option<ManifestRecord>, MetadataError> {
        todo!()
    }

    /// A manifest by its row, with its bytes, deleted or not.
    pub async fn manifest_by_id(&mut self, _id: ManifestId) -> Result<Option<StoredManifest>, MetadataError> {
        todo!()
    }

    /// Manifests of a repository with their bytes, not the deleted ones, by digest, after `after`.
    pub async fn manifests_page(
        &mut self,
        _repository: RepositoryId,
        _after: Option<&Digest>,
        _limit: usize,
    ) -> Result<Page<StoredManifest>, MetadataError> {
        todo!()
    }

    /// Those of `digests` for which the repository has no manifest (deleted ones do not count).
    pub async fn missing_manifests(
        &mut self,
        _repository: RepositoryId,
        _digests: &[Digest],
    ) -> Result<Vec<Digest>, MetadataError> {
        todo!()
    }

    /// What a manifest refers to.
    pub async fn references_of(
        &mut self,
        _manifest: ManifestId,
    ) -> Result<Vec<ManifestReference>, MetadataError> {
        todo!()
    }

    /// Manifests of the repository that refer to `digest` in any way, also deleted ones that are still restorable, at
    /// most `limit`. A subject is no reference.
    pub async fn manifests_referring_to(
        &mut self,
        _repository: RepositoryId,
        _digest: &Digest,
        _limit: usize,
    ) -> Result<Vec<ManifestRecord>, MetadataError> {
        todo!()
    }

    /// Manifests whose subject is `subject`, not the deleted ones, by digest, after `after`; with `artifact_type` only
    /// those of that type.
    pub async fn referrers_page(
        &mut self,
        _repository: RepositoryId,
        _subject: &Digest,
        _artifact_type: Option<&str>,
        _after: Option<&Digest>,
        _limit: usize,
    ) -> Result<Page<ReferrerRecord>, MetadataError> {
        todo!()
    }
}

impl WriteTx {
    /// Stores a manifest with its references. One that is there already gets a new `pushed_at` and is no longer
    /// deleted; its bytes are the same by digest, its media type becomes the new one. The caller holds [`WriteTx::lock_repository`].
    pub async fn put_manifest(
        &mut self,
        _manifest: &NewManifest<'_>,
        _now: Timestamp,
    ) -> Result<ManifestRecord, MetadataError> {
        todo!()
    }

    /// Hides a manifest; it can be restored until it is purged. Its tags must be gone.
    pub async fn mark_manifest_deleted(
        &mut self,
        _id: ManifestId,
        _now: Timestamp,
    ) -> Result<(), MetadataError> {
        todo!()
    }

    /// Shows a deleted manifest again.
    pub async fn restore_manifest(&mut self, _id: ManifestId) -> Result<(), MetadataError> {
        todo!()
    }

    /// Forgets a manifest for good, with its references and reviews. Its tags must be gone.
    pub async fn purge_manifest(&mut self, _id: ManifestId) -> Result<(), MetadataError> {
        todo!()
    }
}
