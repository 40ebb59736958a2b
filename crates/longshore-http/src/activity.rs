//! Whether a connection has requests under way, and the timeouts that follow from it.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep},
};

/// The requests of one connection.
pub(crate) struct Activity(Mutex<Counts>);

struct Counts {
    in_flight: usize,
    /// How many have ever begun.
    begun: u64,
    idle_since: Instant,
    http2: bool,
    /// How many replies have more to send as soon as the client takes it.
    offered: usize,
    /// When the client last took a part of any reply.
    taken_at: Instant,
}

/// A request under way; it has ended when this is dropped.
pub(crate) struct InFlight {
    activity: Arc<Activity>,
    http2: bool,
    /// Whether its reply is one of those that wait for the client.
    offered: bool,
}

impl Activity {
    pub(crate) fn new() -> Arc<Self> {
        let now = Instant::now();
        let counts =
            Counts { in_flight: 0, begun: 0, idle_since: now, http2: false, offered: 0, taken_at: now };
        Arc::new(Self(Mutex::new(counts)))
    }

    fn with<T>(&self, read: impl FnOnce(&mut Counts) -> T) -> T {
        // Nothing in here panics half way.
        read(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts a request.
    pub(crate) fn begin(self: &Arc<Self>, version: http::Version) -> InFlight {
        let http2 = version >= http::Version::HTTP_2;
        self.with(|counts| {
            counts.in_flight += 1;
            counts.begun += 1;
            counts.http2 = http2;
        });
        InFlight { activity: Arc::clone(self), http2, offered: false }
    }

    /// Ends when no request came within `timeout` of the connection's beginning.
    pub(crate) async fn silent(&self, timeout: Duration) {
        tokio::time::sleep(timeout).await;
        if self.with(|counts| counts.begun > 0) {
            std::future::pending::<()>().await;
        }
    }

    /// Ends when every request under way has a reply that waited for the client to take more of it for `timeout`; one
    /// that still works or uploads must not suffer for its neighbours. HTTP/1 does not need it: there
    /// the socket itself is full ([`TimedIo`]). HTTP/2's windows are the client's, which can leave them closed while
    /// the socket stays writable and every ping is answered.
    pub(crate) async fn stalled(&self, timeout: Duration) {
        self.held(timeout, |counts| {
            (counts.http2 && counts.offered > 0 && counts.offered == counts.in_flight)
                .then_some(counts.taken_at)
        })
        .await;
    }

    /// Ends when no request has been under way for `timeout`.
    pub(crate) async fn idle(&self, timeout: Duration) {
        self.held(timeout, |counts| (counts.in_flight == 0).then_some(counts.idle_since)).await;
    }

    /// Ends when a state has held for `timeout`; `since` says from when on, if it holds.
    async fn held(&self, timeout: Duration, since: impl Fn(&Counts) -> Option<Instant>) {
        loop {
            let now = Instant::now();
            let since = self.with(|counts| since(counts)).unwrap_or(now);
            if now.duration_since(since) >= timeout {
                return;
            }
            tokio::time::sleep_until(since + timeout).await;
        }
    }

    /// The number of the request whose head is awaited. On HTTP/2 other frames come while nothing is under way, so
    /// that only the first head can be waited for.
    fn awaited_head(&self) -> Option<u64> {
        self.with(|counts| (counts.in_flight == 0 && !counts.http2).then_some(counts.begun))
    }
}

impl InFlight {
    /// Notes whether the reply has more to send, having just been asked for some.
    pub(crate) fn offers(&mut self, more: bool) {
        // See `Activity::stalled`.
        if !self.http2 {
            return;
        }
        let before = std::mem::replace(&mut self.offered, more);
        self.activity.with(|counts| {
            counts.offered = counts.offered + usize::from(more) - usize::from(before);
            counts.taken_at = Instant::now();
        });
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.offers(false);
        self.activity.with(|counts| {
            counts.in_flight -= 1;
            counts.idle_since = Instant::now();
        });
    }
}

/// A connection that fails when a request's head takes too long, or when what is written is not taken.
pub(crate) struct TimedIo<S> {
    inner: S,
    activity: Arc<Activity>,
    header_timeout: Duration,
    stall_timeout: Duration,
    /// The head of which some bytes came.
    head: Option<Head>,
    /// Runs while nothing can be written.
    stall: Option<Pin<Box<Sleep>>>,
}

/// A head on its way.
struct Head {
    /// The number of the request.
    number: u64,
    /// Begins to run when the rest has to be waited for, which it hardly ever has.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<S> TimedIo<S> {
    pub(crate) fn new(
        inner: S,
        activity: Arc<Activity>,
        header_timeout: Duration,
        stall_timeout: Duration,
    ) -> Self {
        Self { inner, activity, header_timeout, stall_timeout, head: None, stall: None }
    }

    /// Passes on a write's outcome, unless it has been pending for too long.
    fn watch_write<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stall = None;
            return written;
        }
        let timeout = self.stall_timeout;
        let stall = self.stall.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        futures_util::ready!(stall.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not take the reply")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(cx, buffer);
        let awaited = self.activity.awaited_head();
        if self.head.as_ref().map(|head| head.number) != awaited {
            self.head = None;
        }
        match (read, awaited) {
            (Poll::Ready(result), Some(number)) => {
                if self.head.is_none() && buffer.filled().len() > before {
                    self.head = Some(Head { number, deadline: None });
                }
                Poll::Ready(result)
            }
            (Poll::Ready(result), None) => Poll::Ready(result),
            (Poll::Pending, _) => {
                let timeout = self.header_timeout;
                let Some(head) = &mut self.head else { return Poll::Pending };
                let deadline = head.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
                futures_util::ready!(deadline.as_mut().poll(cx));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the request's head takes too long")))
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimedIo<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.watch_write(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        self.watch_write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        self.watch_write(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.watch_write(cx, ended)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const HEAD: Duration = Duration::from_secs(10);
    const STALL: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_head_must_end_in_time_and_idling_is_counted_apart() {
        let (mut client, server) = tokio::io::duplex(64);
        let activity = Activity::new();
        let mut io = TimedIo::new(server, Arc::clone(&activity), HEAD, STALL);

        let began = Instant::now();
        activity.idle(Duration::from_secs(100)).await;
        assert_eq!(began.elapsed().as_secs(), 100, "idling is no head");

        client.write_all(b"GET").await.unwrap();
        io.read_exact(&mut [0; 3]).await.unwrap();
        let request = activity.begin(http::Version::HTTP_11);
        let body = tokio::time::timeout(HEAD * 5, io.read_u8()).await;
        assert!(body.is_err(), "a body has other limits");
        drop(request);

        client.write_all(b"G").await.unwrap();
        io.read_u8().await.unwrap();
        let began = Instant::now();
        let error = io.read_u8().await.unwrap_err();
        assert_eq!((error.kind(), began.elapsed()), (io::ErrorKind::TimedOut, HEAD));
    }

    #[tokio::test(start_paused = true)]
    async fn replies_of_http2_must_be_taken() {
        let activity = Activity::new();
        let mut first = activity.begin(http::Version::HTTP_2);
        let mut second = activity.begin(http::Version::HTTP_2);
        let long = tokio::time::timeout(STALL * 5, activity.stalled(STALL)).await;
        assert!(long.is_err(), "what the store or the handler takes is not the client's fault");
        first.offers(true);
        let long = tokio::time::timeout(STALL * 5, activity.stalled(STALL)).await;
        assert!(long.is_err(), "the second may be an upload that goes on");
        second.offers(true);
        tokio::time::sleep(STALL / 2).await;
        first.offers(false);
        drop(first);
        let began = Instant::now();
        activity.stalled(STALL).await;
        assert_eq!(began.elapsed(), STALL, "counted from what was taken last");
        drop(second);
        let over = tokio::time::timeout(STALL * 5, activity.stalled(STALL)).await;
        assert!(over.is_err(), "no reply waits any more");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_must_take_what_is_written() {
        let (_client, server) = tokio::io::duplex(4);
        let mut io = TimedIo::new(server, Activity::new(), HEAD, STALL);
        let began = Instant::now();
        let error = io.write_all(b"more than fits").await.unwrap_err();
        assert_eq!((error.kind(), began.elapsed()), (io::ErrorKind::TimedOut, STALL));
    }
}
