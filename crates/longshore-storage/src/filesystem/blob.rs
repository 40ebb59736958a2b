//! Reading a blob that was opened.

use std::{fs::File, io, num::NonZeroU64, sync::Arc};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use longshore_types::{ByteRange, Timestamp};
use rustix::{
    buffer::spare_capacity,
    fs::{Advice, fadvise},
    io::pread,
};
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task::{JoinHandle, block_in_place, spawn_blocking},
};

use super::{
    join_failed,
    page_cache::{is_cached, read_cached},
};
use crate::{Blob, ByteStream, StoreError};

/// How much is read in one call. Two of these are in memory for each stream: one on its way out, one read ahead.
const PIECE_BYTES: u64 = 512 * 1024;

/// How far before the reading the disk is kept busy. By itself the kernel reads ahead in stretches that are too small for
/// the disks of today: 128 KiB, unless an operator says otherwise.
const AHEAD_BYTES: u64 = 4 * 1024 * 1024;

/// Up to here a read from the page cache is cheaper than the way to another thread.
const INLINE_BYTES: u64 = 64 * 1024;

/// An open blob.
pub(super) struct FileBlob {
    pub(super) file: Arc<File>,
    pub(super) size_bytes: u64,
    pub(super) modified_at: Timestamp,
}

impl Blob for FileBlob {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn modified_at(&self) -> Option<Timestamp> {
        Some(self.modified_at)
    }

    fn stream(&self, range: ByteRange) -> ByteStream {
        stream_file(Arc::clone(&self.file), range.first(), range.last() + 1)
    }

    fn read_now(&self, range: ByteRange, to: &mut Vec<u8>) -> bool {
        read_cached(&self.file, range, to)
    }

    fn file_now(&self, range: ByteRange) -> Option<&Arc<File>> {
        is_cached(&self.file, range).then_some(&self.file)
    }
}

/// What is still to be read of a file.
struct Reading {
    file: Arc<File>,
    next: u64,
    end: u64,
    /// Up to where the kernel was asked to read.
    advised: u64,
    ahead: Option<JoinHandle<Result<Bytes, StoreError>>>,
}

/// The bytes from `next` up to and without `end`. A file that ends before is [`StoreError::Corrupt`].
pub(super) fn stream_file(file: Arc<File>, next: u64, end: u64) -> ByteStream {
    let reading = Reading { file, next, end, advised: 0, ahead: None };
    stream::try_unfold(reading, |mut reading| async move {
        let piece = reading.piece().await?;
        Ok(piece.map(|piece| (piece, reading)))
    })
    .boxed()
}

impl Reading {
    async fn piece(&mut self) -> Result<Option<Bytes>, StoreError> {
        let piece = match self.ahead.take() {
            Some(ahead) => ahead.await.unwrap_or_else(join_failed)?,
            None if self.next == self.end => return Ok(None),
            None if self.end - self.next <= INLINE_BYTES => {
                let read = self.take_piece();
                match Handle::current().runtime_flavor() {
                    RuntimeFlavor::CurrentThread => read()?,
                    _ => block_in_place(read)?,
                }
            }
            None => spawn_blocking(self.take_piece()).await.unwrap_or_else(join_failed)?,
        };
        if self.next < self.end {
            self.ahead = Some(spawn_blocking(self.take_piece()));
        }
        Ok(Some(piece))
    }

    fn take_piece(&mut self) -> impl FnOnce() -> Result<Bytes, StoreError> + Send + use<> {
        let (file, offset) = (Arc::clone(&self.file), self.next);
        let length = (self.end - self.next).min(PIECE_BYTES);
        // At first all of the way ahead, then what comes in sight with each piece.
        let advised = if self.advised == 0 { offset } else { self.advised };
        let until = self.end.min(offset + length + AHEAD_BYTES);
        self.advised = until;
        self.next += length;
        move || {
            read_ahead(&file, advised, until);
            read_piece(&file, offset, length)
        }
    }
}

/// Has the kernel begin to read, without waiting for it. What is in memory costs next to nothing; that it fails makes
/// nothing wrong.
fn read_ahead(file: &File, from: u64, until: u64) {
    if let Some(length) = NonZeroU64::new(until.saturating_sub(from)) {
        let _ = fadvise(file, from, Some(length), Advice::WillNeed);
    }
}

fn read_piece(file: &File, offset: u64, length: u64) -> Result<Bytes, StoreError> {
    let wanted = usize::try_from(length).expect("a piece fits into memory");
    let mut piece = Vec::with_capacity(wanted);
    while piece.len() < wanted {
        let at = offset + piece.len() as u64;
        match pread(file, spare_capacity(&mut piece), at) {
            Ok(0) => return Err(StoreError::Corrupt(format!("the file ends at byte {at}").into())),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(StoreError::Unavailable(io::Error::from(errno).into())),
        }
    }
    // An allocator may give more room than asked for, and a file that grew would fill it.
    piece.truncate(wanted);
    Ok(piece.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use futures_util::TryStreamExt;

    use super::*;

    async fn pieces(content: &[u8], first: u64, end: u64) -> Result<Vec<Bytes>, StoreError> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        stream_file(Arc::new(file), first, end).try_collect().await
    }

    async fn check(size: usize, first: u64, end: u64) {
        let content: Vec<u8> = (0..size).map(|i| (i * 31 % 251) as u8).collect();
        let pieces = pieces(&content, first, end).await.unwrap();
        assert!(pieces.iter().all(|piece| piece.len() as u64 <= PIECE_BYTES && !piece.is_empty()));
        assert_eq!(pieces.concat(), &content[first as usize..end as usize], "{size} {first} {end}");
    }

    async fn check_all() {
        let piece = PIECE_BYTES;
        for size in [0, 1, INLINE_BYTES, INLINE_BYTES + 1, piece - 1, piece, piece + 1, 3 * piece + 7] {
            check(size as usize, 0, size).await;
            check(size as usize, size / 3, size - size / 4).await;
        }
    }

    #[tokio::test]
    async fn every_size_on_one_thread() {
        check_all().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_size_on_several_threads() {
        check_all().await;
    }

    #[tokio::test]
    async fn a_short_file_is_damage() {
        for (size, end) in [(10, 11), (700_000, 700_001), (0, 2 * PIECE_BYTES)] {
            let result = pieces(&vec![1; size], 0, end).await;
            assert!(matches!(result, Err(StoreError::Corrupt(_))), "{size}");
        }
    }
}
