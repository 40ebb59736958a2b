//! For operators: liveness, readiness, metrics.

use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;

use super::{json_reply, reply};
use crate::{Metrics, body::ResponseBody, context::Context};

/// The process serves requests.
pub(crate) fn live() -> Response<ResponseBody> {
    text(StatusCode::OK, "ok\n")
}

/// Storage and index work too. What does not work is for the log, not for whoever asks.
pub(crate) async fn ready(cx: &Context) -> Response<ResponseBody> {
    match cx.readiness.check(&cx.registry).await {
        Ok(()) => text(StatusCode::OK, "ok\n"),
        Err(reason) => {
            tracing::warn!(reason, "not ready");
            text(StatusCode::SERVICE_UNAVAILABLE, "not ready, see the registry's log\n")
        }
    }
}

/// distribution's `/debug/health`: an object with a sentence for each part that fails. On the debug listener only.
pub(crate) async fn debug_health(cx: &Context) -> Response<ResponseBody> {
    match cx.readiness.check(&cx.registry).await {
        Ok(()) => json_reply("application/json; charset=utf-8", &json!({})),
        Err(reason) => {
            let mut response = json_reply("application/json; charset=utf-8", &json!({ "registry": reason }));
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            response
        }
    }
}

/// Everything counted, in Prometheus' text form.
pub(crate) fn metrics(metrics: &Metrics) -> Response<ResponseBody> {
    let mut response = reply(StatusCode::OK, ResponseBody::full(metrics.encode()));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8"),
    );
    response
}

fn text(status: StatusCode, text: &'static str) -> Response<ResponseBody> {
    let mut response = reply(status, ResponseBody::full(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
