//! Background work that must survive a restart.

use longshore_types::Timestamp;

use crate::{
    MetadataError, ReadTx, WriteTx,
    sql::{Row, Value, at_most, batches, params, placeholders},
};

/// The kind of the job that is collection which somebody asked for.
pub const COLLECTION_JOB: &str = "collection";

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

/// Jobs of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobQueue {
    /// What kind of work.
    pub kind: String,
    /// How many wait or are under way.
    pub count: u64,
    /// When the one was put there that has waited longest.
    pub oldest: Timestamp,
}

/// A job as people look at it, without what is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedJob {
    /// Its row.
    pub id: JobId,
    /// What kind of work.
    pub kind: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Not before; while a worker has it, when its lease ends.
    pub run_after: Timestamp,
    /// When it was put there.
    pub created_at: Timestamp,
    /// Why it failed the last time; empty while it did not.
    pub last_error: String,
}

/// Most kinds that are listed: endpoints of notifications have one each.
const KINDS_MAX: usize = 1000;
/// Longest reason that is kept, in bytes.
const ERROR_BYTES_MAX: usize = 1000;

impl JobId {
    /// The row's number.
    pub fn number(self) -> i64 {
        self.0
    }

    /// The job of that number, if there is one.
    pub fn of_number(number: i64) -> Self {
        Self(number)
    }
}

impl QueuedJob {
    const COLUMNS: &str = "id, kind, attempts, run_after, created_at, last_error";

    fn read(mut row: Row) -> Result<Self, MetadataError> {
        Ok(Self {
            id: JobId(row.int()?),
            kind: row.text()?,
            attempts: row.unsigned()?,
            run_after: row.timestamp()?,
            created_at: row.timestamp()?,
            last_error: row.text()?,
        })
    }
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

    /// The kinds of which jobs wait or are under way, by name. Counts them one by one.
    pub async fn job_queues(&mut self) -> Result<Vec<JobQueue>, MetadataError> {
        let sql = "SELECT kind, COUNT(*), MIN(created_at) FROM jobs GROUP BY kind ORDER BY kind LIMIT $1";
        let rows = self.query(sql, params![at_most(KINDS_MAX)]).await?;
        let read = |mut row: Row| -> Result<_, MetadataError> {
            Ok(JobQueue { kind: row.text()?, count: row.unsigned()?, oldest: row.timestamp()? })
        };
        rows.into_iter().map(read).collect()
    }

    /// Jobs of a kind, the next one first, without the first `skip`.
    pub async fn jobs_of_kind(
        &mut self,
        kind: &str,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<QueuedJob>, MetadataError> {
        let columns = QueuedJob::COLUMNS;
        let sql =
            format!("SELECT {columns} FROM jobs WHERE kind = $1 ORDER BY run_after, id LIMIT $2 OFFSET $3");
        let rows = self.query(&sql, params![kind, at_most(limit), at_most(skip)]).await?;
        rows.into_iter().map(QueuedJob::read).collect()
    }

    /// A job.
    pub async fn job(&mut self, id: JobId) -> Result<Option<QueuedJob>, MetadataError> {
        let sql = format!("SELECT {} FROM jobs WHERE id = $1", QueuedJob::COLUMNS);
        self.query_opt(&sql, params![id]).await?.map(QueuedJob::read).transpose()
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

    /// The job failed: counts the attempt, frees the lease, runs again at `run_after`. Why, is kept for people, as far as
    /// it is not too long.
    pub async fn retry_job(
        &mut self,
        id: JobId,
        run_after: Timestamp,
        why: &str,
    ) -> Result<(), MetadataError> {
        // NUL is what PostgreSQL's texts cannot hold.
        let why = why[..why.floor_char_boundary(ERROR_BYTES_MAX)].replace('\0', "");
        let sql = "UPDATE jobs SET attempts = attempts + 1, run_after = $1, last_error = $2 WHERE id = $3";
        self.execute(sql, params![run_after, why, id]).await.map(drop)
    }

    /// Has a job run at a moment; whether it is there.
    pub async fn set_job_due(&mut self, id: JobId, run_after: Timestamp) -> Result<bool, MetadataError> {
        let sql = "UPDATE jobs SET run_after = $1 WHERE id = $2";
        Ok(self.execute(sql, params![run_after, id]).await? > 0)
    }
}
