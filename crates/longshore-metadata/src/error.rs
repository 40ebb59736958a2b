//! What can go wrong in the index, reduced to what callers act on.

use std::error::Error;

use crate::QuotaExceeded;

/// A failed call to the index.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// Another transaction was in the way (serialisation failure, deadlock, a row that vanished): run the whole
    /// transaction again.
    #[error("the index was changed by another transaction meanwhile")]
    Conflict(#[source] Box<dyn Error + Send + Sync>),
    /// The database does not answer, or refuses.
    #[error("the index is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// What is stored cannot be read as what it should be.
    #[error("the index is damaged: {0}")]
    Corrupt(String),
    /// The database was written by a newer Longshore.
    #[error(
        "the index has schema version {found}, this Longshore knows up to {known}: run the newer version again"
    )]
    TooNew {
        /// What the database says.
        found: i64,
        /// What this program knows.
        known: i64,
    },
    /// A project would hold more than it may. The transaction cannot be committed.
    #[error(transparent)]
    QuotaExceeded(QuotaExceeded),
    /// A wrong address or setting.
    #[error("metadata.url: {0}")]
    Settings(String),
}

impl MetadataError {
    /// A row that must be there is not: another transaction took it, or the caller's order was wrong.
    pub(crate) fn vanished(what: &str) -> Self {
        Self::Conflict(what.into())
    }
}
