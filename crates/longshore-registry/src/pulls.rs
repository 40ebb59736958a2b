//! Counts pulls of manifests, beside them: a pull adds to a number in memory, and the numbers are written some time later.

use std::collections::BTreeMap;

use longshore_metadata::{Metadata, MetadataError, Pulls};
use longshore_types::{Digest, RepositoryName, Timestamp};

use crate::{PulledManifest, Registry, gather::Gathered, retry::retry_on_conflict};

/// Most manifests with pulls that wait to be written; those of others are then not counted, which the log says.
const MANIFESTS_MAX: usize = 16 * 1024;
/// Most manifests written in one transaction.
const BATCH: usize = 256;

/// Pulls by repository and digest; in this order, so that no two replicas wait for each other.
type Counts = BTreeMap<RepositoryName, BTreeMap<Digest, Pulls>>;
/// One of them.
type Count = (RepositoryName, Digest, Pulls);

/// Pulls on their way into the index.
#[derive(Default)]
pub(crate) struct PullCounts {
    counts: Counts,
    manifests: usize,
    dropped: u64,
}

impl Registry {
    /// Counts a pull: a manifest was asked for and is sent. Costs a look-up in memory.
    pub fn count_pull(&self, repository: &RepositoryName, manifest: &PulledManifest, now: Timestamp) {
        if !self.inner.settings.readonly {
            self.inner.pull_counts.add(|counts| counts.add(repository, &manifest.digest, now));
        }
    }
}

impl PullCounts {
    fn add(&mut self, repository: &RepositoryName, digest: &Digest, now: Timestamp) {
        let known = self.counts.get_mut(repository);
        if let Some(found) = known.and_then(|digests| digests.get_mut(digest)) {
            found.pulls += 1;
            found.last_at = found.last_at.max(now);
            return;
        }
        if self.manifests == MANIFESTS_MAX {
            self.dropped += 1;
            return;
        }
        self.manifests += 1;
        self.counts.entry(repository.clone()).or_default().insert(*digest, Pulls { pulls: 1, last_at: now });
    }
}

impl Gathered for PullCounts {
    async fn write(self, metadata: &Metadata) -> Self {
        if self.dropped > 0 {
            tracing::warn!(
                dropped = self.dropped,
                "more manifests are pulled at a time than can be counted: some pulls are not"
            );
        }
        write_all(metadata, self.counts).await;
        Self::default()
    }

    /// Nothing comes back: nobody was promised a count.
    fn take_back(&mut self, _: Self) {}
}

async fn write_all(metadata: &Metadata, counts: Counts) {
    let counts: Vec<Count> = counts
        .into_iter()
        .flat_map(|(repository, digests)| {
            digests.into_iter().map(move |(digest, count)| (repository.clone(), digest, count))
        })
        .collect();
    for batch in counts.chunks(BATCH) {
        if let Err(error) = retry_on_conflict(|| write_batch(metadata, batch)).await {
            let lost: u64 = batch.iter().map(|(_, _, count)| count.pulls).sum();
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                lost,
                "could not write how often something was pulled"
            );
        }
    }
}

async fn write_batch(metadata: &Metadata, counts: &[Count]) -> Result<(), MetadataError> {
    // Nobody was promised a count.
    let mut tx = metadata.write_relaxed().await?;
    for of_one in counts.chunk_by(|(one, ..), (other, ..)| one == other) {
        let mut all = Pulls { pulls: 0, last_at: Timestamp::from_unix_millis(i64::MIN) };
        for (repository, digest, count) in of_one {
            tx.add_manifest_pulls(repository, digest, *count).await?;
            all = Pulls { pulls: all.pulls + count.pulls, last_at: all.last_at.max(count.last_at) };
        }
        if let Some((repository, ..)) = of_one.first() {
            tx.add_repository_pulls(repository, all).await?;
        }
    }
    tx.commit().await
}
