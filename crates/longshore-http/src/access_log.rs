//! One event and one sample per request, when its reply has been sent or given up.

use std::{
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Instant,
};

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode};
use http_body::{Body, Frame, SizeHint};
use longshore_types::RepositoryName;

use crate::{
    Metrics,
    activity::InFlight,
    body::{ResponseBody, SendError},
    metrics::Sample,
    proxies::Origin,
    request_id::RequestId,
    route::Route,
    sendfile::FileSender,
};

/// The target of the events, for filters: `longshore::access=off` costs nothing per request.
pub const ACCESS_LOG_TARGET: &str = "longshore::access";

/// What is known of a request so far. When it is dropped, the request has ended.
pub(crate) struct Record {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) started: Instant,
    pub(crate) request_id: RequestId,
    pub(crate) method: Method,
    pub(crate) route: Route,
    pub(crate) repository: Option<RepositoryName>,
    pub(crate) caller: Option<Arc<str>>,
    pub(crate) client: Option<IpAddr>,
    pub(crate) user_agent: Option<HeaderValue>,
    pub(crate) status: StatusCode,
    pub(crate) received_bytes: Option<Arc<AtomicU64>>,
    pub(crate) sent_bytes: u64,
    /// Whether the whole reply went out.
    pub(crate) complete: bool,
    /// Whether the request carries content of a blob.
    pub(crate) uploads: bool,
    pub(crate) in_flight: InFlight,
}

impl Record {
    /// Counts the request as under way.
    pub(crate) fn begin(&self) {
        self.metrics.in_flight.inc();
    }

    /// Counts the request as an upload under way.
    pub(crate) fn begin_upload(&mut self) {
        self.uploads = true;
        self.metrics.uploading.inc();
    }

    /// What the client calls itself; empty if it does not.
    pub(crate) fn user_agent_text(&self) -> String {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        self.user_agent.as_ref().map(text).unwrap_or_default()
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.metrics.in_flight.dec();
        if self.uploads {
            self.metrics.uploading.dec();
        }
        let duration = self.started.elapsed();
        let received_bytes = self.received_bytes.as_ref().map_or(0, |bytes| bytes.load(Ordering::Relaxed));
        self.metrics.observe(&Sample {
            route: self.route,
            method: &self.method,
            status: self.status,
            seconds: duration.as_secs_f64(),
            received_bytes,
            sent_bytes: self.sent_bytes,
        });
        tracing::info!(
            target: ACCESS_LOG_TARGET,
            method = self.method.as_str(),
            route = self.route.as_str(),
            repository = self.repository.as_ref().map(RepositoryName::as_str),
            status = self.status.as_u16(),
            received_bytes,
            sent_bytes = self.sent_bytes,
            complete = self.complete,
            // Whole microseconds: more digits are noise.
            duration_ms = duration.as_micros() as f64 / 1e3,
            caller = self.caller.as_deref(),
            client = Origin::client_text(self.client),
            user_agent = self.user_agent_text(),
            request_id = self.request_id.to_string(),
            "{} {}",
            self.method,
            self.route.as_str(),
        );
    }
}

/// The body of a reply with the request's record, which ends with it.
pub(crate) struct RecordedBody {
    body: ResponseBody,
    /// Boxed, because hyper moves bodies a few times.
    record: Box<Record>,
}

impl RecordedBody {
    pub(crate) fn new(body: ResponseBody, mut record: Box<Record>) -> Self {
        record.complete = body.is_end_stream();
        record.in_flight.offers(!record.complete);
        Self { body, record }
    }

    /// See [`ResponseBody::send_files`].
    pub(crate) fn send_files(&mut self, sender: FileSender) {
        self.body.send_files(sender);
    }
}

impl Body for RecordedBody {
    type Data = Bytes;
    type Error = SendError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, SendError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        // While the store is slow, nothing waits for the client.
        let more = polled.is_ready() && !self.body.is_end_stream();
        self.record.in_flight.offers(more);
        let next = futures_util::ready!(polled);
        match &next {
            Some(Ok(frame)) => {
                self.record.sent_bytes += frame.data_ref().map_or(0, Bytes::len) as u64;
                self.record.complete = self.body.is_end_stream();
            }
            Some(Err(error)) => {
                // After the first byte nothing can be said to the client: the connection ends.
                tracing::error!(
                    request_id = self.record.request_id.to_string(),
                    error = longshore_types::error_chain(error),
                    "reply broken off"
                );
            }
            None => {}
        }
        Poll::Ready(next)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
