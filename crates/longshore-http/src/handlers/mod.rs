//! One call of a use case each: read the request, call, write the reply.

pub(crate) mod base;
pub(crate) mod blobs;
pub(crate) mod catalog;
pub(crate) mod manifests;
pub(crate) mod operations;
pub(crate) mod referrers;
pub(crate) mod tags;
pub(crate) mod uploads;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use longshore_types::{Digest, ErrorCode};
use serde::Serialize;

use crate::{body::ResponseBody, endpoint::PageQuery, error::ApiError, query, urls::Urls};

/// As many headers as a reply usually has; a map that begins empty would grow twice.
const HEADERS_COUNT: usize = 12;

/// What a handler answers.
pub(crate) type Reply = Result<Response<ResponseBody>, ApiError>;

const DOCKER_CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

fn reply(status: StatusCode, body: ResponseBody) -> Response<ResponseBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = HeaderMap::with_capacity(HEADERS_COUNT);
    response
}

/// `value` is made of structs, lists and text, which JSON has words for.
fn json_reply(content_type: &'static str, value: &impl Serialize) -> Response<ResponseBody> {
    let json = serde_json::to_vec(value).expect("a reply has only text keys");
    let mut response = reply(StatusCode::OK, ResponseBody::full(json));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn digest_header(digest: &Digest) -> HeaderValue {
    HeaderValue::try_from(digest.to_string()).expect("a digest has only visible ASCII")
}

/// Text that is at hand, taken as it is.
fn text_header(text: Bytes) -> Result<HeaderValue, ApiError> {
    HeaderValue::from_maybe_shared(text).map_err(ApiError::internal)
}

/// 201 for content that lies under `location` now.
fn created(location: HeaderValue, digest: &Digest) -> Response<ResponseBody> {
    let mut response = reply(StatusCode::CREATED, ResponseBody::empty());
    response.headers_mut().insert(header::LOCATION, location);
    response.headers_mut().insert(DOCKER_CONTENT_DIGEST, digest_header(digest));
    response
}

/// Content is stored as it comes, so it must not come compressed by the transport.
fn refuse_encoded(headers: &HeaderMap) -> Result<(), ApiError> {
    match headers.get(header::CONTENT_ENCODING) {
        Some(encoding) if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") => Err(ApiError::client(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ErrorCode::Unsupported,
            "Content-Encoding is not supported: send content as it is",
        )),
        _ => Ok(()),
    }
}

/// How many entries a page gets: what is asked for, but not more than `count_max`, which also holds when nothing is asked for. The
/// specification allows fewer entries than asked for when a `Link` follows.
fn page_limit(page: &PageQuery, count_max: usize) -> usize {
    page.count.unwrap_or(count_max).min(count_max)
}

/// `Link` to the page after `last` (RFC 8288).
fn next_page(urls: &Urls, path: &str, last: &str, page: &PageQuery, filter: Option<&str>) -> HeaderValue {
    let mut link = format!("<{}?last={}", urls.path(path), query::encode(last));
    if let Some(count) = page.count {
        link.push_str(&format!("&n={count}"));
    }
    if let Some(filter) = filter {
        link.push_str(&format!("&artifactType={}", query::encode(filter)));
    }
    link.push_str(">; rel=\"next\"");
    HeaderValue::try_from(link).expect("what is not visible ASCII was escaped")
}
