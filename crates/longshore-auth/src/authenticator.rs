//! The kinds of authentication that a configuration can choose.

use std::error::Error;

use longshore_types::Timestamp;

use crate::{Caller, ChallengeProblem, Htpasswd, Scope, TokenVerifier, challenge};

/// Decides who calls. Cheap to use for every request: what costs time is remembered for a while.
#[derive(Debug)]
pub enum Authenticator {
    /// Everybody may do everything.
    Open,
    /// distribution's test double: whoever sends any `Authorization` at all is let in.
    Silly {
        /// The realm of the challenge.
        realm: String,
        /// The service of the challenge.
        service: String,
    },
    /// Names and bcrypt hashes in a file; whoever is in it may do everything.
    Htpasswd(Htpasswd),
    /// Tokens of an external token service.
    Token(Box<TokenVerifier>),
}

/// Why a request has no caller.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// It carries no credentials, or not of the kind that is asked for.
    #[error("authentication required")]
    Missing,
    /// Its credentials are not good. The reason is for the log, never for the client.
    #[error("invalid credentials")]
    Invalid(#[source] Box<dyn Error + Send + Sync>),
    /// Too many passwords wait to be checked: try again soon.
    #[error("too many logins at once")]
    Busy,
    /// What credentials are compared with cannot be read.
    #[error("authentication is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

impl AuthError {
    pub(crate) fn invalid(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Invalid(reason.into())
    }
}

/// Settings that cannot work; a sentence for the operator that names the key.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(pub(crate) String);

impl Authenticator {
    /// Who sends `authorization`, the value of that header.
    ///
    /// # Errors
    /// [`AuthError::Missing`] and [`AuthError::Invalid`] are answered with a challenge.
    pub async fn authenticate(
        &self,
        authorization: Option<&str>,
        now: Timestamp,
    ) -> Result<Caller, AuthError> {
        match self {
            Self::Open => Ok(Caller::anonymous()),
            Self::Silly { .. } => match authorization {
                Some(value) if !value.is_empty() => {
                    Ok(Caller { name: Some("silly".into()), ..Caller::anonymous() })
                }
                _ => Err(AuthError::Missing),
            },
            // Boxed: it waits for files and cores, and what has room for that is not to be moved about by the others.
            Self::Htpasswd(htpasswd) => Box::pin(htpasswd.authenticate(authorization, now)).await,
            Self::Token(verifier) => verifier.authenticate(authorization, now),
        }
    }

    /// The `WWW-Authenticate` header for a request that needs `scopes`; `None` where nobody can be asked for better
    /// credentials. A token with too few rights deserves a challenge too
    /// ([`ChallengeProblem::InsufficientScope`]): clients then ask the token service for one with more.
    ///
    /// `origin` is scheme and host as the client sees them (`https://registry.example`); it is used when the realm is
    /// to be found on this very host (`auth.token.autoredirect`).
    pub fn challenge(
        &self,
        scopes: &[Scope],
        problem: Option<ChallengeProblem>,
        origin: &str,
    ) -> Option<String> {
        match self {
            Self::Open => None,
            Self::Silly { realm, service } => Some(challenge::bearer(realm, service, scopes, None)),
            Self::Htpasswd(htpasswd) => Some(challenge::basic(htpasswd.realm())),
            Self::Token(verifier) => Some(verifier.challenge(scopes, problem, origin)),
        }
    }

    /// Whether credentials decide what may be done to which repository, so that a refused caller should be
    /// challenged (401) rather than denied (403).
    pub fn challenges_for_scope(&self) -> bool {
        matches!(self, Self::Token(_))
    }
}

/// Splits an `Authorization` value into scheme, compared without case (RFC 9110 section 11.1), and the rest.
pub(crate) fn credentials<'a>(authorization: Option<&'a str>, scheme: &str) -> Result<&'a str, AuthError> {
    let (word, rest) =
        authorization.and_then(|value| value.trim().split_once(' ')).ok_or(AuthError::Missing)?;
    if word.eq_ignore_ascii_case(scheme) { Ok(rest.trim()) } else { Err(AuthError::Missing) }
}
