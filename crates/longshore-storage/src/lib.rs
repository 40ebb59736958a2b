//! Bytes by digest. Two small traits, [`BlobStore`] for finished content and [`UploadStore`] for what is still
//! arriving; what links them to repositories is the index's business (`longshore-metadata`).

mod blob_store;
mod error;
mod upload_store;

pub use blob_store::{Blob, BlobStat, BlobStore, ByteStream};
pub use error::StoreError;
pub use upload_store::{UploadProgress, UploadStore, UploadWriter};
