//! The link files by which distribution (`registry:2`) knows repositories, manifests, layers and tags. The index is
//! the authority for Longshore; these files are read when a volume is taken over and written for the way back.
//!
//! Everything here blocks.

mod read;
mod repositories;
#[cfg(test)]
mod tests;
mod write;

use std::{
    fmt,
    path::{Path, PathBuf},
};

pub use repositories::Repositories;

use crate::storage_key::StorageKey;

/// The link files of a volume.
#[derive(Clone, Debug)]
pub struct DistributionLayout {
    root: PathBuf,
    durable: bool,
}

/// Something on the volume that is not as distribution writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutProblem {
    /// Where, relative to the root of the volume.
    pub path: PathBuf,
    /// What is wrong.
    pub what: String,
}

/// What a listing found: entries, and what could not be read as one. In no order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// The rest.
    pub problems: Vec<LayoutProblem>,
}

impl<T> Default for Found<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), problems: Vec::new() }
    }
}

impl fmt::Display for LayoutProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.what)
    }
}

impl DistributionLayout {
    /// The link files below the root of a volume, which need not hold any. With `durable` what is written is synced.
    pub fn new(root: impl Into<PathBuf>, durable: bool) -> Self {
        Self { root: root.into(), durable }
    }

    /// Whether the volume has a folder of repositories at all, that is, whether another registry was ever there.
    pub fn exists(&self) -> bool {
        self.path(StorageKey::Repositories).is_dir()
    }

    fn path(&self, key: StorageKey<'_>) -> PathBuf {
        self.root.join(key.path())
    }

    fn problem(&self, path: &Path, what: impl fmt::Display) -> LayoutProblem {
        let path = path.strip_prefix(&self.root).unwrap_or(path).to_owned();
        LayoutProblem { path, what: what.to_string() }
    }
}
