//! Copies of artifacts from one repository to another, without sending a byte.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use longshore_auth::Action;
use longshore_metadata::{ManifestRecord, MetadataError, ReadTx, RepositoryRecord};
use longshore_types::{Digest, Manifest, ManifestKind, Reference, RepositoryName, Tag};

use crate::{
    Call, Denied, ManifestPushError, ManifestTarget, MountError, MountOutcome, ReadOnly, Registry,
    access::require,
    browse::{cosign_tag, find},
    manifests::{references, required_blobs},
};

/// Most manifests copied with one.
const MANIFESTS_MAX: usize = 10_000;
/// Most manifests that are about one.
const ABOUT_MAX: usize = 1000;

/// Why nothing, or not all, is copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The caller may not: pull from the source, push to the target.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The registry is read-only.
    #[error(transparent)]
    ReadOnly(#[from] ReadOnly),
    /// No such source.
    #[error("no artifact {reference} in {repository}")]
    SourceUnknown {
        /// Where.
        repository: RepositoryName,
        /// What.
        reference: Reference,
    },
    /// It is about another manifest, and would mean nothing without it.
    #[error("{0} is about another artifact: copy that one")]
    Accessory(Digest),
    /// Too many manifests belong to it.
    #[error("more than {MANIFESTS_MAX} manifests belong to the artifact")]
    TooMany,
    /// Part of it is gone.
    #[error("blob {0} of the artifact is gone")]
    BlobGone(Digest),
    /// A blob could not be mounted.
    #[error(transparent)]
    Mount(#[from] MountError),
    /// A manifest could not be stored.
    #[error(transparent)]
    Push(#[from] ManifestPushError),
    /// The index failed.
    #[error("could not read the index")]
    Metadata(#[from] MetadataError),
}

/// A manifest to be copied, and the tags that it is to have.
struct Piece {
    record: ManifestRecord,
    tags: Vec<Tag>,
}

impl Registry {
    /// Copies an artifact with its tags, the children of an index, and what is about any of them. What the target has
    /// already stays as it is. Returns the artifact's digest.
    ///
    /// The artifact itself comes last: an end in between leaves content that nothing names, which collection takes or
    /// another copy uses.
    ///
    /// # Cancel safety
    /// Dropped, the copy still runs to its end.
    pub async fn copy_artifact(
        &self,
        call: &Call,
        from: &RepositoryName,
        reference: &Reference,
        to: &RepositoryName,
    ) -> Result<Digest, CopyError> {
        require(call, Action::Pull, from)?;
        require(call, Action::Push, to)?;
        self.require_writable()?;
        let (registry, call) = (self.clone(), call.clone());
        let (from, reference, to) = (from.clone(), reference.clone(), to.clone());
        let copy = async move { registry.copy(&call, &from, &reference, &to).await };
        self.inner.tasks.run(copy).await
    }

    async fn copy(
        &self,
        call: &Call,
        from: &RepositoryName,
        reference: &Reference,
        to: &RepositoryName,
    ) -> Result<Digest, CopyError> {
        let mut tx = self.inner.metadata.read().await?;
        let unknown = || CopyError::SourceUnknown { repository: from.clone(), reference: reference.clone() };
        let source = tx.listed_repository(from).await?.ok_or_else(unknown)?;
        let root = find(&mut tx, &source, reference).await?.ok_or_else(unknown)?;
        if root.subject.is_some() {
            return Err(CopyError::Accessory(root.digest));
        }
        let digest = root.digest;
        let pieces = pieces(&mut tx, &source, root).await?;
        drop(tx);
        for piece in pieces {
            self.copy_piece(call, from, to, piece).await?;
        }
        Ok(digest)
    }

    /// Mounts the blobs of a manifest and stores it. What another caller deletes meanwhile is missed here.
    async fn copy_piece(
        &self,
        call: &Call,
        from: &RepositoryName,
        to: &RepositoryName,
        piece: Piece,
    ) -> Result<(), CopyError> {
        let Piece { record, tags } = piece;
        let mut tx = self.inner.metadata.read().await?;
        let Some(stored) = tx.manifest_by_id(record.id).await? else { return Ok(()) };
        let manifest = Manifest::parse(Some(&record.media_type), &stored.payload)
            .map_err(|error| MetadataError::Corrupt(format!("manifest {}: {error}", record.digest)))?;
        let mut blobs = required_blobs(&manifest);
        if manifest.kind() == ManifestKind::Index {
            // Entries of an index may be blobs: build caches are pushed so.
            for reference in references(&manifest) {
                if tx.blob_in(from, &reference.digest).await?.is_some() {
                    blobs.push(reference.digest);
                }
            }
        }
        drop(tx);
        for blob in blobs {
            if self.inner.metadata.blob_in(to, &blob).await?.is_some() {
                continue;
            }
            if let MountOutcome::NotMounted = self.mount_blob(call, to, &blob, Some(from)).await? {
                return Err(CopyError::BlobGone(blob));
            }
        }
        let target = ManifestTarget { reference: Reference::Digest(record.digest), tags };
        let payload = Bytes::from(stored.payload);
        self.push_manifest(call, to, &target, Some(&record.media_type), payload).await?;
        Ok(())
    }
}

/// The artifact and all that belongs to it, itself last.
async fn pieces(
    tx: &mut ReadTx,
    source: &RepositoryRecord,
    root: ManifestRecord,
) -> Result<Vec<Piece>, CopyError> {
    let tags = tx.tags_of(root.id).await?;
    let mut seen = BTreeSet::from([root.id]);
    let mut waiting = VecDeque::from([Piece { record: root, tags }]);
    let mut found = Vec::new();
    while let Some(piece) = waiting.pop_front() {
        if found.len() == MANIFESTS_MAX {
            return Err(CopyError::TooMany);
        }
        for belonging in belonging(tx, source, &piece.record).await? {
            if seen.insert(belonging.record.id) {
                waiting.push_back(belonging);
            }
        }
        found.push(piece);
    }
    found.reverse();
    Ok(found)
}

/// The children of an index, and what is about a manifest.
async fn belonging(
    tx: &mut ReadTx,
    source: &RepositoryRecord,
    manifest: &ManifestRecord,
) -> Result<Vec<Piece>, MetadataError> {
    let mut found = Vec::new();
    // Cosign finds its signatures by their tag. First, so that it is found with the tag.
    if let Some(tag) = cosign_tag(&manifest.digest)
        && let Some(record) = tx.tagged_manifest(source.id, &tag).await?
    {
        found.push(Piece { record, tags: vec![tag] });
    }
    for reference in tx.references_of(manifest.id).await? {
        if let Some(record) = tx.manifest_record(source.id, &reference.digest).await?
            && record.deleted_at.is_none()
        {
            found.push(Piece { record, tags: Vec::new() });
        }
    }
    for record in tx.accessories_page(source.id, &manifest.digest, 0, ABOUT_MAX).await? {
        found.push(Piece { record, tags: Vec::new() });
    }
    Ok(found)
}
