//! Background work that must survive a restart.

use longshore_types::Timestamp;

use crate::{MetadataError, ReadTx, WriteTx};

/// A job's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub(crate) i64);

/// A piece of work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRecord {
    /// Its row.
    pub id: JobId,
    /// What kind of work; the runner of that kind reads the payload.
    pub kind: String,
    /// What to do, as JSON.
    pub payload: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was put there.
    pub created_at: Timestamp,
}

impl ReadTx {
    /// How many jobs of a kind wait.
    pub async fn jobs_count(&mut self, _kind: &str) -> Result<u64, MetadataError> {
        todo!()
    }
}

impl WriteTx {
    /// Puts a job on the queue, to be run at `run_after` or later.
    pub async fn enqueue_job(
        &mut self,
        _kind: &str,
        _payload: &str,
        _run_after: Timestamp,
        _now: Timestamp,
    ) -> Result<JobId, MetadataError> {
        todo!()
    }

    /// Takes due jobs of a kind for this worker until `lease_until`, oldest first; a lease that ran out counts as
    /// free. Replicas do not wait for one another (`SKIP LOCKED` on PostgreSQL).
    pub async fn lease_jobs(
        &mut self,
        _kind: &str,
        _now: Timestamp,
        _lease_until: Timestamp,
        _limit: usize,
    ) -> Result<Vec<JobRecord>, MetadataError> {
        todo!()
    }

    /// The job is done: forgets it.
    pub async fn complete_job(&mut self, _id: JobId) -> Result<(), MetadataError> {
        todo!()
    }

    /// The job failed: counts the attempt, frees the lease, runs again at `run_after`.
    pub async fn retry_job(&mut self, _id: JobId, _run_after: Timestamp) -> Result<(), MetadataError> {
        todo!()
    }
}
