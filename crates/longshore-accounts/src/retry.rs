//! Transactions that stood in each other's way are run again.

use std::time::Duration;

use longshore_metadata::MetadataError;

use crate::{LoginError, ManageError};

/// How often a transaction is tried before the caller hears of the conflict.
const TRIES_MAX: u32 = 10;

/// An error that may mean no more than "try again".
pub(crate) trait MayConflict {
    /// Whether it was [`MetadataError::Conflict`].
    fn is_conflict(&self) -> bool;
}

impl MayConflict for MetadataError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict(_))
    }
}

impl MayConflict for ManageError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Metadata(error) if error.is_conflict())
    }
}

impl MayConflict for LoginError {
    fn is_conflict(&self) -> bool {
        match self {
            Self::Unavailable(error) => {
                error.downcast_ref::<MetadataError>().is_some_and(MayConflict::is_conflict)
            }
            Self::Refused(_) | Self::Csrf | Self::TooMany { .. } => false,
        }
    }
}

/// Runs `attempt`, a whole transaction from begin to commit, until it meets no conflict; at most ten times. A name or an
/// address that somebody else took at the same moment is such a conflict: the next try finds it taken.
pub(crate) async fn retry_on_conflict<T, E, F>(mut attempt: impl FnMut() -> F) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
    E: MayConflict,
{
    let mut tries = 1;
    loop {
        match attempt().await {
            Err(error) if error.is_conflict() && tries < TRIES_MAX => {
                // Whoever was in the way needs a moment to end: 2 ms, 4 ms, ... together one second.
                tokio::time::sleep(Duration::from_millis(1 << tries)).await;
                tries += 1;
            }
            result => return result,
        }
    }
}
