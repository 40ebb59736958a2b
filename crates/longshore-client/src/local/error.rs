//! What goes wrong with files.

use std::{
    io,
    path::{Path, PathBuf},
};

use longshore_types::Digest;

/// Why an image cannot be read from files, or be written to them.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The system refuses.
    #[error("{}", path.display())]
    File {
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not what it should be.
    #[error("{}: {why}", path.display())]
    Malformed {
        /// Which file or folder.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Content is named, but not there.
    #[error("{} does not hold {digest}", path.display())]
    Missing {
        /// Which file or folder.
        path: PathBuf,
        /// What is named.
        digest: Digest,
    },
    /// Content is not what its digest says.
    #[error("{} holds content of {actual} for {expected}", path.display())]
    DigestMismatch {
        /// Which file or folder.
        path: PathBuf,
        /// What its name says.
        expected: Digest,
        /// What it is.
        actual: Digest,
    },
    /// Nothing tells which of several images is meant, or none is of that name.
    #[error("{} {what}; there are: {}", path.display(), there.join(", "))]
    Choice {
        /// Which file or folder.
        path: PathBuf,
        /// What is unclear.
        what: String,
        /// What it holds.
        there: Vec<String>,
    },
}

impl LocalError {
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        |source| Self::File { path, source }
    }

    pub(super) fn malformed(path: &Path, why: impl Into<String>) -> Self {
        Self::Malformed { path: path.to_owned(), why: why.into() }
    }
}

/// Runs what waits for the disk where that holds up nobody.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LocalError> + Send + 'static,
) -> Result<T, LocalError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => Err(LocalError::malformed(Path::new("."), error.to_string())),
        },
    }
}
