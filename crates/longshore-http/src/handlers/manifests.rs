//! end-3, end-7 and end-9: manifests.

use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use longshore_registry::{BodyError, ManifestTarget, PushedManifest};
use longshore_types::{ErrorCode, MediaType, Reference, RepositoryName};

use super::{DOCKER_CONTENT_DIGEST, Reply, created, digest_header, refuse_encoded, reply, text_header};
use crate::{
    body::ResponseBody,
    conditional,
    context::{Context, Request},
    error::ApiError,
    rate_limits,
    request_body::ReadError,
};

const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
const OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");

/// How long a manifest may be under way, in times that its body may stall.
const MANIFEST_STALLS_MAX: u32 = 5;

/// "A registry MUST NOT send more than 4096 bytes of warning data from all headers combined."
const WARNING_BYTES_MAX: usize = 4096;

/// Serves a manifest as it was pushed. `Accept` changes nothing: there is one representation, and clients that ask by
/// digest or copy images want it also when they forgot to name its type (RFC 9110 section 12.5.1 allows it).
pub(crate) async fn pull(
    cx: &Context,
    request: &Request,
    repository: &RepositoryName,
    reference: &Reference,
) -> Reply {
    let manifest = cx.registry.find_manifest(&request.call, repository, reference).await?;
    let etag = text_header(manifest.quoted_digest_text())?;
    let hit = conditional::none_match_hits(&request.head.headers, etag.to_str().unwrap_or_default());
    // Who only asks whether it is there, or has it already, does not pull it.
    let is_pull = !hit && request.head.method == Method::GET;
    let caller = (&request.call.caller, request.client);
    let pulls = cx.gate.pull(caller, repository, is_pull, request.call.now)?;
    cx.registry.tell_of_pull(&request.call, repository, reference, &manifest);
    let mut response = match hit {
        true => reply(StatusCode::NOT_MODIFIED, ResponseBody::empty()),
        false => reply(StatusCode::OK, ResponseBody::full(manifest.payload.clone())),
    };
    if is_pull {
        cx.registry.count_pull(repository, &manifest, request.call.now);
    }
    let headers = response.headers_mut();
    headers.insert(DOCKER_CONTENT_DIGEST, text_header(manifest.digest_text())?);
    headers.insert(header::ETAG, etag);
    if !hit {
        headers.insert(header::CONTENT_TYPE, text_header(manifest.media_type_text())?);
    }
    headers.extend(pulls.iter().flat_map(rate_limits::headers));
    Ok(response)
}

pub(crate) async fn push(
    cx: &Context,
    request: Request,
    repository: &RepositoryName,
    target: &ManifestTarget,
) -> Reply {
    let Request { head, body, call, urls, .. } = request;
    refuse_encoded(&head.headers)?;
    let content_type = content_type(head.headers.get(header::CONTENT_TYPE))?;
    let bytes_max = cx.limits.manifest_bytes_max;
    // What was decided at the head holds for so long at most, however slowly the body comes.
    let time_max = cx.limits.stall_timeout * MANIFEST_STALLS_MAX;
    let read = tokio::time::timeout(time_max, body.read_whole(bytes_max)).await;
    let read = read.unwrap_or(Err(ReadError::Body(BodyError::TimedOut)));
    let payload = read.map_err(|error| match error {
        ReadError::TooLarge => ApiError::client(
            StatusCode::PAYLOAD_TOO_LARGE,
            ErrorCode::ManifestInvalid,
            format!("the manifest is larger than {bytes_max} bytes"),
        ),
        ReadError::Body(error) => error.into(),
    })?;
    let pushed = cx.registry.push_manifest(&call, repository, target, content_type.as_ref(), payload).await?;
    Ok(pushed_reply(urls.manifest(repository, &pushed.digest), &pushed))
}

fn pushed_reply(location: HeaderValue, pushed: &PushedManifest) -> Response<ResponseBody> {
    let mut response = created(location, &pushed.digest);
    let headers = response.headers_mut();
    if let Some(subject) = &pushed.subject {
        headers.insert(OCI_SUBJECT, digest_header(subject));
    }
    for tag in &pushed.tags {
        headers.append(OCI_TAG, HeaderValue::from_str(tag.as_str()).expect("a tag has only visible ASCII"));
    }
    for warning in warnings(&pushed.warnings) {
        headers.append(header::WARNING, warning);
    }
    response
}

pub(crate) async fn delete(
    cx: &Context,
    request: &Request,
    repository: &RepositoryName,
    reference: &Reference,
) -> Reply {
    cx.registry.delete_manifest(&request.call, repository, reference).await?;
    Ok(reply(StatusCode::ACCEPTED, ResponseBody::empty()))
}

fn content_type(value: Option<&HeaderValue>) -> Result<Option<MediaType>, ApiError> {
    let Some(value) = value else { return Ok(None) };
    let parsed = value.to_str().ok().and_then(|value| MediaType::from_content_type(value).ok());
    parsed.map(Some).ok_or_else(|| {
        ApiError::client(StatusCode::BAD_REQUEST, ErrorCode::ManifestInvalid, "invalid Content-Type")
    })
}

/// "Warnings": `299 - "text"`, no more than fit.
fn warnings(texts: &[String]) -> Vec<HeaderValue> {
    let mut left_bytes = WARNING_BYTES_MAX;
    texts
        .iter()
        .map_while(|text| {
            let visible: String = text
                .chars()
                .map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' })
                .flat_map(|c| matches!(c, '"' | '\\').then_some('\\').into_iter().chain([c]))
                .collect();
            let header = HeaderValue::try_from(format!("299 - \"{visible}\"")).ok()?;
            left_bytes = left_bytes.checked_sub(header.len())?;
            Some(header)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_quoted_and_limited() {
        assert_eq!(warnings(&["say \"hi\"\r\nX: ä".to_owned()]), [r#"299 - "say \"hi\"??X: ?""#]);
        let many = vec!["x".repeat(1000); 10];
        assert_eq!(warnings(&many).len(), 4);
    }
}
