//! How a blob's content goes.
//!
//! Whoever removes content holds a lock in the index meanwhile, and on SQLite that keeps every push waiting. To unlink a
//! large file takes as long as it takes to free its blocks: hundreds of milliseconds for 10 GB. So a large file is moved
//! among the uploads, where no reader looks, and unlinked by a thread behind. What a crash leaves there is an upload
//! that no row speaks of, which the sweep of uploads takes.
//!
//! Content that was moved is never moved back, also where the transaction in the index comes to nothing: it was nobody's,
//! for nothing linked it, and a push of the same content looks for it under the lock and publishes its own.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use longshore_types::{Digest, UploadId};
use rustix::io::Errno;

use super::{Volume, files::at, publish::remove_directory};
use crate::storage_key::StorageKey;

/// From here on it takes longer to free a file's blocks than to move it.
const LARGE_BYTES: u64 = 16 * 1024 * 1024;

/// Files that have no place any more and are to be unlinked, one after the other.
#[derive(Debug, Default)]
pub(super) struct Unlinking(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    /// As many as were removed faster than the disk frees blocks.
    files: Vec<PathBuf>,
    /// A thread is at work, and takes whatever is added.
    at_work: bool,
}

impl Unlinking {
    fn add(self: &Arc<Self>, file: PathBuf) {
        let mut queue = self.queue();
        queue.files.push(file);
        if !queue.at_work {
            queue.at_work = true;
            let this = Arc::clone(self);
            // The end of the runtime waits for it.
            tokio::task::spawn_blocking(move || while this.unlink_next() {});
        }
    }

    fn unlink_next(&self) -> bool {
        let mut queue = self.queue();
        let Some(file) = queue.files.pop() else {
            queue.at_work = false;
            return false;
        };
        drop(queue);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, file = %file.display(), "could not unlink what was removed; the sweep will");
            }
            _ => {}
        }
        true
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Volume {
    /// Removes the content of a blob; `false` when there was none.
    pub(super) fn remove(&self, digest: &Digest) -> io::Result<bool> {
        let path = self.path(StorageKey::BlobData(digest));
        let _turn = self.turn()?;
        let removed = match fs::symlink_metadata(&path) {
            Ok(found) if found.is_file() && found.len() >= LARGE_BYTES => self.move_away(&path),
            Ok(_) => fs::remove_file(&path),
            Err(error) => Err(error),
        };
        match removed {
            Ok(()) => {
                let directory = path.parent().expect("the key of a blob names a file in a directory");
                // Not needed for the removal, and it may rightly fail.
                let _ = remove_directory(directory);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(at(&path)(error)),
        }
    }

    fn move_away(&self, path: &Path) -> io::Result<()> {
        let away = self.path(StorageKey::Upload(&UploadId::random()));
        match fs::rename(path, &away) {
            Ok(()) => {
                self.unlinking.add(away);
                Ok(())
            }
            // Uploads on another file system.
            Err(error) if Errno::from_io_error(&error) == Some(Errno::XDEV) => fs::remove_file(path),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BlobStore, FilesystemSettings, FilesystemStore};

    fn blob_of(store: &FilesystemStore, size_bytes: u64) -> (Digest, PathBuf) {
        let digest = Digest::sha256(&size_bytes.to_be_bytes());
        let path = store.volume.path(StorageKey::BlobData(&digest));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::File::create_new(&path).unwrap().set_len(size_bytes).unwrap();
        (digest, path)
    }

    fn uploads(store: &FilesystemStore) -> usize {
        fs::read_dir(store.volume.path(StorageKey::Uploads)).unwrap().count()
    }

    #[test]
    fn small_and_large_content_goes_whole() {
        let folder = tempfile::tempdir().unwrap();
        let settings = FilesystemSettings { root: folder.path().to_owned(), durable: false };
        let store = FilesystemStore::open(&settings).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let sizes = [0, 1, LARGE_BYTES - 1, LARGE_BYTES, LARGE_BYTES + 1, 40 * LARGE_BYTES];
            let blobs = sizes.map(|size| blob_of(&store, size));
            let digests: Vec<Digest> = blobs.iter().map(|(digest, _)| *digest).collect();
            let absent = Digest::sha256(b"absent");
            let answers = store.remove_many(&[&digests[..], &[absent]].concat()).await;
            let answers: Vec<bool> = answers.into_iter().map(Result::unwrap).collect();
            assert_eq!(answers, [true, true, true, true, true, true, false]);
            for (digest, path) in &blobs {
                assert!(!path.parent().unwrap().exists() && store.stat(digest).await.is_err());
            }
        });
        // Waits for the thread that unlinks.
        drop(runtime);
        assert_eq!(uploads(&store), 0);
    }

    #[test]
    fn what_a_crash_left_of_a_large_file_is_an_upload_that_nobody_knows() {
        let folder = tempfile::tempdir().unwrap();
        let settings = FilesystemSettings { root: folder.path().to_owned(), durable: false };
        let store = FilesystemStore::open(&settings).unwrap();
        let (digest, _) = blob_of(&store, LARGE_BYTES);
        // As if the process ended before the thread came to it.
        store.volume.unlinking.queue().at_work = true;
        assert!(store.volume.remove(&digest).unwrap());
        assert_eq!(uploads(&store), 1);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let listed = runtime.block_on(async {
            use futures_util::StreamExt;
            crate::UploadStore::list(&store).collect::<Vec<_>>().await
        });
        assert!(matches!(listed.as_slice(), [Ok(_)]), "{listed:?}");
    }
}
