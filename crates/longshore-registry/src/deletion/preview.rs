//! What a deletion would take along, before anybody deletes.

use std::collections::{HashMap, HashSet};

use longshore_auth::Action;
use longshore_metadata::{
    ManifestId, ManifestRecord, MetadataError, ReadTx, ReferenceKind, RepositoryRecord,
};
use longshore_types::{Digest, Reference, RepositoryName, Tag};

use super::DeleteError;
use crate::{Call, Registry, access::require, browse::find};

/// Most manifests that are looked at; what lies beyond is left out, and the look says so.
const MANIFESTS_MAX: usize = 200;
/// Most blobs, in the same way.
const BLOBS_MAX: usize = 4_000;
/// Most referrers of one manifest.
const REFERRERS_MAX: usize = 100;

/// What would go if a manifest were deleted.
#[derive(Clone, Debug)]
pub struct DeletionPreview {
    /// The manifest.
    pub record: ManifestRecord,
    /// Its tags, which would go at once.
    pub tags: Vec<Tag>,
    /// Manifests that only it names, or only what goes with it: they go when it can no longer be restored.
    pub children: Vec<ManifestRecord>,
    /// What is about the manifest or its children, and goes with them.
    pub referrers: Vec<ManifestRecord>,
    /// Bytes of all these manifests, and of blobs that nothing else in the repository needs.
    pub bytes_freed: u64,
    /// An index that names the manifest, which must be deleted first.
    pub index: Option<Digest>,
    /// Whether this is all. Where there is too much to look at, it is less than what would go.
    pub complete: bool,
}

/// The manifests that go, as far as they were found.
struct Going {
    all: HashMap<ManifestId, ManifestRecord>,
    children: Vec<ManifestRecord>,
    referrers: Vec<ManifestRecord>,
    complete: bool,
}

impl Registry {
    /// What [`Registry::delete_artifact`] would take along.
    pub async fn preview_deletion(
        &self,
        call: &Call,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<DeletionPreview, DeleteError> {
        require(call, Action::Pull, repository)?;
        let mut tx = self.inner.metadata.read().await?;
        let found = tx.repository(repository).await?;
        let found = found.ok_or_else(|| DeleteError::NameUnknown(repository.clone()))?;
        let record = find(&mut tx, &found, reference).await?.ok_or_else(|| DeleteError::ManifestUnknown {
            repository: repository.clone(),
            reference: reference.clone(),
        })?;
        let mut going = going(&mut tx, &record).await?;
        let manifests: u64 = going.all.values().map(|record| record.size_bytes).sum();
        let blobs = blob_bytes(&mut tx, &found, &mut going).await?;
        Ok(DeletionPreview {
            tags: tx.tags_of(record.id).await?,
            index: tx.live_index_of(found.id, &record.digest).await?,
            children: going.children,
            referrers: going.referrers,
            bytes_freed: manifests.saturating_add(blobs),
            complete: going.complete,
            record,
        })
    }
}

/// Follows children and referrers as collection does: what has a tag, another index or another subject stays.
async fn going(tx: &mut ReadTx, first: &ManifestRecord) -> Result<Going, MetadataError> {
    let all = HashMap::from([(first.id, first.clone())]);
    let mut going = Going { all, children: Vec::new(), referrers: Vec::new(), complete: true };
    let mut waiting = vec![first.clone()];
    while let Some(next) = waiting.pop() {
        for child in children(tx, &next).await? {
            if going.takes(tx, &child).await? {
                going.children.push(child.clone());
                waiting.push(child);
            }
        }
        let referrers = tx.accessories_page(next.repository, &next.digest, 0, REFERRERS_MAX + 1).await?;
        going.complete &= referrers.len() <= REFERRERS_MAX;
        for referrer in referrers.into_iter().take(REFERRERS_MAX) {
            if going.takes(tx, &referrer).await? {
                going.referrers.push(referrer.clone());
                waiting.push(referrer);
            }
        }
    }
    Ok(going)
}

impl Going {
    /// Whether a manifest goes with those found so far, and was not found before; from then on it is one of them.
    async fn takes(&mut self, tx: &mut ReadTx, record: &ManifestRecord) -> Result<bool, MetadataError> {
        if self.all.contains_key(&record.id) || !tx.tags_of(record.id).await?.is_empty() {
            return Ok(false);
        }
        if self.all.len() >= MANIFESTS_MAX {
            self.complete = false;
            return Ok(false);
        }
        let subject = match &record.subject {
            Some(subject) => tx.manifest_record(record.repository, subject).await?,
            None => None,
        };
        let has_subject = subject
            .is_some_and(|subject| subject.deleted_at.is_none() && !self.all.contains_key(&subject.id));
        if has_subject || self.is_named_elsewhere(tx, record, &record.digest).await? {
            return Ok(false);
        }
        self.all.insert(record.id, record.clone());
        Ok(true)
    }

    /// Whether a manifest that stays names the digest.
    async fn is_named_elsewhere(
        &self,
        tx: &mut ReadTx,
        within: &ManifestRecord,
        digest: &Digest,
    ) -> Result<bool, MetadataError> {
        // One more than all that go cannot all be of these.
        let naming = tx.live_manifests_naming(within.repository, digest, self.all.len() + 1).await?;
        Ok(naming.iter().any(|id| !self.all.contains_key(id)))
    }
}

async fn children(tx: &mut ReadTx, parent: &ManifestRecord) -> Result<Vec<ManifestRecord>, MetadataError> {
    let mut found = Vec::new();
    for reference in tx.references_of(parent.id).await? {
        if reference.kind == ReferenceKind::Child
            && let Some(child) = tx.manifest_record(parent.repository, &reference.digest).await?
            && child.deleted_at.is_none()
        {
            found.push(child);
        }
    }
    Ok(found)
}

async fn blob_bytes(
    tx: &mut ReadTx,
    repository: &RepositoryRecord,
    going: &mut Going,
) -> Result<u64, MetadataError> {
    let mut digests = HashSet::new();
    for record in going.all.values() {
        let references = tx.references_of(record.id).await?;
        let blobs = references.into_iter().filter(|reference| reference.kind != ReferenceKind::Child);
        digests.extend(blobs.map(|reference| (reference.digest, record.id)));
    }
    let digests: HashMap<Digest, ManifestId> = digests.into_iter().collect();
    going.complete &= digests.len() <= BLOBS_MAX;
    let mut bytes: u64 = 0;
    for (digest, id) in digests.iter().take(BLOBS_MAX) {
        let within = &going.all[id];
        if !going.is_named_elsewhere(tx, within, digest).await?
            && let Some(blob) = tx.blob_in(&repository.name, digest).await?
        {
            bytes = bytes.saturating_add(blob.size_bytes);
        }
    }
    Ok(bytes)
}
