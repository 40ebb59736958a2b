//! A folder that blobs are written to: each beside its place, then renamed.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use longshore_types::Digest;

use super::{LocalError, extent::Extent};

/// Where unfinished files lie, in the folder itself: a rename must not leave the file system.
const UNFINISHED: &str = ".longshore-unfinished";

/// How blobs are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    /// `blobs/sha256/<hex>`: image layout specification v1.1.
    Layout,
    /// `<hex>`: skopeo's `dir:`.
    Directory,
}

impl Naming {
    /// Below the folder. A digest has no letters that could lead elsewhere.
    pub(super) fn path(self, digest: &Digest) -> PathBuf {
        match self {
            Self::Layout => Path::new("blobs").join(digest.algorithm().as_str()).join(digest.hex()),
            Self::Directory => digest.hex().into(),
        }
    }
}

/// A folder that nobody else of us writes to meanwhile.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    naming: Naming,
    /// Of the folder itself; it ends with the process.
    _lock: File,
}

impl Folder {
    /// Makes the folder if it is not there. One with something in it must hold `mark`: it may be a home folder.
    pub(super) fn open(root: &Path, naming: Naming, mark: &str) -> Result<Self, LocalError> {
        let fault = || LocalError::file(root);
        fs::create_dir_all(root).map_err(fault())?;
        let lock = File::open(root).map_err(fault())?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LocalError::malformed(root, "another longshore writes to it"));
            }
            Err(TryLockError::Error(error)) => return Err(fault()(error)),
        }
        let is_empty = fs::read_dir(root).map_err(fault())?.next().is_none();
        if !is_empty && !root.join(mark).exists() && !root.join(UNFINISHED).exists() {
            let why = format!("it is not empty, and no image was written there: it has no {mark}");
            return Err(LocalError::malformed(root, why));
        }
        let folder = Self { root: root.to_owned(), naming, _lock: lock };
        folder.make(&folder.root.join(UNFINISHED))?;
        Ok(folder)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Where a blob belongs.
    pub(super) fn place(&self, digest: &Digest) -> PathBuf {
        self.root.join(self.naming.path(digest))
    }

    /// Where it lies until it is whole.
    pub(super) fn unfinished(&self, digest: &Digest) -> PathBuf {
        self.root.join(UNFINISHED).join(format!("{}-{}", digest.algorithm(), digest.hex()))
    }

    /// Whether a blob is there, of that length and with that digest.
    pub(super) fn has(&self, digest: &Digest, size_bytes: u64) -> Result<bool, LocalError> {
        let place = self.place(digest);
        match Extent::whole(place.clone()).map_err(LocalError::file(&place))? {
            Some(extent) if extent.size_bytes == size_bytes => {
                Ok(extent.digest(digest.algorithm())? == *digest)
            }
            _ => Ok(false),
        }
    }

    /// Puts a file where it belongs.
    pub(super) fn publish(&self, unfinished: &Path, place: &Path) -> Result<(), LocalError> {
        if let Some(parent) = place.parent() {
            self.make(parent)?;
        }
        fs::rename(unfinished, place).map_err(LocalError::file(place))
    }

    /// Writes a small file, of a name that is ours, so that it is there whole or not at all.
    pub(super) fn write(&self, name: &Path, bytes: &[u8]) -> Result<(), LocalError> {
        let place = self.root.join(name);
        let unfinished = self.root.join(UNFINISHED).join("file");
        let written = File::create(&unfinished).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_data()
        });
        written.map_err(LocalError::file(&unfinished))?;
        self.publish(&unfinished, &place)
    }

    /// The work is done: no unfinished file is worth keeping.
    pub(super) fn tidy(&self) -> Result<(), LocalError> {
        let unfinished = self.root.join(UNFINISHED);
        match fs::remove_dir_all(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(LocalError::file(&unfinished)(error))
            }
            _ => Ok(()),
        }
    }

    fn make(&self, folder: &Path) -> Result<(), LocalError> {
        fs::create_dir_all(folder).map_err(LocalError::file(folder))
    }
}
