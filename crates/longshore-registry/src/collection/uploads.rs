//! Uploads that nobody goes on with.

use std::collections::HashSet;

use futures_util::StreamExt;
use longshore_metadata::{MetadataError, UploadRecord};
use longshore_storage::UploadProgress;
use longshore_types::{Timestamp, UploadId};

use super::{BATCH, Collected, Run, name_of, warn};
use crate::{
    retry::retry_on_conflict,
    uploads::{UploadLock, progress_of},
};

impl Run<'_> {
    /// Gives up uploads that have not grown for too long, and bytes in the store that the index knows no upload of.
    pub(super) async fn collect_uploads(&mut self) -> Result<(), MetadataError> {
        let since = self.stale_since();
        let mut seen = HashSet::new();
        loop {
            let stale = self.metadata().read().await?.stale_uploads(since, BATCH).await?;
            let mut news = false;
            for record in stale {
                if !seen.insert(record.id) {
                    continue;
                }
                news = true;
                match self.give_up(&record, since).await {
                    Ok(true) => self.tell_of_upload(&record).await?,
                    Ok(false) => {}
                    Err(error) => {
                        warn(&format!("could not give upload {} up", record.id), &error);
                    }
                }
            }
            // What could not be given up stays the oldest: behind a whole batch of such it ends for now.
            if !news {
                break;
            }
        }
        self.sweep_uploads(since, false).await
    }

    /// Tells what [`Run::collect_uploads`] would give up.
    pub(super) async fn preview_uploads(&mut self) -> Result<(), MetadataError> {
        self.preview_stale_uploads().await?;
        self.sweep_uploads(self.stale_since(), true).await
    }

    /// The part of it that the index knows.
    pub(super) async fn preview_stale_uploads(&mut self) -> Result<(), MetadataError> {
        let stale = self.metadata().read().await?.stale_uploads(self.stale_since(), self.looks_max).await?;
        self.is_cut |= stale.len() == self.looks_max;
        for record in stale {
            self.tell_of_upload(&record).await?;
        }
        Ok(())
    }

    fn stale_since(&self) -> Timestamp {
        self.now.before(self.settings().uploads.expire_after)
    }

    async fn tell_of_upload(&mut self, record: &UploadRecord) -> Result<(), MetadataError> {
        let mut tx = self.metadata().read().await?;
        let repository = name_of(&mut tx, record.repository).await?;
        self.report.uploads += 1;
        self.report.freed_bytes += record.size_bytes;
        (self.found)(&Collected {
            what: "upload",
            which: record.id.to_string(),
            repository: Some(repository),
            why: "it has not grown for too long".to_owned(),
            freed_bytes: record.size_bytes,
        });
        Ok(())
    }

    /// Forgets an upload, unless somebody goes on with it after all.
    async fn give_up(&self, stale: &UploadRecord, since: Timestamp) -> Result<bool, MetadataError> {
        let Some(_lock) = self.registry.inner.upload_locks.try_lock(stale.id) else { return Ok(false) };
        let given_up = retry_on_conflict(async || -> Result<bool, MetadataError> {
            let mut tx = self.metadata().write().await?;
            let current = tx.upload(stale.repository, &stale.id).await?;
            if current.is_none_or(|current| current.updated_at >= since) {
                return Ok(false);
            }
            tx.delete_upload(&stale.id).await?;
            tx.commit().await?;
            Ok(true)
        })
        .await?;
        if given_up {
            self.registry.discard_bytes(&stale.id, &progress_of(stale)).await;
        }
        Ok(given_up)
    }

    /// Bytes without a row: what a crash or a failed discard left, and uploads that lived for one request.
    async fn sweep_uploads(&mut self, since: Timestamp, dry_run: bool) -> Result<(), MetadataError> {
        let mut uploads = self.registry.inner.uploads.list();
        while let Some(listed) = uploads.next().await {
            let (id, written_at) = match listed {
                Ok(listed) => listed,
                Err(error) => {
                    warn("could not list all uploads", &error);
                    return Ok(());
                }
            };
            if written_at >= since {
                continue;
            }
            if let Some(_lock) = self.lock_orphan(&id).await? {
                if !dry_run {
                    let progress = UploadProgress { size_bytes: 0, state: Vec::new() };
                    self.registry.discard_bytes(&id, &progress).await;
                }
                self.report.uploads += 1;
                (self.found)(&Collected {
                    what: "upload",
                    which: id.to_string(),
                    repository: None,
                    why: "the index does not know it".to_owned(),
                    freed_bytes: 0,
                });
            }
        }
        Ok(())
    }

    /// An upload that the index does not know, held so that nobody in this process begins or writes it meanwhile:
    /// uploads of one request never have a row, new ones not yet.
    async fn lock_orphan(&self, id: &UploadId) -> Result<Option<UploadLock>, MetadataError> {
        if self.metadata().read().await?.upload_exists(id).await? {
            return Ok(None);
        }
        let Some(lock) = self.registry.inner.upload_locks.try_lock(*id) else { return Ok(None) };
        let exists = self.metadata().read().await?.upload_exists(id).await?;
        Ok((!exists).then_some(lock))
    }
}
