//! end-4, end-5, end-6, end-11, end-13 and end-14: uploads.

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use longshore_registry::{MountOutcome, UploadError, UploadStatus};
use longshore_types::{Digest, DigestAlgorithm, ErrorCode, RepositoryName, UploadId};

use super::{Reply, created, refuse_encoded, reply};
use crate::{
    body::ResponseBody,
    context::{Context, Request},
    endpoint::UploadStart,
    error::ApiError,
    second_decision::decided_again,
    urls::Urls,
};

const DOCKER_UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");

pub(crate) async fn start(
    cx: &Context,
    request: Request,
    repository: &RepositoryName,
    start: &UploadStart,
) -> Reply {
    match start {
        UploadStart::Session(algorithm) => session(cx, &request, repository, *algorithm).await,
        UploadStart::Whole(digest) => whole(cx, request, repository, digest).await,
        UploadStart::Mount { digest, from } => {
            match cx.registry.mount_blob(&request.call, repository, digest, from.as_ref()).await? {
                MountOutcome::Mounted(digest) => Ok(created(request.urls.blob(repository, &digest), &digest)),
                MountOutcome::NotMounted => session(cx, &request, repository, digest.algorithm()).await,
            }
        }
    }
}

async fn session(
    cx: &Context,
    request: &Request,
    repository: &RepositoryName,
    algorithm: DigestAlgorithm,
) -> Reply {
    let status = cx.registry.start_upload(&request.call, repository, algorithm).await?;
    Ok(standing(StatusCode::ACCEPTED, &request.urls, repository, &status))
}

async fn whole(cx: &Context, request: Request, repository: &RepositoryName, digest: &Digest) -> Reply {
    let Request { head, body, call, urls, .. } = request;
    refuse_encoded(&head.headers)?;
    let size_bytes = body.size_bytes();
    let body = decided_again(cx, &call, repository, body);
    let pushed = cx.registry.push_blob(&call, repository, digest, size_bytes, body).await?;
    Ok(created(urls.blob(repository, &pushed.digest), &pushed.digest))
}

pub(crate) async fn status(
    cx: &Context,
    request: &Request,
    repository: &RepositoryName,
    id: &UploadId,
) -> Reply {
    let status = cx.registry.upload_status(&request.call, repository, id).await?;
    Ok(standing(StatusCode::NO_CONTENT, &request.urls, repository, &status))
}

pub(crate) async fn append(
    cx: &Context,
    request: Request,
    repository: &RepositoryName,
    id: &UploadId,
) -> Reply {
    let Request { head, body, call, urls, .. } = request;
    refuse_encoded(&head.headers)?;
    let chunk = Chunk::of(&head.headers, body.size_bytes())?;
    let appended = cx
        .registry
        .append_upload(&call, repository, id, chunk.offset, chunk.size_bytes, body.into_stream())
        .await;
    match appended {
        Ok(status) => Ok(standing(StatusCode::ACCEPTED, &urls, repository, &status)),
        Err(error) => Err(with_standing(error, &urls, repository)),
    }
}

pub(crate) async fn finish(
    cx: &Context,
    request: Request,
    repository: &RepositoryName,
    id: &UploadId,
    digest: &Digest,
) -> Reply {
    let Request { head, body, call, urls, .. } = request;
    refuse_encoded(&head.headers)?;
    let chunk = Chunk::of(&head.headers, body.size_bytes())?;
    let body = decided_again(cx, &call, repository, body);
    let finished =
        cx.registry.finish_upload(&call, repository, id, digest, chunk.offset, chunk.size_bytes, body).await;
    match finished {
        Ok(pushed) => Ok(created(urls.blob(repository, &pushed.digest), &pushed.digest)),
        Err(error) => Err(with_standing(error, &urls, repository)),
    }
}

pub(crate) async fn cancel(
    cx: &Context,
    request: &Request,
    repository: &RepositoryName,
    id: &UploadId,
) -> Reply {
    cx.registry.cancel_upload(&request.call, repository, id).await?;
    Ok(reply(StatusCode::NO_CONTENT, ResponseBody::empty()))
}

/// Where a chunk belongs, as far as the client says.
#[derive(Debug, PartialEq, Eq)]
struct Chunk {
    offset: Option<u64>,
    size_bytes: Option<u64>,
}

impl Chunk {
    /// `Content-Range: <first>-<last>`, both inclusive; docker sends none, then the chunk goes to the end.
    fn of(headers: &HeaderMap, size_bytes: Option<u64>) -> Result<Self, ApiError> {
        let Some(range) = headers.get(header::CONTENT_RANGE) else {
            return Ok(Self { offset: None, size_bytes });
        };
        let (first, last) = content_range(range).ok_or_else(|| {
            let message = "Content-Range must be <first byte>-<last byte>";
            ApiError::client(StatusCode::BAD_REQUEST, ErrorCode::BlobUploadInvalid, message)
        })?;
        let length = last - first + 1;
        match size_bytes {
            Some(actual) if actual != length => Err(ApiError::client(
                StatusCode::BAD_REQUEST,
                ErrorCode::SizeInvalid,
                format!("Content-Range says {length} bytes, the request has {actual}"),
            )),
            _ => Ok(Self { offset: Some(first), size_bytes: Some(length) }),
        }
    }
}

/// `^[0-9]+-[0-9]+$`, the last not before the first.
fn content_range(value: &HeaderValue) -> Option<(u64, u64)> {
    let number = |text: &str| match text.bytes().all(|b| b.is_ascii_digit()) {
        true => text.parse::<u64>().ok(),
        false => None,
    };
    let (first, last) = value.to_str().ok()?.split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    // The length must fit too.
    (first <= last && last < u64::MAX).then_some((first, last))
}

/// A reply that says how far an upload is.
fn standing(
    code: StatusCode,
    urls: &Urls,
    repository: &RepositoryName,
    status: &UploadStatus,
) -> Response<ResponseBody> {
    let mut response = reply(code, ResponseBody::empty());
    response.headers_mut().extend(standing_headers(urls, repository, status));
    response
}

/// `Range` names the last byte; an empty upload has none, and `0-0` is what clients know for it.
fn standing_headers(
    urls: &Urls,
    repository: &RepositoryName,
    status: &UploadStatus,
) -> [(HeaderName, HeaderValue); 3] {
    let header = |text: String| HeaderValue::try_from(text).expect("digits make a header");
    [
        (header::LOCATION, urls.upload(repository, &status.id)),
        (header::RANGE, header(format!("0-{}", status.size_bytes.saturating_sub(1)))),
        (DOCKER_UPLOAD_UUID, header(status.id.to_string())),
    ]
}

/// Out of order: the client learns at once where to go on.
fn with_standing(error: UploadError, urls: &Urls, repository: &RepositoryName) -> ApiError {
    let headers = match &error {
        UploadError::OutOfOrder { status } => Some(standing_headers(urls, repository, status)),
        _ => None,
    };
    headers
        .into_iter()
        .flatten()
        .fold(ApiError::from(error), |error, (name, value)| error.with_header(name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks() {
        let chunk = |range: Option<&str>, size_bytes| {
            let range = range.map(|range| (header::CONTENT_RANGE, range.parse().unwrap()));
            Chunk::of(&HeaderMap::from_iter(range), size_bytes)
                .map(|chunk| (chunk.offset, chunk.size_bytes))
                .map_err(|error| error.status().as_u16())
        };
        assert_eq!(chunk(None, None), Ok((None, None)));
        assert_eq!(chunk(None, Some(5)), Ok((None, Some(5))));
        assert_eq!(chunk(Some("0-4"), Some(5)), Ok((Some(0), Some(5))));
        assert_eq!(chunk(Some("7-7"), None), Ok((Some(7), Some(1))));
        assert_eq!(chunk(Some("0-4"), Some(4)), Err(400));
        for bad in
            ["", "-", "1-", "-1", "2-1", "a-b", "bytes 0-4/5", "+0-4", "0-18446744073709551615", "0-4 "]
        {
            assert_eq!(chunk(Some(bad), Some(5)), Err(400), "{bad}");
        }
    }
}
