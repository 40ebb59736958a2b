//! Bytes that come in pieces, as a reader.

use std::io;

/// Reads from pieces of bytes, one after the other: what a channel or a stream gives.
#[derive(Debug)]
pub struct PieceReader<I, B> {
    pieces: I,
    piece: Option<B>,
    /// How much of the piece was read.
    read: usize,
}

impl<I, B> PieceReader<I, B>
where
    I: Iterator<Item = io::Result<B>>,
    B: AsRef<[u8]>,
{
    /// Begins before the first piece.
    pub fn new(pieces: I) -> Self {
        Self { pieces, piece: None, read: 0 }
    }
}

impl<I, B> io::Read for PieceReader<I, B>
where
    I: Iterator<Item = io::Result<B>>,
    B: AsRef<[u8]>,
{
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(piece) = &self.piece {
                let left = &piece.as_ref()[self.read..];
                if !left.is_empty() || buffer.is_empty() {
                    let count = left.len().min(buffer.len());
                    buffer[..count].copy_from_slice(&left[..count]);
                    self.read += count;
                    return Ok(count);
                }
            }
            match self.pieces.next() {
                Some(piece) => (self.piece, self.read) = (Some(piece?), 0),
                None => return Ok(0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn pieces_are_read_one_after_the_other() {
        let pieces = ["ab", "", "cde"].map(|piece| Ok(piece.as_bytes()));
        let mut text = String::new();
        PieceReader::new(pieces.into_iter()).read_to_string(&mut text).unwrap();
        assert_eq!(text, "abcde");
        let broken = [Ok("ab".as_bytes()), Err(io::ErrorKind::BrokenPipe.into())];
        let error = PieceReader::new(broken.into_iter()).read_to_string(&mut text).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
