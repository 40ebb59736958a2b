//! Who calls, and which project is meant: what the management API asks before a handler begins.

use std::{error::Error, fmt, time::Duration};

use futures_util::future::BoxFuture;
use longshore_auth::{Access, Circumstances, Conditions, NoConditions};
use longshore_types::ProjectName;

/// What a request says about who sends it.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing.
    None,
    /// Name and password, or secret.
    Basic {
        /// Of a user or a robot.
        name: String,
        /// Password, access token, or a robot's secret.
        secret: String,
    },
    /// An access token or a robot's secret, without a name.
    Bearer(String),
    /// The cookie of somebody who is logged in on the pages.
    Session {
        /// The cookie's value.
        id: String,
        /// `X-Harbor-CSRF-Token`: where the request changes something, it must be the session's.
        csrf: Csrf,
    },
}

/// What shows that a request with a session's cookie was made by our pages.
#[derive(Clone, PartialEq, Eq)]
pub enum Csrf {
    /// The request changes nothing, so that nothing need be shown.
    NotNeeded,
    /// What came, if anything did.
    Token(Option<String>),
}

impl fmt::Debug for Credentials {
    /// Says the kind and nothing that is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Basic { name, .. } => f.debug_struct("Basic").field("name", name).finish_non_exhaustive(),
            Self::Bearer(_) => f.write_str("Bearer(***)"),
            Self::Session { .. } => f.write_str("Session(***)"),
        }
    }
}

/// Why a request has no caller.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The credentials are not good. The reason is for the log, never for the client.
    #[error("credentials refused")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
    /// The request changes something, and does not show that it was made by our pages.
    #[error("CSRF token invalid or missing")]
    Csrf,
    /// Too many attempts: of this user, from this address, or at all.
    #[error("too many logins, try again later")]
    TooMany {
        /// How long to wait.
        retry_after: Duration,
    },
    /// What credentials are compared with cannot be reached.
    #[error("authentication is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

/// How a path names a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProjectKey {
    /// By its number.
    Id(i64),
    /// By its name.
    Name(ProjectName),
}

/// A project that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundProject {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: ProjectName,
    /// Whether everybody may read it: the nearest setting on the way from it to the top level.
    pub public: bool,
}

/// Answers these questions; the use cases of accounts do.
pub trait Guard: Send + Sync {
    /// Who sends these credentials, and what they may do. Nobody in particular for [`Credentials::None`] and for a session
    /// that has ended.
    fn authenticate<'a>(
        &'a self,
        credentials: &'a Credentials,
        circumstances: &'a Circumstances,
    ) -> BoxFuture<'a, Result<Access, LoginError>>;

    /// The project of that name or number, whoever asks; none if there is none.
    fn project<'a>(
        &'a self,
        key: &'a ProjectKey,
    ) -> BoxFuture<'a, Result<Option<FoundProject>, Box<dyn Error + Send + Sync>>>;

    /// The policies that grants may depend on.
    fn conditions(&self) -> &dyn Conditions {
        &NoConditions
    }
}
