//! Background work that must survive a restart.

use longshore_types::Timestamp;

use crate::{
    MetadataError, ReadTx, WriteTx,
    sql::{Row, Value, at_most, batches, params, placeholders},
};

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

impl JobRecord {
    fn read(mut row: Row) -> Result<Self, MetadataError> {
        Ok(Self {
            id: JobId(row.int()?),
            kind: row.text()?,
            payload: row.text()?,
            attempts: row.unsigned()?,
            created_at: row.timestamp()?,
        })
    }
}

impl ReadTx {
    /// How many jobs of a kind wait or are under way.
    pub async fn jobs_count(&mut self, kind: &str) -> Result<u64, MetadataError> {
        self.count("SELECT COUNT(*) FROM jobs WHERE kind = $1", params![kind]).await
    }
}

impl WriteTx {
    /// Puts a job on the queue, to be run at `run_after` or later.
    pub async fn enqueue_job(
        &mut self,
        kind: &str,
        payload: &str,
        run_after: Timestamp,
        now: Timestamp,
    ) -> Result<JobId, MetadataError> {
        let sql = "INSERT INTO jobs (kind, payload, attempts, run_after, created_at) VALUES ($1, $2, 0, $3, $4) \
                   RETURNING id";
        let row = self.query_opt(sql, params![kind, payload, run_after, now]).await?;
        row.ok_or_else(|| MetadataError::vanished("the new job vanished"))?.int().map(JobId)
    }

    /// Takes due jobs of a kind for this worker until `lease_until`, oldest first; a lease that ran out counts as
    /// free. Replicas do not wait for one another (`SKIP LOCKED` on PostgreSQL).
    pub async fn lease_jobs(
        &mut self,
        kind: &str,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<JobRecord>, MetadataError> {
        let sql = "SELECT id, kind, payload, attempts, created_at FROM jobs WHERE kind = $1 AND run_after <= $2 \
                   ORDER BY run_after, id LIMIT $3";
        let params = params![kind, now, at_most(limit)];
        let rows = self.query_locking(sql, "FOR UPDATE SKIP LOCKED", params).await?;
        let jobs: Vec<JobRecord> = rows.into_iter().map(JobRecord::read).collect::<Result<_, _>>()?;
        let ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
        for batch in batches(&ids) {
            // A lease is nothing but a later `run_after`.
            let sql =
                format!("UPDATE jobs SET run_after = $1 WHERE id IN ({})", placeholders(2, batch.len()));
            let ids = batch.into_iter().map(Value::from);
            let params: Vec<Value<'_>> = std::iter::once(lease_until.into()).chain(ids).collect();
            self.execute(&sql, &params).await?;
        }
        Ok(jobs)
    }

    /// The job is done: forgets it.
    pub async fn complete_job(&mut self, id: JobId) -> Result<(), MetadataError> {
        self.execute("DELETE FROM jobs WHERE id = $1", params![id]).await.map(drop)
    }

    /// The job failed: counts the attempt, frees the lease, runs again at `run_after`.
    pub async fn retry_job(&mut self, id: JobId, run_after: Timestamp) -> Result<(), MetadataError> {
        let sql = "UPDATE jobs SET attempts = attempts + 1, run_after = $1 WHERE id = $2";
        self.execute(sql, params![run_after, id]).await.map(drop)
    }
}
