//! The backend over a folder. The disk is drawn at [`StorageKey`].
//!
//! Metadata calls on one file (open, stat, unlink) run where they stand: they cost less than the way to another
//! thread. Whatever reads, writes or waits for the disk runs on tokio's blocking threads.

mod blob;
mod blobs;
mod direct;
mod files;
mod generation;
mod listing;
mod page_cache;
mod publish;
mod removal;
mod syncs;
mod uploads;
mod writer;

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

pub(crate) use files::{at, open_regular, write_atomically};

use self::syncs::Syncs;
use crate::{StoreError, storage_key::StorageKey};

/// The version of the disk format that this program writes, and the highest that it reads; see `docs/format.md`.
const FORMAT_VERSION: u32 = 1;

/// How to use a folder.
#[derive(Clone, Debug)]
pub struct FilesystemSettings {
    /// The root of the volume; what `registry:2` calls `storage.filesystem.rootdirectory`.
    pub root: PathBuf,
    /// Whether calls that promise durability wait for the disk. `false` skips every sync: faster, and a power cut
    /// may then lose or tear content that clients were told is stored (a crash of the program alone may not).
    pub durable: bool,
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A newer Longshore wrote there.
    #[error(
        "{path} has disk format {found}, this Longshore knows up to {FORMAT_VERSION}: run the newer one again"
    )]
    TooNew {
        /// The version file.
        path: PathBuf,
        /// What it says.
        found: u32,
    },
    /// The version file holds something else.
    #[error("{path} does not hold a version number: is this a volume of Longshore?")]
    NoVersion {
        /// The version file.
        path: PathBuf,
    },
    /// The folder cannot be read or written.
    #[error("cannot use {path} as storage")]
    Io {
        /// What was tried.
        path: PathBuf,
        /// What happened.
        #[source]
        source: io::Error,
    },
}

/// Blobs and uploads in a folder. Cheap to clone. Several processes may use one folder.
#[derive(Clone, Debug)]
pub struct FilesystemStore {
    volume: Arc<Volume>,
}

#[derive(Debug)]
struct Volume {
    root: PathBuf,
    durable: bool,
    syncs: Syncs,
    /// Directories `blobs/<algorithm>/<aa>` whose names this process has synced: at most 256 an algorithm.
    synced_prefixes: Mutex<HashSet<PathBuf>>,
    /// Large files on their way out.
    unlinking: Arc<removal::Unlinking>,
}

impl FilesystemStore {
    /// Opens a folder, making what is missing. Changes nothing outside `<root>/longshore`. Blocks; for start-up.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(settings: &FilesystemSettings) -> Result<Self, OpenError> {
        let volume = Volume {
            root: settings.root.clone(),
            durable: settings.durable,
            syncs: Syncs::new(settings.durable),
            synced_prefixes: Mutex::default(),
            unlinking: Arc::default(),
        };
        let has_version = volume.check_version()?;
        for key in [StorageKey::Uploads, StorageKey::SetAside] {
            let path = volume.path(key);
            fs::create_dir_all(&path).map_err(|source| OpenError::Io { path, source })?;
        }
        if !has_version {
            volume.write_version()?;
        }
        Ok(Self { volume: Arc::new(volume) })
    }

    /// The root of the volume.
    pub fn root(&self) -> &Path {
        &self.volume.root
    }
}

impl Volume {
    fn path(&self, key: StorageKey<'_>) -> PathBuf {
        self.root.join(key.path())
    }

    /// Whether there is a version, and it is one that this program reads. Touches nothing.
    fn check_version(&self) -> Result<bool, OpenError> {
        let path = self.path(StorageKey::Version);
        match fs::read_to_string(&path) {
            Ok(text) => match text.trim().parse::<u32>() {
                Ok(0) | Err(_) => Err(OpenError::NoVersion { path }),
                Ok(found) if found > FORMAT_VERSION => Err(OpenError::TooNew { path, found }),
                Ok(_) => Ok(true),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(OpenError::Io { path, source }),
        }
    }

    fn write_version(&self) -> Result<(), OpenError> {
        let path = self.path(StorageKey::Version);
        files::write_atomically(&path, format!("{FORMAT_VERSION}\n").as_bytes(), self.durable)
            .and_then(|()| self.sync_directories(&self.path(StorageKey::Own)))
            .map_err(|source| OpenError::Io { path, source })
    }

    /// Syncs `directory` and every one above it up to the root of the volume, and the one that holds the root.
    fn sync_directories(&self, directory: &Path) -> io::Result<()> {
        let above_root = self.root.parent().filter(|parent| !parent.as_os_str().is_empty());
        directory
            .ancestors()
            .take_while(|path| path.starts_with(&self.root))
            .chain(above_root)
            .try_for_each(|path| self.sync_directory(path))
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        self.syncs.directory(directory)
    }
}

/// Runs what waits for the disk on a thread made for that. It runs to its end even if the caller is dropped.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| join_failed(error))
}

fn join_failed<T>(error: tokio::task::JoinError) -> Result<T, StoreError> {
    match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(error) => Err(StoreError::Unavailable(error.into())),
    }
}

#[cfg(test)]
mod tests;
