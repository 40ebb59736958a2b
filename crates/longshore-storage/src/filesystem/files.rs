//! Calls on single files that std does not offer in this form.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::fs::OFlags;

/// Puts the path into an error's text; operators need it. The kind stays.
pub(crate) fn at(path: &Path) -> impl Fn(io::Error) -> io::Error + '_ {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Opens a regular file. Symbolic links are not followed, and a pipe or device in its place does not block.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] when something else lies there.
pub(crate) fn open_regular(path: &Path, write: bool) -> io::Result<File> {
    open_described(path, write).map(|(file, _)| file)
}

/// [`open_regular`], with what it had to ask of the file.
pub(super) fn open_described(path: &Path, write: bool) -> io::Result<(File, Metadata)> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let not_regular =
        || io::Error::new(io::ErrorKind::InvalidData, format!("{}: not a regular file", path.display()));
    let file =
        OpenOptions::new().read(true).write(write).custom_flags(flags.cast_signed()).open(path).map_err(
            |error| match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
                Some(rustix::io::Errno::LOOP | rustix::io::Errno::ISDIR | rustix::io::Errno::NXIO) => {
                    not_regular()
                }
                _ => at(path)(error),
            },
        )?;
    let found = file.metadata().map_err(at(path))?;
    if found.is_file() { Ok((file, found)) } else { Err(not_regular()) }
}

/// Whether a lock failed because the file system has none (or, over NFS, nobody to ask).
pub(super) fn lacks_locks(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
        || rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::NOLCK)
}

/// Makes the entries of a directory durable.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    match File::open(path).and_then(|directory| directory.sync_all()) {
        // Some network and FUSE file systems cannot sync a directory; there its entries are as durable as they get.
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => {
            Ok(())
        }
        result => result.map_err(at(path)),
    }
}

/// Replaces a small file: readers see the old or the new content, never a part. With `durable` the content is synced
/// before it gets its name; the directory is the caller's to sync.
pub(crate) fn write_atomically(path: &Path, content: &[u8], durable: bool) -> io::Result<()> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let (directory, name) = match (path.parent(), path.file_name()) {
        (Some(directory), Some(name)) => (directory, name.to_string_lossy()),
        _ => return Err(io::ErrorKind::InvalidInput.into()),
    };
    let unique = COUNTER.fetch_add(1, Ordering::Relaxed);
    let temporary = directory.join(format!(".{name}.{}.{unique}", std::process::id()));
    let written = (|| {
        let mut file = File::create(&temporary)?;
        file.write_all(content)?;
        if durable {
            file.sync_all()?;
        }
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written.map_err(at(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "x").unwrap();
        fs::create_dir(path("directory")).unwrap();
        std::os::unix::fs::symlink(path("file"), path("link")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, path("pipe"), rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR)
            .unwrap();
        let kind =
            |name: &str, write| open_regular(&path(name), write).map(drop).map_err(|error| error.kind());
        assert_eq!(kind("file", true), Ok(()));
        assert_eq!(kind("absent", false), Err(io::ErrorKind::NotFound));
        for (name, write) in [("directory", false), ("directory", true), ("link", false), ("pipe", false)] {
            assert_eq!(kind(name, write), Err(io::ErrorKind::InvalidData), "{name}");
        }
    }

    #[test]
    fn an_atomic_write_leaves_nothing_beside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("link");
        for content in ["one", "two"] {
            write_atomically(&path, content.as_bytes(), true).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        fs::create_dir(folder.path().join("taken")).unwrap();
        assert!(write_atomically(&folder.path().join("taken"), b"x", true).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
