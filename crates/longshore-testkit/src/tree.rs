//! What lies in a folder, and damage to it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use longshore_types::Digest;

/// The digest of every file under `root`, by its path from there. Empty folders do not count.
///
/// # Panics
/// When something cannot be read.
pub fn checksums(root: &Path) -> BTreeMap<PathBuf, Digest> {
    let mut found = BTreeMap::new();
    for path in files(root) {
        let bytes = fs::read(&path).expect("files of a quiet tree can be read");
        let relative = path.strip_prefix(root).expect("found under root").to_owned();
        found.insert(relative, Digest::sha256(&bytes));
    }
    found
}

/// Every file under `root`, in order; none where `root` does not exist.
///
/// # Panics
/// When a folder cannot be read.
pub fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        if !folder.exists() {
            continue;
        }
        for entry in fs::read_dir(&folder).expect("folders of a quiet tree can be read") {
            let path = entry.expect("entries of a quiet tree can be read").path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// Where distribution's layout keeps a blob under the storage root.
pub fn blob_path(root: &Path, digest: &Digest) -> PathBuf {
    let hex = digest.hex();
    root.join("docker/registry/v2/blobs")
        .join(digest.algorithm().as_str())
        .join(&hex[..2])
        .join(&hex)
        .join("data")
}

/// A way in which a file goes bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// The file is gone.
    Delete,
    /// The file ends in the middle.
    Truncate,
    /// One bit in its middle is another.
    FlipBit,
}

impl Harm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Delete, Self::Truncate, Self::FlipBit];

    /// Does it to `path`. A file that is replaced gets a new inode, as after a bad restore.
    ///
    /// # Panics
    /// When the file is missing or empty.
    pub fn apply(self, path: &Path) {
        let mut bytes = fs::read(path).expect("the file to harm exists");
        assert!(!bytes.is_empty(), "{} is empty", path.display());
        fs::remove_file(path).expect("the file to harm can be removed");
        match self {
            Self::Delete => return,
            Self::Truncate => bytes.truncate(bytes.len() / 2),
            Self::FlipBit => {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
            }
        }
        fs::write(path, bytes).expect("the folder of the file to harm can be written");
    }
}
