//! Reviews of manifests.

use futures_util::{StreamExt, stream};
use longshore_metadata::{
    ManifestRecord, ManifestReview, MetadataError, ReadTx, RepositoryId, ReviewEvent, WriteTx,
};
use longshore_types::RepositoryName;

use super::{
    BATCH, Collected, PARALLEL, Run,
    decision::{ManifestFacts, Policy, Verdict, review_manifest},
    name_of, warn,
};
use crate::{
    audit::{AuditRow, Operation},
    retry::retry_on_conflict,
};

impl Run<'_> {
    /// Works some of the due reviews; `false` when there were none.
    pub(super) async fn collect_manifests(&mut self) -> Result<bool, MetadataError> {
        let mut due = self.metadata().read().await?.due_manifest_reviews(self.now, BATCH).await?;
        due.retain(|review| !self.failed_manifests.contains(&review.manifest));
        let this = &*self;
        let work = async |review: ManifestReview| {
            let result = retry_on_conflict(|| this.work_manifest(&review)).await;
            (review, result)
        };
        let worked: Vec<_> = stream::iter(due).map(work).buffered(PARALLEL).collect().await;
        for (review, result) in &worked {
            self.report.reviewed += 1;
            match result {
                Ok(Some(collected)) => self.tell_of_manifest(collected),
                Ok(None) => {}
                Err(error) => {
                    warn("could not review a manifest, later again", error);
                    self.failed_manifests.insert(review.manifest);
                    self.postpone_manifest(review).await;
                }
            }
        }
        Ok(!worked.is_empty())
    }

    /// Tells what [`Run::collect_manifests`] would take.
    pub(super) async fn preview_manifests(&mut self) -> Result<(), MetadataError> {
        let due = self.metadata().read().await?.due_manifest_reviews(self.now, self.looks_max).await?;
        self.is_cut |= due.len() == self.looks_max;
        for review in due {
            self.report.reviewed += 1;
            let mut tx = self.metadata().read().await?;
            if let Some((record, Verdict::Take(why))) = self.judge(&mut tx, &review).await? {
                let name = name_of(&mut tx, review.repository).await?;
                self.report.manifests += 1;
                (self.found)(&collected(&record, name, why));
            }
        }
        Ok(())
    }

    fn tell_of_manifest(&mut self, collected: &Collected) {
        self.report.manifests += 1;
        tracing::info!(
            repository = collected.repository.as_ref().map(tracing::field::display),
            manifest = collected.which,
            why = collected.why,
            "collected a manifest"
        );
        (self.found)(collected);
    }

    async fn work_manifest(&self, due: &ManifestReview) -> Result<Option<Collected>, MetadataError> {
        let mut tx = self.metadata().write().await?;
        tx.lock_repository(due.repository).await?;
        // Pushes and deletions put reviews off: what counts is the row as it is now.
        let Some(review) = tx.manifest_review(due.manifest).await? else { return Ok(None) };
        if review.review_after > self.now {
            return Ok(None);
        }
        let mut taken = None;
        match self.judge(&mut tx, &review).await? {
            None | Some((_, Verdict::Keep)) => tx.delete_manifest_review(review.manifest).await?,
            Some((_, Verdict::Later(moment))) => {
                tx.queue_manifest_review(review.repository, review.manifest, review.event, moment).await?;
            }
            Some((record, Verdict::Take(why))) => {
                let name = name_of(&mut tx, review.repository).await?;
                self.purge(&mut tx, &record, &name).await?;
                let operation = Operation::PurgeArtifact;
                let row = || AuditRow::by_system(self.now, operation, &name, &record.digest, why);
                self.registry.record(&mut tx, row).await?;
                taken = Some(collected(&record, name, why));
            }
        }
        tx.commit().await?;
        Ok(taken)
    }

    /// Reads the facts and decides; `None` when the manifest is gone.
    async fn judge(
        &self,
        tx: &mut ReadTx,
        review: &ManifestReview,
    ) -> Result<Option<(ManifestRecord, Verdict)>, MetadataError> {
        let Some(stored) = tx.manifest_by_id(review.manifest).await? else { return Ok(None) };
        let record = stored.record;
        let has_subject = match &record.subject {
            Some(subject) => tx.manifest_record(record.repository, subject).await?.is_some(),
            None => false,
        };
        let facts = ManifestFacts {
            event: review.event,
            pushed_at: record.pushed_at,
            deleted_at: record.deleted_at,
            tagged: !tx.tags_of(record.id).await?.is_empty(),
            referenced: !tx.manifests_referring_to(record.repository, &record.digest, 1).await?.is_empty(),
            has_subject,
        };
        let settings = self.settings();
        let policy =
            Policy { untagged: settings.collection.untagged, undelete_window: settings.undelete_window };
        Ok(Some((record, review_manifest(facts, policy, self.now))))
    }

    /// Forgets a manifest, and puts everything on the queues that perhaps only it needed. Not at once: a push in
    /// flight may rely on what it has just seen.
    async fn purge(
        &self,
        tx: &mut WriteTx,
        record: &ManifestRecord,
        name: &RepositoryName,
    ) -> Result<(), MetadataError> {
        let review_after = self.now.after(self.settings().collection.delay);
        let references = tx.references_of(record.id).await?;
        tx.purge_manifest(record.id).await?;
        for reference in references {
            // An entry of an index may be a blob: build caches are pushed so.
            if let Some(child) = tx.manifest_record(record.repository, &reference.digest).await? {
                tx.queue_manifest_review(child.repository, child.id, ReviewEvent::ParentPurged, review_after)
                    .await?;
            }
            if let Some(blob) = tx.blob_in(name, &reference.digest).await? {
                tx.queue_blob_review(record.repository, blob.id, ReviewEvent::BlobLinked, review_after)
                    .await?;
            }
        }
        self.queue_referrers(tx, record.repository, record).await
    }

    async fn queue_referrers(
        &self,
        tx: &mut WriteTx,
        repository: RepositoryId,
        subject: &ManifestRecord,
    ) -> Result<(), MetadataError> {
        let review_after = self.now.after(self.settings().collection.delay);
        let mut after = None;
        loop {
            let page = tx.referrers_page(repository, &subject.digest, None, after.as_ref(), BATCH).await?;
            for referrer in &page.entries {
                if let Some(record) = tx.manifest_record(repository, &referrer.digest).await? {
                    tx.queue_manifest_review(repository, record.id, ReviewEvent::ParentPurged, review_after)
                        .await?;
                }
            }
            after = page.entries.last().map(|last| last.digest);
            if !page.more {
                return Ok(());
            }
        }
    }

    async fn postpone_manifest(&self, review: &ManifestReview) {
        let postponed = retry_on_conflict(async || -> Result<(), MetadataError> {
            let mut tx = self.metadata().write().await?;
            tx.queue_manifest_review(review.repository, review.manifest, review.event, self.later()).await?;
            tx.commit().await
        })
        .await;
        if let Err(error) = postponed {
            warn("could not put a review off", &error);
        }
    }
}

fn collected(record: &ManifestRecord, repository: RepositoryName, why: &str) -> Collected {
    Collected {
        what: "manifest",
        which: record.digest.to_string(),
        repository: Some(repository),
        why: why.to_owned(),
        freed_bytes: 0,
    }
}
