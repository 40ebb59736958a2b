//! What requests to a registry of somebody else say about who sends them.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};
use http::Method;
use serde::Deserialize;

use super::{Endpoint, issuer::TokenIssuer};
use crate::load::{Client, Protocol, Request, block_on};

/// How long a token is valid whose service does not say; distribution's specification of tokens.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(60);

/// How a registry wants to know who asks.
#[derive(Clone)]
pub(crate) enum Authorization {
    /// The value of the header.
    Basic(String),
    /// Tokens for each repository, fetched where a challenge says.
    Bearer(Arc<Tokens>),
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Authorization {
    /// The value of the `Authorization` header of a request, and until when it is to be used, if not for ever.
    ///
    /// # Errors
    /// When no token is given out.
    pub(crate) fn header(&self, method: &Method, path: &str) -> Result<(String, Option<Instant>)> {
        match self {
            Self::Basic(value) => Ok((value.clone(), None)),
            Self::Bearer(tokens) => {
                let Token { text, until } = tokens.of(&scope(method, path))?;
                Ok((format!("Bearer {text}"), Some(until)))
            }
        }
    }
}

/// Tokens by scope, each used until it is about to expire.
pub(crate) struct Tokens {
    source: Source,
    known: Mutex<BTreeMap<String, Token>>,
}

/// Where tokens come from.
enum Source {
    /// A token service: where it is, and path and query there, but for the scope.
    Service(Endpoint, String),
    /// This program.
    Issuer(TokenIssuer),
}

/// A token, and until when it is sent.
#[derive(Clone)]
pub(super) struct Token {
    text: String,
    until: Instant,
}

#[derive(Deserialize)]
struct TokenReply {
    #[serde(alias = "access_token")]
    token: String,
    expires_in: Option<u64>,
}

impl Token {
    /// One that is valid for so long from now on. It is sent for three quarters of that: requests are on their way for
    /// a while, and clocks differ.
    pub(super) fn new(text: String, lifetime: Duration) -> Self {
        Self { text, until: Instant::now() + lifetime * 3 / 4 }
    }
}

impl Tokens {
    /// As a `WWW-Authenticate` header says; `basic` is the `Authorization` header for the realm.
    ///
    /// # Errors
    /// When it is not a challenge for tokens, or names no address.
    pub(super) fn challenged(
        challenge: &str,
        basic: Option<&str>,
        connect: impl Fn(&http::Uri) -> Result<Endpoint>,
    ) -> Result<Self> {
        let parameters = parameters(challenge).context("neither Basic nor Bearer is wanted")?;
        let realm: http::Uri = parameters.get("realm").context("a challenge names no realm")?.parse()?;
        let path = realm.path_and_query().map_or("/", |path| path.as_str());
        let separator = if path.contains('?') { '&' } else { '?' };
        let service = parameters.get("service").map_or("", String::as_str);
        let path = format!("{path}{separator}service={}", encoded(service));
        let mut realm = connect(&realm)?;
        realm.authorization = basic.map(|value| Authorization::Basic(value.to_owned()));
        Ok(Self { source: Source::Service(realm, path), known: Mutex::default() })
    }

    /// Made here.
    pub(super) fn issued(issuer: TokenIssuer) -> Self {
        Self { source: Source::Issuer(issuer), known: Mutex::default() }
    }

    fn of(&self, scope: &str) -> Result<Token> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = known.get(scope).filter(|token| Instant::now() < token.until) {
            return Ok(token.clone());
        }
        let token = match &self.source {
            Source::Issuer(issuer) => issuer.token(scope)?,
            Source::Service(realm, path) => {
                let target = format!("{path}&scope={}", encoded(scope));
                // Requests are formed on threads that drive connections, too; those can not be driven meanwhile.
                let fetched = std::thread::scope(|threads| threads.spawn(|| fetch(realm, &target)).join());
                fetched.map_err(|_| anyhow!("fetching a token panicked"))?.context("no token")?
            }
        };
        known.insert(scope.to_owned(), token.clone());
        Ok(token)
    }
}

fn fetch(realm: &Endpoint, target: &str) -> Result<Token> {
    block_on(async {
        let mut client = Client::connect(realm, Protocol::Http1).await?;
        let (reply, body) = client.fetch(&Request::get(realm, target)?).await?;
        reply.expect(200, "a request for a token")?;
        let reply: TokenReply = serde_json::from_slice(&body)?;
        let lifetime = reply.expires_in.map_or(DEFAULT_LIFETIME, Duration::from_secs);
        Ok(Token::new(reply.token, lifetime))
    })
}

/// The scope that a request needs.
fn scope(method: &Method, path: &str) -> String {
    let path = path.strip_prefix("/v2/").unwrap_or_default();
    if path.starts_with("_catalog") {
        return "registry:catalog:*".to_owned();
    }
    let places = ["/manifests/", "/blobs/", "/tags/", "/referrers/"].map(|place| path.rfind(place));
    let Some(end) = places.into_iter().flatten().max() else { return String::new() };
    let actions = match *method {
        Method::GET | Method::HEAD => "pull",
        Method::DELETE => "delete",
        _ => "pull,push",
    };
    format!("repository:{}:{actions}", &path[..end])
}

/// The parameters of a challenge for tokens.
fn parameters(challenge: &str) -> Option<BTreeMap<String, String>> {
    let (kind, rest) = challenge.split_once(' ')?;
    if !kind.eq_ignore_ascii_case("bearer") {
        return None;
    }
    // Values are quoted and may hold commas.
    let mut pieces = rest.split('"');
    let mut parameters = BTreeMap::new();
    while let (Some(name), Some(value)) = (pieces.next(), pieces.next()) {
        let name = name.trim_matches([',', ' ', '=']).to_lowercase();
        parameters.insert(name, value.to_owned());
    }
    Some(parameters)
}

/// For a query.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_needs_the_scope_of_its_repository() {
        for (method, path, expected) in [
            (Method::GET, "/v2/", ""),
            (Method::GET, "/v2/_catalog?n=10", "registry:catalog:*"),
            (Method::GET, "/v2/a/b/manifests/v1", "repository:a/b:pull"),
            (Method::HEAD, "/v2/a/blobs/sha256:00", "repository:a:pull"),
            (Method::POST, "/v2/a/b/blobs/uploads/", "repository:a/b:pull,push"),
            (Method::PUT, "/v2/a/manifests/v1", "repository:a:pull,push"),
            (Method::DELETE, "/v2/a/manifests/v1", "repository:a:delete"),
            (Method::GET, "/v2/manifests/blobs/tags/list", "repository:manifests/blobs:pull"),
        ] {
            assert_eq!(scope(&method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn challenges_are_read() {
        let read = parameters(r#"Bearer realm="https://auth.example/token?a=b",service="a, b""#).unwrap();
        assert_eq!(read["realm"], "https://auth.example/token?a=b");
        assert_eq!(read["service"], "a, b");
        assert_eq!(parameters("Basic realm=\"x\""), None);
        assert_eq!(encoded("repository:a/b:pull,push"), "repository%3Aa%2Fb%3Apull%2Cpush");
    }
}
