//! Gathering what arrives in parts of any size into pieces that are worth a write.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;

/// How long a full piece is: few writes and few hand-overs between threads.
pub const PIECE_BYTES: usize = 1 << 20;

/// The boundary in memory at which a piece begins, so that it may be written past the page cache.
pub(crate) const ALIGNMENT: usize = 4096;

/// A part up to this that comes alone is passed on as it is. A longer one is copied, so that the reader of the socket has
/// its buffer back while it is still in the processor's cache, and need not take fresh memory for the next part.
const UNCOPIED_BYTES_MAX: usize = 64 << 10;

/// How many buffers are kept when nobody uses them. To give a mebibyte back to the operating system and take it again
/// costs more than to fill it.
const KEPT_MAX: usize = 8;

/// Memory for pieces, used again and again. Clones share it.
#[derive(Clone, Default)]
pub struct PieceBuffers(Arc<Mutex<Vec<Vec<u8>>>>);

/// Bytes on their way to become a piece.
#[derive(Debug)]
pub struct Gathering {
    buffers: PieceBuffers,
    /// The first part, as long as it is alone.
    alone: Bytes,
    copied: Option<Buffer>,
}

/// Memory of a piece, which goes back when the last who reads it is done.
#[derive(Debug)]
struct Buffer {
    /// Longer than a piece by what it takes to begin it at the boundary.
    memory: Vec<u8>,
    begin: usize,
    filled: usize,
    buffers: PieceBuffers,
}

impl PieceBuffers {
    /// Begins a piece. Takes memory when there is something to keep in it.
    pub fn gather(&self) -> Gathering {
        Gathering { buffers: self.clone(), alone: Bytes::new(), copied: None }
    }

    fn take(&self) -> Buffer {
        let kept = self.kept().pop();
        let memory = kept.unwrap_or_else(|| vec![0; PIECE_BYTES + ALIGNMENT]);
        let begin = memory.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        Buffer { memory, begin, filled: 0, buffers: self.clone() }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for PieceBuffers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PieceBuffers").field("kept", &self.kept().len()).finish()
    }
}

impl Gathering {
    /// Takes from the front of `part` what there is room for.
    pub fn take_from(&mut self, part: &mut Bytes) {
        if self.size_bytes() == 0 && part.len() <= UNCOPIED_BYTES_MAX {
            self.alone = std::mem::take(part);
        } else if !part.is_empty() {
            let alone = std::mem::take(&mut self.alone);
            let buffer = self.copied.get_or_insert_with(|| self.buffers.take());
            buffer.extend(&alone);
            let taken = part.split_to(part.len().min(PIECE_BYTES - buffer.filled));
            buffer.extend(&taken);
        }
    }

    /// Whether there is no more room.
    pub fn is_full(&self) -> bool {
        self.size_bytes() == PIECE_BYTES
    }

    /// What was gathered.
    pub fn finish(self) -> Bytes {
        self.copied.map_or(self.alone, Bytes::from_owner)
    }

    fn size_bytes(&self) -> usize {
        self.copied.as_ref().map_or(self.alone.len(), |buffer| buffer.filled)
    }
}

impl Buffer {
    fn extend(&mut self, bytes: &[u8]) {
        let begin = self.begin + self.filled;
        self.memory[begin..begin + bytes.len()].copy_from_slice(bytes);
        self.filled += bytes.len();
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.memory[self.begin..self.begin + self.filled]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut kept = self.buffers.kept();
        if kept.len() < KEPT_MAX {
            kept.push(std::mem::take(&mut self.memory));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gathered(buffers: &PieceBuffers, parts: &[Bytes]) -> Vec<Bytes> {
        let (mut pieces, mut gathering) = (Vec::new(), buffers.gather());
        for part in parts {
            let mut part = part.clone();
            while !part.is_empty() {
                gathering.take_from(&mut part);
                if gathering.is_full() {
                    pieces.push(std::mem::replace(&mut gathering, buffers.gather()).finish());
                }
            }
        }
        pieces.push(gathering.finish());
        pieces
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn parts_of_any_size_stay_in_order(
            sizes in prop::collection::vec(prop_oneof![0..100usize, 65_530..65_540usize, 1..2_500_000usize], 0..8),
        ) {
            let parts: Vec<Bytes> =
                sizes.iter().enumerate().map(|(i, &size)| vec![i as u8 + 1; size].into()).collect();
            let buffers = PieceBuffers::default();
            // The second time in memory that was used before.
            for _ in 0..2 {
                let pieces = gathered(&buffers, &parts);
                prop_assert!(pieces[..pieces.len() - 1].iter().all(|piece| piece.len() == PIECE_BYTES));
                prop_assert!(pieces.concat() == parts.concat());
            }
        }
    }

    #[test]
    fn full_pieces_begin_at_a_boundary_and_their_memory_is_used_again() {
        let (buffers, parts) = (PieceBuffers::default(), [Bytes::from(vec![1; 3 * PIECE_BYTES])]);
        let pieces = gathered(&buffers, &parts);
        let places: Vec<_> = pieces[..3].iter().map(|piece| piece.as_ptr()).collect();
        assert!(places.iter().all(|place| place.align_offset(ALIGNMENT) == 0));
        drop(pieces);
        let again = gathered(&buffers, &parts);
        assert!(again[..3].iter().all(|piece| places.contains(&piece.as_ptr())));
        let many = gathered(&buffers, &vec![parts[0].clone(); KEPT_MAX]);
        drop((again, many));
        assert_eq!(buffers.kept().len(), KEPT_MAX, "no more is kept");
    }

    #[test]
    fn a_small_part_alone_is_not_copied() {
        let part = Bytes::from(vec![7; UNCOPIED_BYTES_MAX]);
        let pieces = gathered(&PieceBuffers::default(), std::slice::from_ref(&part));
        assert_eq!((pieces.len(), pieces[0].as_ptr()), (1, part.as_ptr()));
    }
}
