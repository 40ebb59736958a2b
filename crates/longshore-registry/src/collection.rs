//! Online collection: works the review queues (DESIGN.md section 3).
//!
//! Whatever may orphan something puts it on a queue, in the same transaction. A run takes what is due, looks again
//! inside the transaction that deletes, holding the repository's lock, and takes content from the store only while it
//! holds the lock of a blob that no repository links. So it needs no pause of the pushes, and what a crash leaves is
//! garbage or a row without links, never a link without content.

mod blobs;
mod decision;
mod manifests;
mod preview;
mod sweep;
mod uploads;

use std::collections::HashSet;

use longshore_metadata::{BlobId, ManifestId, Metadata, MetadataError, ReadTx, RepositoryId};
use longshore_types::{RepositoryName, Timestamp};

pub use self::preview::CollectionPreview;
use crate::{Registry, RegistrySettings};

/// How many due reviews are read at a time.
const BATCH: usize = 100;
/// How many of them are worked at a time: their transactions are committed together.
const PARALLEL: usize = 8;
/// How many due reviews of a kind a dry run looks at: it cannot work them off one batch after the other.
const DRY_RUN_MAX: usize = 100_000;

/// Something that collection took, or would take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collected {
    /// What: a manifest, a link of a blob into a repository, a blob's bytes, an upload.
    pub what: &'static str,
    /// Which, as a digest or upload id.
    pub which: String,
    /// In which repository, if it is part of one.
    pub repository: Option<RepositoryName>,
    /// Why it may go.
    pub why: String,
    /// How many bytes that frees in the store.
    pub freed_bytes: u64,
}

/// What a run of collection did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CollectionReport {
    /// How many reviews were looked at.
    pub reviewed: u64,
    /// How many manifests were purged.
    pub manifests: u64,
    /// How many links were taken away.
    pub links: u64,
    /// How many blobs were removed.
    pub blobs: u64,
    /// How many uploads were given up.
    pub uploads: u64,
    /// How many bytes were freed in the store.
    pub freed_bytes: u64,
}

/// Who is told of each thing that is taken.
pub(crate) type Found<'a> = &'a (dyn Fn(&Collected) + Send + Sync);

/// One run of collection.
struct Run<'a> {
    registry: &'a Registry,
    now: Timestamp,
    found: Found<'a>,
    report: CollectionReport,
    /// How many due reviews of a kind a look without consequences takes in, and whether there were more.
    looks_max: usize,
    is_cut: bool,
    /// What could not be worked in this run: it is not tried again, even if it could not be put off.
    failed_manifests: HashSet<ManifestId>,
    failed_links: HashSet<(RepositoryId, BlobId)>,
}

impl Registry {
    /// Works everything that is due at `now`, telling each thing to `found`. With `dry_run` it changes nothing and
    /// tells what it would take (also what would become due because of it is left to the next run). Something that
    /// cannot be worked is logged and put later; the run goes on.
    ///
    /// # Errors
    /// Only when the queues cannot be read.
    ///
    /// # Cancel safety
    /// Dropped, it stops before or after an item, or leaves a row without content that nothing links.
    pub async fn collect(
        &self,
        now: Timestamp,
        dry_run: bool,
        found: &(dyn Fn(&Collected) + Send + Sync),
    ) -> Result<CollectionReport, MetadataError> {
        let mut run = Run::new(self, now, found);
        if dry_run {
            run.preview_manifests().await?;
            run.preview_blobs().await?;
            run.preview_uploads().await?;
        } else {
            // In turns: what one queue is fed with while it is worked must not keep the other waiting.
            while run.collect_manifests().await? | run.collect_blobs().await? {}
            run.collect_uploads().await?;
        }
        Ok(run.report)
    }

    /// The part of [`Registry::collect`] that gives up uploads: for where nothing else is collected.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn expire_uploads(
        &self,
        now: Timestamp,
        found: &(dyn Fn(&Collected) + Send + Sync),
    ) -> Result<CollectionReport, MetadataError> {
        let mut run = Run::new(self, now, found);
        run.collect_uploads().await?;
        Ok(run.report)
    }
}

impl<'a> Run<'a> {
    fn new(registry: &'a Registry, now: Timestamp, found: Found<'a>) -> Self {
        let report = CollectionReport::default();
        let (failed_manifests, failed_links) = Default::default();
        let (looks_max, is_cut) = (DRY_RUN_MAX, false);
        Self { registry, now, found, report, looks_max, is_cut, failed_manifests, failed_links }
    }
}

impl Run<'_> {
    fn metadata(&self) -> &Metadata {
        &self.registry.inner.metadata
    }

    fn settings(&self) -> &RegistrySettings {
        &self.registry.inner.settings
    }

    /// When something that could not be worked is tried again.
    fn later(&self) -> Timestamp {
        self.now.after(self.settings().collection.delay.max(std::time::Duration::from_secs(60)))
    }
}

async fn name_of(tx: &mut ReadTx, id: RepositoryId) -> Result<RepositoryName, MetadataError> {
    let record = tx.repository_by_id(id).await?;
    Ok(record.ok_or_else(|| MetadataError::Corrupt("a review of a repository that is not".to_owned()))?.name)
}

/// A function, so that no future holds the borrowed error.
fn warn(what: &str, error: &(dyn std::error::Error + 'static)) {
    tracing::warn!(error, "{what}");
}
