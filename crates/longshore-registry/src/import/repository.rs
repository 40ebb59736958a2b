//! Taking over one repository: blobs first, then the manifests that name them, tags last.

use std::collections::HashSet;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use longshore_metadata::{NewManifest, RepositoryId, ReviewEvent, TagEventAction, WriteTx};
use longshore_storage::{DistributionLayout, Found, StoreError};
use longshore_types::{Digest, Manifest, RepositoryName, Tag, Timestamp};

use super::{AFTER, ImportReport};
use crate::{
    MaintenanceError, Progress, Registry,
    maintenance::{ManifestBlobError, blocking},
    manifests::{references, required_blobs},
    retry::retry_on_conflict,
};

/// How much goes into one transaction: bounds what a repository of any size needs in memory, and how long a writer
/// keeps others out.
const BATCH: usize = 256;
/// Manifests are larger, and kept in memory until their transaction.
const MANIFESTS_BATCH: usize = 32;
/// How many files are opened at a time: hides the latency of network storage.
const PARALLEL: usize = 8;

/// One repository on its way into the index.
struct Repository<'a> {
    registry: &'a Registry,
    name: &'a RepositoryName,
    now: Timestamp,
    progress: &'a dyn Progress,
    /// What manifests refer to.
    referenced: HashSet<Digest>,
    /// Whether every manifest could be read, so that `referenced` is all there is.
    complete: bool,
}

struct ReadManifest {
    digest: Digest,
    manifest: Manifest,
    payload: Bytes,
}

impl Registry {
    pub(super) async fn import_repository(
        &self,
        layout: &DistributionLayout,
        name: &RepositoryName,
        now: Timestamp,
        report: &mut ImportReport,
        progress: &dyn Progress,
    ) -> Result<(), MaintenanceError> {
        let (layers, revisions, tags) = {
            let (layout, name) = (layout.clone(), name.clone());
            blocking(move || (layout.layers(&name), layout.revisions(&name), layout.tags(&name))).await
        };
        let mut repository =
            Repository { registry: self, name, now, progress, referenced: HashSet::new(), complete: true };
        repository.complete = revisions.problems.is_empty();
        let layers = repository.sorted(layers, report);
        let revisions = repository.sorted(revisions, report);
        let tags = repository.sorted(tags, report);
        repository.link_blobs(&layers, report).await?;
        for batch in revisions.chunks(MANIFESTS_BATCH) {
            let batch = repository.read_manifests(batch, report).await?;
            repository.put_manifests(&batch, report).await?;
        }
        for batch in layers.chunks(BATCH) {
            repository.queue_unreferenced(batch).await?;
        }
        for batch in tags.chunks(BATCH) {
            repository.set_tags(batch, report).await?;
        }
        repository.finish().await?;
        report.repositories += 1;
        Ok(())
    }
}

impl Repository<'_> {
    /// In the order in which every transaction locks them.
    fn sorted<T: Ord>(&self, mut found: Found<T>, report: &mut ImportReport) -> Vec<T> {
        for problem in found.problems {
            report.problem(self.progress, problem.to_string());
        }
        found.entries.sort();
        found.entries
    }

    fn problem(&self, report: &mut ImportReport, what: std::fmt::Arguments<'_>) {
        report.problem(self.progress, format!("{}: {what}", self.name));
    }

    async fn begin(&self) -> Result<(WriteTx, RepositoryId), MaintenanceError> {
        let mut tx = self.registry.inner.metadata.write().await?;
        let id = tx.ensure_repository(self.name, self.now).await?.id;
        tx.lock_repository(id).await?;
        Ok((tx, id))
    }

    async fn link_blobs(
        &self,
        digests: &[Digest],
        report: &mut ImportReport,
    ) -> Result<(), MaintenanceError> {
        for batch in digests.chunks(BATCH) {
            let mut there = Vec::new();
            for digest in batch {
                match self.registry.inner.blobs.stat(digest).await {
                    Ok(stat) => there.push(stat),
                    Err(StoreError::NotFound) => {
                        self.problem(report, format_args!("blob {digest}: its content is missing"));
                    }
                    Err(StoreError::Corrupt(why)) => {
                        self.problem(report, format_args!("blob {digest}: {why}"));
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            retry_on_conflict(async || -> Result<(), MaintenanceError> {
                let (mut tx, id) = self.begin().await?;
                for stat in &there {
                    let blob = tx.ensure_blob(&stat.digest, stat.size_bytes, self.now).await?;
                    tx.link_blob(id, blob.id, self.now).await?;
                }
                Ok(tx.commit().await?)
            })
            .await?;
            report.links += there.len() as u64;
        }
        Ok(())
    }

    async fn read_manifests(
        &mut self,
        digests: &[Digest],
        report: &mut ImportReport,
    ) -> Result<Vec<ReadManifest>, MaintenanceError> {
        let mut read = stream::iter(digests.iter().copied())
            .map(|digest| async move { (digest, self.registry.manifest_from_blob(&digest, None).await) })
            .buffered(PARALLEL)
            .collect::<Vec<_>>()
            .await;
        let mut manifests = Vec::new();
        for (digest, result) in read.drain(..) {
            match result {
                Ok((manifest, payload)) => {
                    self.referenced.extend(references(&manifest).iter().map(|reference| reference.digest));
                    manifests.push(ReadManifest { digest, manifest, payload });
                }
                Err(ManifestBlobError::Unusable(why)) => {
                    self.complete = false;
                    self.problem(report, format_args!("manifest {digest}: {why}"));
                }
                Err(ManifestBlobError::Store(error)) => return Err(error.into()),
            }
        }
        Ok(manifests)
    }

    async fn put_manifests(
        &self,
        manifests: &[ReadManifest],
        report: &mut ImportReport,
    ) -> Result<(), MaintenanceError> {
        let problems = retry_on_conflict(async || self.try_put_manifests(manifests).await).await?;
        report.manifests += manifests.len() as u64;
        for (digest, missing) in problems {
            let (count, first) = (missing.len(), missing[0]);
            let what = format_args!("manifest {digest}: names {count} blobs that are not here, as {first}");
            self.problem(report, what);
        }
        Ok(())
    }

    /// Returns the manifests that name blobs which the repository does not have. They are stored all the same, as
    /// the registry before served them too.
    async fn try_put_manifests(
        &self,
        manifests: &[ReadManifest],
    ) -> Result<Vec<(Digest, Vec<Digest>)>, MaintenanceError> {
        let (mut tx, id) = self.begin().await?;
        let mut problems = Vec::new();
        for ReadManifest { digest, manifest, payload } in manifests {
            let missing = tx.unlinked_blobs(id, &required_blobs(manifest)).await?;
            if !missing.is_empty() {
                problems.push((*digest, missing));
            }
            // Also one that was deleted since: the index knows better than an old link.
            if tx.manifest_record(id, digest).await?.is_some() {
                continue;
            }
            let new = NewManifest {
                repository: id,
                digest: *digest,
                media_type: manifest.media_type(),
                artifact_type: manifest.referrer_artifact_type(),
                subject: manifest.subject().map(|subject| subject.digest),
                annotations: manifest.annotations(),
                payload,
                references: &references(manifest),
            };
            tx.put_manifest(&new, self.now).await?;
        }
        tx.commit().await?;
        Ok(problems)
    }

    /// Puts blobs that no manifest names on the queue of collection: a push that never ended, or a deleted manifest.
    /// Where a manifest could not be read nobody knows what it names, so everything stays.
    async fn queue_unreferenced(&self, linked: &[Digest]) -> Result<(), MaintenanceError> {
        let unreferenced: Vec<_> = linked.iter().filter(|digest| !self.referenced.contains(digest)).collect();
        if !self.complete || unreferenced.is_empty() {
            return Ok(());
        }
        let review_after = self.now.after(self.registry.inner.settings.collection.delay);
        retry_on_conflict(async || -> Result<(), MaintenanceError> {
            let (mut tx, id) = self.begin().await?;
            for digest in &unreferenced {
                if let Some(blob) = tx.blob_in(self.name, digest).await? {
                    tx.queue_blob_review(id, blob.id, ReviewEvent::BlobLinked, review_after).await?;
                }
            }
            Ok(tx.commit().await?)
        })
        .await
    }

    async fn set_tags(
        &self,
        tags: &[(Tag, Digest)],
        report: &mut ImportReport,
    ) -> Result<(), MaintenanceError> {
        let dangling = retry_on_conflict(async || self.try_set_tags(tags).await).await?;
        report.tags += (tags.len() - dangling.len()) as u64;
        for (tag, digest) in dangling {
            self.problem(report, format_args!("tag {tag}: its manifest {digest} is not here"));
        }
        Ok(())
    }

    async fn try_set_tags(&self, tags: &[(Tag, Digest)]) -> Result<Vec<(Tag, Digest)>, MaintenanceError> {
        let (mut tx, id) = self.begin().await?;
        let mut dangling = Vec::new();
        for (tag, digest) in tags {
            if tx.tag(id, tag).await?.is_some() {
                continue;
            }
            match tx.manifest_record(id, digest).await? {
                Some(record) if record.deleted_at.is_none() => {
                    tx.set_tag(id, tag, &record, TagEventAction::Import, None, self.now).await?;
                }
                _ => dangling.push((tag.clone(), *digest)),
            }
        }
        tx.commit().await?;
        Ok(dangling)
    }

    async fn finish(&self) -> Result<(), MaintenanceError> {
        retry_on_conflict(async || -> Result<(), MaintenanceError> {
            let (mut tx, _) = self.begin().await?;
            tx.set_setting(AFTER, self.name.as_str()).await?;
            Ok(tx.commit().await?)
        })
        .await
    }
}
