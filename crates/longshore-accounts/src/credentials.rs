//! What a request says about who sends it.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use crate::ClientChain;

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
    /// The certificate that the client showed on its connection, where it says nothing else.
    Certificate(Arc<ClientChain>),
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
            Self::Certificate(_) => f.write_str("Certificate"),
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
