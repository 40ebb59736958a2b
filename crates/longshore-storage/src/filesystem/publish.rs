//! How a file becomes a blob: the only place where anything gets a name below `blobs/`.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use longshore_types::{Digest, UploadId};
use rustix::io::Errno;

use super::{
    Volume,
    files::{at, lacks_locks, open_regular},
    generation,
};
use crate::storage_key::StorageKey;

/// How often publishing starts over because somebody else changes the same blob's place at that moment.
const ATTEMPTS_MAX: usize = 16;

/// How the name of a copy in the making begins.
const COPY_PREFIX: &str = ".";

impl Volume {
    /// Makes the `size_bytes` of `source`, which are synced already, the content of `digest`. `source` stays, as a
    /// second name of the same file, so it must not be written to again. Durable on return.
    ///
    /// A file of that size that is there already is left alone; one of another size is damage and is set aside.
    pub(super) fn publish(&self, source: &Path, size_bytes: u64, digest: &Digest) -> io::Result<()> {
        let target = self.path(StorageKey::BlobData(digest));
        for _ in 0..ATTEMPTS_MAX {
            match self.try_publish(source, &target, size_bytes, digest) {
                // Somebody else published, removed or set aside the same blob in between: look again.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    fs::symlink_metadata(source).map_err(at(source))?;
                }
                result => return result,
            }
        }
        Err(io::Error::other(format!("{}: keeps changing while it is published", target.display())))
    }

    fn try_publish(&self, source: &Path, target: &Path, size_bytes: u64, digest: &Digest) -> io::Result<()> {
        let directory = target.parent().expect("the key of a blob names a file in a directory");
        if self.holds(target, size_bytes)? {
            self.adopt(target)?;
        } else {
            if lies_at(target)? {
                self.set_damage_aside(target, size_bytes, digest)?;
            }
            fs::create_dir_all(directory).map_err(at(directory))?;
            link(source, target)?;
        }
        self.sync_published(directory)
    }

    /// Whether a file of that size lies there.
    pub(super) fn holds(&self, target: &Path, size_bytes: u64) -> io::Result<bool> {
        match fs::symlink_metadata(target) {
            Ok(found) => Ok(found.is_file() && found.len() == size_bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(at(target)(error)),
        }
    }

    /// Takes what is there for our own. It may be so new that it is not on the disk yet (another request published it
    /// a moment ago, or another registry that never syncs), and it must look young to whoever sweeps old garbage.
    fn adopt(&self, target: &Path) -> io::Result<()> {
        let file = open_regular(target, false)?;
        // On a volume whose files belong to somebody else this fails; then the file merely looks older than it is.
        // It may be an upload still, so its mark stays.
        let _ = generation::refresh(&file, &[]);
        self.syncs.all(&file).map_err(at(target))
    }

    /// Syncs the names that lead to a blob: `<hex>` and `<aa>` each time, since both are new for a new blob, and what
    /// is above once for each `<aa>` in the life of this process.
    fn sync_published(&self, directory: &Path) -> io::Result<()> {
        if !self.syncs.are_on() {
            return Ok(());
        }
        let prefix =
            directory.parent().expect("the directory of a blob lies in one with its first hex digits");
        self.syncs.directories(directory, prefix)?;
        let known = || self.synced_prefixes.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if !known().contains(prefix) {
            self.sync_directories(prefix.parent().expect("blobs lie below the root"))?;
            known().insert(prefix.to_owned());
        }
        Ok(())
    }

    /// Sets aside what was seen at `target`, if it is still there: somebody else may have done so and published since.
    fn set_damage_aside(&self, target: &Path, size_bytes: u64, digest: &Digest) -> io::Result<()> {
        let _turn = self.turn()?;
        // In this order: what appears after the first question is not damaged.
        if lies_at(target)? && !self.holds(target, size_bytes)? {
            self.move_aside(target, digest)?;
        }
        Ok(())
    }

    /// Waits for the right to free the place of a blob, until it is dropped. Publishing does without: it only takes
    /// places that are free, so what was seen to be damaged during a turn is still that at its end.
    pub(super) fn turn(&self) -> io::Result<fs::File> {
        let folder = self.path(StorageKey::Own);
        let turn = fs::File::open(&folder).map_err(at(&folder))?;
        match turn.lock() {
            Err(error) if !lacks_locks(&error) => Err(at(&folder)(error)),
            _ => Ok(turn),
        }
    }

    /// Moves whatever lies at `target` out of the way, keeping it. Returns where it is now.
    pub(super) fn set_aside(&self, target: &Path, digest: &Digest) -> io::Result<PathBuf> {
        let _turn = self.turn()?;
        self.move_aside(target, digest)
    }

    fn move_aside(&self, target: &Path, digest: &Digest) -> io::Result<PathBuf> {
        let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let name = format!("{}-{}-{millis}", digest.algorithm(), digest.hex());
        let mut place = self.path(StorageKey::SetAside).join(&name);
        // Two of one digest within a millisecond: rename would replace the first.
        for again in 1.. {
            if fs::symlink_metadata(&place).is_err() {
                break;
            }
            place.set_file_name(format!("{name}-{again}"));
        }
        match fs::rename(target, &place) {
            // The operator put blobs on another file system: then beside the blob, where no registry looks.
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                place = target.with_file_name(format!("set-aside-{millis}"));
                fs::rename(target, &place)
            }
            renamed => renamed,
        }
        .map_err(at(target))?;
        for moved in [&place, target] {
            self.sync_directory(moved.parent().expect("both are files in directories"))?;
        }
        tracing::warn!(%digest, place = %place.display(), "set damaged content of {digest} aside");
        Ok(place)
    }
}

/// Whether anything has that name, if only a symbolic link to nowhere.
fn lies_at(target: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        found => found.map(|_| true).map_err(at(target)),
    }
}

/// Gives `source` the second name `target`, which must be free. Where that cannot be, content moves or is copied.
fn link(source: &Path, target: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, linkat};
    match linkat(CWD, source, CWD, target, AtFlags::empty()) {
        Ok(()) => Ok(()),
        // No hard links here (FAT, some network and FUSE file systems). A blob that appears between the look and the
        // rename is replaced by the same content. The upload is gone then; publishing it again works while the
        // blob is there.
        Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK) => fs::rename(source, target),
        Err(Errno::XDEV) => copy_across(source, target),
        Err(errno) => Err(errno.into()),
    }
    .map_err(at(target))
}

/// Removes the directory of a blob that is gone, with the copies that crashes left in it.
///
/// Fails when somebody publishes the same blob at this moment (one whose copy goes away under him starts over), or
/// where another registry left something.
pub(super) fn remove_directory(directory: &Path) -> io::Result<()> {
    match fs::remove_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
        // Mostly it is empty.
        removed => return removed,
    }
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let copy_of = name.to_str().and_then(|name| name.strip_prefix(COPY_PREFIX));
        if copy_of.is_some_and(|name| name.parse::<UploadId>().is_ok()) {
            fs::remove_file(entry.path())?;
        }
    }
    fs::remove_dir(directory)
}

/// Uploads and blobs are on different file systems: copies beside the target, then renames.
fn copy_across(source: &Path, target: &Path) -> io::Result<()> {
    let unique = source.file_name().unwrap_or_default().to_string_lossy();
    let temporary = target.with_file_name(format!("{COPY_PREFIX}{unique}"));
    let copied = (|| {
        let mut to = fs::File::create(&temporary)?;
        io::copy(&mut open_regular(source, false)?, &mut to)?;
        to.sync_all()?;
        fs::rename(&temporary, target)
    })();
    if copied.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    copied
}
