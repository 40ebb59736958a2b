//! An issuer of tokens: its metadata (OpenID Connect Discovery 1.0, RFC 8414) and its keys, fetched when they are
//! needed.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use reqwest::{StatusCode, Url};
use serde::Deserialize;
use tokio::{sync::Mutex, time::Instant};

use crate::{
    TokenError,
    error::chain,
    jwt::{Claims, KeySet, Purpose, SignedToken},
    web::{self, FetchError, Web},
};

/// How long metadata and keys are used before they are fetched again.
const FRESH: Duration = Duration::from_secs(3600);
/// How long they are used when fetching fails.
const USABLE: Duration = Duration::from_secs(24 * 3600);

/// What an issuer says of itself.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) issuer: String,
    pub(crate) authorization_endpoint: Option<String>,
    pub(crate) token_endpoint: Option<String>,
    pub(crate) userinfo_endpoint: Option<String>,
    pub(crate) jwks_uri: Option<String>,
    /// RFC 9207: whether its answers at the browser name it.
    #[serde(default)]
    pub(crate) authorization_response_iss_parameter_supported: bool,
}

/// Why a token was not verified.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VerifyError {
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

/// An issuer that is reached over the network.
#[derive(Debug)]
pub(crate) struct Issuer {
    /// Exactly as tokens must name it.
    name: String,
    url: Url,
    /// Where the keys are when the issuer does not say it.
    jwks_url: Option<String>,
    web: Web,
    /// How long after one fetch the next may be, whatever tokens come.
    pause: Duration,
    /// Read by every verification, so that none waits for a fetch that another one's token caused.
    known: RwLock<Option<Known>>,
    /// Held while fetching: one at a time. When the last one began.
    fetching: Mutex<Option<Instant>>,
}

/// What was fetched.
#[derive(Clone, Debug)]
struct Known {
    metadata: Arc<Metadata>,
    keys: Arc<KeySet>,
    when: Instant,
}

impl Issuer {
    pub(crate) fn new(name: &str, url: Url, web: Web, jwks_url: Option<String>, pause: Duration) -> Self {
        Self {
            name: name.to_owned(),
            url,
            jwks_url,
            web,
            pause,
            known: RwLock::default(),
            fetching: Mutex::default(),
        }
    }

    pub(crate) fn web(&self) -> &Web {
        &self.web
    }

    /// What it says of itself.
    pub(crate) async fn metadata(self: &Arc<Self>) -> Result<Arc<Metadata>, FetchError> {
        match self.known().filter(|known| known.when.elapsed() < FRESH) {
            Some(known) => Ok(known.metadata),
            None => Ok(self.fetched_since(None).await?.metadata),
        }
    }

    /// The claims of a token that this issuer signed.
    pub(crate) async fn verify(self: &Arc<Self>, token: &SignedToken<'_>) -> Result<Claims, VerifyError> {
        let known = self.known().filter(|known| known.when.elapsed() < FRESH);
        if let Some(known) = &known {
            match known.keys.verify(token) {
                // It may have new keys.
                Err(TokenError::UnknownKey) => {}
                result => return Ok(result?),
            }
        }
        let newer = self.fetched_since(known.map(|known| known.when)).await?;
        Ok(newer.keys.verify(token)?)
    }

    fn known(&self) -> Option<Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is known, fetched again if nobody has since then and it is time. In a task of its own: a caller who goes away
    /// must not spoil it for those who come after.
    async fn fetched_since(self: &Arc<Self>, seen: Option<Instant>) -> Result<Known, FetchError> {
        let issuer = self.clone();
        let task = tokio::spawn(async move { issuer.fetch_unless_recent(seen).await });
        task.await.unwrap_or(Err(FetchError::Recently))
    }

    /// Tokens with made-up key ids cannot make us ask more often than each pause; what is known stays in use meanwhile.
    async fn fetch_unless_recent(&self, seen: Option<Instant>) -> Result<Known, FetchError> {
        let mut last = self.fetching.lock().await;
        let known = self.known();
        if let Some(known) =
            known.clone().filter(|known| known.when.elapsed() < FRESH && Some(known.when) != seen)
        {
            return Ok(known);
        }
        let usable = known.filter(|known| known.when.elapsed() < USABLE);
        if last.is_some_and(|last| last.elapsed() < self.pause) {
            return usable.ok_or(FetchError::Recently);
        }
        *last = Some(Instant::now());
        match self.fetch().await {
            Ok(fetched) => {
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(fetched.clone());
                Ok(fetched)
            }
            Err(error) => {
                tracing::warn!(
                    issuer = self.name,
                    error = chain(&error),
                    "the issuer's keys cannot be fetched"
                );
                usable.ok_or(error)
            }
        }
    }

    async fn fetch(&self) -> Result<Known, FetchError> {
        let metadata = match &self.jwks_url {
            Some(url) => Metadata::only_keys(&self.name, url),
            None => self.discover().await?,
        };
        let answer =
            |url: &str, error: &str| FetchError::Answer { url: url.to_owned(), error: error.to_owned() };
        let url =
            metadata.jwks_uri.as_deref().ok_or_else(|| answer(self.url.as_str(), "names no jwks_uri"))?;
        let (url, json) = web::bytes(self.web.get(url)?).await?;
        let keys = KeySet::parse(&json, Purpose::Signature).map_err(|error| answer(&url, &error))?;
        if keys.is_empty() {
            return Err(answer(&url, "has no key that tokens may be signed with"));
        }
        Ok(Known { metadata: Arc::new(metadata), keys: Arc::new(keys), when: Instant::now() })
    }

    /// Reads the metadata from where OpenID has it, else from where RFC 8414 has it.
    async fn discover(&self) -> Result<Metadata, FetchError> {
        let base = self.url.as_str().trim_end_matches('/');
        let openid = format!("{base}/.well-known/openid-configuration");
        let metadata: Metadata = match web::json(self.web.get(&openid)?).await {
            Err(FetchError::Status { status: StatusCode::NOT_FOUND, .. }) => {
                let mut oauth = self.url.clone();
                let path = self.url.path().trim_end_matches('/');
                oauth.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
                web::json(self.web.get(oauth.as_str())?).await?
            }
            result => result?,
        };
        // Exactly: else one tenant could speak for another.
        if metadata.issuer != self.name {
            let error = format!("is of the issuer {:?}, not {:?}", metadata.issuer, self.name);
            return Err(FetchError::Answer { url: openid, error });
        }
        Ok(metadata)
    }
}

impl Metadata {
    fn only_keys(issuer: &str, jwks_url: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            authorization_endpoint: None,
            token_endpoint: None,
            userinfo_endpoint: None,
            jwks_uri: Some(jwks_url.to_owned()),
            authorization_response_iss_parameter_supported: false,
        }
    }
}
