//! Bytes by digest. Two small traits, [`BlobStore`] for finished content and [`UploadStore`] for what is still
//! arriving; what links them to repositories is the index's business (`longshore-metadata`).
//!
//! [`FilesystemStore`] keeps both where `registry:2` kept them, [`MemoryStore`] only in memory.
//! [`SmallBlobs`] keeps small content of another store in memory, [`FolderCache`] what was made of content in files. [`DistributionLayout`]
//! reads and writes the link files by which `registry:2` knows repositories and tags.

mod blob_store;
#[cfg(feature = "testing")]
pub mod conformance;
mod distribution_layout;
mod error;
#[cfg(feature = "testing")]
mod fault_store;
mod filesystem;
mod folder_cache;
mod memory;
mod pieces;
mod small_blobs;
mod storage_key;
mod upload_store;

pub use blob_store::{Blob, BlobStat, BlobStore, ByteStream, Space};
pub use distribution_layout::{DistributionLayout, Found, LayoutProblem, Repositories};
pub use error::StoreError;
#[cfg(feature = "testing")]
pub use fault_store::{FaultMoment, FaultStore};
pub use filesystem::{FilesystemSettings, FilesystemStore, OpenError};
pub use folder_cache::FolderCache;
pub use memory::MemoryStore;
pub use pieces::{Gathering, PIECE_BYTES, PieceBuffers};
pub use small_blobs::SmallBlobs;
pub use upload_store::{UploadProgress, UploadStore, UploadWriter};
