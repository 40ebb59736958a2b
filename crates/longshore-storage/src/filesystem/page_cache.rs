//! What can be had of a file without waiting for its disk.
//!
//! The kernel reads ahead and drops pages in stretches much larger than [`STRIDE_BYTES`]; so a few bytes, asked for with
//! `RWF_NOWAIT`, tell whether what lies between them is in memory. If it is not after all, a read waits for the disk:
//! slower, not wrong. File systems without `RWF_NOWAIT` seem never to have anything in memory.

use std::{fs::File, io::IoSliceMut};

use longshore_types::ByteRange;
use rustix::{
    buffer::spare_capacity,
    io::{ReadWriteFlags, pread, preadv2},
};

/// How far apart the bytes are that are asked for.
const STRIDE_BYTES: u64 = 256 * 1024;

/// Up to here, one call that fills zeroed memory costs less than two that need none.
const SMALL_BYTES: usize = 16 * 1024;

/// Whether the bytes of `range` are probably in memory.
pub(super) fn is_cached(file: &File, range: ByteRange) -> bool {
    let strides = (range.first()..range.last()).step_by(STRIDE_BYTES as usize);
    strides.chain([range.last()]).all(|at| read_without_waiting(file, &mut [0], at))
}

/// Appends the bytes of `range` to `to` if they are in memory; otherwise `to` stays as it is.
pub(super) fn read_cached(file: &File, range: ByteRange, to: &mut Vec<u8>) -> bool {
    let Ok(wanted) = usize::try_from(range.size_bytes()) else { return false };
    let before = to.len();
    let read = if wanted <= SMALL_BYTES {
        to.resize(before + wanted, 0);
        read_without_waiting(file, &mut to[before..], range.first())
    } else {
        is_cached(file, range) && read_all(file, range.first(), wanted, to)
    };
    if !read {
        to.truncate(before);
    }
    read
}

/// Whether all of `buffer` could be filled.
fn read_without_waiting(file: &File, buffer: &mut [u8], at: u64) -> bool {
    let wanted = buffer.len();
    let read = preadv2(file, &mut [IoSliceMut::new(buffer)], at, ReadWriteFlags::NOWAIT);
    read.is_ok_and(|read| read == wanted)
}

/// Whether `wanted` bytes could be appended.
fn read_all(file: &File, first: u64, wanted: usize, to: &mut Vec<u8>) -> bool {
    let before = to.len();
    to.reserve_exact(wanted);
    while to.len() < before + wanted {
        let at = first + (to.len() - before) as u64;
        match pread(file, spare_capacity(to), at) {
            Ok(1..) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) | Err(_) => return false,
        }
    }
    // There may be more room than was asked for.
    to.truncate(before + wanted);
    true
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use longshore_types::RangesSpec;
    use rustix::fs::{Advice, fadvise};

    use super::*;

    fn range(first: u64, last: u64) -> ByteRange {
        let header = format!("bytes={first}-{last}");
        header.parse::<RangesSpec>().unwrap().resolve(u64::MAX).unwrap()[0]
    }

    /// On a disk, as `/tmp` need not be: what lies in memory only cannot be dropped from it.
    fn file(content: &[u8]) -> File {
        let mut file = tempfile::tempfile_in("/var/tmp").unwrap();
        file.write_all(content).unwrap();
        file.sync_all().unwrap();
        file
    }

    #[test]
    fn what_is_in_memory_is_read() {
        let content: Vec<u8> = (0..1_000_000_u32).map(|i| (i * 31 % 251) as u8).collect();
        let file = file(&content);
        for (first, last) in
            [(0, 0), (5, 16_388), (5, 16_389), (0, 999_999), (999_999, 999_999), (7, 700_000)]
        {
            let mut read = b"before".to_vec();
            assert!(is_cached(&file, range(first, last)));
            assert!(read_cached(&file, range(first, last), &mut read), "{first}-{last}");
            assert_eq!(
                read,
                [b"before", &content[first as usize..=last as usize]].concat(),
                "{first}-{last}"
            );
        }
    }

    #[test]
    fn what_ends_early_is_not_read() {
        let file = file(&[1; 100_000]);
        for (first, last) in [(0, 100_000), (90_000, 100_000), (100_000, 100_000), (200_000, 900_000)] {
            let mut read = b"before".to_vec();
            assert!(!is_cached(&file, range(first, last)), "{first}-{last}");
            assert!(!read_cached(&file, range(first, last), &mut read), "{first}-{last}");
            assert_eq!(read, b"before");
        }
    }

    #[test]
    fn what_is_on_disk_only_is_not_read() {
        let cold = || {
            let file = file(&vec![1; 1 << 20]);
            fadvise(&file, 0, None, Advice::DontNeed).unwrap();
            file
        };
        // A file for each question: asking has the kernel begin to read, and a fast disk is sometimes done before the
        // kernel looks whether it is, so that not every answer counts.
        let some_time = |ask: &dyn Fn(&File) -> bool| (0..100).any(|_| ask(&cold()));
        for (first, last) in [(0, 0), (0, 10_000), (100_000, 900_000)] {
            assert!(some_time(&|file| !is_cached(file, range(first, last))), "{first}-{last}");
            let is_refused = |file: &File| {
                let mut read = b"before".to_vec();
                let refused = !read_cached(file, range(first, last), &mut read);
                assert_eq!(read.len(), if refused { 6 } else { 6 + (last - first + 1) as usize });
                refused
            };
            assert!(some_time(&is_refused), "{first}-{last}");
        }
    }
}
