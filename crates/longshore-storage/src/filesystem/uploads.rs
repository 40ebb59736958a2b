//! Unfinished content in a folder: one file an upload.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::Path,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use longshore_types::{Digest, Timestamp, UploadId};
use rustix::io::Errno;

use super::{
    FilesystemStore,
    blob::stream_file,
    blocking,
    files::{at, open_regular},
    listing::{from_thread, modified_at, send, visit},
    writer::FileWriter,
};
use crate::{ByteStream, StoreError, UploadProgress, UploadStore, UploadWriter, storage_key::StorageKey};

/// How long a new writer waits for the last write of one that was dropped.
const CLAIM_WAIT: Duration = Duration::from_secs(10);
const CLAIM_PAUSE: Duration = Duration::from_millis(5);

#[async_trait]
impl UploadStore for FilesystemStore {
    async fn create(&self, id: &UploadId) -> Result<UploadProgress, StoreError> {
        let path = self.volume.path(StorageKey::Upload(id));
        fs::File::create_new(&path).map_err(|error| StoreError::Unavailable(at(&path)(error).into()))?;
        Ok(UploadProgress { size_bytes: 0, state: Vec::new() })
    }

    async fn writer(
        &self,
        id: &UploadId,
        progress: &UploadProgress,
    ) -> Result<Box<dyn UploadWriter>, StoreError> {
        let file = self.claim(id, progress.size_bytes, For::Writing).await?;
        Ok(Box::new(FileWriter::new(file, progress.size_bytes, self.volume.durable)))
    }

    async fn read(&self, id: &UploadId, progress: &UploadProgress) -> Result<ByteStream, StoreError> {
        let path = self.volume.path(StorageKey::Upload(id));
        let file = open_regular(&path, false)?;
        Ok(stream_file(Arc::new(file), 0, progress.size_bytes))
    }

    async fn publish(
        &self,
        id: &UploadId,
        progress: &UploadProgress,
        digest: &Digest,
    ) -> Result<(), StoreError> {
        let (volume, digest, size_bytes) = (Arc::clone(&self.volume), *digest, progress.size_bytes);
        let file = match self.claim(id, size_bytes, For::Publishing).await {
            Ok(file) => Some(file),
            // Published before on a file system without hard links: the upload became the blob.
            Err(StoreError::NotFound)
                if volume.holds(&volume.path(StorageKey::BlobData(&digest)), size_bytes)? =>
            {
                None
            }
            Err(error) => return Err(error),
        };
        let path = volume.path(StorageKey::Upload(id));
        blocking(move || {
            if let Some(file) = &file {
                // To whoever sweeps old garbage the blob is as old as this moment, not as the upload's last piece.
                file.set_modified(std::time::SystemTime::now()).map_err(at(&path))?;
            }
            Ok(volume.publish(&path, size_bytes, &digest)?)
        })
        .await
    }

    async fn discard(&self, id: &UploadId, _progress: &UploadProgress) -> Result<(), StoreError> {
        let path = self.volume.path(StorageKey::Upload(id));
        blocking(move || {
            for path in [&path, &path.with_extension(COPY)] {
                match fs::remove_file(path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(at(path)(error).into());
                    }
                    _ => {}
                }
            }
            Ok(())
        })
        .await
    }

    fn list(&self) -> BoxStream<'static, Result<(UploadId, Timestamp), StoreError>> {
        let uploads = self.volume.path(StorageKey::Uploads);
        from_thread(move |entries| {
            visit(&uploads, &mut |name, entry| {
                // The copy that a crash left goes together with the upload it belongs to.
                let id = name.strip_suffix(COPY).and_then(|name| name.strip_suffix('.')).unwrap_or(name);
                match (id.parse(), entry.metadata()) {
                    (Ok(id), Ok(found)) => send(entries, (id, modified_at(&found))),
                    _ => Ok(()),
                }
            })
        })
    }
}

/// Why an upload's file is claimed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    Writing,
    Publishing,
}

/// The file extension of a copy in the making.
const COPY: &str = "copy";

impl FilesystemStore {
    /// Opens an upload's file, exactly `size_bytes` long and locked until it is closed.
    ///
    /// The lock keeps a write that is still under way for a dropped writer (blocking calls cannot be stopped) from
    /// landing on top of what the next writer wrote: then the bytes would no longer be those that were hashed.
    async fn claim(&self, id: &UploadId, size_bytes: u64, purpose: For) -> Result<File, StoreError> {
        let deadline = tokio::time::Instant::now() + CLAIM_WAIT;
        loop {
            let (path, durable) = (self.volume.path(StorageKey::Upload(id)), self.volume.durable);
            if let Some(file) = blocking(move || try_claim(&path, size_bytes, purpose, durable)).await? {
                return Ok(file);
            }
            if tokio::time::Instant::now() >= deadline {
                return Err(StoreError::Unavailable(format!("upload {id} is in use").into()));
            }
            tokio::time::sleep(CLAIM_PAUSE).await;
        }
    }
}

/// `None` while somebody else has it.
fn try_claim(path: &Path, size_bytes: u64, purpose: For, durable: bool) -> Result<Option<File>, StoreError> {
    let file = open_regular(path, true)?;
    if !lock(&file).map_err(at(path))? {
        return Ok(None);
    }
    let found = file.metadata().map_err(at(path))?;
    let named = fs::symlink_metadata(path).map_err(at(path))?;
    if (found.dev(), found.ino()) != (named.dev(), named.ino()) {
        return Ok(None);
    }
    if found.len() < size_bytes {
        let what = format!("{}: {} bytes, {size_bytes} were acknowledged", path.display(), found.len());
        return Err(StoreError::Corrupt(what.into()));
    }
    let too_long = found.len() > size_bytes;
    // A second name means that the file is a published blob already (and a crash kept the index from learning it):
    // blobs never change, so the upload goes on in a copy.
    if found.nlink() > 1 && (too_long || purpose == For::Writing) {
        return copy(&file, path, size_bytes, durable).map(Some).map_err(|error| at(path)(error).into());
    }
    if too_long {
        file.set_len(size_bytes).map_err(at(path))?;
        if durable && purpose == For::Publishing {
            file.sync_all().map_err(at(path))?;
        }
    }
    Ok(Some(file))
}

/// Whether the lock was free. Where the file system has no locks (or, over NFS, nobody to ask) what remains is that the
/// use cases let one request at a time at an upload.
fn lock(file: &File) -> io::Result<bool> {
    let none = |error: &io::Error| {
        error.kind() == io::ErrorKind::Unsupported || Errno::from_io_error(error) == Some(Errno::NOLCK)
    };
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) if none(&error) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn copy(file: &File, path: &Path, size_bytes: u64, durable: bool) -> io::Result<File> {
    let place = path.with_extension(COPY);
    let mut to = fs::OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&place)?;
    lock(&to)?;
    let copied = io::copy(&mut file.take(size_bytes), &mut to)?;
    if copied != size_bytes {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if durable {
        to.sync_all()?;
    }
    fs::rename(&place, path)?;
    Ok(to)
}
