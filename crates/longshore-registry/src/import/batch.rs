//! One transaction of an import.

use bytes::Bytes;
use longshore_metadata::{NewManifest, RepositoryId, ReviewEvent, TagEventAction, WriteTx};
use longshore_types::{Digest, Manifest, RepositoryName, Tag, Timestamp};

use super::AFTER;
use crate::{
    MaintenanceError, Registry,
    manifests::{references, required_blobs},
};

/// Something to be taken over.
pub(super) enum Step {
    /// A blob whose content is there.
    Link { digest: Digest, size_bytes: u64 },
    /// A manifest.
    Manifest(Box<ReadManifest>),
    /// A linked blob that no manifest names.
    Review { digest: Digest },
    /// A tag.
    Tag { tag: Tag, digest: Digest },
    /// The whole repository was taken over.
    Done,
}

/// A manifest that was verified and parsed.
pub(super) struct ReadManifest {
    pub(super) digest: Digest,
    pub(super) manifest: Manifest,
    pub(super) payload: Bytes,
}

/// What a transaction did.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) links: u64,
    pub(super) manifests: u64,
    pub(super) tags: u64,
    pub(super) problems: Vec<String>,
}

struct Batch<'a> {
    tx: WriteTx,
    repository: RepositoryId,
    name: &'a RepositoryName,
    now: Timestamp,
    outcome: Outcome,
}

impl Registry {
    pub(super) async fn apply_import_steps(
        &self,
        name: &RepositoryName,
        steps: &[Step],
        now: Timestamp,
    ) -> Result<Outcome, MaintenanceError> {
        let mut tx = self.inner.metadata.write().await?;
        let repository = tx.ensure_repository(name, now).await?.id;
        tx.lock_repository(repository).await?;
        let mut batch = Batch { tx, repository, name, now, outcome: Outcome::default() };
        for step in steps {
            match step {
                Step::Link { digest, size_bytes } => batch.link(digest, *size_bytes).await?,
                Step::Manifest(read) => batch.manifest(read).await?,
                Step::Review { digest } => {
                    let review_after = now.after(self.inner.settings.collection.delay);
                    batch.review(digest, review_after).await?;
                }
                Step::Tag { tag, digest } => batch.tag(tag, digest).await?,
                Step::Done => batch.tx.set_setting(AFTER, name.as_str()).await?,
            }
        }
        batch.tx.commit().await?;
        Ok(batch.outcome)
    }
}

impl Batch<'_> {
    async fn link(&mut self, digest: &Digest, size_bytes: u64) -> Result<(), MaintenanceError> {
        let blob = self.tx.ensure_blob(digest, size_bytes, self.now).await?;
        self.tx.link_blob(self.repository, blob.id, self.now).await?;
        self.outcome.links += 1;
        Ok(())
    }

    /// A manifest that names blobs which are not here is a problem, but is stored: the registry before served it too.
    async fn manifest(&mut self, read: &ReadManifest) -> Result<(), MaintenanceError> {
        let ReadManifest { digest, manifest, payload } = read;
        let missing = self.tx.unlinked_blobs(self.repository, &required_blobs(manifest)).await?;
        if let Some(first) = missing.first() {
            let count = missing.len();
            let problem = format!("manifest {digest}: names {count} blobs that are not here, as {first}");
            self.outcome.problems.push(problem);
        }
        // Also one that was deleted since: the index knows better than an old link.
        if self.tx.manifest_record(self.repository, digest).await?.is_none() {
            let new = NewManifest {
                repository: self.repository,
                digest: *digest,
                media_type: manifest.media_type(),
                artifact_type: manifest.referrer_artifact_type(),
                subject: manifest.subject().map(|subject| subject.digest),
                annotations: manifest.annotations(),
                payload,
                references: &references(manifest),
            };
            self.tx.put_manifest(&new, self.now).await?;
        }
        self.outcome.manifests += 1;
        Ok(())
    }

    async fn review(&mut self, digest: &Digest, review_after: Timestamp) -> Result<(), MaintenanceError> {
        if let Some(blob) = self.tx.blob_in(self.name, digest).await? {
            let event = ReviewEvent::BlobLinked;
            self.tx.queue_blob_review(self.repository, blob.id, event, review_after).await?;
        }
        Ok(())
    }

    async fn tag(&mut self, tag: &Tag, digest: &Digest) -> Result<(), MaintenanceError> {
        if self.tx.tag(self.repository, tag).await?.is_none() {
            // Deleted since, for instance by a replica whose import of the same volume ended before this one.
            if !self.tx.tag_events(self.repository, Some(tag), None, 1).await?.entries.is_empty() {
                return Ok(());
            }
            match self.tx.manifest_record(self.repository, digest).await? {
                Some(record) if record.deleted_at.is_none() => {
                    let action = TagEventAction::Import;
                    self.tx.set_tag(self.repository, tag, &record, action, None, self.now).await?;
                }
                _ => {
                    self.outcome.problems.push(format!("tag {tag}: its manifest {digest} is not here"));
                    return Ok(());
                }
            }
        }
        self.outcome.tags += 1;
        Ok(())
    }
}
