//! Reviews of links, and the blobs that no link is left of.
//!
//! In two transactions: the link goes first, the content after that is committed. Were they one, a commit that fails
//! after the store removed the content would bring the link back without it. As it is, such a commit leaves a row
//! without links and without content: its review is still there, and a push that finds the row looks for the content
//! under the row's lock and publishes its own.
//!
//! Each transaction works several reviews, so that the disk is waited for less often; few enough that a push never
//! waits long for its turn. If one of them fails, each is worked alone.

use std::collections::HashSet;

use futures_util::{StreamExt, stream};
use longshore_metadata::{BlobRecord, BlobReview, MetadataError, ReviewEvent};
use longshore_storage::StoreError;
use longshore_types::RepositoryName;

use super::{Collected, Run, name_of, warn};
use crate::{
    Registry,
    retry::{MayConflict, retry_on_conflict},
};

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

/// How many due reviews are read at a time.
const DUE: usize = 256;
/// How many of them are worked in a transaction: a few milliseconds.
const TOGETHER: usize = 16;
/// How many such transactions are under way: one works while the other waits for the disk.
const UNDER_WAY: usize = 2;

impl Run<'_> {
    /// Works some of the due reviews; `false` when there were none.
    pub(super) async fn collect_blobs(&mut self) -> Result<bool, MetadataError> {
        let mut due = self.metadata().read().await?.due_blob_reviews(self.now, DUE).await?;
        due.retain(|review| !self.failed_links.contains(&(review.repository, review.blob.id)));
        let this = &*self;
        let work = async |reviews: Vec<BlobReview>| this.work_blobs(reviews).await;
        let worked: Vec<_> = stream::iter(by_repository(due)).map(work).buffered(UNDER_WAY).collect().await;
        let mut any = false;
        for (review, Worked { unlinked, removed, error }) in worked.into_iter().flatten() {
            any = true;
            self.report.reviewed += 1;
            if let Some(repository) = unlinked {
                self.tell_of_link(&review.blob, &repository);
            }
            if removed {
                let BlobRecord { digest, size_bytes, .. } = &review.blob;
                tracing::info!(%digest, size_bytes, "collected a blob");
                self.tell_of_blob(&review.blob);
            }
            if let Some(error) = error {
                warn(&format!("could not review blob {}, later again", review.blob.digest), &error);
                self.failed_links.insert((review.repository, review.blob.id));
                self.postpone_blob(&review).await;
            }
        }
        Ok(any)
    }

    /// Tells what [`Run::collect_blobs`] would take.
    pub(super) async fn preview_blobs(&mut self) -> Result<(), MetadataError> {
        let due = self.metadata().read().await?.due_blob_reviews(self.now, self.looks_max).await?;
        self.is_cut |= due.len() == self.looks_max;
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
        (self.found)(&Collected {
            what: "blob",
            which: blob.digest.to_string(),
            repository: None,
            why: "no repository links it".to_owned(),
            freed_bytes: blob.size_bytes,
        });
    }

    /// Works reviews of one repository: takes links away, then the content of those that nothing links any more.
    async fn work_blobs(&self, reviews: Vec<BlobReview>) -> Vec<(BlobReview, Worked)> {
        let mut worked: Vec<(BlobReview, Worked)> = Vec::with_capacity(reviews.len());
        let (mut unlinked, mut places) = (Vec::new(), Vec::new());
        for (review, outcome) in reviews.iter().zip(self.unlink_each(&reviews).await) {
            let mut of_this = Worked::default();
            match outcome {
                Ok(Some(Unlinked { repository, had_link })) => {
                    of_this.unlinked = had_link.then(|| repository.clone());
                    unlinked.push((review.clone(), repository));
                    places.push(worked.len());
                }
                Ok(None) => {}
                Err(error) => of_this.error = Some(error),
            }
            worked.push((review.clone(), of_this));
        }
        for (place, outcome) in places.into_iter().zip(self.remove_each(unlinked).await) {
            let of_this = &mut worked[place].1;
            match outcome {
                Ok(removed) => of_this.removed = removed,
                Err(error) => of_this.error = Some(error),
            }
        }
        worked
    }

    async fn unlink_each(&self, reviews: &[BlobReview]) -> Vec<Result<Option<Unlinked>, WorkError>> {
        let unlink = async |some: &[BlobReview]| retry_on_conflict(|| self.unlink(some)).await;
        match unlink(reviews).await {
            Ok(unlinked) => return unlinked.into_iter().map(Ok).collect(),
            Err(error) if reviews.len() == 1 => return vec![Err(error.into())],
            Err(error) => tracing::debug!(%error, "could not take links away together: one by one"),
        }
        let mut outcomes = Vec::with_capacity(reviews.len());
        for review in reviews.chunks(1) {
            let unlinked = unlink(review).await;
            outcomes.push(unlinked.map(|mut one| one.pop().flatten()).map_err(WorkError::from));
        }
        outcomes
    }

    async fn remove_each(&self, unlinked: Vec<(BlobReview, RepositoryName)>) -> Vec<Result<bool, WorkError>> {
        match self.remove_in_task(unlinked.clone()).await {
            Ok(outcomes) => return outcomes,
            Err(error) if unlinked.len() == 1 => return vec![Err(error)],
            Err(error) => tracing::debug!(%error, "could not remove content together: one by one"),
        }
        let mut outcomes = Vec::with_capacity(unlinked.len());
        for one in unlinked {
            outcomes.push(match self.remove_in_task(vec![one]).await {
                Ok(mut outcome) => outcome.pop().unwrap_or(Ok(false)),
                Err(error) => Err(error),
            });
        }
        outcomes
    }

    /// Takes the links away whose blobs no manifest needs. Their reviews stay on the queue until the content is looked
    /// at too. `None` for those with which there is nothing more to do. All reviews are of one repository.
    async fn unlink(&self, due: &[BlobReview]) -> Result<Vec<Option<Unlinked>>, MetadataError> {
        let Some(id) = due.first().map(|review| review.repository) else { return Ok(Vec::new()) };
        let mut tx = self.metadata().write().await?;
        tx.lock_repository(id).await?;
        let repository = name_of(&mut tx, id).await?;
        let mut changed = false;
        let mut outcomes = Vec::with_capacity(due.len());
        for BlobReview { blob, .. } in due {
            // Pushes and mounts put reviews off: what counts is the row as it is now.
            let review = tx.blob_review(id, blob.id).await?;
            if review.is_none_or(|review| review.review_after > self.now) {
                outcomes.push(None);
                continue;
            }
            let had_link = tx.blob_in(&repository, &blob.digest).await?.is_some();
            changed |= had_link;
            // Without a link no manifest holds the content, not even one that can be restored: purging it would put
            // nothing on the queue again.
            if had_link && !tx.manifests_referring_to(id, &blob.digest, 1).await?.is_empty() {
                tx.delete_blob_review(id, blob.id).await?;
                outcomes.push(None);
                continue;
            }
            if had_link {
                tx.unlink_blob(id, blob.id).await?;
            }
            outcomes.push(Some(Unlinked { repository: repository.clone(), had_link }));
        }
        if changed {
            tx.commit().await?;
        }
        Ok(outcomes)
    }

    /// [`Registry::remove_unlinked`], to its end even if this is dropped: the store may go on removing, and must not
    /// do so after the locks are gone.
    async fn remove_in_task(
        &self,
        unlinked: Vec<(BlobReview, RepositoryName)>,
    ) -> Result<Vec<Result<bool, WorkError>>, WorkError> {
        if unlinked.is_empty() {
            return Ok(Vec::new());
        }
        let registry = self.registry.clone();
        let remove = async move { retry_on_conflict(|| registry.remove_unlinked(&unlinked)).await };
        self.registry.inner.tasks.run(remove).await
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

impl Registry {
    /// Removes the content of those blobs that nothing links; of the others only the review is done. Returns for each
    /// whether it was removed. What the store refuses keeps its row and its review; the rest goes all the same.
    async fn remove_unlinked(
        &self,
        unlinked: &[(BlobReview, RepositoryName)],
    ) -> Result<Vec<Result<bool, WorkError>>, WorkError> {
        // A power cut may bring the rows back: without links and content, as a failed commit leaves them.
        let mut tx = self.inner.metadata.write_relaxed().await?;
        let mut outcomes: Vec<Result<bool, WorkError>> = unlinked.iter().map(|_| Ok(false)).collect();
        let (mut doomed, mut digests, mut changed) = (Vec::new(), Vec::new(), false);
        for place in in_order_of_digests(unlinked) {
            let (review, repository) = &unlinked[place];
            let Some(blob) = tx.lock_blob(&review.blob.digest).await? else { continue };
            if !tx.blob_is_linked(blob.id).await? {
                doomed.push((place, blob.id));
                digests.push(blob.digest);
            } else if tx.blob_in(repository, &blob.digest).await?.is_none() {
                // A push or mount that linked it here again meanwhile left a review of its own, which must stay.
                tx.delete_blob_review(review.repository, blob.id).await?;
                changed = true;
            }
        }
        // Every row is locked: a push of the same content waits, and then looks for it.
        let removed = self.inner.blobs.remove_many(&digests).await;
        for ((place, blob), removed) in doomed.into_iter().zip(removed) {
            outcomes[place] = match removed {
                Ok(_) => {
                    tx.delete_blob(blob).await?;
                    changed = true;
                    Ok(true)
                }
                Err(error) => Err(error.into()),
            };
        }
        if changed {
            tx.commit().await?;
        }
        Ok(outcomes)
    }
}

/// Batches of one repository each.
fn by_repository(mut due: Vec<BlobReview>) -> Vec<Vec<BlobReview>> {
    due.sort_by_key(|review| review.repository);
    let of_one = due.chunk_by(|a, b| a.repository == b.repository);
    of_one.flat_map(|reviews| reviews.chunks(TOGETHER)).map(<[_]>::to_vec).collect()
}

/// Whoever locks several blobs locks them in one order, so that no two wait for each other.
fn in_order_of_digests(unlinked: &[(BlobReview, RepositoryName)]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..unlinked.len()).collect();
    places.sort_by_key(|&place| unlinked[place].0.blob.digest);
    places
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

/// What [`Run::unlink`] did of a review.
struct Unlinked {
    repository: RepositoryName,
    had_link: bool,
}
