//! Tokens of our own, in the form of distribution's "Token Authentication Specification".

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, Header};
use longshore_types::Timestamp;
use serde::Serialize;

use super::{
    claims::kind_word,
    signing::{KeyRotation, SigningKeys},
};
use crate::{CallerKind, Scope, Secret};

/// How long every token holds at least.
const LIFETIME_MIN: Duration = Duration::from_secs(60);

/// What our tokens say besides who may do what.
#[derive(Clone, Debug)]
pub struct IssuerSettings {
    /// Who issues them (`iss`).
    pub issuer: String,
    /// Whom they are for (`aud`): the `service` of the challenge.
    pub service: String,
    /// How long they hold. Docker takes less than a minute for a minute. What was withdrawn from somebody still holds
    /// for so long in a token that they have.
    pub lifetime: Duration,
    /// When keys follow each other; its `overlap` must be longer than the lifetime.
    pub rotation: KeyRotation,
}

/// What a token says that its bearer may do.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokenRights<'a> {
    /// While the token holds.
    pub always: &'a [Scope],
    /// Where conditions hold, which are asked at each request.
    pub on_condition: &'a [Scope],
}

/// Signs tokens.
#[derive(Debug)]
pub struct TokenIssuer {
    settings: IssuerSettings,
    keys: ArcSwap<SigningKeys>,
}

/// A token, and what the token service tells of it.
#[derive(Clone, Debug)]
pub struct IssuedToken {
    /// The token itself.
    pub token: Secret,
    /// Its number (`jti`), for the audit record.
    pub id: String,
    /// How long it holds.
    pub expires_in: Duration,
    /// Since when.
    pub issued_at: Timestamp,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
#[error("cannot sign a token")]
pub struct IssueError(#[source] Box<dyn std::error::Error + Send + Sync>);

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
    nbf: i64,
    iat: i64,
    jti: &'a str,
    access: Vec<Access<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    longshore_conditional: Vec<Access<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    longshore_kind: Option<&'static str>,
}

#[derive(Serialize)]
struct Access<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'a str,
    actions: Vec<&'static str>,
}

impl TokenIssuer {
    /// Signs with these keys.
    pub fn new(settings: IssuerSettings, keys: SigningKeys) -> Self {
        Self { settings, keys: ArcSwap::from_pointee(keys) }
    }

    /// What the tokens say besides who may do what.
    pub fn settings(&self) -> &IssuerSettings {
        &self.settings
    }

    /// The keys of the present.
    pub fn keys(&self) -> Arc<SigningKeys> {
        self.keys.load_full()
    }

    /// Signs with other keys from now on.
    pub fn swap_keys(&self, keys: SigningKeys) {
        self.keys.store(Arc::new(keys));
    }

    /// A token for `subject`, a person who may do what `granted` says and nothing else. Nobody in particular has the subject "".
    ///
    /// # Errors
    /// When the system has no random bytes to give, or signing fails.
    pub fn issue(&self, subject: &str, granted: &[Scope], now: Timestamp) -> Result<IssuedToken, IssueError> {
        let rights = TokenRights { always: granted, on_condition: &[] };
        self.issue_until((subject, CallerKind::Person), rights, now, None)
    }

    /// The same; the token does not hold longer than that, but for the minute that every token holds at least.
    ///
    /// # Errors
    /// As there.
    pub fn issue_until(
        &self,
        (subject, kind): (&str, CallerKind),
        rights: TokenRights<'_>,
        now: Timestamp,
        until: Option<Timestamp>,
    ) -> Result<IssuedToken, IssueError> {
        let mut number = [0_u8; 16];
        getrandom::fill(&mut number).map_err(|error| IssueError(error.into()))?;
        let id = URL_SAFE_NO_PAD.encode(number);
        let (settings, keys) = (&self.settings, self.keys.load());
        let seconds = now.unix_millis().div_euclid(1000);
        let lifetime = settings.lifetime.min(until.map_or(Duration::MAX, |until| left(now, until)));
        let lifetime = lifetime.as_secs();
        let claims = Claims {
            iss: &settings.issuer,
            sub: subject,
            aud: &settings.service,
            exp: seconds.saturating_add_unsigned(lifetime),
            nbf: seconds,
            iat: seconds,
            jti: &id,
            access: rights.always.iter().map(access).collect(),
            longshore_conditional: rights.on_condition.iter().map(access).collect(),
            longshore_kind: kind_word(kind),
        };
        let key = keys.signing(&settings.rotation, now);
        let header = Header { kid: Some(key.id().to_owned()), ..Header::new(Algorithm::EdDSA) };
        let token = jsonwebtoken::encode(&header, &claims, &key.encoding)
            .map_err(|error| IssueError(error.into()))?;
        Ok(IssuedToken {
            token: Secret::new(token),
            id,
            expires_in: Duration::from_secs(lifetime),
            issued_at: Timestamp::from_unix_millis(seconds.saturating_mul(1000)),
        })
    }
}

/// Clients take less than a minute for a minute.
fn left(now: Timestamp, until: Timestamp) -> Duration {
    let millis = until.unix_millis().saturating_sub(now.unix_millis());
    Duration::from_millis(u64::try_from(millis).unwrap_or_default()).max(LIFETIME_MIN)
}

fn access(scope: &Scope) -> Access<'_> {
    match scope {
        Scope::Repository { repository, actions } => Access {
            kind: "repository",
            name: repository.as_str(),
            actions: actions.iter().map(|action| action.as_str()).collect(),
        },
        Scope::Catalog => Access { kind: "registry", name: "catalog", actions: vec!["*"] },
    }
}
