//! Files that others replace while we run: bundles, key sets.

use std::{
    io,
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::io::AsyncReadExt as _;

use crate::SettingsError;

/// Largest file read, in bytes.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The content of a file, read again when the file changes. A change that cannot be read is told to the log, and what
/// was read before stays in use.
pub(crate) struct Watched<T> {
    path: PathBuf,
    parse: fn(&[u8]) -> Result<T, String>,
    current: Mutex<(Stamp, Arc<T>)>,
}

/// What changes when a file does: which one it is, how long, when it was written. None when there is no such file.
type Stamp = Option<(u64, u64, i64, i64)>;

impl<T> Watched<T> {
    /// Reads it for the first time. `key` names the setting in errors.
    pub(crate) fn new(
        key: &str,
        path: PathBuf,
        parse: fn(&[u8]) -> Result<T, String>,
    ) -> Result<Self, SettingsError> {
        let refuse = |error: String| SettingsError::new(format!("{key}: {}: {error}", path.display()));
        let metadata = std::fs::metadata(&path).map_err(|error| refuse(error.to_string()))?;
        if metadata.len() > FILE_BYTES_MAX {
            return Err(refuse("larger than 4 MiB".to_owned()));
        }
        let bytes = std::fs::read(&path).map_err(|error| refuse(error.to_string()))?;
        let content = parse(&bytes).map_err(refuse)?;
        Ok(Self { parse, current: Mutex::new((stamp(&metadata), Arc::new(content))), path })
    }

    /// What is in it now.
    pub(crate) async fn current(&self) -> Arc<T> {
        let now = tokio::fs::metadata(&self.path).await.ok().as_ref().and_then(stamp);
        let (seen, known) = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if now == seen || now.is_none() {
            return known;
        }
        let read =
            self.read().await.map_err(|error| error.to_string()).and_then(|bytes| (self.parse)(&bytes));
        let content = match read {
            Ok(content) => Arc::new(content),
            Err(error) => {
                tracing::warn!(path = %self.path.display(), error, "a file has changed and cannot be read: its former content stays in use");
                known
            }
        };
        // A failure is remembered with its stamp, too: it is told once.
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = (now, content.clone());
        content
    }

    async fn read(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        tokio::fs::File::open(&self.path).await?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).await?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 4 MiB"));
        }
        Ok(bytes)
    }
}

fn stamp(metadata: &std::fs::Metadata) -> Stamp {
    Some((metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec()))
}

impl<T> std::fmt::Debug for Watched<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watched").field("path", &self.path).finish_non_exhaustive()
    }
}
