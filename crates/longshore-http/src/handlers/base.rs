//! `/v2/` and `/`.

use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;

use super::{json_reply, reply};
use crate::body::ResponseBody;

/// end-1: this is a registry, and the caller is let in.
pub(crate) fn base() -> Response<ResponseBody> {
    json_reply("application/json; charset=utf-8", &json!({}))
}

/// What a person sees who opens the registry's address.
pub(crate) fn root() -> Response<ResponseBody> {
    let text = "Longshore, a container image registry. Its API is under /v2/; docker pull <this host>/<name>:<tag>\n";
    let mut response = reply(StatusCode::OK, ResponseBody::full(text));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
