//! Unfinished content in a folder: one file an upload.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use longshore_types::{Digest, Timestamp, UploadId};

use super::{
    FilesystemStore,
    blob::stream_file,
    blocking,
    files::{at, lacks_locks, open_regular},
    generation::{self, Standing},
    listing::{from_thread, modified_at, send, visit},
    syncs::Syncs,
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
        let state = fs::File::create_new(&path)
            .and_then(|file| generation::mark(&file))
            .map_err(|error| StoreError::Unavailable(at(&path)(error).into()))?;
        Ok(UploadProgress { size_bytes: 0, state })
    }

    async fn writer(
        &self,
        id: &UploadId,
        progress: &UploadProgress,
    ) -> Result<Box<dyn UploadWriter>, StoreError> {
        let claimed = self.claim(id, progress, For::Writing).await?;
        Ok(Box::new(FileWriter::new(claimed, progress.clone(), self.volume.syncs.clone())))
    }

    async fn read(&self, id: &UploadId, progress: &UploadProgress) -> Result<ByteStream, StoreError> {
        let path = self.volume.path(StorageKey::Upload(id));
        let file = open_regular(&path, false)?;
        standing(&file.metadata().map_err(at(&path))?, &path, progress)?;
        Ok(stream_file(Arc::new(file), 0, progress.size_bytes))
    }

    async fn publish(
        &self,
        id: &UploadId,
        progress: &UploadProgress,
        digest: &Digest,
    ) -> Result<(), StoreError> {
        let (volume, digest, size_bytes) = (Arc::clone(&self.volume), *digest, progress.size_bytes);
        let claimed = match self.claim(id, progress, For::Publishing).await {
            Ok(claimed) => Some(claimed),
            // Published before on a file system without hard links: the upload became the blob.
            Err(StoreError::NotFound)
                if fs::symlink_metadata(volume.path(StorageKey::Upload(id))).is_err()
                    && volume.holds(&volume.path(StorageKey::BlobData(&digest)), size_bytes)? =>
            {
                None
            }
            Err(error) => return Err(error),
        };
        let (path, state) = (volume.path(StorageKey::Upload(id)), progress.state.clone());
        blocking(move || {
            if let Some(claimed) = &claimed {
                // To whoever sweeps old garbage the blob is as old as this moment, not as the upload's last piece.
                generation::refresh(&claimed.file, &state).map_err(at(&path))?;
            }
            volume.publish(&path, size_bytes, &digest)?;
            // Locked up to here, so that nobody writes between the look at the mark and the link.
            drop(claimed);
            Ok(())
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

/// An upload's file, locked until this is dropped.
pub(super) struct Claimed {
    pub(super) file: Arc<File>,
    /// What the file is a copy of, not to be touched before the copy is finished: locked too.
    original: Option<(File, PathBuf)>,
}

impl Claimed {
    pub(super) fn in_place(file: File) -> Self {
        Self { file: Arc::new(file), original: None }
    }

    /// Puts a copy in the original's place.
    pub(super) fn finish(&self, syncs: &Syncs) -> io::Result<()> {
        let Some((_, path)) = &self.original else { return Ok(()) };
        fs::rename(path.with_extension(COPY), path).map_err(at(path))?;
        syncs.directory(path.parent().expect("uploads lie below the root"))
    }
}

impl FilesystemStore {
    /// Opens an upload's file, which holds the progress's bytes and no others, and locks it until it is closed. Where no
    /// copy is needed that is a handful of calls on one file, too few for the way to another thread.
    ///
    /// The lock keeps a write that is still under way for a dropped writer (blocking calls cannot be stopped) from
    /// landing on top of what the next writer wrote: then the bytes would no longer be those that were hashed.
    async fn claim(
        &self,
        id: &UploadId,
        progress: &UploadProgress,
        purpose: For,
    ) -> Result<Claimed, StoreError> {
        let deadline = tokio::time::Instant::now() + CLAIM_WAIT;
        loop {
            let path = self.volume.path(StorageKey::Upload(id));
            match try_claim(&path, progress, purpose)? {
                Claim::InPlace(claimed) => return Ok(claimed),
                Claim::MustCopy(file) => {
                    let (progress, syncs) = (progress.clone(), self.volume.syncs.clone());
                    return blocking(move || {
                        Ok(copy(file, &path, &progress, purpose, &syncs).map_err(at(&path))?)
                    })
                    .await;
                }
                Claim::InUse => {}
            }
            if tokio::time::Instant::now() >= deadline {
                return Err(StoreError::Unavailable(format!("upload {id} is in use").into()));
            }
            tokio::time::sleep(CLAIM_PAUSE).await;
        }
    }
}

/// Whether an upload's file can be had.
enum Claim {
    InPlace(Claimed),
    /// Only its content, in another file; this one is locked.
    MustCopy(File),
    /// Somebody else has it.
    InUse,
}

fn try_claim(path: &Path, progress: &UploadProgress, purpose: For) -> Result<Claim, StoreError> {
    let size_bytes = progress.size_bytes;
    let file = open_regular(path, true)?;
    if !lock(&file).map_err(at(path))? {
        return Ok(Claim::InUse);
    }
    let found = file.metadata().map_err(at(path))?;
    let named = fs::symlink_metadata(path).map_err(at(path))?;
    if (found.dev(), found.ino()) != (named.dev(), named.ino()) {
        return Ok(Claim::InUse);
    }
    let standing = standing(&found, path, progress)?;
    if found.len() < size_bytes {
        let what = format!("{}: {} bytes, {size_bytes} were acknowledged", path.display(), found.len());
        return Err(StoreError::Corrupt(what.into()));
    }
    let in_place = match purpose {
        // A second name means that the file is a published blob already (and a crash kept the index from learning it),
        // and blobs never change. What somebody wrote behind the progress may be remembered yet.
        For::Writing => standing == Standing::Same && found.nlink() == 1,
        For::Publishing => found.len() == size_bytes,
    };
    if !in_place {
        return Ok(Claim::MustCopy(file));
    }
    if found.len() > size_bytes {
        // Only where the file system keeps no marks.
        file.set_len(size_bytes).map_err(at(path))?;
    }
    Ok(Claim::InPlace(Claimed::in_place(file)))
}

/// How the file stands to the progress, whose bytes it must hold.
fn standing(found: &fs::Metadata, path: &Path, progress: &UploadProgress) -> Result<Standing, StoreError> {
    match generation::compare(&progress.state, found) {
        Standing::Replaced => {
            tracing::debug!(path = %path.display(), "somebody else wrote other bytes to an upload");
            Err(StoreError::NotFound)
        }
        standing => Ok(standing),
    }
}

/// Whether the lock was free. Where the file system has no locks what remains is that the use cases let one request at a
/// time at an upload.
fn lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) if lacks_locks(&error) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Goes on in a copy: for writing, the original stays until the copy is finished, so that a crash loses nothing.
fn copy(
    mut file: File,
    path: &Path,
    progress: &UploadProgress,
    purpose: For,
    syncs: &Syncs,
) -> io::Result<Claimed> {
    let place = path.with_extension(COPY);
    // What an earlier writer left: one that was dropped may still be writing to it, so it is not used again.
    match fs::remove_file(&place) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut to = fs::OpenOptions::new().read(true).write(true).create_new(true).open(&place)?;
    lock(&to)?;
    let copied = io::copy(&mut Read::by_ref(&mut file).take(progress.size_bytes), &mut to)?;
    if copied != progress.size_bytes {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let copy = Claimed { file: Arc::new(to), original: Some((file, path.to_owned())) };
    if purpose == For::Publishing {
        generation::refresh(&copy.file, &progress.state)?;
        syncs.all(&copy.file)?;
        copy.finish(syncs)?;
    }
    Ok(copy)
}
