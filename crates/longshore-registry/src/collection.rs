//! Online collection: works the review queues (DESIGN.md section 3).

use longshore_metadata::MetadataError;
use longshore_types::{Digest, RepositoryName, Timestamp};

use crate::{Progress, Registry};

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

impl Registry {
    /// Works everything that is due at `now`, telling each thing to `found`. With `dry_run` it changes nothing and
    /// tells what it would take (also what would become due because of it is left to the next run).
    pub async fn collect(
        &self,
        _now: Timestamp,
        _dry_run: bool,
        _found: &(dyn Fn(&Collected) + Send + Sync),
    ) -> Result<CollectionReport, MetadataError> {
        todo!()
    }

    /// Walks the blob store for content that no row speaks of and that is older than `older_than`, and removes it:
    /// what a crash or another registry left. Not run by itself.
    pub async fn sweep(
        &self,
        _older_than: Timestamp,
        _dry_run: bool,
        _progress: &dyn Progress,
        _found: &(dyn Fn(&Collected) + Send + Sync),
    ) -> Result<CollectionReport, MetadataError> {
        todo!()
    }
}

#[expect(dead_code, reason = "skeleton")]
fn unused(_: Digest) {}
