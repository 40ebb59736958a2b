//! A small HTTP client for tests: it follows no redirect, retries nothing and shows everything.

use std::{fmt, sync::Once};

use bytes::Bytes;
use longshore_types::Digest;
use reqwest::{
    Method,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde_json::Value;

use crate::wait::within;

/// Requests to one server.
#[derive(Clone, Debug)]
pub struct Api {
    client: reqwest::Client,
    base: String,
    authorization: Option<String>,
}

impl Api {
    /// Talks to `base`, such as `http://127.0.0.1:5000`.
    pub fn new(base: impl Into<String>) -> Self {
        Self::with_client(base, client_builder())
    }

    /// Talks to `base` by a client of one's own, made from [`client_builder`].
    ///
    /// # Panics
    /// When the client cannot be made.
    pub fn with_client(base: impl Into<String>, client: reqwest::ClientBuilder) -> Self {
        let client = client.build().expect("the client's settings are right");
        Self { client, base: base.into(), authorization: None }
    }

    /// The same server, with this `Authorization` header on every request.
    pub fn authorized(&self, authorization: impl Into<String>) -> Self {
        Self { authorization: Some(authorization.into()), ..self.clone() }
    }

    /// The address, without a `/` at its end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A request to a path, or to an absolute address such as a `Location`.
    pub fn call(&self, method: Method, path: &str) -> Call {
        let url = if path.starts_with('/') { format!("{}{path}", self.base) } else { path.to_owned() };
        let mut request = self.client.request(method.clone(), &url);
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        Call { request, what: format!("{method} {path}") }
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path).send().await
    }

    /// `HEAD`.
    pub async fn head(&self, path: &str) -> Reply {
        self.call(Method::HEAD, path).send().await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Reply {
        self.call(Method::DELETE, path).send().await
    }

    /// `POST` without a body.
    pub async fn post(&self, path: &str) -> Reply {
        self.call(Method::POST, path).header("Content-Length", "0").send().await
    }

    /// `PATCH` of the piece of an upload that begins at `offset`.
    pub async fn patch(&self, path: &str, offset: usize, piece: &[u8]) -> Reply {
        self.call(Method::PATCH, path).piece(offset, piece).send().await
    }

    /// `PUT` of bytes as `application/octet-stream`.
    pub async fn put(&self, path: &str, body: impl Into<Bytes>) -> Reply {
        self.call(Method::PUT, path).octets(body).send().await
    }
}

/// What every client of the tests has in common.
pub fn client_builder() -> reqwest::ClientBuilder {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // It fails when the test has installed one itself, which is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    });
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none())
}

/// A request that is being put together.
#[derive(Debug)]
#[must_use = "a call does nothing until it is sent"]
pub struct Call {
    request: reqwest::RequestBuilder,
    what: String,
}

impl Call {
    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("tests use valid header names");
        self.request = self.request.header(name, HeaderValue::from_str(value).expect("a valid value"));
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<reqwest::Body>) -> Self {
        self.request = self.request.body(body);
        self
    }

    /// Sets the body and says that it is bytes.
    pub fn octets(self, body: impl Into<Bytes>) -> Self {
        self.header("Content-Type", "application/octet-stream").body(body.into())
    }

    /// Sends the body in HTTP chunks, its length unannounced.
    pub fn stream(self, chunks: Vec<Vec<u8>>) -> Self {
        let chunks = chunks.into_iter().map(Ok::<_, std::io::Error>);
        let body = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
        self.header("Content-Type", "application/octet-stream").body(body)
    }

    /// Sets the body to a piece of an upload and says where it belongs (spec "Pushing a blob in chunks").
    pub fn piece(self, offset: usize, piece: &[u8]) -> Self {
        let end = (offset + piece.len()).saturating_sub(1);
        self.header("Content-Range", &format!("{offset}-{end}")).octets(piece.to_vec())
    }

    /// Sends it and reads the whole answer.
    ///
    /// # Panics
    /// When no complete answer comes.
    pub async fn send(self) -> Reply {
        let what = self.what.clone();
        match self.try_send().await {
            Ok(reply) => reply,
            Err(error) => panic!("{what}: no answer: {error:?}"),
        }
    }

    /// Sends it and reads the whole answer, if one comes.
    ///
    /// # Errors
    /// What the client says about a connection that broke.
    pub async fn try_send(self) -> Result<Reply, reqwest::Error> {
        let Self { request, what } = self;
        let exchange = async {
            let response = request.send().await?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            Ok(Reply { status, headers, body: response.bytes().await?, what: what.clone() })
        };
        within(&what, exchange).await
    }

    /// Sends it and gives the answer as soon as its head is there.
    ///
    /// # Panics
    /// When no answer comes.
    pub async fn start(self) -> reqwest::Response {
        within(&self.what, self.request.send()).await.unwrap_or_else(|e| panic!("{}: {e:?}", self.what))
    }
}

/// A complete answer.
#[derive(Clone)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    what: String,
}

impl Reply {
    /// Fails unless the status is `status`.
    #[track_caller]
    pub fn assert_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// Fails unless this is the spec's error body with `code` first ("Error Codes"); a `HEAD` has no body to look at.
    #[track_caller]
    pub fn assert_error(self, status: u16, code: &str) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        if self.what.starts_with("HEAD ") {
            assert!(self.body.is_empty(), "{self:?}");
            return self;
        }
        assert_eq!(self.header("content-type").split(';').next(), Some("application/json"), "{self:?}");
        let json = self.json();
        assert_eq!(json["errors"][0]["code"], code, "{self:?}");
        assert!(json["errors"][0]["message"].as_str().is_some_and(|text| !text.is_empty()), "{self:?}");
        self
    }

    /// Fails unless the header has this value.
    #[track_caller]
    pub fn assert_header(self, name: &str, value: &str) -> Self {
        assert_eq!(self.header(name), value, "{name} of {self:?}");
        self
    }

    /// Fails unless the body is exactly this.
    #[track_caller]
    pub fn assert_body(self, body: &[u8]) -> Self {
        assert!(
            self.body == body,
            "another body of {} bytes, expected {}: {self:?}",
            self.body.len(),
            body.len()
        );
        self
    }

    /// A header's value; empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap_or("(not text)"))
    }

    /// All values of a header that is a list, whether in one line or in several.
    pub fn header_list(&self, name: &str) -> Vec<String> {
        let lines = self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        lines.flat_map(|line| line.split(',')).map(|item| item.trim().to_owned()).collect()
    }

    /// The `Location`.
    #[track_caller]
    pub fn location(&self) -> String {
        let location = self.header("location");
        assert!(!location.is_empty(), "no Location in {self:?}");
        location.to_owned()
    }

    /// The path in `Link: <…>; rel="next"`, if there is one.
    pub fn next_link(&self) -> Option<String> {
        let link = self.headers.get("link")?.to_str().ok()?;
        let (address, rest) = link.strip_prefix('<')?.split_once('>')?;
        assert!(rest.contains("rel=\"next\""), "{link}");
        Some(address.to_owned())
    }

    /// The digest of the body as it came.
    pub fn digest(&self) -> Digest {
        Digest::sha256(&self.body)
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(json) => json,
            Err(error) => panic!("{error} in the body of {self:?}"),
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.body[..self.body.len().min(500)];
        write!(f, "{}: {} {:?} {}", self.what, self.status, self.headers, String::from_utf8_lossy(shown))
    }
}

/// `path` with one more query parameter, which needs no escaping.
pub fn with_query(path: &str, parameter: &str) -> String {
    let separator = if path.contains('?') { '&' } else { '?' };
    format!("{path}{separator}{parameter}")
}
