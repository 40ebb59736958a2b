//! The listener for operators: health and metrics, as distribution's debug server has them.

use http::{Method, Response, StatusCode};
use longshore_types::ErrorCode;

use crate::{
    body::ResponseBody,
    context::{Context, RawRequest},
    error::ApiError,
    handlers::operations,
};

/// Answers a request on the debug listener.
pub(crate) async fn respond(
    cx: &Context,
    metrics_path: Option<&str>,
    request: RawRequest,
) -> Response<ResponseBody> {
    if *request.method() != Method::GET && *request.method() != Method::HEAD {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        return ApiError::client(status, ErrorCode::Unsupported, "only GET here").into_response();
    }
    match request.uri().path() {
        "/debug/health" => operations::debug_health(cx).await,
        "/livez" => operations::live(),
        "/readyz" => operations::ready(cx).await,
        path if metrics_path == Some(path) => operations::metrics(&cx.metrics),
        _ => ApiError::client(StatusCode::NOT_FOUND, ErrorCode::Unsupported, "nothing here").into_response(),
    }
}
