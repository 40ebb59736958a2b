//! Listing directories on a thread of their own.

use std::{
    fs, io,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use futures_util::{StreamExt, stream, stream::BoxStream};
use longshore_types::Timestamp;
use tokio::sync::mpsc;

use super::files::at;
use crate::StoreError;

/// The listing under way was given up.
pub(super) enum Stop {
    /// Nobody reads it any more.
    Unwanted,
    /// Part of the folder cannot be read.
    Failed(io::Error),
}

pub(super) type Entries<T> = mpsc::Sender<Result<T, StoreError>>;

/// A stream of what `work` sends from a thread of its own, at the pace of the reader.
pub(super) fn from_thread<T: Send + 'static>(
    work: impl FnOnce(&Entries<T>) -> Result<(), Stop> + Send + 'static,
) -> BoxStream<'static, Result<T, StoreError>> {
    let (sender, receiver) = mpsc::channel(256);
    tokio::task::spawn_blocking(move || {
        if let Err(Stop::Failed(error)) = work(&sender) {
            let _ = sender.blocking_send(Err(StoreError::Unavailable(error.into())));
        }
    });
    stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) }).boxed()
}

pub(super) fn send<T>(entries: &Entries<T>, entry: T) -> Result<(), Stop> {
    entries.blocking_send(Ok(entry)).map_err(|_| Stop::Unwanted)
}

/// Calls `each` for every entry of a directory with its name as text; there is none in a directory that is not there.
pub(super) fn visit(
    directory: &Path,
    each: &mut dyn FnMut(&str, &fs::DirEntry) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let failed = |error| Stop::Failed(at(directory)(error));
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(());
        }
        Err(error) => return Err(failed(error)),
    };
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if let Some(name) = entry.file_name().to_str() {
            each(name, &entry)?;
        }
    }
    Ok(())
}

/// When the file was last written; the beginning of time where the file system does not say.
pub(super) fn modified_at(found: &fs::Metadata) -> Timestamp {
    found.modified().unwrap_or(UNIX_EPOCH).max(SystemTime::UNIX_EPOCH).into()
}
