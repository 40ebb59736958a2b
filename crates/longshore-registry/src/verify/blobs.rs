//! Content: is it there, has it the right size, does it hash to its digest?

use futures_util::{StreamExt, TryStreamExt, stream};
use longshore_metadata::{BlobRecord, MetadataError};
use longshore_storage::{BlobStat, StoreError};
use longshore_types::{ByteRange, Digest};

use super::{Damage, VerifyOptions, VerifyReport};
use crate::{MaintenanceError, Progress, Registry, hashing::digest_of_stream, maintenance::PAGE};

/// How many repositories are named for a damaged blob.
const NAMED_MAX: usize = 3;

/// What is wrong with stored content.
enum Fault {
    Missing,
    /// In words for a person; and what the store said of the content before it was read.
    Damaged(String, Option<BlobStat>),
}

/// Content that could not be compared, and what the store said of it before, if it did.
struct Unreadable {
    error: StoreError,
    stat: Option<BlobStat>,
}

impl Registry {
    pub(super) async fn verify_blobs(
        &self,
        options: &VerifyOptions,
        report: &mut VerifyReport,
        progress: &dyn Progress,
    ) -> Result<(), MaintenanceError> {
        progress.phase("hashing blobs (bytes)", Some(self.blobs_size_bytes().await?));
        let mut after = None;
        loop {
            let page = self.blobs_page(after.as_ref()).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.digest);
            let mut checks = stream::iter(page)
                .map(|blob| async move {
                    Ok::<_, MaintenanceError>((blob, self.verify_blob(&blob, options).await?))
                })
                .buffer_unordered(options.parallel.max(1));
            while let Some((blob, damage)) = checks.try_next().await? {
                progress.advance(blob.size_bytes);
                report.blobs += 1;
                report.blob_bytes += blob.size_bytes;
                if let Some(damage) = damage {
                    report.damage(progress, damage);
                }
            }
        }
    }

    async fn blobs_page(&self, after: Option<&Digest>) -> Result<Vec<BlobRecord>, MetadataError> {
        Ok(self.inner.metadata.read().await?.blobs_page(after, PAGE).await?.entries)
    }

    async fn blobs_size_bytes(&self) -> Result<u64, MetadataError> {
        let (mut size_bytes, mut after) = (0, None);
        loop {
            let page = self.blobs_page(after.as_ref()).await?;
            let Some(last) = page.last() else { return Ok(size_bytes) };
            after = Some(last.digest);
            size_bytes += page.iter().map(|blob| blob.size_bytes).sum::<u64>();
        }
    }

    async fn verify_blob(
        &self,
        blob: &BlobRecord,
        options: &VerifyOptions,
    ) -> Result<Option<Damage>, MaintenanceError> {
        let Some(fault) = self.blob_fault(blob).await? else { return Ok(None) };
        let mut tx = self.inner.metadata.read().await?;
        if tx.blob(&blob.digest).await? != Some(*blob) {
            return Ok(None); // collection took it in between, or a push healed it: what was compared holds no more
        }
        let users = tx.repositories_linking(&blob.digest, NAMED_MAX + 1).await?;
        drop(tx);
        let mut names: Vec<_> = users.iter().take(NAMED_MAX).map(|name| name.as_str()).collect();
        if users.len() > NAMED_MAX {
            names.push("others");
        }
        let users = if names.is_empty() { "no repository".to_owned() } else { names.join(", ") };
        let what = match fault {
            Fault::Missing => format!("its content is missing; linked by {users}"),
            Fault::Damaged(how, stat) => {
                let done = if options.set_aside {
                    self.set_aside(blob, stat).await?
                } else {
                    "left in place".to_owned()
                };
                format!("{how}; linked by {users}; {done}")
            }
        };
        Ok(Some(Damage { digest: blob.digest, what }))
    }

    /// What fails is read once more, so that a moment's trouble (a network file system, no free file handle) does not
    /// cost good content. A dying disk fails for single files. If the store is gone as a whole, its own check says so.
    async fn blob_fault(&self, blob: &BlobRecord) -> Result<Option<Fault>, MaintenanceError> {
        if let Ok(fault) = self.compare(blob).await {
            return Ok(fault);
        }
        self.inner.blobs.check().await?;
        Ok(self.compare(blob).await.unwrap_or_else(|Unreadable { error, stat }| {
            Some(Fault::Damaged(format!("its content cannot be read: {}", cause(&error)), stat))
        }))
    }

    async fn compare(&self, blob: &BlobRecord) -> Result<Option<Fault>, Unreadable> {
        let stat = match self.inner.blobs.stat(&blob.digest).await {
            Ok(stat) => stat,
            Err(StoreError::NotFound) => return Ok(Some(Fault::Missing)),
            Err(error) => return Err(Unreadable { error, stat: None }),
        };
        if stat.size_bytes != blob.size_bytes {
            let how = format!("its content has {} bytes instead of {}", stat.size_bytes, blob.size_bytes);
            return Ok(Some(Fault::Damaged(how, Some(stat))));
        }
        match self.hash_blob(&stat).await {
            Ok(digest) if digest == blob.digest => Ok(None),
            Ok(digest) => Ok(Some(Fault::Damaged(format!("its content hashes to {digest}"), Some(stat)))),
            Err(StoreError::NotFound) => Ok(Some(Fault::Missing)),
            Err(error) => Err(Unreadable { error, stat: Some(stat) }),
        }
    }

    async fn hash_blob(&self, stat: &BlobStat) -> Result<Digest, StoreError> {
        let content = self.inner.blobs.open(&stat.digest).await?;
        let algorithm = stat.digest.algorithm();
        match ByteRange::whole(content.size_bytes()) {
            Some(range) => digest_of_stream(content.stream(range), algorithm).await,
            None => Ok(Digest::of(algorithm, b"")),
        }
    }

    /// Sets content aside that was found damaged when the store said `before` of it. Returns what was done, in words.
    async fn set_aside(
        &self,
        blob: &BlobRecord,
        before: Option<BlobStat>,
    ) -> Result<String, MaintenanceError> {
        // The row is locked against a push of the same content at this moment: it looks for the content while it holds
        // the row, and publishes again what is gone. One that came first may have replaced the damage.
        let mut tx = self.inner.metadata.write().await?;
        match tx.lock_blob(&blob.digest).await? {
            None => return Ok("collected meanwhile".into()),
            Some(now) if now != *blob => return Ok("pushed again meanwhile, so left in place".into()),
            Some(_) => {}
        }
        match self.inner.blobs.stat(&blob.digest).await {
            Ok(now) if Some(now) != before => return Ok("written again meanwhile, so left in place".into()),
            Err(StoreError::NotFound) => return Ok("gone meanwhile".into()),
            _ => {}
        }
        Ok(match self.inner.blobs.set_aside(&blob.digest).await {
            Ok(place) => format!("set aside as {place}"),
            Err(error) => format!("could not be set aside: {}", cause(&error)),
        })
    }
}

/// The store's own words.
fn cause(error: &StoreError) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}
