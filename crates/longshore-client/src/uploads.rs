//! Pushing blobs: mounted where that goes, streamed else, and continued where a connection broke. Distribution
//! specification v1.1.1, "Pushing blobs".

use std::{error::Error, future::Future, pin::Pin, time::SystemTime};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream::BoxStream};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, LOCATION, RANGE},
};
use longshore_types::{Digest, RepositoryName};
use reqwest::{Body, Response, Url};

use crate::{ClientError, Repository, registry::Request, retry, scope::Scopes};

/// Bytes on their way, from wherever they come.
pub type Pieces = BoxStream<'static, Result<Bytes, Box<dyn Error + Send + Sync>>>;

/// Where the bytes of a blob come from. It may be asked again, for the rest.
pub trait BlobSource: Send + Sync {
    /// The content from `offset` on.
    fn open(&self, offset: u64) -> Pin<Box<dyn Future<Output = Result<Pieces, ClientError>> + Send + '_>>;
}

/// How a blob got where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It was there.
    Present,
    /// The registry had it in another repository.
    Mounted,
    /// Its bytes were sent.
    Sent,
}

/// What a blob is, and how far it got.
pub struct BlobPush<'a> {
    /// Its digest.
    pub digest: Digest,
    /// Its length.
    pub size_bytes: u64,
    /// A repository of the same registry that has it.
    pub mount_from: Option<&'a RepositoryName>,
    /// Its content.
    pub source: &'a dyn BlobSource,
    /// Called with the bytes that went out, and with less than nothing when they have to go again.
    pub progress: std::sync::Arc<dyn Fn(i64) + Send + Sync>,
}

impl Repository {
    /// Makes sure that a blob is there.
    ///
    /// # Errors
    /// If the registry refuses it, or the content cannot be had.
    pub async fn push_blob(&self, push: &BlobPush<'_>) -> Result<Pushed, ClientError> {
        match self.blob_size(&push.digest).await {
            Ok(_) => return Ok(Pushed::Present),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
        let Some(upload) = self.begin(push).await? else { return Ok(Pushed::Mounted) };
        self.send_all(push, upload).await.map(|()| Pushed::Sent)
    }

    /// `None` if the blob was mounted, else where its bytes go.
    async fn begin(&self, push: &BlobPush<'_>) -> Result<Option<Url>, ClientError> {
        let mut path = self.path("blobs/uploads/");
        if let Some(from) = self.other(push) {
            path.push_str(&format!("?mount={}&from={from}", push.digest));
        }
        let response = self.registry.send(Request::new(Method::POST, path, self.scopes(push))).await?;
        match response.status() {
            StatusCode::CREATED => Ok(None),
            _ => self.location(&response).map(Some),
        }
    }

    /// A repository to mount from.
    fn other<'a>(&self, push: &BlobPush<'a>) -> Option<&'a RepositoryName> {
        push.mount_from.filter(|from| **from != self.name)
    }

    /// The same for all requests of an upload, so that the first one's login serves the others.
    fn scopes(&self, push: &BlobPush<'_>) -> Scopes {
        let own = Scopes::push(&self.name);
        match self.other(push) {
            Some(from) => own.and(Scopes::pull(from)),
            None => own,
        }
    }

    async fn send_all(&self, push: &BlobPush<'_>, mut upload: Url) -> Result<(), ClientError> {
        let (mut offset, mut attempt) = (0, 1);
        loop {
            let error = match self.send_rest(push, &upload, offset).await {
                Ok(()) => return Ok(()),
                Err(error) if may_pass(&error) => error,
                Err(error) => return Err(error),
            };
            let Some(wait) = retry::wait(attempt, None, SystemTime::now(), retry::jitter()) else {
                return Err(error);
            };
            tracing::debug!(digest = %push.digest, attempt, "an upload broke; going on where it was");
            tokio::time::sleep(wait).await;
            attempt += 1;
            (upload, offset) = match self.state(push, &upload).await {
                Ok(state) => state,
                Err(error) if error.is_not_found() => match self.begin(push).await? {
                    Some(anew) => (anew, 0),
                    None => return Ok(()),
                },
                Err(error) => return Err(error),
            };
        }
    }

    /// The whole in one request, or what is missing and then the end.
    async fn send_rest(&self, push: &BlobPush<'_>, upload: &Url, offset: u64) -> Result<(), ClientError> {
        let mut end = upload.clone();
        if offset == 0 {
            end.query_pairs_mut().append_pair("digest", &push.digest.to_string());
            self.stream(push, Method::PUT, end, 0).await?;
            return Ok(());
        }
        if offset < push.size_bytes {
            let response = self.stream(push, Method::PATCH, end, offset).await?;
            end = self.location(&response)?;
        }
        end.query_pairs_mut().append_pair("digest", &push.digest.to_string());
        self.registry.send(Request::at(Method::PUT, end, self.scopes(push))).await.map(drop)
    }

    async fn stream(
        &self,
        push: &BlobPush<'_>,
        method: Method,
        url: Url,
        offset: u64,
    ) -> Result<Response, ClientError> {
        let rest = push.size_bytes - offset;
        let mut request = Request::at(method, url, self.scopes(push))
            .header(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))
            .header(CONTENT_LENGTH, HeaderValue::from(rest));
        if offset > 0 {
            let range = format!("{offset}-{}", push.size_bytes.saturating_sub(1));
            let range = HeaderValue::from_str(&range)
                .map_err(|error| ClientError::protocol(self.registry.host(), error.to_string()))?;
            request = request.header(CONTENT_RANGE, range);
        }
        let sent = Sent::new(push);
        let counted = sent.clone();
        let pieces = push.source.open(offset).await?.inspect(move |piece| {
            if let Ok(piece) = piece {
                counted.add(piece.len());
            }
        });
        let outcome = self.registry.send_stream(request, Body::wrap_stream(pieces)).await;
        if outcome.is_err() {
            sent.take_back();
        }
        outcome
    }

    /// Where an upload goes on, and from which byte.
    async fn state(&self, push: &BlobPush<'_>, upload: &Url) -> Result<(Url, u64), ClientError> {
        let request = Request::at(Method::GET, upload.clone(), self.scopes(push));
        let response = self.registry.send(request).await?;
        let next = self.location(&response).unwrap_or_else(|_| upload.clone());
        Ok((next, received(response.headers())))
    }

    /// The place that an answer names. At the registry itself: nothing of ours goes elsewhere.
    fn location(&self, response: &Response) -> Result<Url, ClientError> {
        let host = self.registry.host();
        let text = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let url = text.and_then(|text| response.url().join(text).ok());
        match url {
            Some(url)
                if url.host_str() == response.url().host_str() && url.scheme() == response.url().scheme() =>
            {
                Ok(url)
            }
            // A proxy in front that does not know its own scheme: the registry means itself.
            Some(mut url) if url.host_str() == response.url().host_str() && url.scheme() == "http" => {
                match url.set_scheme(response.url().scheme()) {
                    Ok(()) => Ok(url),
                    Err(()) => Err(ClientError::protocol(host, format!("it sends uploads to {url}"))),
                }
            }
            Some(url) => Err(ClientError::protocol(host, format!("it sends uploads to {url}"))),
            None => Err(ClientError::protocol(host, "it began an upload without a Location")),
        }
    }
}

/// What went out in one request, to be taken back if it has to go again.
#[derive(Clone)]
struct Sent {
    bytes: std::sync::Arc<std::sync::atomic::AtomicI64>,
    progress: std::sync::Arc<dyn Fn(i64) + Send + Sync>,
}

impl Sent {
    fn new(push: &BlobPush<'_>) -> Self {
        Self { bytes: std::sync::Arc::default(), progress: push.progress.clone() }
    }

    fn add(&self, bytes: usize) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.bytes.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed);
        (self.progress)(bytes);
    }

    fn take_back(&self) {
        (self.progress)(-self.bytes.swap(0, std::sync::atomic::Ordering::Relaxed));
    }
}

/// `Range: 0-99` is a hundred bytes. `0-0` is one or none: registries differ, and none is safe.
fn received(headers: &HeaderMap) -> u64 {
    let text = headers.get(RANGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let last = text.rsplit_once('-').and_then(|(_, last)| last.parse::<u64>().ok());
    match last {
        None | Some(0) => 0,
        Some(last) => last.saturating_add(1),
    }
}

/// Content that is wrong stays so; what was said of it lies within the broken connection.
fn is_about_content(error: &ClientError) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(each) = cause {
        if matches!(
            each.downcast_ref(),
            Some(ClientError::DigestMismatch { .. } | ClientError::Content { .. } | ClientError::Local(_))
        ) {
            return true;
        }
        cause = each.source();
    }
    false
}

fn may_pass(error: &ClientError) -> bool {
    match error {
        _ if is_about_content(error) => false,
        ClientError::Broken { .. } | ClientError::Unreachable { .. } => true,
        // 416: what the registry has is not what we thought; it says how much that is.
        ClientError::Refused(refusal) => {
            retry::may_pass(refusal.status) || refusal.status == StatusCode::RANGE_NOT_SATISFIABLE
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrived_is_read() {
        let check = |text: &str, expected| {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, text.parse().unwrap());
            assert_eq!(received(&headers), expected, "{text}");
        };
        check("0-99", 100);
        check("0-0", 0);
        check("bytes=0-9", 10);
        check("all", 0);
        assert_eq!(received(&HeaderMap::new()), 0);
    }
}
