//! One connection, from handshake to close.

use std::{convert::Infallible, error::Error, pin::pin, sync::Arc};

use bytes::Bytes;
use http::Response;
use http_body::Body;
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    HttpLimits,
    activity::{Activity, InFlight, TimedIo},
    context::RawRequest,
    drain::Draining,
};

/// Longest buffer of HTTP/1: more than the headers may have, and large reads of bodies.
const BUFFER_BYTES_MAX: usize = 256 * 1024;
/// How much of a body one HTTP/2 stream may have under way; the default of 64 KiB makes uploads crawl over distances.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
/// The same for a connection.
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// Most streams that a client may have reset before they were looked at (CVE-2023-44487).
const RESET_STREAMS_MAX: usize = 20;

/// Serves requests until the other end closes, idles too long, or draining begins and the requests under way have ended.
pub(crate) async fn drive<S, F, B>(
    stream: S,
    limits: &HttpLimits,
    http2: bool,
    mut draining: Draining,
    respond: impl Fn(RawRequest, InFlight) -> F,
) where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let activity = Activity::new();
    let io = TimedIo::new(stream, Arc::clone(&activity), limits.header_timeout, limits.stall_timeout);
    let service = service_fn(|request: RawRequest| {
        let in_flight = activity.begin(request.version());
        let response = respond(request, in_flight);
        async move { Ok::<_, Infallible>(response.await) }
    });
    let builder = builder(limits, http2);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(io), service));
    tokio::select! {
        // Either way the connection is still polled below, or over.
        ended = &mut connection => return log_end(ended),
        () = draining.begun() => {}
        () = activity.silent(limits.header_timeout) => {}
        () = activity.idle(limits.idle_timeout) => {}
        // Dropping the connection ends its streams.
        () = activity.stalled(limits.stall_timeout) => return tracing::debug!("the client does not take replies"),
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        // In this order, so that the word that nothing more is taken goes out first.
        biased;
        ended = &mut connection => log_end(ended),
        // What has stopped to ask and does not close is not waited for.
        () = activity.idle(limits.header_timeout) => {}
        () = activity.stalled(limits.stall_timeout) => {}
    }
}

fn log_end(ended: Result<(), Box<dyn Error + Send + Sync>>) {
    if let Err(error) = ended {
        tracing::debug!(error = longshore_types::error_chain(&*error), "connection ended");
    }
}

fn builder(limits: &HttpLimits, http2: bool) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    if !http2 {
        builder = builder.http1_only();
    }
    // The time for a head is watched below HTTP (`TimedIo`), because hyper's own timeout runs while idling too.
    builder.http1().max_buf_size(BUFFER_BYTES_MAX).header_read_timeout(None);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.header_bytes_max).unwrap_or(u32::MAX))
        .max_concurrent_streams(limits.streams_max)
        .max_pending_accept_reset_streams(RESET_STREAMS_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .keep_alive_interval(limits.idle_timeout / 2)
        .keep_alive_timeout(limits.header_timeout);
    builder
}
