//! Logging in: what a registry asks for, met with the credentials at hand, and remembered while it holds.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use http::{Method, StatusCode, header};
use reqwest::{RequestBuilder, Response, Url};
use serde::Deserialize;
use tokio::sync::OnceCell;

use crate::{
    ClientError, Credentials, Refusal, RegistryHost,
    challenge::{BearerChallenge, Challenge},
    client::Shared,
    scope::Scopes,
};

/// How long a token holds that does not say: distribution's "Token Authentication Specification".
const LIFETIME: Duration = Duration::from_secs(60);

/// A token that ends sooner than this is not used any more.
const MARGIN: Duration = Duration::from_secs(10);

/// Largest answer of a token service, in bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// What is known of how one registry lets us in.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    /// Read once, when the registry first asks.
    credentials: OnceCell<Option<Credentials>>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Whether the registry asked for a name and password with each request.
    basic: bool,
    tokens: HashMap<Scopes, Token>,
}

#[derive(Clone, Debug)]
struct Token {
    text: String,
    ends_at: Instant,
}

/// What a token service answers.
#[derive(Deserialize)]
struct Answer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl Tokens {
    /// Puts into a request what was asked for before; whether there was anything.
    pub(crate) fn apply(&self, request: RequestBuilder, scopes: &Scopes) -> (RequestBuilder, bool) {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let credentials = self.credentials.get().and_then(Option::as_ref);
        if let Some(token) = known.tokens.get(scopes).filter(|token| token.ends_at > Instant::now() + MARGIN)
        {
            return (request.bearer_auth(&token.text), true);
        }
        match credentials {
            Some(Credentials::Password { user, secret }) if known.basic => {
                (request.basic_auth(user, Some(secret)), true)
            }
            Some(Credentials::Bearer(token)) => (request.bearer_auth(token), true),
            _ => (request, false),
        }
    }

    /// Whether there is something to show that was not asked for yet. What is at hand is shown before it is asked for:
    /// who is known sees more, also where nobody needs to be.
    pub(crate) async fn lacks(
        &self,
        shared: &Shared,
        host: &RegistryHost,
        scopes: &Scopes,
    ) -> Result<bool, ClientError> {
        if self.credentials(shared, host).await?.is_none() {
            return Ok(false);
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let holds = known.tokens.get(scopes).is_some_and(|token| token.ends_at > Instant::now() + MARGIN);
        Ok(!known.basic && !holds)
    }

    /// Does what a challenge asks for. `false` if nothing can be done that was not done before.
    pub(crate) async fn meet(
        &self,
        shared: &Shared,
        host: &RegistryHost,
        registry: &Url,
        challenge: &Challenge,
        scopes: &Scopes,
    ) -> Result<bool, ClientError> {
        let credentials = self.credentials(shared, host).await?;
        match challenge {
            Challenge::Basic => {
                let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                let is_new = !known.basic;
                known.basic = true;
                Ok(is_new
                    && matches!(credentials, Some(Credentials::Password { .. } | Credentials::Bearer(_))))
            }
            Challenge::Bearer(bearer) => {
                let token = fetch(shared, host, registry, bearer, scopes, credentials).await?;
                let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                known.tokens.insert(scopes.clone(), token);
                Ok(true)
            }
        }
    }

    /// Those given, or those kept for the registry.
    pub(crate) async fn credentials(
        &self,
        shared: &Shared,
        host: &RegistryHost,
    ) -> Result<Option<&Credentials>, ClientError> {
        let found = self
            .credentials
            .get_or_try_init(|| async {
                match &shared.settings.given {
                    Some(given) => Ok(Some(given.clone())),
                    None => shared.settings.credentials.find(host, None).await,
                }
            })
            .await;
        match found {
            Ok(found) => Ok(found.as_ref()),
            Err(source) => Err(ClientError::Credentials { host: host.clone(), source }),
        }
    }
}

async fn fetch(
    shared: &Shared,
    host: &RegistryHost,
    registry: &Url,
    challenge: &BearerChallenge,
    scopes: &Scopes,
    credentials: Option<&Credentials>,
) -> Result<Token, ClientError> {
    let realm = realm(host, registry, challenge)?;
    let scopes = scopes.clone().with(challenge.scope.as_deref());
    // A service that is not the registry itself must be who it says, unless all of it is allowed to be anybody.
    let is_allowed =
        shared.settings.is_insecure(host) || (host.is_loopback() && realm.host_str() == registry.host_str());
    let http = if is_allowed { &shared.trusting } else { &shared.strict };
    let mut fields: Vec<(&str, &str)> = Vec::new();
    if let Some(service) = &challenge.service {
        fields.push(("service", service));
    }
    fields.extend(scopes.iter().map(|scope| ("scope", scope)));
    let request = match credentials {
        Some(Credentials::RefreshToken(token)) => {
            // OAuth2: one parameter, separated by spaces.
            let joined = scopes.iter().collect::<Vec<_>>().join(" ");
            fields.retain(|(name, _)| *name != "scope");
            fields.extend([
                ("scope", joined.as_str()),
                ("grant_type", "refresh_token"),
                ("refresh_token", token),
                ("client_id", "longshore"),
            ]);
            http.post(realm.clone()).form(&fields)
        }
        Some(Credentials::Password { user, secret }) => {
            fields.push(("account", user));
            http.get(realm.clone()).query(&fields).basic_auth(user, Some(secret))
        }
        Some(Credentials::Bearer(_)) | None => http.get(realm.clone()).query(&fields),
    };
    let response =
        request.send().await.map_err(|source| ClientError::Unreachable { host: host.clone(), source })?;
    let (status, url) = (response.status(), response.url().clone());
    let body = read(host, response, ANSWER_BYTES_MAX).await?;
    if status != StatusCode::OK {
        let method = if matches!(credentials, Some(Credentials::RefreshToken(_))) {
            Method::POST
        } else {
            Method::GET
        };
        return Err(ClientError::Refused(Box::new(Refusal {
            host: host.clone(),
            method,
            url,
            status,
            problems: Refusal::problems_of(&body),
            with_credentials: credentials.is_some(),
        })));
    }
    token_of(&body).ok_or_else(|| ClientError::protocol(host, format!("{} gives no token", url.path())))
}

fn token_of(body: &[u8]) -> Option<Token> {
    let answer: Answer = serde_json::from_slice(body).ok()?;
    let text = answer.token.filter(|token| !token.is_empty()).or(answer.access_token)?;
    let sendable = header::HeaderValue::try_from(format!("Bearer {text}")).is_ok();
    let lifetime = answer.expires_in.map_or(LIFETIME, Duration::from_secs).max(LIFETIME);
    let ends_at = Instant::now().checked_add(lifetime)?;
    (sendable && !text.is_empty()).then_some(Token { text, ends_at })
}

/// Where a registry sends us with our password. From one that speaks TLS only to another that does.
fn realm(host: &RegistryHost, registry: &Url, challenge: &BearerChallenge) -> Result<Url, ClientError> {
    let realm = Url::parse(&challenge.realm)
        .map_err(|error| ClientError::protocol(host, format!("realm {:?}: {error}", challenge.realm)))?;
    match realm.scheme() {
        "https" => Ok(realm),
        "http" if registry.scheme() == "http" => Ok(realm),
        _ => Err(ClientError::protocol(host, format!("it sends logins to {realm}, which is not HTTPS"))),
    }
}

/// Reads an answer whole, up to a bound.
pub(crate) async fn read(
    host: &RegistryHost,
    mut response: Response,
    max: usize,
) -> Result<Vec<u8>, ClientError> {
    let mut body = Vec::new();
    let broken = |source| ClientError::Broken { host: host.clone(), source };
    while let Some(piece) = response.chunk().await.map_err(broken)? {
        if body.len() + piece.len() > max {
            return Err(ClientError::protocol(host, format!("an answer of more than {max} bytes")));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_not_sent_in_the_clear() {
        let check = |registry: &str, to: &str| {
            let challenge = BearerChallenge { realm: to.to_owned(), ..BearerChallenge::default() };
            realm(&"example.org".parse().unwrap(), &registry.parse().unwrap(), &challenge).is_ok()
        };
        assert!(check("https://example.org/v2/", "https://auth.example.org/token"));
        assert!(check("http://example.org/v2/", "http://example.org/token"));
        assert!(!check("https://example.org/v2/", "http://example.org/token"));
        assert!(!check("https://example.org/v2/", "file:///etc/passwd"));
        assert!(!check("https://example.org/v2/", "/service/token"));
    }

    #[test]
    fn a_token_is_read_in_both_spellings() {
        let text = |body: &str| token_of(body.as_bytes()).map(|token| token.text);
        assert_eq!(text(r#"{"token":"a","expires_in":300}"#).as_deref(), Some("a"));
        assert_eq!(text(r#"{"token":"","access_token":"b"}"#).as_deref(), Some("b"));
        assert_eq!(text(r#"{"token":"a\nb"}"#), None);
        assert_eq!(text("{}"), None);
    }
}
