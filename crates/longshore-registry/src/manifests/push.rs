//! Push of manifests.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use longshore_auth::Action;
use longshore_metadata::{
    ManifestRecord, MetadataError, NewManifest, RepositoryId, ReviewEvent, TagEventAction, WriteTx,
};
use longshore_types::{
    Descriptor, Digest, DigestAlgorithm, Manifest, MediaType, Reference, RepositoryName, Tag,
};

use super::{ManifestPushError, ManifestTarget, PushedManifest, required, required_blobs};
use crate::{
    Call, Event, EventAction, Registry,
    access::require,
    audit::{AuditRow, Operation},
    maintenance::blocking,
    retry::retry_on_conflict,
};

/// Manifests longer than this are hashed and parsed away from the async threads.
const INLINE_BYTES_MAX: usize = 64 * 1024;

/// A manifest that was read and is what the request says.
struct Incoming {
    digest: Digest,
    manifest: Manifest,
    payload: Bytes,
    tags: Vec<Tag>,
    /// What the configuration of an image says of it; empty if it is not here.
    labels: BTreeMap<String, String>,
}

impl Registry {
    /// Stores a manifest and points its tags to it, in one transaction. Children of an index may be absent (sparse
    /// indexes); blobs may not, except layers that are not distributable, or where
    /// [`crate::RegistrySettings::sparse_images`] says so.
    ///
    /// # Cancel safety
    /// Dropped, the push still runs to its end.
    pub async fn push_manifest(
        &self,
        call: &Call,
        repository: &RepositoryName,
        target: &ManifestTarget,
        content_type: Option<&MediaType>,
        payload: Bytes,
    ) -> Result<PushedManifest, ManifestPushError> {
        require(call, Action::Push, repository)?;
        self.require_writable()?;
        let mut incoming = read(target.clone(), content_type.cloned(), payload).await?;
        incoming.labels = self.labels_of(&incoming.manifest).await;
        let (registry, call, repository) = (self.clone(), call.clone(), repository.clone());
        let push = async move {
            retry_on_conflict(|| registry.try_push_manifest(&call, &repository, &incoming)).await
        };
        self.inner.tasks.run(push).await
    }

    async fn try_push_manifest(
        &self,
        call: &Call,
        repository: &RepositoryName,
        incoming: &Incoming,
    ) -> Result<PushedManifest, ManifestPushError> {
        let mut tx = self.inner.metadata.write().await?;
        self.require_project::<ManifestPushError>(&mut tx, repository).await?;
        let id = tx.ensure_locked_repository(repository, call.now).await?.id;
        let missing = tx.unlinked_blobs(id, &required_blobs(&incoming.manifest)).await?;
        if !missing.is_empty() && !self.inner.settings.sparse_images {
            return Err(ManifestPushError::BlobsUnknown { repository: repository.clone(), missing });
        }
        let warnings = warnings(missing.len(), missing_children(&mut tx, id, &incoming.manifest).await?);
        let record = put(&mut tx, id, incoming, call).await?;
        // Only of content that this repository has: a digest alone lets nobody read it.
        if incoming.manifest.config().is_some_and(|config| !missing.contains(&config.digest)) {
            tx.mark_manifest(id, record.id, &incoming.labels).await?;
        }
        for tag in &incoming.tags {
            self.point_tag(&mut tx, call, id, tag, &record).await?;
        }
        if incoming.tags.is_empty() && tx.tags_of(record.id).await?.is_empty() {
            let review_after = self.inner.settings.untagged_review_after(call.now);
            tx.queue_manifest_review(id, record.id, ReviewEvent::ManifestPushed, review_after).await?;
        }
        self.notify_of_push(&mut tx, call, repository, incoming).await?;
        self.record_push(&mut tx, call, repository, incoming).await?;
        tx.commit().await?;
        Ok(PushedManifest {
            digest: incoming.digest,
            subject: record.subject,
            tags: incoming.tags.clone(),
            warnings,
        })
    }

    /// Points a tag to a manifest, and puts what it pointed to before on the queue of collection if that was its last.
    async fn point_tag(
        &self,
        tx: &mut WriteTx,
        call: &Call,
        repository: RepositoryId,
        tag: &Tag,
        record: &ManifestRecord,
    ) -> Result<(), MetadataError> {
        let actor = call.caller.name.as_deref();
        let before = tx.set_tag(repository, tag, record, TagEventAction::Push, actor, call.now).await?;
        if let Some(before) = before
            && before.manifest != record.id
            && tx.tags_of(before.manifest).await?.is_empty()
        {
            let review_after = self.inner.settings.untagged_review_after(call.now);
            tx.queue_manifest_review(
                repository,
                before.manifest,
                ReviewEvent::ManifestUntagged,
                review_after,
            )
            .await?;
        }
        Ok(())
    }

    async fn notify_of_push(
        &self,
        tx: &mut WriteTx,
        call: &Call,
        repository: &RepositoryName,
        incoming: &Incoming,
    ) -> Result<(), MetadataError> {
        let (manifest, size_bytes) = (&incoming.manifest, incoming.payload.len() as u64);
        let event = |tag: Option<&Tag>| Event {
            references: if self.inner.settings.notify_references {
                descriptors(manifest).cloned().collect()
            } else {
                Vec::new()
            },
            ..Event::new(call, EventAction::Push, repository)
                .content(incoming.digest, manifest.media_type().clone(), size_bytes)
                .tag(tag)
        };
        for tag in &incoming.tags {
            self.notify(tx, || event(Some(tag))).await?;
        }
        if incoming.tags.is_empty() {
            self.notify(tx, || event(None)).await?;
        }
        Ok(())
    }

    /// One row for the manifest, under its first tag if it has any, and one for each further tag.
    async fn record_push(
        &self,
        tx: &mut WriteTx,
        call: &Call,
        repository: &RepositoryName,
        incoming: &Incoming,
    ) -> Result<(), MetadataError> {
        let row = |operation, tag| AuditRow::new(call, operation, repository, tag, Some(&incoming.digest));
        let mut tags = incoming.tags.iter();
        let first = tags.next();
        self.record(tx, || row(Operation::CreateArtifact, first)).await?;
        for tag in tags {
            self.record(tx, || row(Operation::CreateTag, Some(tag))).await?;
        }
        Ok(())
    }
}

/// Hashes and parses. Which algorithm: the one of the digest in the path, else sha256, which every client knows.
async fn read(
    target: ManifestTarget,
    content_type: Option<MediaType>,
    payload: Bytes,
) -> Result<Incoming, ManifestPushError> {
    if payload.len() <= INLINE_BYTES_MAX {
        return read_now(target, content_type, payload);
    }
    blocking(move || read_now(target, content_type, payload)).await
}

fn read_now(
    target: ManifestTarget,
    content_type: Option<MediaType>,
    payload: Bytes,
) -> Result<Incoming, ManifestPushError> {
    let (algorithm, first_tag) = match &target.reference {
        Reference::Digest(digest) => (digest.algorithm(), None),
        Reference::Tag(tag) => (DigestAlgorithm::Sha256, Some(tag.clone())),
    };
    let digest = Digest::of(algorithm, &payload);
    if let Reference::Digest(wanted) = target.reference
        && wanted != digest
    {
        return Err(ManifestPushError::DigestMismatch { wanted, actual: digest });
    }
    let manifest = Manifest::parse(content_type.as_ref(), &payload)?;
    let mut seen = BTreeSet::new();
    let tags = first_tag.into_iter().chain(target.tags).filter(|tag| seen.insert(tag.clone())).collect();
    Ok(Incoming { digest, manifest, payload, tags, labels: BTreeMap::new() })
}

async fn put(
    tx: &mut WriteTx,
    repository: RepositoryId,
    incoming: &Incoming,
    call: &Call,
) -> Result<ManifestRecord, MetadataError> {
    let manifest = &incoming.manifest;
    let new = NewManifest {
        repository,
        digest: incoming.digest,
        media_type: manifest.media_type(),
        artifact_type: manifest.referrer_artifact_type(),
        subject: manifest.subject().map(|subject| subject.digest),
        annotations: manifest.annotations(),
        payload: &incoming.payload,
        references: &required::references(manifest),
    };
    tx.put_manifest(&new, call.now).await
}

/// How many entries of an index the repository has neither as manifests nor, as build caches have them, as blobs.
async fn missing_children(
    tx: &mut WriteTx,
    repository: RepositoryId,
    manifest: &Manifest,
) -> Result<usize, MetadataError> {
    if manifest.manifests().is_empty() {
        return Ok(0);
    }
    let children: BTreeSet<Digest> = manifest.manifests().iter().map(|child| child.digest).collect();
    let children: Vec<Digest> = children.into_iter().collect();
    let missing = tx.missing_manifests(repository, &children).await?;
    Ok(if missing.is_empty() { 0 } else { tx.unlinked_blobs(repository, &missing).await?.len() })
}

fn warnings(missing_blobs: usize, missing_children: usize) -> Vec<String> {
    let mut warnings = Vec::new();
    if missing_blobs > 0 {
        warnings.push(format!("sparse image: {missing_blobs} blobs are not here yet"));
    }
    if missing_children > 0 {
        warnings.push(format!("sparse index: {missing_children} manifests are not here yet"));
    }
    warnings
}

fn descriptors(manifest: &Manifest) -> impl Iterator<Item = &Descriptor> {
    manifest.config().into_iter().chain(manifest.layers()).chain(manifest.manifests())
}
