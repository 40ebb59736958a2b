//! Requests to an issuer, and to nobody else.

use std::{net::IpAddr, path::Path, time::Duration};

use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, header::ACCEPT, redirect::Policy};
use serde::de::DeserializeOwned;

use crate::{SettingsError, tls};

/// Largest answer read, in bytes.
const BODY_BYTES_MAX: usize = 1 << 20;

/// What keeps an issuer from answering.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// It names an address that is neither its own nor allowed by the settings.
    #[error("{0} is neither at the issuer nor one of endpoint_hosts: it is not asked")]
    Forbidden(String),
    /// It cannot be reached, or took too long.
    #[error("no answer")]
    Request(#[source] reqwest::Error),
    /// It answers with an error, or with a redirection, which is not followed.
    #[error("{url} answers {status}")]
    Status {
        /// What was asked.
        url: String,
        /// The status.
        status: StatusCode,
    },
    /// The answer is too long.
    #[error("{0} answers with more than a MiB")]
    TooLarge(String),
    /// The answer is not what the specification says.
    #[error("{url}: {error}")]
    Answer {
        /// What was asked.
        url: String,
        /// What is wrong with it.
        error: String,
    },
    /// It did not answer a moment ago and is not asked again so soon.
    #[error("the issuer did not answer a moment ago")]
    Recently,
}

/// Reads an issuer's address: `https://`, or `http://` on a loopback address, without query, fragment and user.
pub(crate) fn issuer_url(key: &str, text: &str) -> Result<Url, SettingsError> {
    let refuse = |why: &str| SettingsError::new(format!("{key}: {text:?} {why}"));
    let url = Url::parse(text).map_err(|error| refuse(&error.to_string()))?;
    if url.query().is_some() || url.fragment().is_some() || has_user(&url) {
        return Err(refuse("must be an address only"));
    }
    match url.scheme() {
        "https" if url.host_str().is_some() => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err(refuse("must begin with https:// (http:// is for loopback addresses only)")),
    }
}

fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Which addresses may be asked.
#[derive(Clone, Debug)]
pub(crate) struct Allowed {
    issuer: Url,
    /// `host` or `host:port`.
    others: Vec<String>,
}

impl Allowed {
    pub(crate) fn new(issuer: Url, others: &[String]) -> Self {
        Self { issuer, others: others.iter().map(|host| host.to_ascii_lowercase()).collect() }
    }

    /// An address that the issuer named. As safe as the issuer itself, and at its host and port or one that the
    /// operator named: who can change what an issuer says must not be able to make us ask others.
    pub(crate) fn check(&self, text: &str) -> Result<Url, FetchError> {
        let forbidden = || FetchError::Forbidden(text.to_owned());
        let url = Url::parse(text).map_err(|_| forbidden())?;
        let own = (url.host_str(), url.port_or_known_default())
            == (self.issuer.host_str(), self.issuer.port_or_known_default());
        let named = || {
            let Some(host) = url.host_str() else { return false };
            let with_port = url.port_or_known_default().map(|port| format!("{host}:{port}"));
            self.others.iter().any(|other| {
                Some(other) == with_port.as_ref()
                    || (other == host && url.port_or_known_default() == Some(443))
            })
        };
        let safe = url.scheme() == "https" || (own && url.scheme() == self.issuer.scheme());
        if safe && !has_user(&url) && (own || named()) { Ok(url) } else { Err(forbidden()) }
    }
}

/// A client for one issuer.
#[derive(Clone, Debug)]
pub(crate) struct Web {
    client: Client,
    allowed: Allowed,
}

impl Web {
    pub(crate) fn new(
        allowed: Allowed,
        ca_file: Option<&Path>,
        timeout: Duration,
    ) -> Result<Self, SettingsError> {
        let tls = tls::client("ca_file", ca_file)?;
        let client = Client::builder()
            .tls_backend_preconfigured(rustls::ClientConfig::clone(&tls))
            .redirect(Policy::none())
            // What the environment says of proxies is not for this crate to read.
            .no_proxy()
            .referer(false)
            .timeout(timeout)
            .connect_timeout(timeout)
            .user_agent(concat!("longshore/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| SettingsError::new(format!("ca_file: {error}")))?;
        Ok(Self { client, allowed })
    }

    pub(crate) fn get(&self, url: &str) -> Result<RequestBuilder, FetchError> {
        Ok(self.client.get(self.allowed.check(url)?).header(ACCEPT, "application/json"))
    }

    pub(crate) fn post(&self, url: &str) -> Result<RequestBuilder, FetchError> {
        Ok(self.client.post(self.allowed.check(url)?).header(ACCEPT, "application/json"))
    }
}

/// Sends a request and reads the answer, whatever its status.
pub(crate) async fn send(request: RequestBuilder) -> Result<(StatusCode, String, Vec<u8>), FetchError> {
    let response = request.send().await.map_err(FetchError::Request)?;
    let (status, url) = (response.status(), response.url().to_string());
    let body = body(response, &url).await?;
    Ok((status, url, body))
}

/// Sends a request and reads the bytes of an answer that must be 200.
pub(crate) async fn bytes(request: RequestBuilder) -> Result<(String, Vec<u8>), FetchError> {
    match send(request).await? {
        (StatusCode::OK, url, body) => Ok((url, body)),
        (status, url, _) => Err(FetchError::Status { url, status }),
    }
}

/// The same as JSON.
pub(crate) async fn json<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, FetchError> {
    let (url, body) = bytes(request).await?;
    serde_json::from_slice(&body).map_err(|error| FetchError::Answer { url, error: error.to_string() })
}

async fn body(mut response: Response, url: &str) -> Result<Vec<u8>, FetchError> {
    let too_large = || FetchError::TooLarge(url.to_owned());
    if response.content_length().is_some_and(|length| length > BODY_BYTES_MAX as u64) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(FetchError::Request)? {
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuers() {
        for good in [
            "https://a.example",
            "https://a.example/tenant/",
            "http://127.0.0.1:8080",
            "http://[::1]",
            "http://localhost/x",
        ] {
            assert!(issuer_url("issuer", good).is_ok(), "{good}");
        }
        for bad in [
            "http://a.example",
            "http://10.0.0.1",
            "http://127.0.0.1.example",
            "http://localhost.example",
            "ftp://a",
            "a.example",
            "https://a?x",
            "https://a#x",
            "https://u@a",
            "https://u:p@a",
            "",
        ] {
            assert!(issuer_url("issuer", bad).is_err(), "{bad}");
        }
    }

    #[track_caller]
    fn check(issuer: &str, others: &[&str], url: &str, expected: bool) {
        let others: Vec<_> = others.iter().map(|&other| other.to_owned()).collect();
        let allowed = Allowed::new(issuer_url("issuer", issuer).unwrap(), &others);
        assert_eq!(allowed.check(url).is_ok(), expected, "{url} of {issuer}");
    }

    #[test]
    fn endpoints() {
        let issuer = "https://id.example/tenant";
        check(issuer, &[], "https://id.example/keys", true);
        check(issuer, &[], "https://ID.example:443/keys", true);
        for url in [
            "http://id.example/keys",
            "https://id.example:8443/keys",
            "https://other.example/keys",
            "https://id.example.evil/keys",
            "https://127.0.0.1/keys",
            "http://169.254.169.254/latest/meta-data",
            "https://u@id.example/keys",
            "file:///etc/passwd",
            "/keys",
            "",
        ] {
            check(issuer, &[], url, false);
        }
        check(issuer, &["Keys.example", "odd.example:8443"], "https://keys.example/x", true);
        check(issuer, &["keys.example"], "https://keys.example:8443/x", false);
        check(issuer, &["keys.example"], "http://keys.example/x", false);
        check(issuer, &["odd.example:8443"], "https://odd.example:8443/x", true);
        check(issuer, &["odd.example:8443"], "https://odd.example/x", false);
        check("http://127.0.0.1:8080", &[], "http://127.0.0.1:8080/jwks", true);
        check("http://127.0.0.1:8080", &[], "http://127.0.0.1:8081/jwks", false);
        check("http://127.0.0.1:8080", &["127.0.0.1:8081"], "http://127.0.0.1:8081/jwks", false);
    }
}
