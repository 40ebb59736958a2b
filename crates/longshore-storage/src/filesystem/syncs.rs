//! Waiting for the disk on the way in, in one place: left out where nothing need be durable, and counted for tests.

#[cfg(feature = "testing")]
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use std::{fs::File, io, path::Path, thread};

use super::files::sync_directory;

/// How a volume waits for the disk.
#[derive(Clone, Debug)]
pub(super) struct Syncs {
    durable: bool,
    #[cfg(feature = "testing")]
    count: Arc<AtomicU64>,
}

impl Syncs {
    pub(super) fn new(durable: bool) -> Self {
        Self {
            durable,
            #[cfg(feature = "testing")]
            count: Arc::default(),
        }
    }

    /// Whether there is anything to wait for.
    pub(super) fn are_on(&self) -> bool {
        self.durable
    }

    /// The content of a file and its length.
    pub(super) fn data(&self, file: &File) -> io::Result<()> {
        self.counted(|| file.sync_data())
    }

    /// The content of a file and all that is said of it.
    pub(super) fn all(&self, file: &File) -> io::Result<()> {
        self.counted(|| file.sync_all())
    }

    /// The names in a directory.
    pub(super) fn directory(&self, path: &Path) -> io::Result<()> {
        self.counted(|| sync_directory(path))
    }

    /// The names in two directories, at the same time: journalling file systems then write both down at once, while one
    /// after the other each would wait for a write of its own.
    pub(super) fn directories(&self, first: &Path, second: &Path) -> io::Result<()> {
        if !self.durable {
            return Ok(());
        }
        thread::scope(|scope| {
            let other = thread::Builder::new().spawn_scoped(scope, || self.directory(first));
            let synced = self.directory(second);
            match other.map(thread::ScopedJoinHandle::join) {
                Ok(Ok(other)) => other.and(synced),
                Ok(Err(panic)) => std::panic::resume_unwind(panic),
                // No thread to be had.
                Err(_) => self.directory(first).and(synced),
            }
        })
    }

    #[cfg(feature = "testing")]
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    fn counted(&self, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        if !self.durable {
            return Ok(());
        }
        #[cfg(feature = "testing")]
        self.count.fetch_add(1, Ordering::Relaxed);
        sync()
    }
}

#[cfg(feature = "testing")]
impl super::FilesystemStore {
    /// How often uploads and their publishing waited for the disk so far, a wait for each file or directory.
    pub fn syncs_count(&self) -> u64 {
        self.volume.syncs.count()
    }
}
