//! From a request's body to the store, hashing in passing.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;

use super::{
    BodyError, UploadBody, UploadError, UploadStatus,
    session::{Session, gone},
};
use crate::{Registry, hashing::ParallelDigester};

/// How many bytes are gathered before they are hashed and written: large writes, few hand-overs between threads. Two
/// such pieces and what the store keeps are the whole memory of an upload, however large it is.
const PIECE_BYTES: usize = 1 << 20;

/// Parts of a body below this are copied together. Larger ones are passed on as the socket's reader left them, uncopied;
/// a small part may hold a reader's whole buffer of 256 KiB in memory, and would be a call of its own for little.
const COPY_BELOW_BYTES: usize = 64 << 10;

/// What the client says of a piece: where it begins, and how long it is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Announced {
    pub(super) offset: Option<u64>,
    pub(super) size_bytes: Option<u64>,
}

impl Registry {
    /// Writes a body to the end of an upload: durable in the store and noted in `session`, but not in the index. The
    /// inner result says whether the body came to its end; what came before counts in any case.
    ///
    /// # Errors
    /// [`UploadError::OutOfOrder`] and [`UploadError::SizeMismatch`] leave the upload as it was; after
    /// [`UploadError::TooLarge`] the caller gives it up.
    pub(super) async fn receive(
        &self,
        session: &mut Session,
        announced: Announced,
        body: UploadBody,
    ) -> Result<Result<(), BodyError>, UploadError> {
        let status = session.status();
        if !is_next(status.size_bytes, announced.offset) {
            return Err(UploadError::OutOfOrder { status });
        }
        let room = self.room_after(&status, announced.size_bytes)?;
        let mut pieces = Pieces { body };
        let (mut piece, mut end) = pieces.next().await;
        // Nothing came, so there is nothing to open the upload for.
        if let Some(end) = end.take_if(|_| piece.size_bytes == 0) {
            if end.is_ok() {
                check_size(announced.size_bytes, 0)?;
            }
            return Ok(end);
        }
        let writer = self.inner.uploads.writer(&session.id, &session.progress).await;
        let mut writer = writer.map_err(gone(session.id))?;
        let mut digester = ParallelDigester::new(session.digester.clone());
        let mut received = 0;
        loop {
            received += piece.size_bytes as u64;
            if let Some((room, limit)) = room
                && received > room
            {
                return Err(UploadError::TooLarge { limit });
            }
            digester = digester.update(piece.parts.clone()).await?;
            for part in piece.parts {
                writer.write(part).await?;
            }
            if let Some(end) = end {
                if end.is_ok() {
                    check_size(announced.size_bytes, received)?;
                }
                session.digester = digester.finish().await?;
                session.progress = writer.finish().await.map_err(gone(session.id))?;
                return Ok(end);
            }
            (piece, end) = pieces.next().await;
        }
    }

    /// How much more the upload may take, and the limit that says so.
    fn room_after(
        &self,
        status: &UploadStatus,
        announced: Option<u64>,
    ) -> Result<Option<(u64, u64)>, UploadError> {
        let Some(limit) = self.inner.settings.uploads.blob_bytes_max else { return Ok(None) };
        let room = limit.saturating_sub(status.size_bytes);
        if announced.is_some_and(|size| size > room) {
            return Err(UploadError::TooLarge { limit });
        }
        Ok(Some((room, limit)))
    }
}

/// Specification v1.1.1 "Pushing a blob in chunks" (end-5): a piece begins where the upload ends.
fn is_next(size_bytes: u64, offset: Option<u64>) -> bool {
    offset.is_none_or(|offset| offset == size_bytes)
}

fn check_size(wanted: Option<u64>, actual: u64) -> Result<(), UploadError> {
    match wanted {
        Some(wanted) if wanted != actual => Err(UploadError::SizeMismatch { wanted, actual }),
        _ => Ok(()),
    }
}

/// A body in pieces of about [`PIECE_BYTES`].
struct Pieces {
    body: UploadBody,
}

/// Some of a body, in its order.
#[derive(Default)]
struct Piece {
    parts: Vec<Bytes>,
    /// Small parts that came since the last large one.
    small: BytesMut,
    size_bytes: usize,
}

impl Pieces {
    /// The next piece, and how the body ended if it did. Bytes before an error are a piece too.
    async fn next(&mut self) -> (Piece, Option<Result<(), BodyError>>) {
        let mut piece = Piece::default();
        let end = loop {
            match self.body.next().await {
                Some(Ok(bytes)) => {
                    piece.push(bytes);
                    if piece.size_bytes >= PIECE_BYTES {
                        break None;
                    }
                }
                Some(Err(error)) => break Some(Err(error)),
                None => break Some(Ok(())),
            }
        };
        piece.close_small();
        (piece, end)
    }
}

impl Piece {
    fn push(&mut self, bytes: Bytes) {
        self.size_bytes += bytes.len();
        if bytes.len() < COPY_BELOW_BYTES {
            self.small.extend_from_slice(&bytes);
        } else {
            self.close_small();
            self.parts.push(bytes);
        }
    }

    fn close_small(&mut self) {
        if !self.small.is_empty() {
            self.parts.push(self.small.split().freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    #[test]
    fn a_piece_begins_where_the_upload_ends() {
        let check = |size, offset, wanted| assert_eq!(is_next(size, offset), wanted, "{size} {offset:?}");
        check(0, None, true);
        check(7, None, true);
        check(7, Some(7), true);
        check(7, Some(0), false);
        check(7, Some(8), false);
        check(u64::MAX, Some(u64::MAX), true);
    }

    #[tokio::test]
    async fn pieces_are_large_and_keep_what_came_before_an_error() {
        let chunk = Bytes::from(vec![5; 300_000]);
        let body =
            vec![Ok(chunk.clone()), Ok(chunk.clone()), Ok(chunk.clone()), Ok(chunk.clone()), Ok(chunk)];
        let lost = Err(BodyError::Disconnected("reset".into()));
        let body = stream::iter(body.into_iter().chain([lost.clone()])).boxed();
        let mut pieces = Pieces { body };
        let (piece, end) = pieces.next().await;
        assert_eq!((piece.size_bytes, piece.parts.len(), end), (1_200_000, 4, None));
        let (piece, end) = pieces.next().await;
        assert_eq!((piece.size_bytes, end), (300_000, Some(lost.map(drop))));
    }

    #[tokio::test]
    async fn small_parts_are_copied_together_and_stay_in_order() {
        let part = |byte, len| Bytes::from(vec![byte; len]);
        let body = [part(1, 7), part(2, COPY_BELOW_BYTES - 1), part(3, COPY_BELOW_BYTES), part(4, 1)];
        let large = body[2].clone();
        let body = stream::iter(body.map(Ok)).boxed();
        let (piece, end) = Pieces { body }.next().await;
        assert_eq!(end, Some(Ok(())));
        assert_eq!(
            piece.parts.iter().map(Bytes::len).collect::<Vec<_>>(),
            [COPY_BELOW_BYTES + 6, large.len(), 1]
        );
        assert_eq!(piece.parts[1].as_ptr(), large.as_ptr(), "a large part is not copied");
        assert_eq!((piece.parts[0][0], piece.parts[0][7], piece.parts[2][0]), (1, 2, 4));
    }
}
