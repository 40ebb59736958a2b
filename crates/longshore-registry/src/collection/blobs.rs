//! Reviews of links, and the blobs that no link is left of.
//!
//! In two transactions: the link goes first, the content after that is committed. Were they one, a commit that fails
//! after the store removed the content would bring the link back without it.

use std::collections::HashSet;

use futures_util::{StreamExt, stream};
use longshore_metadata::{BlobRecord, BlobReview, MetadataError, ReviewEvent};
use longshore_storage::StoreError;
use longshore_types::RepositoryName;

use super::{BATCH, Collected, DRY_RUN_MAX, PARALLEL, Run, name_of, warn};
use crate::retry::{MayConflict, retry_on_conflict};

/// Why a link cannot be worked now.
#[derive(Debug, thiserror::Error)]
enum WorkError {
    #[error("could not change the index")]
    Metadata(#[from] MetadataError),
    #[error("could not remove content")]
    Store(#[from] StoreError),
}

impl MayConflict for WorkError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Metadata(error) if error.is_conflict())
    }
}

impl Run<'_> {
    /// Works some of the due reviews; `false` when there were none.
    pub(super) async fn collect_blobs(&mut self) -> Result<bool, MetadataError> {
        let mut due = self.metadata().read().await?.due_blob_reviews(self.now, BATCH).await?;
        due.retain(|review| !self.failed_links.contains(&(review.repository, review.blob.id)));
        let this = &*self;
        let work = async |review: BlobReview| {
            let result = this.work_blob(&review).await;
            (review, result)
        };
        let worked: Vec<_> = stream::iter(due).map(work).buffered(PARALLEL).collect().await;
        for (review, Worked { unlinked, removed, error }) in &worked {
            self.report.reviewed += 1;
            if let Some(repository) = unlinked {
                self.tell_of_link(&review.blob, repository);
            }
            if *removed {
                self.tell_of_blob(&review.blob);
            }
            if let Some(error) = error {
                warn(&format!("could not review blob {}, later again", review.blob.digest), error);
                self.failed_links.insert((review.repository, review.blob.id));
                self.postpone_blob(review).await;
            }
        }
        Ok(!worked.is_empty())
    }

    /// Tells what [`Run::collect_blobs`] would take.
    pub(super) async fn preview_blobs(&mut self) -> Result<(), MetadataError> {
        let due = self.metadata().read().await?.due_blob_reviews(self.now, DRY_RUN_MAX).await?;
        let mut told = HashSet::new();
        for review in due {
            self.report.reviewed += 1;
            let (digest, mut tx) = (review.blob.digest, self.metadata().read().await?);
            let name = name_of(&mut tx, review.repository).await?;
            if tx.blob_in(&name, &digest).await?.is_some() {
                if !tx.manifests_referring_to(review.repository, &digest, 1).await?.is_empty() {
                    continue;
                }
                self.tell_of_link(&review.blob, &name);
            }
            let linking = tx.repositories_linking(&digest, 2).await?;
            if linking.iter().all(|other| *other == name) && told.insert(digest) {
                self.tell_of_blob(&review.blob);
            }
        }
        Ok(())
    }

    fn tell_of_link(&mut self, blob: &BlobRecord, repository: &RepositoryName) {
        self.report.links += 1;
        (self.found)(&Collected {
            what: "link",
            which: blob.digest.to_string(),
            repository: Some(repository.clone()),
            why: "no manifest of the repository names it".to_owned(),
            freed_bytes: 0,
        });
    }

    fn tell_of_blob(&mut self, blob: &BlobRecord) {
        self.report.blobs += 1;
        self.report.freed_bytes += blob.size_bytes;
        tracing::info!(digest = %blob.digest, size_bytes = blob.size_bytes, "collected a blob");
        (self.found)(&Collected {
            what: "blob",
            which: blob.digest.to_string(),
            repository: None,
            why: "no repository links it".to_owned(),
            freed_bytes: blob.size_bytes,
        });
    }

    async fn work_blob(&self, review: &BlobReview) -> Worked {
        let mut worked = Worked::default();
        worked.error = self.try_work_blob(review, &mut worked).await.err();
        worked
    }

    async fn try_work_blob(&self, review: &BlobReview, worked: &mut Worked) -> Result<(), WorkError> {
        let unlinked = retry_on_conflict(|| self.unlink(review)).await?;
        let Some(Unlinked { repository, had_link }) = unlinked else { return Ok(()) };
        worked.unlinked = had_link.then(|| repository.clone());
        worked.removed = retry_on_conflict(|| self.remove(review, &repository)).await?;
        Ok(())
    }

    /// Takes the link away, if no manifest needs the blob. The review stays on the queue until the content is looked
    /// at too. `None` when there is nothing more to do.
    async fn unlink(&self, due: &BlobReview) -> Result<Option<Unlinked>, MetadataError> {
        let blob = &due.blob;
        let mut tx = self.metadata().write().await?;
        tx.lock_repository(due.repository).await?;
        // Pushes and mounts put reviews off: what counts is the row as it is now.
        let Some(review) = tx.blob_review(due.repository, blob.id).await? else { return Ok(None) };
        if review.review_after > self.now {
            return Ok(None);
        }
        let repository = name_of(&mut tx, due.repository).await?;
        let had_link = tx.blob_in(&repository, &blob.digest).await?.is_some();
        // Without a link no manifest holds the content, not even one that can be restored: purging it would put
        // nothing on the queue again.
        if had_link && !tx.manifests_referring_to(due.repository, &blob.digest, 1).await?.is_empty() {
            tx.delete_blob_review(due.repository, blob.id).await?;
            tx.commit().await?;
            return Ok(None);
        }
        if had_link {
            tx.unlink_blob(due.repository, blob.id).await?;
            tx.commit().await?;
        }
        Ok(Some(Unlinked { repository, had_link }))
    }

    /// Removes the content, if nothing links the blob; else only the review is done. Returns whether it was removed.
    async fn remove(&self, review: &BlobReview, repository: &RepositoryName) -> Result<bool, WorkError> {
        let mut tx = self.metadata().write().await?;
        let Some(blob) = tx.lock_blob(&review.blob.digest).await? else { return Ok(false) };
        if tx.blob_is_linked(blob.id).await? {
            // A push or mount that linked it here again meanwhile left a review of its own, which must stay.
            if tx.blob_in(repository, &blob.digest).await?.is_none() {
                tx.delete_blob_review(review.repository, blob.id).await?;
                tx.commit().await?;
            }
            return Ok(false);
        }
        tx.delete_blob(blob.id).await?;
        self.registry.inner.blobs.remove(&blob.digest).await?;
        tx.commit().await?;
        Ok(true)
    }

    async fn postpone_blob(&self, review: &BlobReview) {
        let postponed = retry_on_conflict(async || -> Result<(), MetadataError> {
            let mut tx = self.metadata().write().await?;
            let event = ReviewEvent::BlobUnlinked;
            tx.queue_blob_review(review.repository, review.blob.id, event, self.later()).await?;
            tx.commit().await
        })
        .await;
        if let Err(error) = postponed {
            warn("could not put a review off", &error);
        }
    }
}

/// What became of a review.
#[derive(Default)]
struct Worked {
    /// The repository whose link was taken away.
    unlinked: Option<RepositoryName>,
    /// Whether the content was removed.
    removed: bool,
    /// What stopped it.
    error: Option<WorkError>,
}

/// What [`Run::unlink`] did.
struct Unlinked {
    repository: RepositoryName,
    had_link: bool,
}
