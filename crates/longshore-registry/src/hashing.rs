//! Hashing beside the async threads: a mebibyte takes half a millisecond, too long to keep other requests waiting and
//! long enough to be worth another core.

use bytes::Bytes;
use futures_util::StreamExt;
use longshore_storage::{ByteStream, StoreError};
use longshore_types::{Digest, DigestAlgorithm, Digester};
use tokio::task::JoinHandle;

/// Pieces shorter than this are hashed where they are: handing them over would take longer.
const INLINE_BYTES_MAX: usize = 32 * 1024;

/// A digester that takes in one piece while its owner writes that piece and fetches the next.
pub(crate) struct ParallelDigester(State);

enum State {
    Idle(Box<Digester>),
    Hashing(JoinHandle<Digester>),
}

impl ParallelDigester {
    pub(crate) fn new(digester: Digester) -> Self {
        Self(State::Idle(Box::new(digester)))
    }

    /// Takes in the next piece, after the one before.
    pub(crate) async fn update(self, piece: Bytes) -> Result<Self, StoreError> {
        let mut digester = self.finish().await?;
        if piece.len() < INLINE_BYTES_MAX {
            digester.update(&piece);
            return Ok(Self(State::Idle(Box::new(digester))));
        }
        let hashing = tokio::task::spawn_blocking(move || {
            digester.update(&piece);
            digester
        });
        Ok(Self(State::Hashing(hashing)))
    }

    /// The digester after everything that was taken in.
    pub(crate) async fn finish(self) -> Result<Digester, StoreError> {
        match self.0 {
            State::Idle(digester) => Ok(*digester),
            State::Hashing(task) => task.await.map_err(|error| StoreError::Unavailable(error.into())),
        }
    }
}

/// Hashes stored content.
pub(crate) async fn digest_of_stream(
    mut content: ByteStream,
    algorithm: DigestAlgorithm,
) -> Result<Digest, StoreError> {
    let mut digester = ParallelDigester::new(Digester::new(algorithm));
    while let Some(piece) = content.next().await {
        digester = digester.update(piece?).await?;
    }
    Ok(digester.finish().await?.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pieces_of_any_size_hash_in_order() {
        let content: Vec<u8> = (0..300_000u32).flat_map(u32::to_le_bytes).collect();
        for piece in [1_000, INLINE_BYTES_MAX - 1, INLINE_BYTES_MAX, 400_000, content.len()] {
            let pieces: Vec<_> = content.chunks(piece).map(|p| Ok(Bytes::copy_from_slice(p))).collect();
            for algorithm in DigestAlgorithm::ALL {
                let pieces =
                    pieces.iter().map(|p: &Result<Bytes, StoreError>| Ok(p.as_ref().unwrap().clone()));
                let stream = futures_util::stream::iter(pieces.collect::<Vec<_>>()).boxed();
                assert_eq!(
                    digest_of_stream(stream, algorithm).await.unwrap(),
                    Digest::of(algorithm, &content)
                );
            }
        }
    }
}
