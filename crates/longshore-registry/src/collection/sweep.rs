//! Content that no row speaks of.

use futures_util::StreamExt;
use longshore_metadata::MetadataError;
use longshore_storage::{BlobStat, StoreError};
use longshore_types::{Digest, Timestamp};

use super::{Collected, CollectionReport, Found};
use crate::{
    Progress, Registry,
    retry::{MayConflict, retry_on_conflict},
};

/// Why content cannot be swept now.
#[derive(Debug, thiserror::Error)]
enum SweepError {
    #[error("could not change the index")]
    Metadata(#[from] MetadataError),
    #[error("could not remove content")]
    Store(#[from] StoreError),
}

impl MayConflict for SweepError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Metadata(error) if error.is_conflict())
    }
}

impl Registry {
    /// Walks the blob store for content that no row speaks of and that is older than `older_than`, and removes it:
    /// what a crash or another registry left. Not run by itself. The bytes of manifests that `registry:2` left in the
    /// store stay as long as a repository has the manifest: the way back needs them.
    ///
    /// # Errors
    /// When the index cannot be read. What the store refuses is noted and passed over.
    ///
    /// # Cancel safety
    /// Dropped, it stops before or after a blob.
    pub async fn sweep(
        &self,
        older_than: Timestamp,
        dry_run: bool,
        progress: &dyn Progress,
        found: &(dyn Fn(&Collected) + Send + Sync),
    ) -> Result<CollectionReport, MetadataError> {
        progress.phase("looking for content that nothing speaks of", None);
        let mut report = CollectionReport::default();
        let mut blobs = self.inner.blobs.list();
        while let Some(listed) = blobs.next().await {
            let stat = match listed {
                Ok(stat) => stat,
                Err(error) => {
                    progress.note(&format!("could not list all content: {error}"));
                    continue;
                }
            };
            report.reviewed += 1;
            progress.advance(1);
            if stat.modified_at >= older_than || self.is_known(&stat.digest).await? {
                continue;
            }
            if !dry_run {
                match retry_on_conflict(|| self.sweep_one(&stat, older_than)).await {
                    Ok(true) => {}
                    Ok(false) => continue,
                    Err(SweepError::Metadata(error)) => return Err(error),
                    Err(SweepError::Store(error)) => {
                        progress.note(&format!("could not remove {}: {error}", stat.digest));
                        continue;
                    }
                }
            }
            tell(&mut report, &stat, found);
        }
        Ok(report)
    }

    /// Whether any row speaks of that content.
    pub(crate) async fn is_known(&self, digest: &Digest) -> Result<bool, MetadataError> {
        let mut tx = self.inner.metadata.read().await?;
        Ok(tx.blob(digest).await?.is_some() || tx.digest_has_manifest(digest).await?)
    }

    /// Removes content that no row speaks of. A push of the same content may be between store and index: a row made
    /// here for the moment holds it up, and it looks at the store again after that.
    async fn sweep_one(&self, stat: &BlobStat, older_than: Timestamp) -> Result<bool, SweepError> {
        let mut tx = self.inner.metadata.write().await?;
        if tx.blob(&stat.digest).await?.is_some() {
            return Ok(false);
        }
        let blob = tx.ensure_blob(&stat.digest, stat.size_bytes, older_than).await?;
        if tx.blob_is_linked(blob.id).await? {
            return Ok(false);
        }
        tx.delete_blob(blob.id).await?;
        self.inner.blobs.remove(&stat.digest).await?;
        tx.commit().await?;
        Ok(true)
    }
}

fn tell(report: &mut CollectionReport, stat: &BlobStat, found: Found<'_>) {
    report.blobs += 1;
    report.freed_bytes += stat.size_bytes;
    found(&Collected {
        what: "blob",
        which: stat.digest.to_string(),
        repository: None,
        why: "no row speaks of it".to_owned(),
        freed_bytes: stat.size_bytes,
    });
}
