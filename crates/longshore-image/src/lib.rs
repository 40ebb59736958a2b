//! What an image says and holds. Pure: bytes come in, words go out; who fetched them, and when, is others' matter.
//! What is read here was written by strangers: everything has a bound.
//!
//! [`read_layer`] lists the files of a layer, [`MergedFiles`] lays layers over each other, and [`file_bytes`] reads a file
//! that one of them found.

mod configuration;
mod dockerfile;
mod index;
mod layer;
mod merged;
mod platform;
#[cfg(test)]
mod testing;

pub use configuration::{HistoryEntry, ImageConfig, RunConfig, is_image_config};
pub use dockerfile::instruction;
pub use index::{IndexEntry, NoSuchPlatform, choose, index_entries};
pub use layer::{
    EncodingError, Entry, EntryKind, FileReader, LayerBounds, LayerError, LayerFiles, PieceReader,
    file_bytes, normal_path, open_file, read_layer,
};
pub use merged::{
    Change, FileContent, LayerChanges, LookUpError, MergeBounds, MergeError, MergedFile, MergedFiles, Touch,
    Waste, WastedPath,
};
pub use platform::{Platform, PlatformError};
