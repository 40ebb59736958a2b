//! Small content in memory, in front of a store: each pull of an image asks for its configuration, and to open, read and
//! close a file costs several times what it costs to see that it is there.
//!
//! What is in memory hashed to its digest when it was read. The store is still asked before each use whether it holds the
//! content, unchanged since then: what was removed or set aside, also by another process, is gone at once, and clients
//! that push it again heal the store.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream, stream::BoxStream};
use longshore_types::{ByteRange, Digest, Timestamp};
use quick_cache::{Weighter, sync::Cache};

use crate::{Blob, BlobStat, BlobStore, ByteStream, Space, StoreError};

/// The largest content that is kept.
const SMALL_BYTES: u64 = 64 * 1024;

/// About what an entry takes besides its content.
const ENTRY_BYTES: u64 = 256;

/// A store with its small content in memory.
pub struct SmallBlobs {
    inner: Arc<dyn BlobStore>,
    cache: Cache<Digest, Arc<CachedBlob>, BytesTaken>,
}

impl SmallBlobs {
    /// Keeps content in at most `size_bytes` of memory, about.
    pub fn new(inner: Arc<dyn BlobStore>, size_bytes: u64) -> Self {
        let entries = usize::try_from(size_bytes / (8 * 1024)).unwrap_or(usize::MAX);
        Self { inner, cache: Cache::with_weighter(entries, size_bytes, BytesTaken) }
    }

    /// Keeps what was opened, if it is small, at hand and undamaged.
    fn keep(&self, digest: &Digest, blob: &dyn Blob) -> Option<Arc<CachedBlob>> {
        let (digest, size_bytes, modified_at) = (*digest, blob.size_bytes(), blob.modified_at()?);
        if size_bytes > SMALL_BYTES {
            return None;
        }
        let mut content = Vec::with_capacity(usize::try_from(size_bytes).ok()?);
        let read = blob.read_now(ByteRange::whole(size_bytes)?, &mut content);
        if !read || Digest::of(digest.algorithm(), &content) != digest {
            return None;
        }
        let stat = BlobStat { digest, size_bytes, modified_at };
        let cached = Arc::new(CachedBlob { stat, content: content.into() });
        self.cache.insert(stat.digest, Arc::clone(&cached));
        Some(cached)
    }
}

#[async_trait]
impl BlobStore for SmallBlobs {
    async fn stat(&self, digest: &Digest) -> Result<BlobStat, StoreError> {
        self.inner.stat(digest).await
    }

    async fn open(&self, digest: &Digest) -> Result<Arc<dyn Blob>, StoreError> {
        if let Some(cached) = self.cache.get(digest)
            && cached.stat == self.inner.stat(digest).await?
        {
            return Ok(cached);
        }
        let blob = self.inner.open(digest).await?;
        match self.keep(digest, &*blob) {
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
        self.cache.remove(digest);
        self.inner.remove(digest).await
    }

    async fn remove_many(&self, digests: &[Digest]) -> Vec<Result<bool, StoreError>> {
        for digest in digests {
            self.cache.remove(digest);
        }
        self.inner.remove_many(digests).await
    }

    async fn set_aside(&self, digest: &Digest) -> Result<String, StoreError> {
        self.cache.remove(digest);
        self.inner.set_aside(digest).await
    }

    fn list(&self) -> BoxStream<'static, Result<BlobStat, StoreError>> {
        self.inner.list()
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.inner.check().await
    }

    async fn space(&self) -> Result<Option<Space>, StoreError> {
        self.inner.space().await
    }
}

/// Content in memory.
struct CachedBlob {
    /// What the store said of it when it was opened, before it was read.
    stat: BlobStat,
    content: Bytes,
}

impl CachedBlob {
    fn slice(&self, range: ByteRange) -> Option<Bytes> {
        let (first, last) = (usize::try_from(range.first()).ok()?, usize::try_from(range.last()).ok()?);
        (last < self.content.len()).then(|| self.content.slice(first..=last))
    }
}

impl Blob for CachedBlob {
    fn size_bytes(&self) -> u64 {
        self.content.len() as u64
    }

    fn modified_at(&self) -> Option<Timestamp> {
        Some(self.stat.modified_at)
    }

    fn bytes_now(&self, range: ByteRange) -> Option<Bytes> {
        self.slice(range)
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
    use std::{path::PathBuf, time::SystemTime};

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

    fn path(folder: &tempfile::TempDir, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        folder.path().join(format!("docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2]))
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
        let path = path(&folder, &digest);
        let modified = path.metadata().unwrap().modified().unwrap();
        std::fs::write(&path, b"other").unwrap();
        std::fs::File::open(&path).unwrap().set_modified(modified).unwrap();
        assert_eq!(read(&store, &digest).await.unwrap(), b"small", "from memory");
        assert!(store.open(&digest).await.unwrap().file_now(whole(b"small")).is_none());
        let (first, second) = (store.open(&digest).await.unwrap(), store.open(&digest).await.unwrap());
        let at = |blob: &dyn Blob| blob.bytes_now(whole(b"small")).unwrap().as_ptr();
        assert_eq!(at(&*first), at(&*second), "not copied");

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
        for (found, second) in [(b"wrong", 1), (b"right", 2), (b"wrong", 3)] {
            let path = path(&folder, &digest);
            std::fs::write(&path, found).unwrap();
            // The file system's own clock may be too coarse for a test.
            let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
            std::fs::File::open(&path).unwrap().set_modified(modified).unwrap();
            assert_eq!(read(&store, &digest).await.unwrap(), found);
        }
    }

    #[tokio::test]
    async fn what_is_gone_from_the_store_is_gone() {
        let (store, folder) = filesystem();
        let store = SmallBlobs::new(Arc::new(store), 1 << 20);
        let digest = Digest::sha256(b"gone");
        for way in 0..4 {
            store.put(&digest, Bytes::from_static(b"gone")).await.unwrap();
            read(&store, &digest).await.unwrap();
            match way {
                0 => drop(store.set_aside(&digest).await.unwrap()),
                1 => assert!(store.remove(&digest).await.unwrap()),
                2 => assert!(store.remove_many(&[digest]).await.into_iter().all(|removed| removed.unwrap())),
                // By another process.
                _ => std::fs::remove_file(path(&folder, &digest)).unwrap(),
            }
            assert!(matches!(read(&store, &digest).await, Err(StoreError::NotFound)), "{way}");
        }
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
