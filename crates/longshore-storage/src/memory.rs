//! A backend in memory. For tests, and for distribution's `storage.inmemory`; so it is always there.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard},
    time::SystemTime,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream, stream::BoxStream};
use longshore_types::{ByteRange, Digest, Timestamp, UploadId};

use crate::{Blob, BlobStat, BlobStore, ByteStream, StoreError, UploadProgress, UploadStore, UploadWriter};

/// Blobs and uploads in memory: gone with the process. Clones share the content.
#[derive(Clone, Default)]
pub struct MemoryStore {
    content: Arc<Mutex<Content>>,
}

#[derive(Default)]
struct Content {
    blobs: BTreeMap<Digest, (Bytes, Timestamp)>,
    uploads: HashMap<UploadId, Upload>,
    /// Counts whatever was finished, so that each history and each mark is another.
    marks: u64,
    set_aside: Vec<(Digest, Bytes)>,
}

/// As the files of `FilesystemStore` do it: who starts from an earlier mark begins another history.
struct Upload {
    bytes: Vec<u8>,
    modified_at: Timestamp,
    history: u64,
    mark: u64,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces the bytes under `digest` by others, as a broken disk would; they need not hash to it.
    pub fn damage(&self, digest: &Digest, bytes: impl Into<Bytes>) {
        self.content().blobs.insert(*digest, (bytes.into(), now()));
    }

    /// What was set aside, in order.
    pub fn set_aside_content(&self) -> Vec<(Digest, Bytes)> {
        self.content().set_aside.clone()
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        // Every change under the lock is a single insertion or removal: a panic leaves nothing half done.
        self.content.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// When something was written, as a file system would remember it.
fn now() -> Timestamp {
    SystemTime::now().into()
}

#[async_trait]
impl BlobStore for MemoryStore {
    async fn stat(&self, digest: &Digest) -> Result<BlobStat, StoreError> {
        let content = self.content();
        let (bytes, modified_at) = content.blobs.get(digest).ok_or(StoreError::NotFound)?;
        Ok(BlobStat { digest: *digest, size_bytes: bytes.len() as u64, modified_at: *modified_at })
    }

    async fn open(&self, digest: &Digest) -> Result<Arc<dyn Blob>, StoreError> {
        let content = self.content();
        let (bytes, _) = content.blobs.get(digest).ok_or(StoreError::NotFound)?;
        Ok(Arc::new(MemoryBlob(bytes.clone())))
    }

    async fn put(&self, digest: &Digest, bytes: Bytes) -> Result<(), StoreError> {
        self.content().publish(digest, bytes);
        Ok(())
    }

    async fn remove(&self, digest: &Digest) -> Result<bool, StoreError> {
        Ok(self.content().blobs.remove(digest).is_some())
    }

    async fn set_aside(&self, digest: &Digest) -> Result<String, StoreError> {
        let mut content = self.content();
        let (bytes, _) = content.blobs.remove(digest).ok_or(StoreError::NotFound)?;
        content.set_aside.push((*digest, bytes));
        Ok(format!("in memory, number {}", content.set_aside.len()))
    }

    fn list(&self) -> BoxStream<'static, Result<BlobStat, StoreError>> {
        let stat = |(digest, (bytes, modified_at)): (&Digest, &(Bytes, Timestamp))| {
            Ok(BlobStat { digest: *digest, size_bytes: bytes.len() as u64, modified_at: *modified_at })
        };
        stream::iter(self.content().blobs.iter().map(stat).collect::<Vec<_>>()).boxed()
    }

    async fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Content {
    fn publish(&mut self, digest: &Digest, bytes: Bytes) {
        match self.blobs.get_mut(digest) {
            Some((found, modified_at)) if found.len() == bytes.len() => *modified_at = now(),
            Some((found, modified_at)) => {
                let damaged = std::mem::replace(found, bytes);
                *modified_at = now();
                self.set_aside.push((*digest, damaged));
            }
            None => {
                self.blobs.insert(*digest, (bytes, now()));
            }
        }
    }

    fn upload(&self, id: &UploadId, progress: &UploadProgress) -> Result<&[u8], StoreError> {
        let Upload { bytes, history, .. } = self.uploads.get(id).ok_or(StoreError::NotFound)?;
        if known(progress).is_some_and(|(known, _)| known != *history) {
            return Err(StoreError::NotFound);
        }
        usize::try_from(progress.size_bytes)
            .ok()
            .and_then(|size| bytes.get(..size))
            .ok_or_else(|| StoreError::Corrupt("the upload is shorter than what was acknowledged".into()))
    }
}

/// The history and the mark that a progress speaks of.
fn known(progress: &UploadProgress) -> Option<(u64, u64)> {
    let (history, mark) = progress.state.split_first_chunk()?;
    Some((u64::from_be_bytes(*history), u64::from_be_bytes(mark.try_into().ok()?)))
}

fn state(history: u64, mark: u64) -> Vec<u8> {
    [history.to_be_bytes(), mark.to_be_bytes()].concat()
}

struct MemoryBlob(Bytes);

impl Blob for MemoryBlob {
    fn size_bytes(&self) -> u64 {
        self.0.len() as u64
    }

    fn stream(&self, range: ByteRange) -> ByteStream {
        let index = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        pieces(self.0.slice(index(range.first())..index(range.last() + 1)))
    }
}

/// In several pieces, as every other backend gives content.
fn pieces(mut bytes: Bytes) -> ByteStream {
    let pieces = std::iter::from_fn(move || {
        (!bytes.is_empty()).then(|| Ok(bytes.split_to(bytes.len().min(64 * 1024))))
    });
    stream::iter(pieces).boxed()
}

#[async_trait]
impl UploadStore for MemoryStore {
    async fn create(&self, id: &UploadId) -> Result<UploadProgress, StoreError> {
        let mut content = self.content();
        content.marks += 1;
        let mark = content.marks;
        content.uploads.insert(*id, Upload { bytes: Vec::new(), modified_at: now(), history: mark, mark });
        Ok(UploadProgress { size_bytes: 0, state: state(mark, mark) })
    }

    async fn writer(
        &self,
        id: &UploadId,
        progress: &UploadProgress,
    ) -> Result<Box<dyn UploadWriter>, StoreError> {
        let bytes = self.content().upload(id, progress)?.to_vec();
        Ok(Box::new(MemoryWriter { store: self.clone(), id: *id, begun: progress.clone(), bytes }))
    }

    async fn read(&self, id: &UploadId, progress: &UploadProgress) -> Result<ByteStream, StoreError> {
        Ok(pieces(Bytes::copy_from_slice(self.content().upload(id, progress)?)))
    }

    async fn publish(
        &self,
        id: &UploadId,
        progress: &UploadProgress,
        digest: &Digest,
    ) -> Result<(), StoreError> {
        let mut content = self.content();
        let bytes = Bytes::copy_from_slice(content.upload(id, progress)?);
        content.publish(digest, bytes);
        Ok(())
    }

    async fn discard(&self, id: &UploadId, _progress: &UploadProgress) -> Result<(), StoreError> {
        self.content().uploads.remove(id);
        Ok(())
    }

    fn list(&self) -> BoxStream<'static, Result<(UploadId, Timestamp), StoreError>> {
        let uploads: Vec<_> =
            self.content().uploads.iter().map(|(id, upload)| Ok((*id, upload.modified_at))).collect();
        stream::iter(uploads).boxed()
    }
}

/// What was written counts once it is finished.
struct MemoryWriter {
    store: MemoryStore,
    id: UploadId,
    begun: UploadProgress,
    bytes: Vec<u8>,
}

#[async_trait]
impl UploadWriter for MemoryWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<UploadProgress, StoreError> {
        let Self { store, id, begun, bytes } = *self;
        let size_bytes = bytes.len() as u64;
        if size_bytes == begun.size_bytes {
            return Ok(begun);
        }
        let mut content = store.content();
        content.upload(&id, &begun)?;
        content.marks += 1;
        let mark = content.marks;
        let upload = content.uploads.get_mut(&id).ok_or(StoreError::NotFound)?;
        let history =
            if known(&begun) == Some((upload.history, upload.mark)) { upload.history } else { mark };
        *upload = Upload { bytes, modified_at: now(), history, mark };
        Ok(UploadProgress { size_bytes, state: state(history, mark) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn passes_the_conformance_suite() {
        crate::conformance::check(&MemoryStore::new()).await;
    }
}
