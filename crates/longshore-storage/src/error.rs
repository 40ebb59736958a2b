//! What can go wrong in a store, reduced to what callers act on.

use std::{error::Error, io};

/// A failed storage call.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such blob or upload.
    #[error("not in the store")]
    NotFound,
    /// Room or quota of the device is used up.
    #[error("the store is full")]
    Full(#[source] Box<dyn Error + Send + Sync>),
    /// What is stored is not what was written.
    #[error("damaged content in the store")]
    Corrupt(#[source] Box<dyn Error + Send + Sync>),
    /// The store does not answer, or refuses: try again later.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::Full(error.into())
            }
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Self::Corrupt(error.into()),
            _ => Self::Unavailable(error.into()),
        }
    }
}
