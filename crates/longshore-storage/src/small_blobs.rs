//! Small content in memory, in front of a store: each pull of an image asks for its configuration, and to open a file
//! costs more than to send it.
//!
//! What is in memory hashed to its digest when it was read, so it stays right whatever becomes of the store. It goes when
//! the content is removed or set aside **through this cache**. Another process that removes content leaves it here,
//! where it is not found without a link to it: links are the index's matter.

use std::{
    slice,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream, stream::BoxStream};
use longshore_types::{ByteRange, Digest};
use quick_cache::{Weighter, sync::Cache};

use crate::{Blob, BlobStat, BlobStore, ByteStream, StoreError};

/// The largest content that is kept.
const SMALL_BYTES: u64 = 64 * 1024;

/// About what an entry takes besides its content.
const ENTRY_BYTES: u64 = 256;

/// A store with its small content in memory.
pub struct SmallBlobs {
    inner: Arc<dyn BlobStore>,
    cache: Cache<Digest, Arc<CachedBlob>, BytesTaken>,
    /// How often content was removed. What was opened before a removal may not be kept after it.
    removals: AtomicU64,
    /// Held while content is put into the cache, or taken from it.
    change: Mutex<()>,
}

impl SmallBlobs {
    /// Keeps content in at most `size_bytes` of memory, about.
    pub fn new(inner: Arc<dyn BlobStore>, size_bytes: u64) -> Self {
        let entries = usize::try_from(size_bytes / (8 * 1024)).unwrap_or(usize::MAX);
        let cache = Cache::with_weighter(entries, size_bytes, BytesTaken);
        Self { inner, cache, removals: AtomicU64::new(0), change: Mutex::new(()) }
    }

    /// Keeps what was opened, if it is small, at hand and undamaged, and nothing was removed since `removals`.
    fn keep(&self, digest: &Digest, blob: &dyn Blob, removals: u64) -> Option<Arc<CachedBlob>> {
        let range = ByteRange::whole(blob.size_bytes()).filter(|range| range.size_bytes() <= SMALL_BYTES)?;
        let mut content = Vec::new();
        if !blob.read_now(range, &mut content) || Digest::of(digest.algorithm(), &content) != *digest {
            return None;
        }
        let cached = Arc::new(CachedBlob(content.into()));
        let _change = self.change();
        if self.removals.load(Ordering::Acquire) == removals {
            self.cache.insert(*digest, Arc::clone(&cached));
        }
        Some(cached)
    }

    fn change(&self) -> MutexGuard<'_, ()> {
        self.change.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes content out of the cache at the end of a removal, also of one that was given up.
struct Removal<'a>(&'a SmallBlobs, &'a [Digest]);

impl Drop for Removal<'_> {
    fn drop(&mut self) {
        let Self(blobs, digests) = self;
        let _change = blobs.change();
        blobs.removals.fetch_add(1, Ordering::AcqRel);
        for digest in *digests {
            blobs.cache.remove(digest);
        }
    }
}

#[async_trait]
impl BlobStore for SmallBlobs {
    async fn stat(&self, digest: &Digest) -> Result<BlobStat, StoreError> {
        self.inner.stat(digest).await
    }

    async fn open(&self, digest: &Digest) -> Result<Arc<dyn Blob>, StoreError> {
        if let Some(cached) = self.cache.get(digest) {
            return Ok(cached);
        }
        // Before the content is opened: a removal from here on is noticed.
        let removals = self.removals.load(Ordering::Acquire);
        let blob = self.inner.open(digest).await?;
        match self.keep(digest, &*blob, removals) {
            Some(cached) => Ok(cached),
            None => Ok(blob),
        }
    }

    async fn redirect(&self, digest: &Digest, lifetime: Duration) -> Result<Option<String>, StoreError> {
        self.inner.redirect(digest, lifetime).await
    }

    async fn put(&self, digest: &Digest, bytes: Bytes) -> Result<(), StoreError> {
        self.inner.put(digest, bytes).await
    }

    async fn remove(&self, digest: &Digest) -> Result<bool, StoreError> {
        let _removal = Removal(self, slice::from_ref(digest));
        self.inner.remove(digest).await
    }

    async fn remove_many(&self, digests: &[Digest]) -> Vec<Result<bool, StoreError>> {
        let _removal = Removal(self, digests);
        self.inner.remove_many(digests).await
    }

    async fn set_aside(&self, digest: &Digest) -> Result<String, StoreError> {
        let _removal = Removal(self, slice::from_ref(digest));
        self.inner.set_aside(digest).await
    }

    fn list(&self) -> BoxStream<'static, Result<BlobStat, StoreError>> {
        self.inner.list()
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.inner.check().await
    }
}

/// Content in memory.
struct CachedBlob(Bytes);

impl CachedBlob {
    fn slice(&self, range: ByteRange) -> Option<Bytes> {
        let (first, last) = (usize::try_from(range.first()).ok()?, usize::try_from(range.last()).ok()?);
        (last < self.0.len()).then(|| self.0.slice(first..=last))
    }
}

impl Blob for CachedBlob {
    fn size_bytes(&self) -> u64 {
        self.0.len() as u64
    }

    fn stream(&self, range: ByteRange) -> ByteStream {
        let bytes = self.slice(range).ok_or_else(|| StoreError::Corrupt("a range beyond the content".into()));
        stream::iter([bytes]).boxed()
    }

    fn read_now(&self, range: ByteRange, to: &mut Vec<u8>) -> bool {
        let bytes = self.slice(range);
        bytes.inspect(|bytes| to.extend_from_slice(bytes)).is_some()
    }
}

/// How much memory an entry takes.
#[derive(Clone)]
struct BytesTaken;

impl Weighter<Digest, Arc<CachedBlob>> for BytesTaken {
    fn weight(&self, _: &Digest, blob: &Arc<CachedBlob>) -> u64 {
        blob.size_bytes() + ENTRY_BYTES
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt as _;

    use super::*;
    use crate::{FilesystemSettings, FilesystemStore, MemoryStore, conformance};

    fn whole(bytes: &[u8]) -> ByteRange {
        ByteRange::whole(bytes.len() as u64).unwrap()
    }

    async fn read(store: &impl BlobStore, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        let blob = store.open(digest).await?;
        let pieces: Vec<_> = blob.stream(ByteRange::whole(blob.size_bytes()).unwrap()).try_collect().await?;
        Ok(pieces.concat())
    }

    fn filesystem() -> (FilesystemStore, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let settings = FilesystemSettings { root: folder.path().to_owned(), durable: false };
        (FilesystemStore::open(&settings).unwrap(), folder)
    }

    fn damage(folder: &tempfile::TempDir, digest: &Digest, bytes: &[u8]) {
        let hex = digest.hex();
        let path = format!("docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2]);
        std::fs::write(folder.path().join(path), bytes).unwrap();
    }

    #[tokio::test]
    async fn it_is_a_store_as_others() {
        let (store, _folder) = filesystem();
        conformance::check_blobs(&SmallBlobs::new(Arc::new(store), 1 << 20)).await;
        conformance::check_blobs(&SmallBlobs::new(Arc::new(MemoryStore::new()), 1 << 20)).await;
    }

    #[tokio::test]
    async fn small_content_is_read_once() {
        let (store, folder) = filesystem();
        let store = SmallBlobs::new(Arc::new(store), 1 << 20);
        let digest = Digest::sha256(b"small");
        store.put(&digest, Bytes::from_static(b"small")).await.unwrap();
        assert_eq!(read(&store, &digest).await.unwrap(), b"small");
        damage(&folder, &digest, b"other");
        assert_eq!(read(&store, &digest).await.unwrap(), b"small", "from memory");
        assert!(store.open(&digest).await.unwrap().file_now(whole(b"small")).is_none());

        let large = vec![7; SMALL_BYTES as usize + 1];
        let digest = Digest::sha256(&large);
        store.put(&digest, large.clone().into()).await.unwrap();
        assert_eq!(read(&store, &digest).await.unwrap(), large);
        assert!(store.open(&digest).await.unwrap().file_now(whole(&large)).is_some(), "from the file");
    }

    #[tokio::test]
    async fn damaged_content_is_not_kept() {
        let (store, folder) = filesystem();
        let store = SmallBlobs::new(Arc::new(store), 1 << 20);
        let digest = Digest::sha256(b"right");
        store.put(&digest, Bytes::from_static(b"right")).await.unwrap();
        for found in [b"wrong", b"right"] {
            damage(&folder, &digest, found);
            assert_eq!(read(&store, &digest).await.unwrap(), found);
        }
    }

    #[tokio::test]
    async fn what_is_removed_is_gone() {
        let (store, _folder) = filesystem();
        let store = SmallBlobs::new(Arc::new(store), 1 << 20);
        let digest = Digest::sha256(b"gone");
        for way in 0..3 {
            store.put(&digest, Bytes::from_static(b"gone")).await.unwrap();
            read(&store, &digest).await.unwrap();
            match way {
                0 => drop(store.set_aside(&digest).await.unwrap()),
                1 => assert!(store.remove(&digest).await.unwrap()),
                _ => assert!(store.remove_many(&[digest]).await.into_iter().all(|removed| removed.unwrap())),
            }
            assert!(matches!(read(&store, &digest).await, Err(StoreError::NotFound)));
        }
    }

    #[tokio::test]
    async fn content_that_is_removed_while_it_is_read_is_not_kept() {
        let (store, _folder) = filesystem();
        let store = SmallBlobs::new(Arc::new(store), 1 << 20);
        let digest = Digest::sha256(b"gone");
        store.put(&digest, Bytes::from_static(b"gone")).await.unwrap();
        let removals = store.removals.load(Ordering::Acquire);
        let opened = store.inner.open(&digest).await.unwrap();
        store.remove(&digest).await.unwrap();
        assert!(store.keep(&digest, &*opened, removals).is_some(), "whoever opened it may read it");
        assert!(matches!(read(&store, &digest).await, Err(StoreError::NotFound)));
    }

    #[tokio::test]
    async fn memory_is_bounded() {
        let (store, _folder) = filesystem();
        let store = SmallBlobs::new(Arc::new(store), 200_000);
        for i in 0..100_u8 {
            let content = vec![i; 10_000];
            let digest = Digest::sha256(&content);
            store.put(&digest, content.clone().into()).await.unwrap();
            assert_eq!(read(&store, &digest).await.unwrap(), content);
        }
        assert!(store.cache.weight() <= 200_000 && store.cache.len() > 5, "{}", store.cache.len());
    }
}
