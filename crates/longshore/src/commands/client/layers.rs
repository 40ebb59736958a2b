//! The files of layers, read as they arrive: no layer is kept.

use std::{
    io::{self, Read},
    sync::Arc,
};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use longshore_client::{BlobStream, ClientError, Repository};
use longshore_image::{
    Entry, FileReader, LayerBounds, LayerError, LayerFiles, MergeBounds, MergedFiles, PieceReader, open_file,
    read_layer,
};
use longshore_types::Descriptor;
use tokio::sync::mpsc;

use super::Failure;

/// Layers under way at a time.
const PARALLEL: usize = 4;

/// Pieces that wait to be unpacked.
const PIECES_WAITING: usize = 8;

/// What a layer may unpack to on the way to a file, in bytes.
pub(super) const UNPACKED_BYTES_MAX: u64 = 64 << 30;

/// A layer as it arrives, for threads that may wait.
pub(super) type Arriving = Box<dyn Read + Send>;

/// All layers over each other; `of` gives those that were read before.
pub(super) async fn merged(
    repository: &Repository,
    layers: &[Descriptor],
    of: impl Fn(&Descriptor) -> Option<Arc<LayerFiles>>,
) -> Result<MergedFiles, Failure> {
    let read = stream::iter(layers)
        .map(async |layer| match of(layer) {
            Some(files) => Ok(files),
            None => files(repository, layer).await,
        })
        .buffered(PARALLEL)
        .try_collect()
        .await?;
    in_order(read)
}

/// Lays layers over each other, the lowest first.
pub(super) fn in_order(layers: Vec<Arc<LayerFiles>>) -> Result<MergedFiles, Failure> {
    MergedFiles::new(layers, &MergeBounds::default()).map_err(|error| Failure::Other(error.to_string()))
}

/// The files of a layer. Its digest was checked.
pub(super) async fn files(repository: &Repository, layer: &Descriptor) -> Result<Arc<LayerFiles>, Failure> {
    reading(repository, layer, |source| read_layer(source, &LayerBounds::default()).map(Arc::new)).await
}

/// What `work` makes of a file's bytes. No more of the layer is fetched than lies before their end.
pub(super) async fn content<T: Send + 'static>(
    repository: &Repository,
    layer: &Descriptor,
    entry: &Entry,
    work: impl FnOnce(FileReader<Arriving>) -> Result<T, LayerError> + Send + 'static,
) -> Result<T, Failure> {
    let entry = entry.clone();
    reading(repository, layer, move |source| open_file(source, &entry, UNPACKED_BYTES_MAX).and_then(work))
        .await
}

/// Lets `work` read a layer in a thread of its own while it arrives; no more is fetched than it reads.
pub(super) async fn reading<T: Send + 'static>(
    repository: &Repository,
    layer: &Descriptor,
    work: impl FnOnce(Arriving) -> Result<T, LayerError> + Send + 'static,
) -> Result<T, Failure> {
    let blob = repository.blob(&layer.digest).await?;
    let (sender, mut receiver) = mpsc::channel(PIECES_WAITING);
    let pieces = std::iter::from_fn(move || receiver.blocking_recv());
    let working = tokio::task::spawn_blocking(move || work(Box::new(PieceReader::new(pieces))));
    let (fetched, worked) = tokio::join!(fetch(blob, sender), working);
    // What is wrong with the connection or the digest explains whatever the work met.
    fetched?;
    let worked = worked.map_err(|error| Failure::Other(error.to_string()))?;
    worked.map_err(|error| {
        Failure::Other(format!("{}: {}", layer.digest, longshore_types::error_chain(&error)))
    })
}

/// Passes on pieces until all are, or nobody wants more.
async fn fetch(mut blob: BlobStream, to: mpsc::Sender<io::Result<Bytes>>) -> Result<(), ClientError> {
    loop {
        match blob.next().await {
            Ok(Some(piece)) => {
                if to.send(Ok(piece)).await.is_err() {
                    return Ok(());
                }
            }
            Ok(None) => return Ok(()),
            Err(error) => {
                // Who reads must not take this for the end.
                let _ = to.send(Err(io::ErrorKind::BrokenPipe.into())).await;
                return Err(error);
            }
        }
    }
}
