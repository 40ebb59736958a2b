//! What is counted, for Prometheus. Labels are route patterns, never names of repositories: those are without bound and
//! nobody else's business.

use std::sync::{OnceLock, atomic::AtomicU64};

use http::{Method, StatusCode};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use crate::{api::routes_count, route::Route};

/// Upper bounds of the buckets of durations, in seconds.
const DURATION_BUCKETS: [f64; 13] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 120.0];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    route: &'static str,
    method: &'static str,
    status: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RouteLabels {
    route: &'static str,
    method: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct LimitLabels {
    kind: &'static str,
    limit: &'static str,
}

/// The server's counters, and the registry of all counters of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    rate_limited: Family<LimitLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    /// Their members, found once.
    by_route: Box<[OfRoute]>,
    received_bytes: Counter<u64, AtomicU64>,
    sent_bytes: Counter<u64, AtomicU64>,
    /// Requests under way.
    pub(crate) in_flight: Gauge,
    /// Requests under way that carry content of a blob.
    pub(crate) uploading: Gauge,
    /// Connections that are open.
    pub(crate) connections: Gauge,
    /// TLS handshakes that failed.
    pub(crate) handshake_failures: Counter,
}

/// The members of one route, by method, and by status class: looking them up by labels costs more than counting.
#[derive(Debug, Default)]
struct OfRoute {
    requests: [[OnceLock<Counter>; STATUSES.len()]; METHODS.len()],
    durations: [OnceLock<Histogram>; METHODS.len()],
}

/// One request that has ended.
pub(crate) struct Sample<'a> {
    pub(crate) route: Route,
    pub(crate) method: &'a Method,
    pub(crate) status: StatusCode,
    pub(crate) seconds: f64,
    pub(crate) received_bytes: u64,
    pub(crate) sent_bytes: u64,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new(Registry::default())
    }
}

impl Metrics {
    /// Adds the server's counters to those of other parts.
    pub fn new(mut registry: Registry) -> Self {
        let durations: Family<_, _, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(DURATION_BUCKETS));
        let metrics = Self {
            registry: Registry::default(),
            requests: Family::default(),
            rate_limited: Family::default(),
            durations,
            by_route: (0..Route::COUNT + routes_count()).map(|_| OfRoute::default()).collect(),
            received_bytes: Counter::default(),
            sent_bytes: Counter::default(),
            in_flight: Gauge::default(),
            uploading: Gauge::default(),
            connections: Gauge::default(),
            handshake_failures: Counter::default(),
        };
        registry.sub_registry_with_prefix("longshore").register(
            "rate_limited",
            "Requests that were refused because there were too many",
            metrics.rate_limited.clone(),
        );
        let http = registry.sub_registry_with_prefix("longshore_http");
        http.register("requests", "Requests that have ended", metrics.requests.clone());
        http.register_with_unit(
            "request_duration",
            "From the request's headers to the end of the reply",
            Unit::Seconds,
            metrics.durations.clone(),
        );
        let bytes = |http: &mut Registry, name: &str, help: &str, counter: &Counter<u64, AtomicU64>| {
            http.register_with_unit(name, help, Unit::Bytes, counter.clone());
        };
        bytes(http, "received", "Bytes of requests' bodies", &metrics.received_bytes);
        bytes(http, "sent", "Bytes of replies' bodies", &metrics.sent_bytes);
        http.register("requests_in_flight", "Requests under way", metrics.in_flight.clone());
        http.register("uploads_in_flight", "Requests under way that carry a blob", metrics.uploading.clone());
        http.register("connections", "Open connections", metrics.connections.clone());
        http.register(
            "tls_handshake_failures",
            "TLS handshakes that failed",
            metrics.handshake_failures.clone(),
        );
        Self { registry, ..metrics }
    }

    /// Everything in Prometheus' text form.
    pub(crate) fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// Counts a refusal by a limit of `kind` for `limit`: requests or pulls.
    pub(crate) fn rate_limited(&self, kind: &'static str, limit: &'static str) {
        self.rate_limited.get_or_create_owned(&LimitLabels { kind, limit }).inc();
    }

    pub(crate) fn observe(&self, sample: &Sample<'_>) {
        // They are only kept to be found sooner: a route without a place is counted by its labels.
        let unkept;
        let of_route = match self.by_route.get(sample.route.index()) {
            Some(of_route) => of_route,
            None => {
                unkept = OfRoute::default();
                &unkept
            }
        };
        let (route, method, status) =
            (sample.route.as_str(), method_index(sample.method), status_index(sample.status));
        let labels = || RequestLabels { route, method: METHODS[method], status: STATUSES[status] };
        of_route.requests[method][status].get_or_init(|| self.requests.get_or_create_owned(&labels())).inc();
        let labels = || RouteLabels { route, method: METHODS[method] };
        of_route.durations[method]
            .get_or_init(|| self.durations.get_or_create_owned(&labels()))
            .observe(sample.seconds);
        if sample.received_bytes > 0 {
            self.received_bytes.inc_by(sample.received_bytes);
        }
        self.sent_bytes.inc_by(sample.sent_bytes);
    }
}

/// Labels of methods. Clients may invent methods, so the rest is one.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "other"];

fn method_index(method: &Method) -> usize {
    match *method {
        Method::GET => 0,
        Method::HEAD => 1,
        Method::POST => 2,
        Method::PUT => 3,
        Method::PATCH => 4,
        Method::DELETE => 5,
        _ => 6,
    }
}

/// Labels of statuses.
const STATUSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

fn status_index(status: StatusCode) -> usize {
    match status.as_u16() / 100 {
        2 => 0,
        3 => 1,
        4 => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_pattern() {
        let metrics = Metrics::default();
        let sample = Sample {
            route: Route::Base,
            method: &"BREW".parse().unwrap(),
            status: StatusCode::IM_A_TEAPOT,
            seconds: 0.002,
            received_bytes: 3,
            sent_bytes: 5,
        };
        metrics.observe(&sample);
        metrics.observe(&sample);
        for (route, method, status) in [
            (Route::Upload, Method::PATCH, StatusCode::ACCEPTED),
            (Route::None, Method::DELETE, StatusCode::OK),
        ] {
            metrics.observe(&Sample { route, method: &method, status, ..sample });
        }
        let text = metrics.encode();
        for line in [
            "longshore_http_requests_total{route=\"/v2/\",method=\"other\",status=\"4xx\"} 2",
            "longshore_http_request_duration_seconds_bucket{le=\"0.0025\",route=\"/v2/\",method=\"other\"} 2",
            "longshore_http_requests_total{route=\"/v2/<name>/blobs/uploads/<id>\",method=\"PATCH\",status=\"2xx\"} 1",
            "longshore_http_requests_total{route=\"none\",method=\"DELETE\",status=\"2xx\"} 1",
            "longshore_http_received_bytes_total 12",
            "longshore_http_sent_bytes_total 20",
            "longshore_http_connections 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }
}
