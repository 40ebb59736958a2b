//! A store that fails on purpose.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream::BoxStream};
use longshore_types::{ByteRange, Digest, Timestamp, UploadId};

use crate::{
    Blob, BlobStat, BlobStore, ByteStream, Space, StoreError, UploadProgress, UploadStore, UploadWriter,
};

/// When a call fails: both happen to real stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultMoment {
    /// Instead of doing anything.
    Before,
    /// After the work was done: only the answer is lost.
    After,
}

/// Passes calls on to another store, but makes one of them fail. Every call of both traits counts, and so does every
/// call of an upload's writer and every piece of a stream. Clones count together.
///
/// ```
/// # use longshore_storage::{BlobStore, FaultStore, MemoryStore};
/// # use longshore_types::Digest;
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// for nth in 0.. {
///     let store = FaultStore::failing_call(nth, MemoryStore::new());
///     let stored = store.put(&Digest::sha256(b"x"), "x".into()).await;
///     assert_eq!(stored.is_err(), store.fired());
///     if !store.fired() {
///         break;
///     }
/// }
/// # });
/// ```
#[derive(Clone)]
pub struct FaultStore<S> {
    inner: S,
    fault: Fault,
}

#[derive(Clone)]
struct Fault {
    /// How many calls are still to succeed; wraps around once it fired.
    left: Arc<AtomicU64>,
    fired: Arc<AtomicBool>,
    moment: FaultMoment,
}

impl<S> FaultStore<S> {
    /// The `nth` call, counted from 0, does nothing and fails.
    pub fn failing_call(nth: u64, inner: S) -> Self {
        Self::failing(nth, FaultMoment::Before, inner)
    }

    /// The `nth` call, counted from 0, fails.
    pub fn failing(nth: u64, moment: FaultMoment, inner: S) -> Self {
        let fault = Fault { left: Arc::new(AtomicU64::new(nth)), fired: Arc::default(), moment };
        Self { inner, fault }
    }

    /// Whether the fault has happened.
    pub fn fired(&self) -> bool {
        self.fault.fired.load(Ordering::SeqCst)
    }

    /// The store behind.
    pub fn inner(&self) -> &S {
        &self.inner
    }
}

impl Fault {
    /// Counts a call; it is to fail when this says so.
    fn is_due(&self) -> bool {
        let due = self.left.fetch_sub(1, Ordering::SeqCst) == 0;
        self.fired.fetch_or(due, Ordering::SeqCst);
        due
    }

    async fn apply<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        if !self.is_due() {
            return call.await;
        }
        if self.moment == FaultMoment::After {
            call.await?;
        }
        Err(injected())
    }

    fn apply_to_stream<T: Send + 'static>(
        &self,
        stream: BoxStream<'static, Result<T, StoreError>>,
    ) -> BoxStream<'static, Result<T, StoreError>> {
        let fault = self.clone();
        stream.map(move |piece| if fault.is_due() { Err(injected()) } else { piece }).boxed()
    }
}

fn injected() -> StoreError {
    StoreError::Unavailable("a fault injected by a test".into())
}

#[async_trait]
impl<S: BlobStore> BlobStore for FaultStore<S> {
    async fn stat(&self, digest: &Digest) -> Result<BlobStat, StoreError> {
        self.fault.apply(self.inner.stat(digest)).await
    }

    async fn open(&self, digest: &Digest) -> Result<Arc<dyn Blob>, StoreError> {
        let inner = self.fault.apply(self.inner.open(digest)).await?;
        Ok(Arc::new(FaultBlob { inner, fault: self.fault.clone() }))
    }

    async fn redirect(&self, digest: &Digest, lifetime: Duration) -> Result<Option<String>, StoreError> {
        self.fault.apply(self.inner.redirect(digest, lifetime)).await
    }

    async fn put(&self, digest: &Digest, bytes: Bytes) -> Result<(), StoreError> {
        self.fault.apply(self.inner.put(digest, bytes)).await
    }

    async fn remove(&self, digest: &Digest) -> Result<bool, StoreError> {
        self.fault.apply(self.inner.remove(digest)).await
    }

    async fn set_aside(&self, digest: &Digest) -> Result<String, StoreError> {
        self.fault.apply(self.inner.set_aside(digest)).await
    }

    fn list(&self) -> BoxStream<'static, Result<BlobStat, StoreError>> {
        self.fault.apply_to_stream(self.inner.list())
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.fault.apply(self.inner.check()).await
    }

    async fn space(&self) -> Result<Option<Space>, StoreError> {
        self.fault.apply(self.inner.space()).await
    }
}

struct FaultBlob {
    inner: Arc<dyn Blob>,
    fault: Fault,
}

impl Blob for FaultBlob {
    fn size_bytes(&self) -> u64 {
        self.inner.size_bytes()
    }

    fn stream(&self, range: ByteRange) -> ByteStream {
        self.fault.apply_to_stream(self.inner.stream(range))
    }
}

#[async_trait]
impl<S: UploadStore> UploadStore for FaultStore<S> {
    async fn create(&self, id: &UploadId) -> Result<UploadProgress, StoreError> {
        self.fault.apply(self.inner.create(id)).await
    }

    async fn writer(
        &self,
        id: &UploadId,
        progress: &UploadProgress,
    ) -> Result<Box<dyn UploadWriter>, StoreError> {
        let inner = self.fault.apply(self.inner.writer(id, progress)).await?;
        Ok(Box::new(FaultWriter { inner, fault: self.fault.clone() }))
    }

    async fn read(&self, id: &UploadId, progress: &UploadProgress) -> Result<ByteStream, StoreError> {
        let stream = self.fault.apply(self.inner.read(id, progress)).await?;
        Ok(self.fault.apply_to_stream(stream))
    }

    async fn publish(
        &self,
        id: &UploadId,
        progress: &UploadProgress,
        digest: &Digest,
    ) -> Result<(), StoreError> {
        self.fault.apply(self.inner.publish(id, progress, digest)).await
    }

    async fn discard(&self, id: &UploadId, progress: &UploadProgress) -> Result<(), StoreError> {
        self.fault.apply(self.inner.discard(id, progress)).await
    }

    fn list(&self) -> BoxStream<'static, Result<(UploadId, Timestamp), StoreError>> {
        self.fault.apply_to_stream(self.inner.list())
    }
}

struct FaultWriter {
    inner: Box<dyn UploadWriter>,
    fault: Fault,
}

#[async_trait]
impl UploadWriter for FaultWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        self.fault.apply(self.inner.write(bytes)).await
    }

    async fn finish(self: Box<Self>) -> Result<UploadProgress, StoreError> {
        let Self { inner, fault } = *self;
        fault.apply(inner.finish()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryStore;

    #[tokio::test]
    async fn exactly_the_nth_call_fails() {
        let digest = Digest::sha256(b"x");
        let store = FaultStore::failing_call(1, MemoryStore::new());
        store.check().await.unwrap();
        assert!(!store.fired());
        assert!(store.put(&digest, "x".into()).await.is_err());
        assert!(store.fired());
        assert!(matches!(store.stat(&digest).await, Err(StoreError::NotFound)));
        let store = FaultStore::failing(0, FaultMoment::After, MemoryStore::new());
        assert!(store.put(&digest, "x".into()).await.is_err());
        assert!(store.stat(&digest).await.is_ok());
    }

    #[tokio::test]
    async fn passes_the_conformance_suite_while_no_fault_is_due() {
        crate::conformance::check(&FaultStore::failing_call(u64::MAX, MemoryStore::new())).await;
    }
}
