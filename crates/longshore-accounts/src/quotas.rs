//! How much projects may hold.

use longshore_metadata::{Metadata, MetadataError, ProjectId, QuotaLimit, QuotaRecord};

use crate::{Accounts, Act, ManageError, retry::retry_on_conflict};

/// Repositories counted before somebody is told.
const COUNTED_TOGETHER: usize = 100;

/// In which order quotas are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaOrder {
    /// As the projects were made.
    Project,
    /// The project that holds most first.
    LargestFirst,
}

impl Accounts {
    /// Has the index count what projects hold, if it does not yet: for the start of a server, before it serves. Where there
    /// are repositories from before, each is counted in a transaction of its own, and `progress` hears how many are.
    /// Interrupted, the next start goes on.
    pub async fn begin_counting_usage(
        &self,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<(), MetadataError> {
        let metadata = &self.inner.metadata;
        if !metadata.read().await?.counts_usage().await? {
            retry_on_conflict(async || {
                let mut tx = metadata.write().await?;
                tx.begin_counting_usage().await?;
                tx.commit().await
            })
            .await?;
        }
        let mut counted = 0;
        loop {
            let uncounted = metadata.read().await?.uncounted_repositories(COUNTED_TOGETHER).await?;
            if uncounted.is_empty() {
                return Ok(());
            }
            for repository in uncounted {
                retry_on_conflict(async || {
                    let mut tx = metadata.write().await?;
                    tx.count_repository(repository).await?;
                    tx.commit().await
                })
                .await?;
                counted += 1;
            }
            progress(counted);
        }
    }

    /// Has the index count nothing any more, if it does: for the start of a server without accounts, for which counting
    /// would be work in vain.
    pub async fn end_counting_usage(metadata: &Metadata) -> Result<(), MetadataError> {
        if !metadata.read().await?.counts_usage().await? {
            return Ok(());
        }
        retry_on_conflict(async || {
            let mut tx = metadata.write().await?;
            tx.end_counting_usage().await?;
            tx.commit().await
        })
        .await
    }

    /// Counts what the repositories of a project hold anew, one after the other: for when somebody doubts the count. Pushes
    /// go on meanwhile; until it is done the use is too low.
    pub async fn recount_project(&self, project: ProjectId) -> Result<(), MetadataError> {
        let metadata = &self.inner.metadata;
        let mut after = None;
        loop {
            let page = metadata.read().await?.all_repositories_page(after, COUNTED_TOGETHER).await?;
            for repository in page.entries.iter().filter(|repository| repository.project == project) {
                retry_on_conflict(async || {
                    let mut tx = metadata.write().await?;
                    if tx.uncount_repository(repository.id).await? {
                        tx.count_repository(repository.id).await?;
                    }
                    tx.commit().await
                })
                .await?;
            }
            after = page.entries.last().map(|repository| repository.id);
            if !page.more {
                return Ok(());
            }
        }
    }

    /// Limit and use of a project, by its number.
    pub async fn quota(&self, project: i64) -> Result<QuotaRecord, ManageError> {
        let mut tx = self.inner.metadata.read().await?;
        let id = ProjectId::of_number(project);
        // A project that was deleted may still hold something; it shows nowhere.
        if tx.project_by_id(id).await?.is_none() {
            return Err(ManageError::unknown("quota", project));
        }
        let found = tx.quota_of(id).await?;
        found.ok_or_else(|| ManageError::unknown("quota", project))
    }

    /// Limits and uses, and how many there are.
    pub async fn list_quotas(
        &self,
        order: QuotaOrder,
        skip: usize,
        limit: usize,
    ) -> Result<(Vec<QuotaRecord>, u64), ManageError> {
        let mut tx = self.inner.metadata.read().await?;
        let total = tx.projects_count(&crate::ProjectFilter::default()).await?;
        let quotas = match order {
            QuotaOrder::Project => tx.quotas_page(None, skip, limit).await?.entries,
            QuotaOrder::LargestFirst => tx.largest_projects(skip, limit).await?,
        };
        Ok((quotas, total))
    }

    /// Sets the limit of a project, by its number: -1 for none, else bytes.
    pub async fn set_quota(&self, act: &Act, project: i64, bytes: i64) -> Result<(), ManageError> {
        let limit =
            match bytes {
                -1 => QuotaLimit::Unlimited,
                0 => {
                    return Err(ManageError::Invalid(
                        "a limit of 0 bytes would allow nothing; -1 is no limit".to_owned(),
                    ));
                }
                bytes => QuotaLimit::Bytes(u64::try_from(bytes).map_err(|_| {
                    ManageError::Invalid("the limit must be -1 or a number of bytes".to_owned())
                })?),
            };
        let id = ProjectId::of_number(project);
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            let record = tx.project_by_id(id).await?;
            let record = record.ok_or_else(|| ManageError::unknown("quota", project))?;
            let before = tx.quota_of(id).await?.and_then(|quota| quota.limit_bytes);
            tx.set_quota(id, limit, act.circumstances.now).await?;
            let detail = serde_json::json!({ "storage": bytes, "storage_before": before }).to_string();
            act.record(&mut tx, "update_quota", ("quota", record.name.as_str()), Some(&record), &detail)
                .await?;
            Ok(tx.commit().await?)
        })
        .await
    }
}
