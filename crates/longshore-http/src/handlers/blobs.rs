//! end-2 and end-10: blobs.

use http::{HeaderValue, Method, StatusCode, header};
use longshore_registry::PulledBlob;
use longshore_types::{ByteRange, Digest, ErrorCode, RangesSpec, RepositoryName};

use super::{DOCKER_CONTENT_DIGEST, Reply, reply, text_header};
use crate::{
    body::ResponseBody,
    conditional,
    context::{Context, Request},
    error::ApiError,
    ranges::{self, Answer},
};

const OCTET_STREAM: HeaderValue = HeaderValue::from_static("application/octet-stream");

pub(crate) async fn pull(
    cx: &Context,
    request: &Request,
    repository: &RepositoryName,
    digest: &Digest,
) -> Reply {
    let pulled = cx.registry.blob(&request.call, repository, digest).await?;
    let etag = conditional::etag(&pulled.digest);
    let digest_text = text_header(etag.slice(1..etag.len() - 1))?;
    let etag = text_header(etag)?;
    let etag_text = etag.to_str().map_err(ApiError::internal)?;
    let mut response = if conditional::none_match_hits(&request.head.headers, etag_text) {
        reply(StatusCode::NOT_MODIFIED, ResponseBody::empty())
    } else if let Some(location) = redirect(request, &pulled)? {
        let mut response = reply(StatusCode::TEMPORARY_REDIRECT, ResponseBody::empty());
        response.headers_mut().insert(header::LOCATION, location);
        response
    } else {
        let mut response = content(request, &pulled, etag_text)?;
        if request.head.method != Method::HEAD {
            response.body_mut().begin().await?;
        }
        response
    };
    let headers = response.headers_mut();
    headers.insert(DOCKER_CONTENT_DIGEST, digest_text);
    headers.insert(header::ETAG, etag);
    // The bytes under a digest never change.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=31536000, immutable"));
    Ok(response)
}

/// Addresses made for GET do not serve HEAD, and what HEAD asks for is known here.
fn redirect(request: &Request, pulled: &PulledBlob) -> Result<Option<HeaderValue>, ApiError> {
    match &pulled.redirect {
        Some(url) if request.head.method == Method::GET => {
            HeaderValue::from_str(url).map(Some).map_err(ApiError::internal)
        }
        _ => Ok(None),
    }
}

fn content(request: &Request, pulled: &PulledBlob, etag: &str) -> Reply {
    let blob = &pulled.blob;
    let size_bytes = blob.size_bytes();
    let body = |range: ByteRange| ResponseBody::content(blob, range);
    let answer = match request.head.method {
        // "A HEAD request to an existing blob MUST return 200 OK", and ranges are defined for GET only (RFC 9110
        // section 14.2).
        Method::HEAD => Answer::Whole,
        _ => ranges::decide(&request.head.headers, etag, size_bytes),
    };
    let mut response = match answer {
        Answer::Whole => {
            let body = ByteRange::whole(size_bytes).map_or_else(ResponseBody::empty, body);
            let mut response = reply(StatusCode::OK, body);
            response.headers_mut().insert(header::CONTENT_TYPE, OCTET_STREAM);
            response
        }
        Answer::Single(range) => {
            let mut response = reply(StatusCode::PARTIAL_CONTENT, body(range));
            let content_range = HeaderValue::try_from(format!("bytes {range}/{size_bytes}"));
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_RANGE, content_range.expect("digits make a header"));
            headers.insert(header::CONTENT_TYPE, OCTET_STREAM);
            response
        }
        Answer::Multiple(ranges) => {
            let multipart = ranges::multipart(blob, &ranges, "application/octet-stream");
            let mut response = reply(StatusCode::PARTIAL_CONTENT, ResponseBody::of_pieces(multipart.pieces));
            let content_type = HeaderValue::try_from(multipart.content_type);
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, content_type.expect("a boundary is hex digits"));
            response
        }
        Answer::Unsatisfiable => return Err(ApiError::range_not_satisfiable(size_bytes)),
        Answer::TooMany => {
            let message = format!("more than {} ranges in one request", RangesSpec::COUNT_MAX);
            return Err(ApiError::client(StatusCode::BAD_REQUEST, ErrorCode::Unsupported, message));
        }
    };
    response.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    Ok(response)
}

pub(crate) async fn delete(
    cx: &Context,
    request: &Request,
    repository: &RepositoryName,
    digest: &Digest,
) -> Reply {
    cx.registry.delete_blob(&request.call, repository, digest).await?;
    Ok(reply(StatusCode::ACCEPTED, ResponseBody::empty()))
}
