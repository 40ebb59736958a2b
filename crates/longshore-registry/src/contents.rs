//! What images hold: their configurations, layers and files, and what two of them have apart. Files are read out of the
//! layers themselves; what was found is kept.

mod compare;
mod files;
mod image;
mod listing;

use std::{path::PathBuf, sync::Arc};

use longshore_image::{LayerBounds, LayerError, LookUpError, MergeBounds, MergeError, Platform};
use longshore_metadata::MetadataError;
use longshore_storage::{FolderCache, StoreError};
use longshore_types::{Digest, Reference, RepositoryName};
use tokio::sync::Semaphore;

pub use compare::ImageComparison;
pub use files::ImageFile;
pub use image::OpenedImage;

use self::listing::Kept;
use crate::Denied;

/// An image that somebody asks about.
#[derive(Clone, Copy, Debug)]
pub struct ImagePlace<'a> {
    /// Where it lies.
    pub repository: &'a RepositoryName,
    /// Which it is, or the index that it is in.
    pub reference: &'a Reference,
    /// Which of an index; not needed where it has only one.
    pub platform: Option<&'a Platform>,
}

/// How far layers are read.
#[derive(Clone, Debug)]
pub struct ContentsSettings {
    /// Where lists of files are kept; `None` keeps them in memory alone.
    pub cache: Option<PathBuf>,
    /// Most bytes that they take there.
    pub cache_bytes_max: u64,
    /// Most bytes that they take in memory, beside those in use.
    pub memory_bytes_max: u64,
    /// Most layers that are read at the same time, over all requests.
    pub layers_at_once: usize,
    /// How much of a layer is read.
    pub layer: LayerBounds,
    /// How much of an image is put together.
    pub image: MergeBounds,
    /// Most bytes that the files of all layers of an image have, unpacked.
    pub image_bytes_max: u64,
}

impl Default for ContentsSettings {
    fn default() -> Self {
        Self {
            cache: None,
            cache_bytes_max: 1 << 30,
            memory_bytes_max: 128 << 20,
            layers_at_once: 2,
            layer: LayerBounds {
                entries_max: 500_000,
                unpacked_bytes_max: 16 << 30,
                path_bytes_max: 4096,
                text_bytes_max: 64 << 20,
            },
            image: MergeBounds {
                layers_max: 256,
                entries_max: 1_000_000,
                text_bytes_max: 128 << 20,
                hidden_max: 20_000_000,
            },
            image_bytes_max: 64 << 30,
        }
    }
}

/// Why nothing can be said of what an image holds.
#[derive(Debug, thiserror::Error)]
pub enum ContentsError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// No such repository, or nothing in it.
    #[error("no repository {0}")]
    NameUnknown(RepositoryName),
    /// No such manifest.
    #[error("no artifact {reference} in {repository}")]
    ManifestUnknown {
        /// Where.
        repository: RepositoryName,
        /// What.
        reference: Reference,
    },
    /// It is an artifact that holds no image.
    #[error("{0} is no image, but an artifact of another kind")]
    NoImage(Digest),
    /// It is an index, and it is not said which image is meant, or there is none such.
    #[error("{}there are images for: {}", wanted.as_ref().map(|wanted| format!("there is no image for {wanted}; ")).unwrap_or_default(), there.join(", "))]
    Platform {
        /// What was asked for.
        wanted: Option<Platform>,
        /// What there is.
        there: Vec<String>,
    },
    /// A layer or configuration is not in the registry: it lies elsewhere, or was lost.
    #[error("{0} is not in the registry")]
    BlobUnknown(Digest),
    /// The configuration says nothing that is understood.
    #[error("the configuration of the image cannot be read: {0}")]
    Configuration(String),
    /// The files of a layer cannot be read.
    #[error("layer {layer}: {problem}")]
    Layer {
        /// Which layer.
        layer: Digest,
        /// Why.
        problem: Arc<str>,
    },
    /// It is too much.
    #[error("{0}")]
    TooMuch(String),
    /// There is no such file.
    #[error(transparent)]
    File(#[from] LookUpError),
    /// The file is too large to be given whole.
    #[error("the file has {size_bytes} bytes, of which {bytes_max} may be read")]
    FileTooLarge {
        /// Its size.
        size_bytes: u64,
        /// What may be read.
        bytes_max: u64,
    },
    /// The index failed.
    #[error("could not read the index")]
    Metadata(#[from] MetadataError),
    /// The store failed.
    #[error("could not read content")]
    Store(#[from] StoreError),
}

impl From<MergeError> for ContentsError {
    fn from(error: MergeError) -> Self {
        Self::TooMuch(error.to_string())
    }
}

impl ContentsError {
    /// Of a layer that could be had, and is not good.
    fn of_layer(layer: Digest, error: LayerError) -> Self {
        match error {
            LayerError::FileTooLarge { size_bytes, bytes_max } => {
                Self::FileTooLarge { size_bytes, bytes_max }
            }
            LayerError::Source(source) => Self::Store(StoreError::Unavailable(source.into())),
            error => Self::Layer { layer, problem: error.to_string().into() },
        }
    }
}

/// What is kept for these use cases.
pub(crate) struct Contents {
    settings: ContentsSettings,
    cache: Option<FolderCache>,
    kept: Kept,
    /// Permits to read layers, and to put them together.
    reading: Arc<Semaphore>,
    merging: Arc<Semaphore>,
}

impl Contents {
    pub(crate) fn new(settings: &ContentsSettings) -> Self {
        let semaphore = || Arc::new(Semaphore::new(settings.layers_at_once.max(1)));
        Self {
            cache: settings.cache.clone().map(|folder| FolderCache::new(folder, settings.cache_bytes_max)),
            kept: Kept::new(settings.memory_bytes_max),
            reading: semaphore(),
            merging: semaphore(),
            settings: settings.clone(),
        }
    }
}
