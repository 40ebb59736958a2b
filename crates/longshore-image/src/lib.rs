//! What an image says and holds. Pure: bytes come in, words go out; who fetched them, and when, is others' matter.
//! What is read here was written by strangers: everything has a bound.
//!
//! [`read_layer`] lists the files of a layer, [`MergedFiles`] lays layers over each other, and [`file_bytes`] reads a file
//! that one of them found.

mod compare;
mod configuration;
mod dockerfile;
mod history;
mod index;
mod layer;
mod merged;
mod packages;
mod platform;
#[cfg(test)]
mod testing;

pub use compare::{
    ConfigChange, ConfigPart, FileComparison, PackageChange, compare_configs, compare_files, compare_packages,
};
pub use configuration::{Healthcheck, HistoryEntry, ImageConfig, RunConfig, is_image_config};
pub use dockerfile::instruction;
pub use history::{Step, dockerfile, steps};
pub use index::{IndexEntry, NoSuchPlatform, choose, index_entries};
pub use layer::{
    EncodingError, Entry, EntryKind, FileReader, LayerBounds, LayerError, LayerFiles, PieceReader,
    file_bytes, files_bytes, normal_path, open_file, open_layer, read_layer,
};
pub use merged::{
    Change, FileContent, LayerChanges, LookUpError, MergeBounds, MergeError, MergedFile, MergedFiles, Touch,
    Waste, WastedPath,
};
pub use packages::{Package, PackageFormat, package_lists, packages_of};
pub use platform::{Platform, PlatformError};
