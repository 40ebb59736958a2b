//! Who may use a storage folder at the same time.
//!
//! Uploads under way and the collection of blobs lean on rows of the index, which every process sees, so maintenance
//! may run beside a server. Two servers over one SQLite file would work too, but each of them would hold up the
//! other's pushes, and it is nearly always a mistake: a second one is refused. With PostgreSQL servers share freely.

use std::{
    fs::{File, OpenOptions},
    path::Path,
};

use anyhow::{Context as _, bail};
use rustix::fs::{FlockOperation, flock};

/// What a process wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Serve.
    Serve,
    /// Work that goes on beside a server.
    Beside,
    /// Work that needs the folder alone.
    Alone,
}

/// Held as long as the process uses the folder; the kernel lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct FolderLock(#[expect(dead_code, reason = "it is held, not used")] File);

impl FolderLock {
    /// Takes the lock that the purpose needs, or none.
    pub(crate) fn take(root: &Path, purpose: Use, sqlite: bool) -> anyhow::Result<Option<Self>> {
        let operation = match (purpose, sqlite) {
            (Use::Beside, _) => return Ok(None),
            (Use::Serve, false) => FlockOperation::NonBlockingLockShared,
            (Use::Serve, true) | (Use::Alone, _) => FlockOperation::NonBlockingLockExclusive,
        };
        let path = root.join("longshore").join("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        match flock(&file, operation) {
            Ok(()) => Ok(Some(Self(file))),
            Err(rustix::io::Errno::WOULDBLOCK) => match purpose {
                Use::Serve => bail!(
                    "another longshore serves {}: stop it first, or choose another folder with --data. Several \
                     servers can share a folder when the index is in PostgreSQL (metadata.url)",
                    root.display()
                ),
                _ => bail!("a longshore serves {}: stop it first", root.display()),
            },
            // Some network file systems have no locks; then nobody is kept out.
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "cannot lock the storage folder");
                Ok(None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_over_sqlite_several_over_postgresql() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("longshore")).unwrap();
        let take = |purpose, sqlite| FolderLock::take(folder.path(), purpose, sqlite);

        let first = take(Use::Serve, true).unwrap();
        assert!(take(Use::Serve, true).unwrap_err().to_string().contains("--data"));
        assert!(take(Use::Alone, true).is_err());
        assert!(take(Use::Beside, true).unwrap().is_none());
        drop(first);

        let first = take(Use::Serve, false).unwrap();
        let second = take(Use::Serve, false).unwrap();
        assert!(take(Use::Alone, false).is_err());
        drop((first, second));
        assert!(take(Use::Alone, false).unwrap().is_some());
    }
}
