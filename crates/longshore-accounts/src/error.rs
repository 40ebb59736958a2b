//! Why a use case of management did nothing. One type for all, because their callers tell people the same few things.

use std::time::Duration;

use longshore_auth::Permission;
use longshore_metadata::MetadataError;

/// Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// There is no such thing, or the caller may not know of it.
    #[error("no {kind} {name}")]
    Unknown {
        /// `project`, `user`.
        kind: &'static str,
        /// What was asked for.
        name: String,
    },
    /// Something else has that name or place.
    #[error("{0}")]
    Conflict(String),
    /// What was asked makes no sense; the sentence says which field, and what would.
    #[error("{0}")]
    Invalid(String),
    /// The caller knows of it, but may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// Something else must be done first.
    #[error("{0}")]
    Precondition(String),
    /// Too many wrong passwords: of this user, from this address, or at all.
    #[error("too many wrong passwords, try again later")]
    TooMany {
        /// How long to wait.
        retry_after: Duration,
    },
    /// Another service that is needed does not answer.
    #[error("{0}")]
    Unavailable(String),
    /// The index failed.
    #[error("could not read or change the index")]
    Metadata(#[from] MetadataError),
}

impl ManageError {
    /// Whether it may work later: the fault is neither the caller's nor damage.
    pub fn is_passing(&self) -> bool {
        use MetadataError::{Conflict, Unavailable};
        matches!(
            self,
            Self::TooMany { .. } | Self::Unavailable(_) | Self::Metadata(Unavailable(_) | Conflict(_))
        )
    }

    /// The caller knows of it, and lacks this permission: one sentence wherever it is found out.
    pub fn lacks(permission: Permission) -> Self {
        Self::Forbidden(format!("you may not do this: {permission}"))
    }

    /// There is no such thing.
    pub fn unknown(kind: &'static str, name: impl ToString) -> Self {
        Self::Unknown { kind, name: name.to_string() }
    }
}
