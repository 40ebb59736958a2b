//! Collection that somebody asked for: a job in the index, so that it outlives a restart and one of several processes works
//! it, and what became of the last ones. Collection itself is the registry's.

use longshore_metadata::{COLLECTION_JOB, MetadataError, ReviewQueue, WriteTx};
use longshore_types::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Accounts, Act, ManageError, retry::retry_on_conflict};

/// What stands before the numbers of runs in the index.
const GROUP: &str = "collection_run";
/// How many runs are remembered.
const RUNS_MAX: usize = 20;
/// As far as queues are counted.
const COUNTED_MAX: usize = 100_000;
/// How long a process that collects may take before another one may do it too, which does no harm.
const LEASE: std::time::Duration = std::time::Duration::from_secs(3600);
/// Longest reason that is remembered, in characters.
const PROBLEM_CHARACTERS_MAX: usize = 500;

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// Nobody has begun.
    Pending,
    /// It is under way.
    Running,
    /// It is over.
    Success,
    /// It could not be done; see [`CollectionRun::problem`].
    Error,
}

/// What a run took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
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

/// A run that somebody asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectionRun {
    /// The number of its job.
    pub id: i64,
    /// Who asked for it.
    pub by: String,
    /// When, in milliseconds since 1970.
    asked_at: i64,
    /// When something last happened to it.
    updated_at: i64,
    /// How far it is.
    pub state: RunState,
    /// What it took.
    #[serde(default)]
    pub taken: Collection,
    /// Why it could not be done; empty otherwise.
    #[serde(default)]
    pub problem: String,
}

impl CollectionRun {
    /// When it was asked for.
    pub fn asked_at(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.asked_at)
    }

    /// When something last happened to it.
    pub fn updated_at(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.updated_at)
    }

    fn key(id: i64) -> String {
        format!("{GROUP}.{id:020}")
    }

    async fn write(&self, tx: &mut WriteTx) -> Result<(), MetadataError> {
        tx.set_setting(&Self::key(self.id), &json!(self).to_string()).await
    }
}

impl Accounts {
    /// How much waits for collection, links and manifests, as far as it is counted.
    pub async fn review_queues(&self, now: Timestamp) -> Result<(ReviewQueue, ReviewQueue), ManageError> {
        Ok(self.inner.metadata.read().await?.review_queues(now, COUNTED_MAX).await?)
    }

    /// Asks for a run; its number.
    ///
    /// # Errors
    /// [`ManageError::Conflict`] while another one waits or is under way.
    pub async fn ask_for_collection(&self, act: &Act) -> Result<i64, ManageError> {
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            if tx.jobs_count(COLLECTION_JOB).await? > 0 {
                return Err(ManageError::Conflict("collection was asked for already".to_owned()));
            }
            let (now, by) = (act.circumstances.now, act.access.principal.name().unwrap_or("anonymous"));
            let id = tx.enqueue_job(COLLECTION_JOB, "{}", now, now).await?.number();
            let at = now.unix_millis();
            let run = CollectionRun {
                id,
                by: by.to_owned(),
                asked_at: at,
                updated_at: at,
                state: RunState::Pending,
                taken: Collection::default(),
                problem: String::new(),
            };
            run.write(&mut tx).await?;
            act.record(&mut tx, "start_collection", ("collection", &id.to_string()), None, "").await?;
            tx.commit().await?;
            Ok(id)
        })
        .await
    }

    /// The last runs that somebody asked for, the newest first.
    pub async fn collection_runs(&self) -> Result<Vec<CollectionRun>, ManageError> {
        let stored = self.inner.metadata.read().await?.settings_of(GROUP).await?;
        Ok(stored.iter().rev().filter_map(|(_, json)| serde_json::from_str(json).ok()).collect())
    }

    /// The run of that number.
    ///
    /// # Errors
    /// [`ManageError::Unknown`], also for one that is not remembered any more.
    pub async fn collection_run(&self, id: i64) -> Result<CollectionRun, ManageError> {
        let found = self.inner.metadata.read().await?.setting(&CollectionRun::key(id)).await?;
        found
            .and_then(|json| serde_json::from_str(&json).ok())
            .ok_or_else(|| ManageError::unknown("collection", id))
    }

    /// Takes the run that waits, if one does. A look that finds nothing takes no turn from the writers.
    ///
    /// # Errors
    /// When the index cannot be read or changed.
    pub async fn take_collection(&self, now: Timestamp) -> Result<Option<CollectionRun>, MetadataError> {
        if self.inner.metadata.read().await?.jobs_count(COLLECTION_JOB).await? == 0 {
            return Ok(None);
        }
        let mut tx = self.inner.metadata.write().await?;
        let Some(job) = tx.lease_jobs(COLLECTION_JOB, now, now.after(LEASE), 1).await?.pop() else {
            return Ok(None);
        };
        let stored = tx.setting(&CollectionRun::key(job.id.number())).await?;
        let Some(mut run) = stored.and_then(|json| serde_json::from_str::<CollectionRun>(&json).ok()) else {
            tx.complete_job(job.id).await?;
            tx.commit().await?;
            return Ok(None);
        };
        (run.state, run.updated_at) = (RunState::Running, now.unix_millis());
        run.write(&mut tx).await?;
        tx.commit().await?;
        Ok(Some(run))
    }

    /// Notes what became of a run, and forgets the oldest ones.
    ///
    /// # Errors
    /// When the index cannot be changed; the run is worked again once its lease is over.
    pub async fn finish_collection(
        &self,
        run: CollectionRun,
        outcome: Result<Collection, String>,
        now: Timestamp,
    ) -> Result<(), ManageError> {
        let id = longshore_metadata::JobId::of_number(run.id);
        let (state, taken, problem) = match outcome {
            Ok(taken) => (RunState::Success, taken, String::new()),
            Err(why) => (RunState::Error, run.taken, why.chars().take(PROBLEM_CHARACTERS_MAX).collect()),
        };
        let run = CollectionRun { state, taken, problem, updated_at: now.unix_millis(), ..run };
        retry_on_conflict(async || -> Result<(), ManageError> {
            let mut tx = self.inner.metadata.write().await?;
            if tx.job(id).await?.is_some() {
                tx.complete_job(id).await?;
                run.write(&mut tx).await?;
            }
            let known = tx.settings_of(GROUP).await?;
            for (key, _) in known.iter().rev().skip(RUNS_MAX) {
                tx.delete_setting(&format!("{GROUP}.{key}")).await?;
            }
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Forgets a run whose job was removed.
    pub(crate) async fn forget_collection(tx: &mut WriteTx, id: i64) -> Result<(), MetadataError> {
        tx.delete_setting(&CollectionRun::key(id)).await
    }
}
