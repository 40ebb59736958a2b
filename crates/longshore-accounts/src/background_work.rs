//! What waits to be done in the background, as administrators look after it.

use longshore_metadata::{COLLECTION_JOB, JobId, JobQueue, QueuedJob};

use crate::{Accounts, Act, ManageError, retry::retry_on_conflict};

impl Accounts {
    /// The kinds of which jobs wait or are under way.
    pub async fn job_queues(&self) -> Result<Vec<JobQueue>, ManageError> {
        Ok(self.inner.metadata.read().await?.job_queues().await?)
    }

    /// Jobs of a kind, the next one first, without the first `skip`, and how many there are.
    pub async fn jobs(
        &self,
        kind: &str,
        skip: usize,
        limit: usize,
    ) -> Result<(Vec<QueuedJob>, u64), ManageError> {
        let mut tx = self.inner.metadata.read().await?;
        Ok((tx.jobs_of_kind(kind, skip, limit).await?, tx.jobs_count(kind).await?))
    }

    /// Has a job run as soon as somebody can. One that is under way may run once more.
    ///
    /// # Errors
    /// [`ManageError::Unknown`].
    pub async fn rerun_job(&self, act: &Act, id: i64) -> Result<(), ManageError> {
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            let job = known(tx.job(JobId::of_number(id)).await?, id)?;
            tx.set_job_due(job.id, act.circumstances.now).await?;
            act.record(&mut tx, "update_job", ("job", &named(&job)), None, "").await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Forgets a job: what it was to do is not done. One that is under way is finished.
    ///
    /// # Errors
    /// [`ManageError::Unknown`].
    pub async fn remove_job(&self, act: &Act, id: i64) -> Result<(), ManageError> {
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            let job = known(tx.job(JobId::of_number(id)).await?, id)?;
            tx.complete_job(job.id).await?;
            if job.kind == COLLECTION_JOB {
                Self::forget_collection(&mut tx, id).await?;
            }
            act.record(&mut tx, "delete_job", ("job", &named(&job)), None, "").await?;
            Ok(tx.commit().await?)
        })
        .await
    }
}

fn known(job: Option<QueuedJob>, id: i64) -> Result<QueuedJob, ManageError> {
    job.ok_or_else(|| ManageError::unknown("job", id))
}

/// `collection/7`.
fn named(job: &QueuedJob) -> String {
    format!("{}/{}", job.kind, job.id.number())
}
