//! From a request's body to the store, hashing in passing.

use bytes::Bytes;
use futures_util::StreamExt;
use longshore_storage::PieceBuffers;

use super::{
    BodyError, UploadBody, UploadError, UploadStatus,
    session::{Session, gone},
};
use crate::{Registry, hashing::ParallelDigester};

/// How much of an upload that did not say its length arrives before its project's room is looked at again.
const LOOK_EVERY_BYTES: u64 = 8 << 20;

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
        let mut looked_at = status.size_bytes + announced.size_bytes.unwrap_or_default();
        self.check_quota(session, looked_at).await?;
        let mut pieces = Pieces::of(body, &self.inner.piece_buffers);
        let (mut piece, mut end) = pieces.next().await;
        // Nothing came, so there is nothing to open the upload for.
        if let Some(end) = end.take_if(|_| piece.is_empty()) {
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
            received += piece.len() as u64;
            if let Some((room, limit)) = room
                && received > room
            {
                return Err(UploadError::TooLarge { limit });
            }
            if status.size_bytes + received > looked_at {
                looked_at = status.size_bytes + received + LOOK_EVERY_BYTES;
                self.check_quota(session, status.size_bytes + received).await?;
            }
            digester = digester.update(piece.clone()).await?;
            writer.write(piece).await?;
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

    /// Refuses an upload of so many bytes that its project has no room for at this moment. What is charged is charged in the
    /// end; but until then the bytes lie on the disk, as long as somebody likes.
    async fn check_quota(&self, session: &Session, bytes: u64) -> Result<(), UploadError> {
        let Some(project) = session.project else { return Ok(()) };
        Ok(self.inner.metadata.read().await?.check_room(project, bytes).await?)
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

/// A body in pieces. Two of them and what the store keeps are the whole memory of an upload, however large it is.
struct Pieces {
    body: UploadBody,
    /// What came and had no room in the piece before.
    rest: Bytes,
    buffers: PieceBuffers,
}

impl Pieces {
    fn of(body: UploadBody, buffers: &PieceBuffers) -> Self {
        Self { body, rest: Bytes::new(), buffers: buffers.clone() }
    }

    /// The next piece, and how the body ended if it did. Bytes before an error are a piece too.
    async fn next(&mut self) -> (Bytes, Option<Result<(), BodyError>>) {
        let mut piece = self.buffers.gather();
        let end = loop {
            piece.take_from(&mut self.rest);
            if piece.is_full() {
                break None;
            }
            match self.body.next().await {
                Some(Ok(bytes)) => self.rest = bytes,
                Some(Err(error)) => break Some(Err(error)),
                None => break Some(Ok(())),
            }
        };
        (piece.finish(), end)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use longshore_storage::PIECE_BYTES;

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
        let parts: Vec<_> = (1..=5).map(|byte| Bytes::from(vec![byte; 300_000])).collect();
        let lost = Err(BodyError::Disconnected("reset".into()));
        let body = stream::iter(parts.clone().into_iter().map(Ok).chain([lost.clone()])).boxed();
        let mut pieces = Pieces::of(body, &PieceBuffers::default());
        let (first, end) = pieces.next().await;
        assert_eq!((first.len(), end), (PIECE_BYTES, None));
        let (second, end) = pieces.next().await;
        assert_eq!((second.len(), end), (5 * 300_000 - PIECE_BYTES, Some(lost.map(drop))));
        assert!([first, second].concat() == parts.concat());
    }
}
