//! Taking over one repository: blobs first, then the manifests that name them, tags last.

use std::collections::HashSet;

use futures_util::{StreamExt, stream};
use longshore_storage::{BlobStat, DistributionLayout, Found, StoreError};
use longshore_types::{Digest, RepositoryName, Tag, Timestamp};

use super::{
    ImportReport,
    batch::{Outcome, ReadManifest, Step},
};
use crate::{
    MaintenanceError, Progress, Registry,
    maintenance::{ManifestBlobError, blocking},
    manifests::references,
    retry::retry_on_conflict,
};

/// How many steps go into one transaction: bounds what a repository of any size needs in memory, and for how long
/// other writers wait.
const STEPS_MAX: usize = 256;
/// The same for the bytes of their manifests.
const BYTES_MAX: usize = 32 * 1024 * 1024;
/// How many files are opened at a time: hides the latency of network storage.
const PARALLEL: usize = 8;

/// One repository on its way into the index.
struct Import<'a> {
    registry: &'a Registry,
    name: &'a RepositoryName,
    now: Timestamp,
    report: &'a mut ImportReport,
    progress: &'a dyn Progress,
    /// What manifests refer to.
    referenced: HashSet<Digest>,
    /// Whether every manifest could be read, so that `referenced` is all there is.
    complete: bool,
    steps: Vec<Step>,
    bytes: usize,
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
        let mut import = Import {
            registry: self,
            name,
            now,
            report,
            progress,
            referenced: HashSet::new(),
            complete: revisions.problems.is_empty(),
            steps: Vec::new(),
            bytes: 0,
        };
        let layers = import.sorted(layers);
        let revisions = import.sorted(revisions);
        let tags = import.sorted(tags);
        import.blobs(&layers).await?;
        import.manifests(&revisions).await?;
        import.reviews(&layers).await?;
        import.tags(tags).await?;
        import.add(Step::Done).await?;
        import.flush().await?;
        report.repositories += 1;
        Ok(())
    }
}

impl Import<'_> {
    /// In the order in which every transaction locks them.
    fn sorted<T: Ord>(&mut self, mut found: Found<T>) -> Vec<T> {
        for problem in found.problems {
            self.report.problem(self.progress, problem.to_string());
        }
        found.entries.sort();
        found.entries
    }

    fn problem(&mut self, what: std::fmt::Arguments<'_>) {
        self.report.problem(self.progress, format!("{}: {what}", self.name));
    }

    async fn blobs(&mut self, digests: &[Digest]) -> Result<(), MaintenanceError> {
        let blobs = &self.registry.inner.blobs;
        let stat = |digest| async move { (digest, blobs.stat(&digest).await) };
        let mut stats = stream::iter(digests.iter().copied()).map(stat).buffered(PARALLEL);
        while let Some((digest, stat)) = stats.next().await {
            match stat {
                Ok(BlobStat { size_bytes, .. }) => self.add(Step::Link { digest, size_bytes }).await?,
                Err(StoreError::NotFound) => {
                    self.problem(format_args!("blob {digest}: its content is missing"));
                }
                Err(StoreError::Corrupt(why)) => self.problem(format_args!("blob {digest}: {why}")),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn manifests(&mut self, digests: &[Digest]) -> Result<(), MaintenanceError> {
        let registry = self.registry;
        let read = |digest| async move { (digest, registry.manifest_from_blob(&digest, None).await) };
        let mut manifests = stream::iter(digests.iter().copied()).map(read).buffered(PARALLEL);
        while let Some((digest, read)) = manifests.next().await {
            match read {
                Ok((manifest, payload)) => {
                    self.referenced.extend(references(&manifest).iter().map(|reference| reference.digest));
                    self.bytes += payload.len();
                    self.add(Step::Manifest(Box::new(ReadManifest { digest, manifest, payload }))).await?;
                }
                Err(ManifestBlobError::Unusable(why)) => {
                    self.complete = false;
                    self.problem(format_args!("manifest {digest}: {why}"));
                }
                Err(ManifestBlobError::Store(error)) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Puts blobs that no manifest names on the queue of collection: a push that never ended, or a deleted manifest.
    /// Where a manifest could not be read nobody knows what it names, so everything stays.
    async fn reviews(&mut self, linked: &[Digest]) -> Result<(), MaintenanceError> {
        if !self.complete {
            return Ok(());
        }
        for digest in linked {
            if !self.referenced.contains(digest) {
                self.add(Step::Review { digest: *digest }).await?;
            }
        }
        Ok(())
    }

    async fn tags(&mut self, tags: Vec<(Tag, Digest)>) -> Result<(), MaintenanceError> {
        for (tag, digest) in tags {
            self.add(Step::Tag { tag, digest }).await?;
        }
        Ok(())
    }

    async fn add(&mut self, step: Step) -> Result<(), MaintenanceError> {
        self.steps.push(step);
        if self.steps.len() < STEPS_MAX && self.bytes < BYTES_MAX { Ok(()) } else { self.flush().await }
    }

    async fn flush(&mut self) -> Result<(), MaintenanceError> {
        self.bytes = 0;
        let steps = std::mem::take(&mut self.steps);
        let (registry, name, now) = (self.registry, self.name, self.now);
        let outcome = retry_on_conflict(|| registry.apply_import_steps(name, &steps, now)).await?;
        let Outcome { links, manifests, tags, problems } = outcome;
        self.report.links += links;
        self.report.manifests += manifests;
        self.report.tags += tags;
        for problem in problems {
            self.problem(format_args!("{problem}"));
        }
        Ok(())
    }
}
