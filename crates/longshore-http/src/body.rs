//! What replies carry.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream::BoxStream};
use http_body::{Body, Frame, SizeHint};
use longshore_registry::{Blob, ByteStream, StoreError};
use longshore_types::ByteRange;

use crate::sendfile::{FileSender, PART_BYTES_MAX};

/// Up to here, content is read even where a file could be sent: a part of a file costs four calls, about as
/// much as to copy so many bytes in and out. And many ranges in one reply can be gathered.
const SMALL_BYTES: u64 = 32 * 1024;

/// Most bytes that are gathered or read at once, where they are at hand.
const GATHERED_BYTES_MAX: u64 = 256 * 1024;

/// How much is streamed when content was not at hand, before that is asked again.
const STREAMED_BYTES: u64 = 16 * 1024 * 1024;

/// The body of a reply. Its length is always known before it is sent, so that a body cut short is seen as such; but for
/// events, which end when nobody listens any more.
pub(crate) struct ResponseBody {
    pieces: VecDeque<Piece>,
    /// What the pieces still have.
    left_bytes: u64,
    /// The content that is being streamed.
    current: Option<Current>,
    /// What is at hand before the reply begins.
    first: Option<Bytes>,
    /// The way to have files sent on this connection, if there is one.
    sender: Option<FileSender>,
    /// What comes as it happens, and has no length; nothing else does then.
    events: Option<BoxStream<'static, Bytes>>,
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
        Self {
            pieces: VecDeque::new(),
            left_bytes: 0,
            current: None,
            first: None,
            sender: None,
            events: None,
        }
    }

    /// Server-sent events.
    pub(crate) fn events(events: BoxStream<'static, Bytes>) -> Self {
        Self { events: Some(events), ..Self::empty() }
    }

    pub(crate) fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let left_bytes = bytes.len() as u64;
        Self { left_bytes, first: (left_bytes > 0).then_some(bytes), ..Self::empty() }
    }

    /// A part of a blob; without a copy where it lies in memory.
    pub(crate) fn content(blob: &Arc<dyn Blob>, range: ByteRange) -> Self {
        match blob.bytes_now(range) {
            Some(bytes) => Self::full(bytes),
            None => Self::of_pieces([Piece::Content(Arc::clone(blob), range)]),
        }
    }

    pub(crate) fn of_pieces(pieces: impl IntoIterator<Item = Piece>) -> Self {
        let pieces: VecDeque<_> = pieces.into_iter().filter(|piece| piece.size_bytes() > 0).collect();
        let left_bytes = pieces.iter().map(Piece::size_bytes).sum();
        Self { pieces, left_bytes, ..Self::empty() }
    }

    /// Waits for the first bytes, so that a store which fails at once is still answered with an error.
    pub(crate) async fn begin(&mut self) -> Result<(), SendError> {
        if self.first.is_none() && !self.has_file_at_hand() {
            self.first = std::future::poll_fn(|cx| self.poll_content(cx)).await.transpose()?;
        }
        Ok(())
    }

    /// Lets the body have files sent instead of reading them, where that pays. `sender` must be that of the connection
    /// on which the body is sent.
    pub(crate) fn send_files(&mut self, sender: FileSender) {
        self.sender = Some(sender);
    }

    /// How many bytes are still to come.
    pub(crate) fn left_bytes(&self) -> u64 {
        self.left_bytes
    }

    /// Whether the body begins with a file that may be sent, which it is too early to do.
    fn has_file_at_hand(&self) -> bool {
        self.current.is_none()
            && match self.pieces.front() {
                Some(Piece::Content(blob, range)) if range.size_bytes() > SMALL_BYTES => {
                    blob.file_now(range.split(PART_BYTES_MAX as u64).0).is_some()
                }
                _ => false,
            }
    }

    fn poll_content(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, SendError>>> {
        loop {
            if let Some(current) = &mut self.current {
                match futures_util::ready!(current.poll(cx)) {
                    None => self.current = None,
                    ended_or_bytes => return Poll::Ready(ended_or_bytes),
                }
            }
            if let Some(bytes) = self.gather() {
                return Poll::Ready(Some(Ok(bytes)));
            }
            match self.pieces.pop_front() {
                None => return Poll::Ready(None),
                Some(Piece::Bytes(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                Some(Piece::Content(blob, range)) => {
                    if let Some(bytes) = self.content_now(&blob, range) {
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                    let range = self.take(&blob, range, STREAMED_BYTES);
                    self.current =
                        Some(Current { stream: blob.stream(range), left_bytes: range.size_bytes() });
                }
            }
        }
    }

    /// Small pieces that follow each other and are at hand, in one: the parts of an answer with many ranges.
    fn gather(&mut self) -> Option<Bytes> {
        let mut sizes =
            self.pieces.iter().map(Piece::size_bytes).take_while(|&size_bytes| size_bytes <= SMALL_BYTES);
        let wanted = sizes.try_fold((0, 0), |(count, sum), size_bytes| {
            if sum + size_bytes <= GATHERED_BYTES_MAX {
                Ok((count + 1, sum + size_bytes))
            } else {
                Err((count, sum))
            }
        });
        let (count, size_bytes) = wanted.unwrap_or_else(|until| until);
        if !self.pieces.range(..count).any(|piece| matches!(piece, Piece::Content(..))) {
            return None;
        }
        let mut gathered = Vec::with_capacity(usize::try_from(size_bytes).unwrap_or_default());
        for _ in 0..count {
            let at_hand = match self.pieces.front() {
                Some(Piece::Bytes(bytes)) => {
                    gathered.extend_from_slice(bytes);
                    true
                }
                Some(Piece::Content(blob, range)) => blob.read_now(*range, &mut gathered),
                None => false,
            };
            if !at_hand {
                break;
            }
            self.pieces.pop_front();
        }
        (!gathered.is_empty()).then(|| gathered.into())
    }

    /// The beginning of `range`, if it is at hand: by sending the file, or read. The rest becomes the next piece.
    fn content_now(&mut self, blob: &Arc<dyn Blob>, range: ByteRange) -> Option<Bytes> {
        if range.size_bytes() > SMALL_BYTES
            && let Some(sender) = &self.sender
        {
            let part = range.split(PART_BYTES_MAX as u64).0;
            let file = Arc::clone(blob.file_now(part)?);
            let length = usize::try_from(part.size_bytes()).ok()?;
            let placeholder = sender.send(file, part.first(), length);
            self.take(blob, range, part.size_bytes());
            return Some(placeholder);
        }
        let part = range.split(GATHERED_BYTES_MAX).0;
        let mut read = Vec::new();
        blob.read_now(part, &mut read).then(|| {
            self.take(blob, range, part.size_bytes());
            read.into()
        })
    }

    /// The first bytes of `range`; the rest becomes the next piece.
    fn take(&mut self, blob: &Arc<dyn Blob>, range: ByteRange, size_bytes: u64) -> ByteRange {
        let (first, rest) = range.split(size_bytes);
        if let Some(rest) = rest {
            self.pieces.push_front(Piece::Content(Arc::clone(blob), rest));
        }
        first
    }
}

impl Current {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, SendError>>> {
        loop {
            return Poll::Ready(match futures_util::ready!(self.stream.poll_next_unpin(cx)) {
                Some(Ok(bytes)) if bytes.is_empty() => continue,
                Some(Ok(bytes)) => match self.left_bytes.checked_sub(bytes.len() as u64) {
                    None => Some(Err(SendError::Length)),
                    Some(left) => {
                        self.left_bytes = left;
                        Some(Ok(bytes))
                    }
                },
                Some(Err(error)) => Some(Err(error.into())),
                None if self.left_bytes > 0 => Some(Err(SendError::Length)),
                None => None,
            });
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
        if let Some(events) = &mut self.events {
            let next = futures_util::ready!(events.poll_next_unpin(cx));
            if next.is_none() {
                self.events = None;
            }
            return Poll::Ready(next.map(|bytes| Ok(Frame::data(bytes))));
        }
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
        self.left_bytes == 0 && self.events.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        if self.events.is_some() { SizeHint::default() } else { SizeHint::with_exact(self.left_bytes) }
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
    async fn events_have_no_length() {
        let events = futures_util::stream::iter([Bytes::from_static(b"a"), Bytes::from_static(b"b")]);
        let body = ResponseBody::events(events.boxed());
        assert!(!body.is_end_stream() && body.size_hint().exact().is_none());
        assert_eq!(body.collect().await.unwrap().to_bytes(), "ab");
    }

    #[tokio::test]
    async fn an_empty_body_has_ended() {
        let body = ResponseBody::empty();
        assert!(body.is_end_stream());
        assert_eq!(body.collect().await.unwrap().to_bytes(), "");
    }
}
