//! Requests, formed once and sent often, and what is kept of replies.

use std::{fmt::Write as _, time::Instant};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header::AUTHORIZATION};

use crate::server::Endpoint;

/// A request, ready to be written by either protocol. Cloning it copies no content.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Its head as HTTP/1.1.
    pub(super) wire: Bytes,
    /// When its token is to be replaced, if it has one.
    until: Option<Instant>,
}

impl Request {
    /// A request without body. `target` is a path with its query, or what a `Location` header said.
    ///
    /// # Errors
    /// When `target` is no path or address.
    pub(crate) fn new(endpoint: &Endpoint, method: Method, target: &str) -> Result<Self> {
        Self::build(endpoint, method, target, &[], None)
    }

    /// [`Request::new`] with headers, and a body unless it is `None`.
    ///
    /// # Errors
    /// When `target` is no path or address, or a header is malformed.
    pub(crate) fn build(
        endpoint: &Endpoint,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<Bytes>,
    ) -> Result<Self> {
        let uri = endpoint.uri(target)?;
        let mut wire = format!("{method} {} HTTP/1.1\r\nHost: {}\r\n", path_of(&uri), endpoint.authority());
        let mut map = HeaderMap::new();
        let authorization = endpoint.authorization.as_ref();
        let authorization =
            authorization.map(|who| who.header(&method, endpoint.path_of(&uri))).transpose()?;
        let until = authorization.as_ref().and_then(|(_, until)| *until);
        let authorization = authorization.as_ref().map(|(value, _)| ("Authorization", value.as_str()));
        for (name, value) in headers.iter().copied().chain(authorization) {
            write!(wire, "{name}: {value}\r\n")?;
            let name: HeaderName = name.parse().with_context(|| format!("{name:?} names no header"))?;
            map.append(name, HeaderValue::from_str(value).context("malformed header value")?);
        }
        // POST and PUT say that they bring nothing: servers answer 411 otherwise.
        if let Some(length) = body.as_ref().map(Bytes::len).or((method == Method::POST).then_some(0)) {
            write!(wire, "Content-Length: {length}\r\n")?;
        }
        wire.push_str("\r\n");
        Ok(Self { method, uri, headers: map, body: body.unwrap_or_default(), wire: wire.into(), until })
    }

    /// The same with another token, if its own is about to expire.
    ///
    /// # Errors
    /// When no token is given out.
    pub(super) fn renewed(&self, endpoint: &Endpoint) -> Result<Option<Self>> {
        if self.until.is_none_or(|until| Instant::now() < until) {
            return Ok(None);
        }
        let headers = self.headers.iter().filter(|(name, _)| *name != AUTHORIZATION);
        let headers = headers.map(|(name, value)| Ok((name.as_str(), value.to_str()?)));
        let headers = headers.collect::<Result<Vec<_>>>()?;
        let brings = [Method::POST, Method::PUT, Method::PATCH].contains(&self.method);
        let body = brings.then(|| self.body.clone());
        Self::build(endpoint, self.method.clone(), &self.uri.to_string(), &headers, body).map(Some)
    }

    /// GET.
    ///
    /// # Errors
    /// As for [`Request::new`].
    pub(crate) fn get(endpoint: &Endpoint, target: &str) -> Result<Self> {
        Self::build(endpoint, Method::GET, target, &[("Accept", MANIFEST_TYPES)], None)
    }

    /// HEAD.
    ///
    /// # Errors
    /// As for [`Request::new`].
    pub(crate) fn head(endpoint: &Endpoint, target: &str) -> Result<Self> {
        Self::build(endpoint, Method::HEAD, target, &[("Accept", MANIFEST_TYPES)], None)
    }
}

/// What clients accept; distribution hides OCI manifests from those that do not name them.
pub(crate) const MANIFEST_TYPES: &str =
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";

fn path_of(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |path| path.as_str())
}

/// What is kept of a reply; its body is counted and thrown away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reply {
    /// The status code.
    pub(crate) status: u16,
    /// Bytes of the body.
    pub(crate) body_bytes: u64,
    /// `Location`.
    pub(crate) location: Option<String>,
    /// `Link`, of paged listings.
    pub(crate) link: Option<String>,
    /// `WWW-Authenticate`.
    pub(crate) challenge: Option<String>,
}

impl Reply {
    /// Fails unless the status is the expected one.
    ///
    /// # Errors
    /// Then, with what was done in words.
    pub(crate) fn expect(self, status: u16, what: &str) -> Result<Self> {
        if self.status != status {
            bail!("{what} was answered with {} instead of {status}", self.status);
        }
        Ok(self)
    }
}
