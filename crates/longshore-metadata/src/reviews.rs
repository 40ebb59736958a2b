//! The queues of collection: what may have become garbage, and when to look again.

use longshore_types::Timestamp;

use crate::{
    BlobId, BlobRecord, ManifestId, MetadataError, ReadTx, RepositoryId, WriteTx,
    sql::{Row, at_most, params},
};

/// Why something is to be reviewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReviewEvent {
    /// A blob was uploaded or mounted, and perhaps no manifest follows.
    BlobLinked,
    /// A blob's link was deleted.
    BlobUnlinked,
    /// A manifest was pushed without a tag.
    ManifestPushed,
    /// A manifest was deleted, and is due when it can no longer be restored.
    ManifestDeleted,
    /// The last tag of a manifest moved or was deleted.
    ManifestUntagged,
    /// An index that named the manifest, or its subject, is gone for good.
    ParentPurged,
}

/// A link to look at: does anything in the repository still need the blob?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobReview {
    /// The repository.
    pub repository: RepositoryId,
    /// The blob.
    pub blob: BlobRecord,
    /// What put it on the queue (the latest).
    pub event: ReviewEvent,
    /// Not before.
    pub review_after: Timestamp,
}

/// A manifest to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestReview {
    /// The repository.
    pub repository: RepositoryId,
    /// The manifest.
    pub manifest: ManifestId,
    /// What put it on the queue (the latest).
    pub event: ReviewEvent,
    /// Not before.
    pub review_after: Timestamp,
}

/// How much waits on a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReviewQueue {
    /// How many wait, due or not, as far as they are counted.
    pub waiting: u64,
    /// How many are due, as far as they are counted.
    pub due: u64,
    /// When the next one is due, or was.
    pub next: Option<Timestamp>,
}

impl ReviewEvent {
    const ALL: [Self; 6] = [
        Self::BlobLinked,
        Self::BlobUnlinked,
        Self::ManifestPushed,
        Self::ManifestDeleted,
        Self::ManifestUntagged,
        Self::ParentPurged,
    ];

    fn code(self) -> i64 {
        match self {
            Self::BlobLinked => 0,
            Self::BlobUnlinked => 1,
            Self::ManifestPushed => 2,
            Self::ManifestDeleted => 3,
            Self::ManifestUntagged => 4,
            Self::ParentPurged => 5,
        }
    }

    fn from_code(code: i64) -> Result<Self, MetadataError> {
        Self::ALL
            .into_iter()
            .find(|event| event.code() == code)
            .ok_or_else(|| MetadataError::Corrupt(format!("{code} is no reason for a review")))
    }
}

impl BlobReview {
    fn read(mut row: Row) -> Result<Self, MetadataError> {
        Ok(Self {
            repository: RepositoryId(row.int()?),
            blob: BlobRecord::read_from(&mut row)?,
            event: ReviewEvent::from_code(row.int()?)?,
            review_after: row.timestamp()?,
        })
    }
}

impl ManifestReview {
    fn read(mut row: Row) -> Result<Self, MetadataError> {
        Ok(Self {
            repository: RepositoryId(row.int()?),
            manifest: ManifestId(row.int()?),
            event: ReviewEvent::from_code(row.int()?)?,
            review_after: row.timestamp()?,
        })
    }
}

impl ReadTx {
    /// Links due for review, longest due first.
    pub async fn due_blob_reviews(
        &mut self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<BlobReview>, MetadataError> {
        let sql = "SELECT v.repository_id, b.id, b.digest, b.size_bytes, v.event, v.review_after \
                   FROM (SELECT * FROM blob_reviews WHERE review_after <= $1 ORDER BY review_after LIMIT $2) AS v \
                   JOIN blobs b ON b.id = v.blob_id ORDER BY v.review_after";
        let rows = self.query(sql, params![now, at_most(limit)]).await?;
        rows.into_iter().map(BlobReview::read).collect()
    }

    /// Manifests due for review, longest due first.
    pub async fn due_manifest_reviews(
        &mut self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<ManifestReview>, MetadataError> {
        let sql = "SELECT repository_id, manifest_id, event, review_after FROM manifest_reviews \
                   WHERE review_after <= $1 ORDER BY review_after LIMIT $2";
        let rows = self.query(sql, params![now, at_most(limit)]).await?;
        rows.into_iter().map(ManifestReview::read).collect()
    }

    /// The review that waits for a link, due or not.
    pub async fn blob_review(
        &mut self,
        repository: RepositoryId,
        blob: BlobId,
    ) -> Result<Option<BlobReview>, MetadataError> {
        let sql = "SELECT v.repository_id, b.id, b.digest, b.size_bytes, v.event, v.review_after \
                   FROM blob_reviews v CROSS JOIN blobs b \
                   WHERE v.blob_id = $1 AND v.repository_id = $2 AND b.id = v.blob_id";
        self.query_opt(sql, params![blob, repository]).await?.map(BlobReview::read).transpose()
    }

    /// The review that waits for a manifest, due or not.
    pub async fn manifest_review(
        &mut self,
        manifest: ManifestId,
    ) -> Result<Option<ManifestReview>, MetadataError> {
        let sql = "SELECT repository_id, manifest_id, event, review_after FROM manifest_reviews \
                   WHERE manifest_id = $1";
        self.query_opt(sql, params![manifest]).await?.map(ManifestReview::read).transpose()
    }

    /// How many links and manifests wait for review, due or not. Counts them one by one.
    pub async fn reviews_count(&mut self) -> Result<(u64, u64), MetadataError> {
        let blobs = self.count("SELECT COUNT(*) FROM blob_reviews", params![]).await?;
        let manifests = self.count("SELECT COUNT(*) FROM manifest_reviews", params![]).await?;
        Ok((blobs, manifests))
    }

    /// How much waits on the queues of links and of manifests; none is counted further than `most`.
    pub async fn review_queues(
        &mut self,
        now: Timestamp,
        most: usize,
    ) -> Result<(ReviewQueue, ReviewQueue), MetadataError> {
        Ok((
            self.review_queue("blob_reviews", now, most).await?,
            self.review_queue("manifest_reviews", now, most).await?,
        ))
    }

    async fn review_queue(
        &mut self,
        table: &'static str,
        now: Timestamp,
        most: usize,
    ) -> Result<ReviewQueue, MetadataError> {
        let waiting = format!("SELECT COUNT(*) FROM (SELECT 1 FROM {table} LIMIT $1) AS counted");
        let due = format!(
            "SELECT COUNT(*) FROM (SELECT 1 FROM {table} WHERE review_after <= $1 LIMIT $2) AS counted"
        );
        let next = format!("SELECT review_after FROM {table} ORDER BY review_after LIMIT 1");
        Ok(ReviewQueue {
            waiting: self.count(&waiting, params![at_most(most)]).await?,
            due: self.count(&due, params![now, at_most(most)]).await?,
            next: self.query_opt(&next, params![]).await?.map(|mut row| row.timestamp()).transpose()?,
        })
    }
}

impl WriteTx {
    /// Puts a link on the queue; where it waits already, the later moment and the new event count.
    pub async fn queue_blob_review(
        &mut self,
        repository: RepositoryId,
        blob: BlobId,
        event: ReviewEvent,
        review_after: Timestamp,
    ) -> Result<(), MetadataError> {
        let sql = "INSERT INTO blob_reviews (blob_id, repository_id, event, review_after) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (blob_id, repository_id) DO UPDATE SET event = excluded.event, \
                   review_after = CASE WHEN excluded.review_after > blob_reviews.review_after \
                   THEN excluded.review_after ELSE blob_reviews.review_after END";
        self.execute(sql, params![blob, repository, event.code(), review_after]).await.map(drop)
    }

    /// Takes a link off the queue.
    pub async fn delete_blob_review(
        &mut self,
        repository: RepositoryId,
        blob: BlobId,
    ) -> Result<(), MetadataError> {
        let sql = "DELETE FROM blob_reviews WHERE blob_id = $1 AND repository_id = $2";
        self.execute(sql, params![blob, repository]).await.map(drop)
    }

    /// Puts a manifest on the queue; where it waits already, the later moment and the new event count.
    pub async fn queue_manifest_review(
        &mut self,
        repository: RepositoryId,
        manifest: ManifestId,
        event: ReviewEvent,
        review_after: Timestamp,
    ) -> Result<(), MetadataError> {
        let sql = "INSERT INTO manifest_reviews (manifest_id, repository_id, event, review_after) \
                   VALUES ($1, $2, $3, $4) ON CONFLICT (manifest_id) DO UPDATE SET event = excluded.event, \
                   review_after = CASE WHEN excluded.review_after > manifest_reviews.review_after \
                   THEN excluded.review_after ELSE manifest_reviews.review_after END";
        self.execute(sql, params![manifest, repository, event.code(), review_after]).await.map(drop)
    }

    /// Takes a manifest off the queue.
    pub async fn delete_manifest_review(&mut self, manifest: ManifestId) -> Result<(), MetadataError> {
        self.execute("DELETE FROM manifest_reviews WHERE manifest_id = $1", params![manifest]).await.map(drop)
    }
}
