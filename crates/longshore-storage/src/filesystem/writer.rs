//! Writing an upload: one write is under way at a time while the next piece is gathered, and what was written is brought
//! to the disk meanwhile, so that little is left to wait for in the end.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::task::{JoinHandle, spawn_blocking};

use super::{blocking, direct::write_all_at, generation, join_failed, syncs::Syncs, uploads::Claimed};
use crate::{PIECE_BYTES, StoreError, UploadProgress, UploadWriter};

/// After so many bytes a sync begins beside the writing. Fewer would mean more journal commits than they save waiting.
const SYNC_AHEAD_BYTES: u64 = 32 * 1024 * 1024;

/// Appends to an upload's file, which nobody else has open for writing.
pub(super) struct FileWriter {
    claimed: Claimed,
    /// Where the upload stood before.
    begun: UploadProgress,
    syncs: Syncs,
    /// Where `last` begins in the file.
    offset: u64,
    /// A piece that is not full is mostly the last one: it waits, to be written and synced by one call.
    last: Bytes,
    under_way: Option<JoinHandle<Result<(), StoreError>>>,
    /// The sync beside the writing, and up to where one was begun.
    syncing: Option<JoinHandle<Result<(), StoreError>>>,
    syncing_to: u64,
    /// After a failed write nobody knows what the file holds: nothing more is said about it.
    failed: bool,
}

impl FileWriter {
    pub(super) fn new(claimed: Claimed, begun: UploadProgress, syncs: Syncs) -> Self {
        let offset = begun.size_bytes;
        Self {
            claimed,
            begun,
            syncs,
            offset,
            last: Bytes::new(),
            under_way: None,
            syncing: None,
            syncing_to: offset,
            failed: false,
        }
    }

    /// Waits for the write under way. Dropped here, it is still known afterwards.
    async fn settle(&mut self) -> Result<(), StoreError> {
        if let Some(under_way) = &mut self.under_way {
            let written = under_way.await.unwrap_or_else(join_failed);
            self.under_way = None;
            self.failed |= written.is_err();
            written?;
        }
        if self.failed {
            return Err(StoreError::Unavailable("an earlier write to this upload failed".into()));
        }
        Ok(())
    }

    /// Begins to write a piece, when the one before is written.
    async fn begin_write(&mut self, piece: Bytes) -> Result<(), StoreError> {
        self.settle().await?;
        self.sync_ahead().await?;
        let (file, offset) = (Arc::clone(&self.claimed.file), self.offset);
        self.offset += piece.len() as u64;
        self.under_way = Some(spawn_blocking(move || Ok(write_all_at(&file, &piece, offset)?)));
        Ok(())
    }

    /// Begins to sync what is written, unless there is little of it or the sync before is still at work.
    async fn sync_ahead(&mut self) -> Result<(), StoreError> {
        let is_due = self.syncs.are_on() && self.offset - self.syncing_to >= SYNC_AHEAD_BYTES;
        if is_due && self.syncing.as_ref().is_none_or(JoinHandle::is_finished) {
            self.settle_sync().await?;
            let (file, syncs) = (Arc::clone(&self.claimed.file), self.syncs.clone());
            self.syncing = Some(spawn_blocking(move || Ok(syncs.data(&file)?)));
            self.syncing_to = self.offset;
        }
        Ok(())
    }

    /// Waits for the sync under way. Its error must be heard: the kernel tells of a page that it could not write once, and
    /// the sync in the end would succeed.
    async fn settle_sync(&mut self) -> Result<(), StoreError> {
        let Some(syncing) = &mut self.syncing else { return Ok(()) };
        let synced = syncing.await.unwrap_or_else(join_failed);
        self.syncing = None;
        self.failed |= synced.is_err();
        synced
    }
}

#[async_trait]
impl UploadWriter for FileWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        if !self.last.is_empty() {
            let last = std::mem::take(&mut self.last);
            self.begin_write(last).await?;
        }
        if bytes.len() >= PIECE_BYTES {
            return self.begin_write(bytes).await;
        }
        self.last = bytes;
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<UploadProgress, StoreError> {
        self.settle().await?;
        self.settle_sync().await?;
        let Self { claimed, begun, syncs, offset, last, .. } = *self;
        let size_bytes = offset + last.len() as u64;
        if size_bytes == begun.size_bytes {
            return Ok(begun);
        }
        let state = blocking(move || {
            write_all_at(&claimed.file, &last, offset)?;
            let state = generation::mark(&claimed.file)?;
            // The data and the length. That the file exists comes along with them on the journalling file systems; the
            // names of finished content are synced when it is published. A mark that is lost costs a copy.
            syncs.data(&claimed.file)?;
            claimed.finish(&syncs)?;
            Ok(state)
        })
        .await?;
        Ok(UploadProgress { size_bytes, state })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(sizes: &[usize], offset: u64) -> Vec<u8> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        let claimed = Claimed::in_place(file.reopen().unwrap());
        let begun = UploadProgress { size_bytes: offset, state: Vec::new() };
        runtime.block_on(async {
            let mut writer: Box<dyn UploadWriter> =
                Box::new(FileWriter::new(claimed, begun, Syncs::new(false)));
            for (i, &size) in sizes.iter().enumerate() {
                writer.write(vec![i as u8; size].into()).await.unwrap();
            }
            let progress = writer.finish().await.unwrap();
            assert_eq!(progress.size_bytes, offset + sizes.iter().sum::<usize>() as u64);
        });
        std::fs::read(file.path()).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn pieces_of_any_size_arrive_in_order(
            sizes in prop::collection::vec(prop_oneof![0..100usize, 16_000..17_000usize, 1..1_500_000usize], 0..12),
            offset in 0..5000u64,
        ) {
            let mut wanted = vec![0; offset as usize];
            for (i, &size) in sizes.iter().enumerate() {
                wanted.extend(std::iter::repeat_n(i as u8, size));
            }
            if sizes.iter().sum::<usize>() == 0 {
                wanted.clear();
            }
            prop_assert_eq!(written(&sizes, offset), wanted);
        }
    }

    #[cfg(feature = "testing")]
    #[tokio::test]
    async fn a_large_upload_is_synced_as_it_comes_and_in_the_end() {
        let (file, syncs) = (tempfile::tempfile().unwrap(), Syncs::new(true));
        let begun = UploadProgress { size_bytes: 0, state: Vec::new() };
        let mut writer = Box::new(FileWriter::new(Claimed::in_place(file), begun, syncs.clone()));
        let batch = Bytes::from(vec![1; PIECE_BYTES]);
        for _ in 0..=SYNC_AHEAD_BYTES / PIECE_BYTES as u64 {
            writer.write(batch.clone()).await.unwrap();
        }
        writer.settle_sync().await.unwrap();
        assert_eq!(syncs.count(), 1);
        writer.write(batch).await.unwrap();
        writer.finish().await.unwrap();
        assert_eq!(syncs.count(), 2);
    }

    #[tokio::test]
    async fn after_a_failed_write_nothing_is_acknowledged() {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let begun = UploadProgress { size_bytes: 0, state: Vec::new() };
        let mut writer = Box::new(FileWriter::new(Claimed::in_place(full), begun, Syncs::new(false)));
        let batch = Bytes::from(vec![1; PIECE_BYTES]);
        writer.write(batch.clone()).await.unwrap();
        assert!(matches!(writer.write(batch).await, Err(StoreError::Full(_))));
        assert!(matches!(writer.finish().await, Err(StoreError::Unavailable(_))));
    }
}
