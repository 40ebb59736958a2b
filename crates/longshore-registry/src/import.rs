//! Taking over a volume of `registry:2`: reads its links and tags into the index, changes none of its files.

mod batch;
mod repository;

use longshore_metadata::MetadataError;
use longshore_storage::{DistributionLayout, LayoutProblem};
use longshore_types::{RepositoryName, Timestamp};
use tokio::sync::mpsc;

use crate::{MaintenanceError, Progress, Registry, maintenance::blocking, retry::retry_on_conflict};

/// When the import ended, in milliseconds since the Unix epoch.
const DONE: &str = "import.done";
/// The last repository that an import under way has taken over whole; empty before the first.
const AFTER: &str = "import.after";

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Repositories taken over.
    pub repositories: u64,
    /// Manifests taken over.
    pub manifests: u64,
    /// Tags taken over.
    pub tags: u64,
    /// Blob links taken over.
    pub links: u64,
    /// What could not be taken over, in words for a person: the first [`ImportReport::PROBLEMS_MAX`]. All of them went
    /// to [`Progress::note`].
    pub problems: Vec<String>,
    /// How many problems there were.
    pub problems_count: u64,
}

impl ImportReport {
    /// Most problems that a report names.
    pub const PROBLEMS_MAX: usize = 1000;

    fn problem(&mut self, progress: &dyn Progress, text: String) {
        progress.note(&text);
        self.problems_count += 1;
        if self.problems.len() < Self::PROBLEMS_MAX {
            self.problems.push(text);
        }
    }
}

impl Registry {
    /// Whether no import has run to its end on this index yet. Then [`Registry::import`] is due before the first
    /// request is served.
    pub async fn import_is_due(&self) -> Result<bool, MetadataError> {
        Ok(self.inner.metadata.read().await?.setting(DONE).await?.is_none())
    }

    /// Whether an import began and did not end.
    pub(crate) async fn import_is_under_way(&self) -> Result<bool, MetadataError> {
        Ok(self.inner.metadata.read().await?.setting(AFTER).await?.is_some())
    }

    /// Takes over what the link files of a volume say, repository by repository. One that was interrupted goes on
    /// after the last whole repository. What the index has already stays as it is. The links as they are when it
    /// begins, not when it goes on, are what the index knows ([`DistributionLayout::mark_known`]).
    ///
    /// What cannot be taken over is a problem in the report and does not stop the rest.
    ///
    /// # Errors
    /// When index or storage fail; to be run again then.
    ///
    /// # Cancel safety
    /// Dropped, it stops between two transactions, and goes on from there when it is run again.
    pub async fn import(
        &self,
        layout: &DistributionLayout,
        now: Timestamp,
        progress: &dyn Progress,
    ) -> Result<ImportReport, MaintenanceError> {
        let mut report = ImportReport::default();
        let after = self.inner.metadata.read().await?.setting(AFTER).await?;
        if after.is_none() {
            // Not at the end: what another registry writes after an interruption, to a repository that was taken over
            // before it, is never read.
            let mark = layout.clone();
            blocking(move || mark.mark_known()).await?;
            self.note_beginning().await?;
        }
        let after: Option<RepositoryName> = after.and_then(|name| name.parse().ok());
        progress.phase("looking for repositories", None);
        let count = {
            let (layout, after) = (layout.clone(), after.clone());
            blocking(move || layout.repositories(after.as_ref()).filter(Result::is_ok).count() as u64).await
        };
        progress.phase("taking over repositories", Some(count));
        let mut found = walk(layout.clone(), after);
        while let Some(found) = found.recv().await {
            match found {
                Ok(name) => {
                    self.import_repository(layout, &name, now, &mut report, progress).await?;
                    progress.advance(1);
                }
                Err(problem) => report.problem(progress, problem.to_string()),
            }
        }
        retry_on_conflict(async || -> Result<(), MetadataError> {
            let mut tx = self.inner.metadata.write().await?;
            tx.set_setting(DONE, &now.unix_millis().to_string()).await?;
            tx.delete_setting(AFTER).await?;
            tx.commit().await
        })
        .await?;
        Ok(report)
    }

    /// Before the first row: what is interrupted inside the first repository is under way too.
    async fn note_beginning(&self) -> Result<(), MetadataError> {
        retry_on_conflict(async || -> Result<(), MetadataError> {
            let mut tx = self.inner.metadata.write().await?;
            tx.set_setting(AFTER, "").await?;
            tx.commit().await
        })
        .await
    }
}

/// The repositories of the volume, at the pace of the reader.
pub(crate) fn walk(
    layout: DistributionLayout,
    after: Option<RepositoryName>,
) -> mpsc::Receiver<Result<RepositoryName, LayoutProblem>> {
    let (sender, receiver) = mpsc::channel(64);
    tokio::task::spawn_blocking(move || {
        for found in layout.repositories(after.as_ref()) {
            if sender.blocking_send(found).is_err() {
                break; // the reader was given up
            }
        }
    });
    receiver
}
