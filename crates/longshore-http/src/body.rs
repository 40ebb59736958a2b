//! What replies carry.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body::{Body, Frame, SizeHint};
use longshore_registry::{Blob, ByteStream, StoreError};
use longshore_types::ByteRange;

/// The body of a reply. Its length is always known before it is sent, so that a body cut short is seen as such.
pub(crate) struct ResponseBody {
    pieces: VecDeque<Piece>,
    /// What the pieces still have.
    left_bytes: u64,
    /// The piece that is being sent, when it is content.
    current: Option<Current>,
    /// What was asked for before the reply began.
    first: Option<Bytes>,
}

/// A part of a body.
pub(crate) enum Piece {
    /// Bytes at hand.
    Bytes(Bytes),
    /// Bytes of a blob.
    Content(Arc<dyn Blob>, ByteRange),
}

struct Current {
    stream: ByteStream,
    left_bytes: u64,
}

/// Why a body ends early: the connection must not go on, or a short body would look whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// The store failed.
    #[error("could not read content")]
    Store(#[from] StoreError),
    /// The store gave more or less than the content's length.
    #[error("the store gave another length than it said")]
    Length,
}

impl ResponseBody {
    pub(crate) fn empty() -> Self {
        Self::of_pieces([])
    }

    pub(crate) fn full(bytes: impl Into<Bytes>) -> Self {
        Self::of_pieces([Piece::Bytes(bytes.into())])
    }

    pub(crate) fn of_pieces(pieces: impl IntoIterator<Item = Piece>) -> Self {
        let pieces: VecDeque<_> = pieces.into_iter().filter(|piece| piece.size_bytes() > 0).collect();
        let left_bytes = pieces.iter().map(Piece::size_bytes).sum();
        Self { pieces, left_bytes, current: None, first: None }
    }

    /// Waits for the first bytes, so that a store which fails at once is still answered with an error.
    pub(crate) async fn begin(&mut self) -> Result<(), SendError> {
        if self.first.is_none() {
            self.first = std::future::poll_fn(|cx| self.poll_content(cx)).await.transpose()?;
        }
        Ok(())
    }

    /// How many bytes are still to come.
    pub(crate) fn left_bytes(&self) -> u64 {
        self.left_bytes
    }

    fn poll_content(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, SendError>>> {
        loop {
            let Some(current) = &mut self.current else {
                match self.pieces.pop_front() {
                    None => return Poll::Ready(None),
                    Some(Piece::Bytes(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                    Some(Piece::Content(blob, range)) => {
                        self.current =
                            Some(Current { stream: blob.stream(range), left_bytes: range.size_bytes() });
                    }
                }
                continue;
            };
            match futures_util::ready!(current.stream.poll_next_unpin(cx)) {
                Some(Ok(bytes)) if bytes.is_empty() => {}
                Some(Ok(bytes)) => match current.left_bytes.checked_sub(bytes.len() as u64) {
                    None => return Poll::Ready(Some(Err(SendError::Length))),
                    Some(left) => {
                        current.left_bytes = left;
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None if current.left_bytes > 0 => return Poll::Ready(Some(Err(SendError::Length))),
                None => self.current = None,
            }
        }
    }
}

impl Piece {
    fn size_bytes(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Content(_, range) => range.size_bytes(),
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = SendError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, SendError>>> {
        if self.left_bytes == 0 {
            return Poll::Ready(None);
        }
        let next = match self.first.take() {
            Some(bytes) => Some(Ok(bytes)),
            None => futures_util::ready!(self.poll_content(cx)),
        };
        if let Some(Ok(bytes)) = &next {
            self.left_bytes -= bytes.len() as u64;
        }
        Poll::Ready(next.map(|result| result.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left_bytes == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left_bytes)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    struct Fake {
        size_bytes: u64,
        chunks: Vec<Result<&'static [u8], ()>>,
    }

    impl Blob for Fake {
        fn size_bytes(&self) -> u64 {
            self.size_bytes
        }

        fn stream(&self, _range: ByteRange) -> ByteStream {
            let chunks = self.chunks.iter().map(|chunk| match chunk {
                Ok(bytes) => Ok(Bytes::from_static(bytes)),
                Err(()) => Err(StoreError::NotFound),
            });
            futures_util::stream::iter(chunks.collect::<Vec<_>>()).boxed()
        }
    }

    async fn collect(size_bytes: u64, chunks: &[Result<&'static [u8], ()>]) -> Result<Bytes, SendError> {
        let blob: Arc<dyn Blob> = Arc::new(Fake { size_bytes, chunks: chunks.to_vec() });
        let range = ByteRange::whole(size_bytes).unwrap();
        let body = ResponseBody::of_pieces([
            Piece::Bytes(Bytes::from_static(b"<")),
            Piece::Content(blob, range),
            Piece::Bytes(Bytes::from_static(b">")),
        ]);
        assert_eq!(body.size_hint().exact(), Some(size_bytes + 2));
        body.collect().await.map(|collected| collected.to_bytes())
    }

    #[tokio::test]
    async fn pieces_come_in_order_and_a_wrong_length_is_an_error() {
        assert_eq!(collect(4, &[Ok(b"ab"), Ok(b""), Ok(b"cd")]).await.unwrap(), "<abcd>");
        assert!(matches!(collect(4, &[Ok(b"ab")]).await, Err(SendError::Length)));
        assert!(matches!(collect(4, &[Ok(b"abcde")]).await, Err(SendError::Length)));
        assert!(matches!(collect(4, &[Ok(b"ab"), Err(())]).await, Err(SendError::Store(_))));
    }

    #[tokio::test]
    async fn the_first_bytes_can_be_asked_for_before() {
        let blob = |chunks: &[Result<&'static [u8], ()>]| -> ResponseBody {
            let blob = Fake { size_bytes: 4, chunks: chunks.to_vec() };
            ResponseBody::of_pieces(ByteRange::whole(4).map(|range| Piece::Content(Arc::new(blob), range)))
        };
        let mut whole = blob(&[Ok(b"ab"), Ok(b"cd")]);
        whole.begin().await.unwrap();
        assert_eq!(whole.size_hint().exact(), Some(4));
        assert_eq!(whole.collect().await.unwrap().to_bytes(), "abcd");
        assert!(blob(&[Err(())]).begin().await.is_err());
        ResponseBody::empty().begin().await.unwrap();
    }

    #[tokio::test]
    async fn an_empty_body_has_ended() {
        let body = ResponseBody::empty();
        assert!(body.is_end_stream());
        assert_eq!(body.collect().await.unwrap().to_bytes(), "");
    }
}
