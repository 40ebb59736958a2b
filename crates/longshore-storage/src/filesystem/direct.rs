//! Writing past the page cache.
//!
//! A large upload would fill the cache with what may never be asked for and push out what is, and the kernel would have to
//! find a page, copy to it and write it out later for every 4 KiB: several times the work of handing our memory to the
//! disk. Whoever pulls such content first reads it from the disk; small content stays in the cache.

use std::{fs::File, io, os::unix::fs::FileExt};

use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    io::Errno,
};

use crate::{PIECE_BYTES, pieces::ALIGNMENT};

/// Writes all of it, as much as may be past the page cache. Nobody else may be writing to `file` meanwhile.
pub(super) fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    let (head, tail) = bytes.split_at(direct_bytes(bytes, offset));
    if !head.is_empty() && !write_directly(file, head, offset)? {
        file.write_all_at(head, offset)?;
    }
    file.write_all_at(tail, offset + head.len() as u64)
}

/// How many bytes from the first may go past the cache: whole blocks, of an upload that is longer than a piece.
fn direct_bytes(bytes: &[u8], offset: u64) -> usize {
    let is_large = bytes.len() >= PIECE_BYTES || offset >= PIECE_BYTES as u64;
    let is_aligned = offset.is_multiple_of(ALIGNMENT as u64) && bytes.as_ptr().align_offset(ALIGNMENT) == 0;
    if is_large && is_aligned { bytes.len() - bytes.len() % ALIGNMENT } else { 0 }
}

/// `false` where the file system does not do that, or wants other blocks; then what lies at `offset` is not certain.
fn write_directly(file: &File, bytes: &[u8], offset: u64) -> io::Result<bool> {
    let flags = fcntl_getfl(file)?;
    let written = fcntl_setfl(file, flags | OFlags::DIRECT)
        .map_err(io::Error::from)
        .and_then(|()| file.write_all_at(bytes, offset));
    // Other writes are buffered.
    fcntl_setfl(file, flags)?;
    match written {
        Err(error) if is_refusal(&error) => Ok(false),
        written => written.map(|()| true),
    }
}

fn is_refusal(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::INVAL | Errno::OPNOTSUPP))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::PieceBuffers;

    fn piece(len: usize) -> Bytes {
        let mut content: Bytes = (0..len).map(|i| (i / 7) as u8).collect::<Vec<_>>().into();
        let mut gathering = PieceBuffers::default().gather();
        while !content.is_empty() {
            gathering.take_from(&mut content);
        }
        gathering.finish()
    }

    #[test]
    fn whole_blocks_of_large_uploads_go_past_the_cache() {
        let check = |bytes: &[u8], offset, wanted| assert_eq!(direct_bytes(bytes, offset), wanted);
        let (full, short) = (piece(PIECE_BYTES), piece(PIECE_BYTES - 1));
        check(&full, 0, PIECE_BYTES);
        check(&full, 1, 0);
        check(&full[1..], 4096, 0);
        check(&short, 0, 0);
        check(&short, PIECE_BYTES as u64, PIECE_BYTES - ALIGNMENT);
        check(&short[..ALIGNMENT - 1], PIECE_BYTES as u64, 0);
        check(&[], 0, 0);
    }

    #[test]
    fn all_of_it_is_written_wherever_it_begins() {
        let (full, short) = (piece(PIECE_BYTES), piece(PIECE_BYTES - 1));
        for folder in [".", "/dev/shm"] {
            let Ok(file) = tempfile::tempfile_in(folder) else { continue };
            for offset in [0, 1, ALIGNMENT as u64] {
                let before = fcntl_getfl(&file).unwrap();
                write_all_at(&file, &full, offset).unwrap();
                write_all_at(&file, &short, offset + PIECE_BYTES as u64).unwrap();
                let mut found = vec![0; 2 * PIECE_BYTES - 1];
                file.read_exact_at(&mut found, offset).unwrap();
                assert!(found == [&full[..], &short[..]].concat(), "{folder} {offset}");
                assert_eq!(file.metadata().unwrap().len(), offset + found.len() as u64);
                assert_eq!(fcntl_getfl(&file).unwrap(), before);
                file.set_len(0).unwrap();
            }
        }
    }

    #[test]
    fn where_it_is_refused_the_cache_takes_all() {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        assert!(!write_directly(&full, &piece(PIECE_BYTES), 0).unwrap());
        let error = write_all_at(&full, &piece(PIECE_BYTES), 0).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
