//! What requests carry: a stream that ends early with a reason when the client is gone or too slow.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use http::{Version, header, request::Parts};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use longshore_registry::{BodyError, UploadBody};
use tokio::time::{Instant, Sleep};

/// How long what nobody wants to read is still taken in, so that the client gets to see the reply instead of a
/// connection reset.
const LINGER: Duration = Duration::from_secs(5);

/// The body of a request.
pub(crate) struct RequestBody {
    incoming: Option<Incoming>,
    /// Longest wait for the next piece.
    stall_timeout: Duration,
    stall: Option<Pin<Box<Sleep>>>,
    /// None where no body comes.
    received_bytes: Option<Arc<AtomicU64>>,
    http1: bool,
    /// Whether the client waits for "100 Continue", which goes out when the body is asked for.
    awaits_continue: bool,
}

/// Why a body was not read whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ReadError {
    TooLarge,
    Body(BodyError),
}

impl RequestBody {
    pub(crate) fn new(head: &Parts, incoming: Incoming, stall_timeout: Duration) -> Self {
        Self {
            stall_timeout,
            stall: None,
            received_bytes: (!incoming.is_end_stream()).then(Arc::default),
            incoming: Some(incoming),
            http1: head.version < Version::HTTP_2,
            awaits_continue: head.headers.contains_key(header::EXPECT),
        }
    }

    /// The announced length, if any.
    pub(crate) fn size_bytes(&self) -> Option<u64> {
        self.incoming.as_ref().and_then(|incoming| incoming.size_hint().exact())
    }

    /// Counts what has arrived, also after the body was handed on; none where no body comes.
    pub(crate) fn received_bytes(&self) -> Option<Arc<AtomicU64>> {
        self.received_bytes.clone()
    }

    /// The body as the use cases want it.
    pub(crate) fn into_stream(self) -> UploadBody {
        self.boxed()
    }

    /// The whole body. What announces more than `bytes_max` is refused before it is read.
    pub(crate) async fn read_whole(mut self, bytes_max: usize) -> Result<Bytes, ReadError> {
        let announced = self.size_bytes();
        if announced.is_some_and(|size| size > bytes_max as u64) {
            return Err(ReadError::TooLarge);
        }
        let capacity = announced.and_then(|size| usize::try_from(size).ok()).unwrap_or_default();
        let mut whole = BytesMut::with_capacity(capacity.min(64 * 1024));
        while let Some(piece) = self.next().await {
            let piece = piece.map_err(ReadError::Body)?;
            if piece.len() > bytes_max - whole.len() {
                return Err(ReadError::TooLarge);
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }

    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let timeout = self.stall_timeout;
        let stall = self.stall.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        stall.as_mut().poll(cx)
    }
}

impl Stream for RequestBody {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.awaits_continue = false;
        loop {
            let Some(incoming) = &mut self.incoming else { return Poll::Ready(None) };
            match Pin::new(incoming).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.stall = None;
                    // Trailers say nothing here.
                    if let Ok(bytes) = frame.into_data() {
                        if let Some(received) = &self.received_bytes {
                            received.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                        }
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    self.incoming = None;
                    let reason = longshore_types::error_chain(&error);
                    return Poll::Ready(Some(Err(BodyError::Disconnected(reason))));
                }
                Poll::Ready(None) => {
                    self.incoming = None;
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    futures_util::ready!(self.poll_stalled(cx));
                    self.incoming = None;
                    return Poll::Ready(Some(Err(BodyError::TimedOut)));
                }
            }
        }
    }
}

impl Drop for RequestBody {
    /// Reads the rest and throws it away. Not where the client has not begun to send; and HTTP/2 can end one stream alone.
    fn drop(&mut self) {
        let lingers = self.http1 && !self.awaits_continue;
        let Some(mut incoming) = self.incoming.take().filter(|body| lingers && !body.is_end_stream()) else {
            return;
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let end = Instant::now() + LINGER;
            while let Ok(Some(Ok(_))) = tokio::time::timeout_at(end, incoming.frame()).await {}
        });
    }
}
