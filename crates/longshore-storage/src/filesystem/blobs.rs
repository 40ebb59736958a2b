//! Finished content in a folder.

use std::{
    fs, io,
    io::Write,
    path::Path,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream, stream::BoxStream};
use longshore_types::{Digest, DigestAlgorithm, Timestamp, UploadId};
use tokio::sync::mpsc;

use super::{
    FilesystemStore, Volume,
    blob::FileBlob,
    blocking,
    files::{at, open_regular},
};
use crate::{
    Blob, BlobStat, BlobStore, StoreError,
    storage_key::{StorageKey, digest_from_directories},
};

#[async_trait]
impl BlobStore for FilesystemStore {
    async fn stat(&self, digest: &Digest) -> Result<BlobStat, StoreError> {
        let path = self.volume.path(StorageKey::BlobData(digest));
        let found = fs::symlink_metadata(&path).map_err(at(&path))?;
        if !found.is_file() {
            return Err(StoreError::Corrupt(format!("{}: not a regular file", path.display()).into()));
        }
        Ok(BlobStat { digest: *digest, size_bytes: found.len(), modified_at: modified_at(&found) })
    }

    async fn open(&self, digest: &Digest) -> Result<Arc<dyn Blob>, StoreError> {
        let path = self.volume.path(StorageKey::BlobData(digest));
        let file = open_regular(&path, false)?;
        let size_bytes = file.metadata().map_err(at(&path))?.len();
        Ok(Arc::new(FileBlob { file: Arc::new(file), size_bytes }))
    }

    async fn put(&self, digest: &Digest, bytes: Bytes) -> Result<(), StoreError> {
        let (volume, digest) = (Arc::clone(&self.volume), *digest);
        blocking(move || {
            // Like an upload, so that a crash leaves only what the sweep of forgotten uploads takes.
            volume.with_scratch_file(&bytes, |path| volume.publish(path, bytes.len() as u64, &digest))
        })
        .await
    }

    async fn remove(&self, digest: &Digest) -> Result<bool, StoreError> {
        let path = self.volume.path(StorageKey::BlobData(digest));
        blocking(move || match fs::remove_file(&path) {
            Ok(()) => {
                // Fails when somebody publishes the same blob at this moment, or where another registry left something.
                let _ = fs::remove_dir(path.parent().expect("the key of a blob names a file in a directory"));
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(at(&path)(error).into()),
        })
        .await
    }

    async fn set_aside(&self, digest: &Digest) -> Result<String, StoreError> {
        let (volume, digest) = (Arc::clone(&self.volume), *digest);
        blocking(move || {
            let place = volume.set_aside(&volume.path(StorageKey::BlobData(&digest)), &digest)?;
            Ok(place.display().to_string())
        })
        .await
    }

    fn list(&self) -> BoxStream<'static, Result<BlobStat, StoreError>> {
        let blobs = self.volume.path(StorageKey::Blobs);
        from_thread(move |entries| {
            for algorithm in DigestAlgorithm::ALL {
                let prefixes = blobs.join(algorithm.as_str());
                visit(&prefixes, &mut |prefix, _| list_prefix(&prefixes.join(prefix), algorithm, entries))?;
            }
            Ok(())
        })
    }

    async fn check(&self) -> Result<(), StoreError> {
        let volume = Arc::clone(&self.volume);
        blocking(move || {
            let trifle = UploadId::random().to_string();
            volume.with_scratch_file(trifle.as_bytes(), |path| {
                if fs::read(path).map_err(at(path))? == trifle.as_bytes() {
                    Ok(())
                } else {
                    Err(io::Error::new(io::ErrorKind::InvalidData, "does not give back what was written"))
                }
            })
        })
        .await
    }
}

impl Volume {
    /// Writes and syncs a file under a fresh name among the uploads, for as long as `work` runs.
    fn with_scratch_file(
        &self,
        content: &[u8],
        work: impl FnOnce(&Path) -> io::Result<()>,
    ) -> Result<(), StoreError> {
        let path = self.path(StorageKey::Upload(&UploadId::random()));
        let worked = (|| {
            let mut file = fs::File::create_new(&path).map_err(at(&path))?;
            file.write_all(content).map_err(at(&path))?;
            if self.durable {
                file.sync_data().map_err(at(&path))?;
            }
            work(&path)
        })();
        match fs::remove_file(&path) {
            // Publishing moves the file where the file system has no hard links.
            Err(error) if error.kind() != io::ErrorKind::NotFound => worked.and(Err(at(&path)(error))),
            _ => worked,
        }
        // NotFound would read as "no such blob"; here it says that somebody took the folder away.
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::Unavailable(error.into()),
            _ => error.into(),
        })
    }
}

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

fn list_prefix(prefix: &Path, algorithm: DigestAlgorithm, entries: &Entries<BlobStat>) -> Result<(), Stop> {
    visit(prefix, &mut |hex, directory| {
        let Some(digest) = digest_from_directories(algorithm, hex) else { return Ok(()) };
        match fs::symlink_metadata(directory.path().join("data")) {
            Ok(found) if found.is_file() => {
                send(entries, BlobStat { digest, size_bytes: found.len(), modified_at: modified_at(&found) })
            }
            _ => Ok(()),
        }
    })
}

/// When the file was last written; the beginning of time where the file system does not say.
pub(super) fn modified_at(found: &fs::Metadata) -> Timestamp {
    found.modified().unwrap_or(UNIX_EPOCH).max(SystemTime::UNIX_EPOCH).into()
}
