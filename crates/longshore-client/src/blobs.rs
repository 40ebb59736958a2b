//! Blobs: streams that go on where a connection broke, and end with an error unless the digest is right.

use bytes::Bytes;
use http::{
    HeaderValue, Method, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_RANGE, RANGE},
};
use longshore_types::{Digest, Digester, Reference};
use reqwest::Response;

use crate::{ClientError, Repository, registry::Request, retry, scope::Scopes};

/// A blob on its way. Ask for [`BlobStream::next`] until it gives nothing; only then the content is what was asked for.
#[derive(Debug)]
pub struct BlobStream {
    repository: Repository,
    digest: Digest,
    /// `None` once all was read and the digest was right, and for a part.
    digester: Option<Digester>,
    response: Response,
    size_bytes: Option<u64>,
    read_bytes: u64,
    /// How often it broke since the last byte came.
    broken: u32,
}

impl Repository {
    /// Whether the blob is there, and how long it is, if the registry says.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with 404 if it is not there.
    pub async fn blob_size(&self, digest: &Digest) -> Result<Option<u64>, ClientError> {
        let response = self.registry.send(self.blob_request(Method::HEAD, digest)).await?;
        Ok(content_length(&response))
    }

    /// Begins to pull a blob.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with 404 if it is not there.
    pub async fn blob(&self, digest: &Digest) -> Result<BlobStream, ClientError> {
        self.blob_from(digest, 0).await
    }

    /// Begins to pull a blob from a byte on. Only of a whole one the digest can be compared; of a part, whoever puts it
    /// together must.
    ///
    /// # Errors
    /// As of [`Repository::blob`], and if the registry knows no ranges.
    pub async fn blob_from(&self, digest: &Digest, offset: u64) -> Result<BlobStream, ClientError> {
        let reference = Reference::Digest(*digest);
        for mirror in self.mirrors_for(&reference) {
            if let Some(found) = mirror.gave(mirror.repository.own_blob_from(digest, offset).await) {
                return Ok(found);
            }
        }
        self.own_blob_from(digest, offset).await
    }

    async fn own_blob_from(&self, digest: &Digest, offset: u64) -> Result<BlobStream, ClientError> {
        let mut request = self.blob_request(Method::GET, digest);
        if offset > 0 {
            request = request.header(RANGE, range_from(self, offset)?);
        }
        let response = self.registry.send(request).await?;
        if offset > 0 && begins_at(&response) != Some(offset) {
            return Err(ClientError::protocol(self.registry.host(), "it sends no parts of blobs"));
        }
        Ok(BlobStream {
            repository: self.clone(),
            digest: *digest,
            digester: (offset == 0).then(|| Digester::new(digest.algorithm())),
            size_bytes: content_length(&response),
            response,
            read_bytes: offset,
            broken: 0,
        })
    }

    /// Pulls a blob whole, which must not be longer than `max` bytes: a configuration, a signature.
    ///
    /// # Errors
    /// As of [`Repository::blob`], and if it is longer.
    pub async fn blob_bytes(&self, digest: &Digest, max: usize) -> Result<Bytes, ClientError> {
        let mut stream = self.blob(digest).await?;
        let mut bytes = Vec::new();
        while let Some(piece) = stream.next().await? {
            if bytes.len() + piece.len() > max {
                return Err(ClientError::protocol(
                    self.registry.host(),
                    format!("{digest} is longer than {max} bytes"),
                ));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes.into())
    }

    fn blob_request(&self, method: Method, digest: &Digest) -> Request {
        Request::new(method, self.path(&format!("blobs/{digest}")), Scopes::pull(&self.name))
    }
}

impl BlobStream {
    /// How long the blob is, if the registry says.
    pub fn size_bytes(&self) -> Option<u64> {
        self.size_bytes
    }

    /// The next piece; `None` at the end, after the digest was compared.
    ///
    /// # Errors
    /// If the content is not what its digest says, or the connection broke too often without a byte in between.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        loop {
            match self.response.chunk().await {
                Ok(Some(piece)) => {
                    if let Some(digester) = &mut self.digester {
                        digester.update(&piece);
                    }
                    self.read_bytes += piece.len() as u64;
                    self.broken = 0;
                    return Ok(Some(piece));
                }
                Ok(None) => return self.finish().map(|()| None),
                Err(error) => self.resume(error).await?,
            }
        }
    }

    fn finish(&mut self) -> Result<(), ClientError> {
        let Some(digester) = self.digester.take() else { return Ok(()) };
        let actual = digester.finish();
        if actual == self.digest {
            return Ok(());
        }
        let host = self.repository.registry.host().clone();
        Err(ClientError::DigestMismatch { host, expected: self.digest, actual })
    }

    /// Asks for the rest. What was read stays read: its hash goes on.
    async fn resume(&mut self, error: reqwest::Error) -> Result<(), ClientError> {
        let registry = &self.repository.registry;
        self.broken += 1;
        let Some(wait) = retry::wait(self.broken, None, std::time::SystemTime::now(), retry::jitter()) else {
            return Err(registry.fault(error));
        };
        tracing::debug!(digest = %self.digest, read_bytes = self.read_bytes, "the connection broke; asking for the rest");
        tokio::time::sleep(wait).await;
        let range = range_from(&self.repository, self.read_bytes)?;
        let request = self.repository.blob_request(Method::GET, &self.digest).header(RANGE, range);
        let response = registry.send(request).await?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT if begins_at(&response) == Some(self.read_bytes) => {}
            // It knows no ranges and begins anew, and so do we: nobody was told that what came is right.
            _ if self.read_bytes == 0 => {}
            _ => return Err(registry.fault(error)),
        }
        self.response = response;
        Ok(())
    }
}

fn range_from(repository: &Repository, offset: u64) -> Result<HeaderValue, ClientError> {
    HeaderValue::from_str(&format!("bytes={offset}-"))
        .map_err(|error| ClientError::protocol(repository.registry.host(), error.to_string()))
}

fn content_length(response: &Response) -> Option<u64> {
    response.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Of `Content-Range: bytes 5-9/10` the 5.
fn begins_at(response: &Response) -> Option<u64> {
    let text = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    text.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}
