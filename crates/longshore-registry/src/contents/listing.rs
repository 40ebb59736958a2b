//! Lists of the files of layers, made once: read out of the layer, kept in memory and on disk.

use std::{
    io::{self, Read},
    iter,
    sync::Arc,
};

use futures_util::StreamExt as _;
use longshore_image::{LayerFiles, MergedFiles, PieceReader, read_layer};
use longshore_storage::{Blob, StoreError};
use longshore_types::{ByteRange, Digest, Digester, RepositoryName};
use quick_cache::{Weighter, sync::Cache};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::{Contents, ContentsError, OpenedImage};
use crate::{Registry, task::run_detached};

/// Pieces of a blob that wait to be unpacked.
const PIECES_WAITING: usize = 4;
/// Layers of which it is kept that they cannot be read.
const FAILURES_KEPT: usize = 1000;

/// What was found, in memory.
pub(super) struct Kept {
    layers: Cache<Digest, Arc<LayerFiles>, Bytes>,
    images: Cache<Vec<Digest>, Arc<MergedFiles>, Bytes>,
    /// So that a layer that was made to take long does so once.
    failures: Cache<Digest, Arc<str>>,
}

impl Kept {
    pub(super) fn new(bytes_max: u64) -> Self {
        let expected = 1000;
        Self {
            layers: Cache::with_weighter(expected, bytes_max / 2, Bytes),
            images: Cache::with_weighter(expected, bytes_max / 2, Bytes),
            failures: Cache::new(FAILURES_KEPT),
        }
    }
}

#[derive(Clone)]
struct Bytes;

impl Weighter<Digest, Arc<LayerFiles>> for Bytes {
    fn weight(&self, _: &Digest, files: &Arc<LayerFiles>) -> u64 {
        files.memory_bytes() as u64 + 200
    }
}

impl Weighter<Vec<Digest>, Arc<MergedFiles>> for Bytes {
    fn weight(&self, key: &Vec<Digest>, files: &Arc<MergedFiles>) -> u64 {
        (files.memory_bytes() + key.len() * size_of::<Digest>()) as u64 + 200
    }
}

async fn permit(semaphore: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, ContentsError> {
    let closed = |_| ContentsError::Store(StoreError::Unavailable("the process is ending".into()));
    Arc::clone(semaphore).acquire_owned().await.map_err(closed)
}

/// Runs what takes the processor's time apart from what waits.
pub(super) async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down, and takes this future with it.
            Err(_cancelled) => std::future::pending().await,
        },
    }
}

impl Contents {
    /// Reads a blob from its beginning, on a thread for that. When this future is dropped the reader meets an end.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        blob: &dyn Blob,
        read: impl FnOnce(&mut dyn Read) -> T + Send + 'static,
    ) -> Result<T, ContentsError> {
        let permit = permit(&self.reading).await?;
        let (sender, mut receiver) = mpsc::channel(PIECES_WAITING);
        let range = ByteRange::whole(blob.size_bytes());
        let feed = async move {
            let Some(range) = range else { return };
            let mut stream = blob.stream(range);
            while let Some(piece) = stream.next().await {
                if sender.send(piece.map_err(io::Error::other)).await.is_err() {
                    // The reader has seen enough.
                    return;
                }
            }
        };
        let read = apart(move || {
            let done = read(&mut PieceReader::new(iter::from_fn(|| receiver.blocking_recv())));
            drop((receiver, permit));
            done
        });
        Ok(tokio::join!(feed, read).1)
    }

    async fn kept_on_disk(&self, digest: &Digest) -> Option<LayerFiles> {
        let bytes = self.cache.as_ref()?.read(digest).await?;
        // What is damaged, or of another version, is made again.
        apart(move || LayerFiles::decode(&bytes).ok()).await
    }

    async fn keep_on_disk(&self, digest: &Digest, files: &Arc<LayerFiles>) {
        if let Some(cache) = &self.cache {
            let files = Arc::clone(files);
            cache.write(digest, apart(move || files.encode()).await).await;
        }
    }
}

impl Registry {
    /// The files of a layer, which must be linked by the repository.
    pub(super) async fn layer_files(
        &self,
        repository: &RepositoryName,
        layer: &Digest,
    ) -> Result<Arc<LayerFiles>, ContentsError> {
        if self.inner.metadata.blob_in(repository, layer).await?.is_none() {
            return Err(ContentsError::BlobUnknown(*layer));
        }
        if let Some(files) = self.inner.contents.kept.layers.get(layer) {
            return Ok(files);
        }
        // Who asks may go away: what was begun for them is of use to the next.
        let (registry, layer) = (self.clone(), *layer);
        run_detached(async move {
            let kept = &registry.inner.contents.kept;
            kept.layers.get_or_insert_async(&layer, registry.list_layer(layer)).await
        })
        .await
    }

    async fn list_layer(&self, layer: Digest) -> Result<Arc<LayerFiles>, ContentsError> {
        let contents = &self.inner.contents;
        if let Some(problem) = contents.kept.failures.get(&layer) {
            return Err(ContentsError::Layer { layer, problem });
        }
        if let Some(files) = contents.kept_on_disk(&layer).await {
            return Ok(Arc::new(files));
        }
        let blob = self.open_linked(&layer).await?;
        let bounds = contents.settings.layer;
        let read = contents.read(&*blob, move |source| {
            let mut source = Hashed { source, digester: Digester::new(layer.algorithm()) };
            let files = read_layer(&mut source, &bounds);
            (files, source.digester.finish())
        });
        match read.await? {
            // A list of what is not the layer would be kept for ever.
            (Ok(_), digest) if digest != layer => {
                Err(StoreError::Corrupt(format!("{layer} is damaged").into()).into())
            }
            (Ok(files), _) => {
                let files = Arc::new(files);
                contents.keep_on_disk(&layer, &files).await;
                Ok(files)
            }
            (Err(error), _) => {
                let error = ContentsError::of_layer(layer, error);
                if let ContentsError::Layer { problem, .. } = &error {
                    contents.kept.failures.insert(layer, Arc::clone(problem));
                }
                Err(error)
            }
        }
    }

    /// Opens a blob of which it is known that the caller may read it.
    pub(super) async fn open_linked(&self, digest: &Digest) -> Result<Arc<dyn Blob>, ContentsError> {
        self.inner.blobs.open(digest).await.map_err(|error| match error {
            StoreError::NotFound | StoreError::Corrupt(_) => ContentsError::BlobUnknown(*digest),
            error => error.into(),
        })
    }

    /// The files of an image, whose layers must be linked by the repository.
    pub(super) async fn merged_files(
        &self,
        repository: &RepositoryName,
        image: &OpenedImage,
    ) -> Result<Arc<MergedFiles>, ContentsError> {
        let layers: Vec<Digest> = image.layers().iter().map(|layer| layer.digest).collect();
        let bounds = self.inner.contents.settings.image;
        if layers.len() > bounds.layers_max {
            return Err(ContentsError::TooMuch(format!(
                "the image has more than {} layers",
                bounds.layers_max
            )));
        }
        // A digest is no permission, also where it was read for somebody else.
        for layer in &layers {
            if self.inner.metadata.blob_in(repository, layer).await?.is_none() {
                return Err(ContentsError::BlobUnknown(*layer));
            }
        }
        if let Some(files) = self.inner.contents.kept.images.get(&layers) {
            return Ok(files);
        }
        let (registry, repository) = (self.clone(), repository.clone());
        run_detached(async move {
            let kept = &registry.inner.contents.kept;
            kept.images.get_or_insert_async(&layers, registry.merge(&repository, &layers)).await
        })
        .await
    }

    async fn merge(
        &self,
        repository: &RepositoryName,
        layers: &[Digest],
    ) -> Result<Arc<MergedFiles>, ContentsError> {
        let contents = &self.inner.contents;
        let bounds = contents.settings.image;
        let permit = permit(&contents.merging).await?;
        let (mut lists, mut entries, mut size_bytes) = (Vec::new(), 0, 0u64);
        for layer in layers {
            let files = self.layer_files(repository, layer).await?;
            entries += files.entries().len();
            size_bytes = size_bytes.saturating_add(files.size_bytes());
            if entries > bounds.entries_max {
                return Err(ContentsError::TooMuch(format!(
                    "the image has more than {} files",
                    bounds.entries_max
                )));
            }
            if size_bytes > contents.settings.image_bytes_max {
                let bytes_max = contents.settings.image_bytes_max;
                return Err(ContentsError::TooMuch(format!(
                    "the image unpacks to more than {bytes_max} bytes"
                )));
            }
            lists.push(files);
        }
        let merged = apart(move || {
            let merged = MergedFiles::new(lists, &bounds);
            drop(permit);
            merged
        });
        Ok(Arc::new(merged.await?))
    }
}

/// Hashes what is read.
struct Hashed<'a> {
    source: &'a mut dyn Read,
    digester: Digester,
}

impl Read for Hashed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.digester.update(&buffer[..count]);
        Ok(count)
    }
}
