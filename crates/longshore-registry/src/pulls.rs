//! Counts pulls of manifests, beside them: a pull adds to a number in memory, and the numbers are written some time later.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use longshore_metadata::{Metadata, MetadataError, Pulls};
use longshore_types::{Digest, RepositoryName, Timestamp};
use tokio::sync::Notify;

use crate::{
    PulledManifest, Registry,
    retry::retry_on_conflict,
    task::{Running, Tasks},
};

/// How long pulls are gathered before they are written.
const GATHERED_FOR: Duration = Duration::from_secs(1);
/// Most manifests with pulls that wait to be written; those of others are then not counted, which the log says.
const MANIFESTS_MAX: usize = 16 * 1024;
/// Most manifests written in one transaction.
const BATCH: usize = 256;

/// Pulls by repository and digest; in this order, so that no two replicas wait for each other.
type Counts = BTreeMap<RepositoryName, BTreeMap<Digest, Pulls>>;
/// One of them.
type Count = (RepositoryName, Digest, Pulls);

/// Pulls on their way into the index.
pub(crate) struct PullCounts {
    shared: Arc<Shared>,
    metadata: Metadata,
    tasks: Tasks,
    /// Begun with the first pull, so that a registry that counts none has no task.
    writer: OnceLock<()>,
}

struct Shared {
    gathered: Mutex<Gathered>,
    /// There is something to write.
    filled: Notify,
    /// It should be written now.
    hurry: Notify,
}

#[derive(Default)]
struct Gathered {
    counts: Counts,
    manifests: usize,
    dropped: u64,
    /// Nothing comes any more: the registry is gone.
    ended: bool,
    /// Keeps the process from ending while there is something to write.
    running: Option<Running>,
}

impl Registry {
    /// Counts a pull: a manifest was asked for and is sent. Costs a look-up in memory.
    pub fn count_pull(&self, repository: &RepositoryName, manifest: &PulledManifest, now: Timestamp) {
        if !self.inner.settings.readonly {
            self.inner.pull_counts.add(repository, &manifest.digest, now);
        }
    }
}

impl PullCounts {
    pub(crate) fn new(metadata: Metadata, tasks: Tasks) -> Self {
        let shared = Shared { gathered: Mutex::default(), filled: Notify::new(), hurry: Notify::new() };
        Self { shared: Arc::new(shared), metadata, tasks, writer: OnceLock::new() }
    }

    fn add(&self, repository: &RepositoryName, digest: &Digest, now: Timestamp) {
        let mut gathered = self.shared.lock();
        if !gathered.add(repository, digest, now) {
            gathered.dropped += 1;
        }
        if gathered.running.is_none() {
            gathered.running = Some(self.tasks.begin());
            drop(gathered);
            self.writer.get_or_init(|| drop(tokio::spawn(write(self.shared.clone(), self.metadata.clone()))));
            self.shared.filled.notify_one();
        }
    }

    /// Has what was gathered written at once.
    pub(crate) fn hurry(&self) {
        if self.shared.lock().running.is_some() {
            self.shared.hurry.notify_one();
        }
    }
}

impl Drop for PullCounts {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.filled.notify_one();
        self.shared.hurry.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gathered {
    /// Whether there was room.
    fn add(&mut self, repository: &RepositoryName, digest: &Digest, now: Timestamp) -> bool {
        let known = self.counts.get_mut(repository);
        if let Some(found) = known.and_then(|digests| digests.get_mut(digest)) {
            found.pulls += 1;
            found.last_at = found.last_at.max(now);
            return true;
        }
        if self.manifests == MANIFESTS_MAX {
            return false;
        }
        self.manifests += 1;
        self.counts.entry(repository.clone()).or_default().insert(*digest, Pulls { pulls: 1, last_at: now });
        true
    }
}

async fn write(shared: Arc<Shared>, metadata: Metadata) {
    let mut ended = false;
    while !ended {
        shared.filled.notified().await;
        tokio::select! {
            // Both may be dropped: a sleep, and a wait whose permit nobody took.
            () = tokio::time::sleep(GATHERED_FOR) => {}
            () = shared.hurry.notified() => {}
        }
        let gathered = {
            let mut gathered = shared.lock();
            ended = gathered.ended;
            std::mem::take(&mut *gathered)
        };
        if gathered.dropped > 0 {
            let dropped = gathered.dropped;
            tracing::warn!(
                dropped,
                "more manifests are pulled at a time than can be counted: some pulls are not"
            );
        }
        write_all(&metadata, gathered.counts).await;
        drop(gathered.running);
    }
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
