//! Bytes that can be made again, in files: what is read out of blobs and takes long.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use longshore_types::{Digest, UploadId};

/// Before the names of files that are being written.
const UNFINISHED: &str = ".";

/// Bytes by the digest of the content that they were made of. Nobody relies on it: what is missing, damaged or in the way is
/// made again, so nothing is synced, and who reads checks what they got. Several processes may use one folder.
#[derive(Clone, Debug)]
pub struct FolderCache {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    bytes_max: u64,
    /// Bytes in the folder as far as this process knows; none before it looked.
    bytes: Mutex<Option<u64>>,
}

impl FolderCache {
    /// Uses `folder`, which is made when something is to be kept. All files together take no more than `bytes_max`, or
    /// little more while several processes write: then those go that were written first.
    pub fn new(folder: PathBuf, bytes_max: u64) -> Self {
        Self { shared: Arc::new(Shared { folder, bytes_max, bytes: Mutex::new(None) }) }
    }

    /// What is kept for a digest.
    pub async fn read(&self, digest: &Digest) -> Option<Vec<u8>> {
        let (shared, path) = (Arc::clone(&self.shared), self.shared.path(digest));
        let read = tokio::task::spawn_blocking(move || shared.read(&path)).await.ok()?;
        read.inspect_err(|error| complain(error, "could not read from the cache")).ok()?
    }

    /// Keeps bytes, if that can be.
    pub async fn write(&self, digest: &Digest, bytes: Vec<u8>) {
        let (shared, path) = (Arc::clone(&self.shared), self.shared.path(digest));
        let written = tokio::task::spawn_blocking(move || shared.write(&path, &bytes)).await;
        if let Ok(Err(error)) = written {
            complain(&error, "could not write to the cache");
        }
    }
}

fn complain(error: &io::Error, what: &str) {
    tracing::warn!(error = error as &dyn std::error::Error, "{what}");
}

impl Shared {
    fn path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.folder.join(digest.algorithm().as_str()).join(&hex[..2]).join(hex)
    }

    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        match fs::metadata(path) {
            Ok(found) if found.is_file() && found.len() <= self.bytes_max => {}
            Ok(_) => return Ok(None),
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error),
        }
        match fs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        // One that would push out most others is not worth it.
        if bytes.len() as u64 > self.bytes_max / 4 {
            return Ok(());
        }
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder)?;
        let unfinished = folder.join(format!("{UNFINISHED}{}", UploadId::random()));
        let written = fs::write(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, path));
        if let Err(error) = written {
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        self.make_room(bytes.len() as u64)
    }

    /// Takes out what was written first, once there is too much.
    fn make_room(&self, added: u64) -> io::Result<()> {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        // A process that knows of no others' files looks at its first write.
        if let Some(known) = &mut *bytes {
            *known += added;
            if *known <= self.bytes_max {
                return Ok(());
            }
        }
        let mut files = Vec::new();
        walk(&self.folder, &mut files)?;
        files.sort_unstable();
        let mut total: u64 = files.iter().map(|(_, size, _)| size).sum();
        // Somewhat more than must be, so that not every write walks.
        let goal = if total > self.bytes_max { self.bytes_max / 10 * 9 } else { total };
        for (_, size, path) in files {
            if total <= goal {
                break;
            }
            match fs::remove_file(&path) {
                Err(error) if !is_absent(&error) => return Err(error),
                _ => total -= size,
            }
        }
        *bytes = Some(total);
        Ok(())
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// All files below a folder, those that a crash left unfinished included: they are old some day, and go.
fn walk(folder: &Path, files: &mut Vec<(SystemTime, u64, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        match entry.metadata() {
            Ok(found) if found.is_dir() => walk(&entry.path(), files)?,
            Ok(found) => files.push((found.modified()?, found.len(), entry.path())),
            // Another process made room.
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn digest(nth: u8) -> Digest {
        Digest::sha256(&[nth])
    }

    #[tokio::test]
    async fn what_was_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let cache = FolderCache::new(folder.path().join("a/b"), 1000);
        assert_eq!(cache.read(&digest(1)).await, None);
        cache.write(&digest(1), b"one".to_vec()).await;
        cache.write(&digest(1), b"uno".to_vec()).await;
        assert_eq!(cache.read(&digest(1)).await.as_deref(), Some(&b"uno"[..]));
        assert_eq!(cache.read(&digest(2)).await, None);
        // Another process sees it too.
        let other = FolderCache::new(folder.path().join("a/b"), 1000);
        assert_eq!(other.read(&digest(1)).await.as_deref(), Some(&b"uno"[..]));
        let mut files = Vec::new();
        walk(folder.path(), &mut files).unwrap();
        assert_eq!(files.len(), 1, "{files:?}");
    }

    #[tokio::test]
    async fn what_was_written_first_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        let cache = FolderCache::new(folder.path().to_owned(), 1000);
        for nth in 0..10 {
            cache.write(&digest(nth), vec![nth; 100]).await;
            // Times of files are coarse: each was written a second before the next.
            let written = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(nth));
            let file = fs::File::options().write(true).open(cache.shared.path(&digest(nth))).unwrap();
            file.set_modified(written).unwrap();
        }
        cache.write(&digest(10), vec![10; 100]).await;
        let mut kept = Vec::new();
        for nth in 0..=10 {
            kept.extend(cache.read(&digest(nth)).await.map(|_| nth));
        }
        assert_eq!(kept, [2, 3, 4, 5, 6, 7, 8, 9, 10]);
        // What another process left counts with the first write.
        let other = FolderCache::new(folder.path().to_owned(), 500);
        other.write(&digest(11), vec![11; 100]).await;
        let mut files = Vec::new();
        walk(folder.path(), &mut files).unwrap();
        assert_eq!(files.len(), 4);
        // What is too large is not kept.
        other.write(&digest(12), vec![12; 200]).await;
        assert_eq!(other.read(&digest(12)).await, None);
    }

    #[tokio::test]
    async fn what_stands_in_the_way_is_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        let cache = FolderCache::new(folder.path().join("file"), 1000);
        fs::write(folder.path().join("file"), b"x").unwrap();
        cache.write(&digest(1), b"one".to_vec()).await;
        assert_eq!(cache.read(&digest(1)).await, None);
        let cache = FolderCache::new(folder.path().join("cache"), 1000);
        fs::create_dir_all(cache.shared.path(&digest(1))).unwrap();
        cache.write(&digest(1), b"one".to_vec()).await;
        assert_eq!(cache.read(&digest(1)).await, None);
    }
}
