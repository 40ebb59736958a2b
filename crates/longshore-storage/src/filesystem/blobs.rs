//! Finished content in a folder.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use longshore_types::{Digest, DigestAlgorithm, UploadId};

use super::{
    FilesystemStore, Volume,
    blob::FileBlob,
    blocking,
    files::{at, open_described},
    listing::{Entries, Stop, from_thread, modified_at, send, visit},
};
use crate::{
    Blob, BlobStat, BlobStore, Space, StoreError,
    storage_key::{StorageKey, blob_data_below, digest_from_directories},
};

#[async_trait]
impl BlobStore for FilesystemStore {
    async fn stat(&self, digest: &Digest) -> Result<BlobStat, StoreError> {
        let path = self.volume.blob_path(digest);
        let found = fs::symlink_metadata(&path).map_err(at(&path))?;
        if !found.is_file() {
            return Err(StoreError::Corrupt(format!("{}: not a regular file", path.display()).into()));
        }
        Ok(BlobStat { digest: *digest, size_bytes: found.len(), modified_at: modified_at(&found) })
    }

    async fn open(&self, digest: &Digest) -> Result<Arc<dyn Blob>, StoreError> {
        let path = self.volume.blob_path(digest);
        let (file, found) = open_described(&path, false)?;
        let (size_bytes, modified_at) = (found.len(), modified_at(&found));
        Ok(Arc::new(FileBlob { file: Arc::new(file), size_bytes, modified_at }))
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
        let answers = self.remove_many(std::slice::from_ref(digest)).await;
        answers.into_iter().next().expect("an answer for each digest")
    }

    async fn remove_many(&self, digests: &[Digest]) -> Vec<Result<bool, StoreError>> {
        let (volume, wanted) = (Arc::clone(&self.volume), digests.to_vec());
        let remove = move |digest: &Digest| volume.remove(digest).map_err(StoreError::from);
        let removed = blocking(move || Ok(wanted.iter().map(remove).collect())).await;
        removed.unwrap_or_else(|_| {
            let ended = || StoreError::Unavailable("the threads for the disk have ended".into());
            digests.iter().map(|_| Err(ended())).collect()
        })
    }

    async fn set_aside(&self, digest: &Digest) -> Result<String, StoreError> {
        let (volume, digest) = (Arc::clone(&self.volume), *digest);
        blocking(move || {
            let place = volume.set_aside(&volume.blob_path(&digest), &digest)?;
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

    async fn space(&self) -> Result<Option<Space>, StoreError> {
        let volume = Arc::clone(&self.volume);
        blocking(move || {
            let found = rustix::fs::statvfs(&volume.root).map_err(|errno| at(&volume.root)(errno.into()))?;
            // What only the superuser may use is not free.
            let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
            Ok(Some(Space { total_bytes: bytes(found.f_blocks), free_bytes: bytes(found.f_bavail) }))
        })
        .await
    }
}

impl Volume {
    fn blob_path(&self, digest: &Digest) -> PathBuf {
        blob_data_below(&self.root, digest)
    }

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
