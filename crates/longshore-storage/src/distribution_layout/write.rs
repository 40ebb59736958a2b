//! Writing and removing link files, so that `registry:2` finds what the index holds.
//!
//! Each file is whole at any moment, and synced before it gets its name. The names become durable together, in
//! [`DistributionLayout::sync`]: one sync for a volume, not several for each of a million links.

use std::{fs, io, path::Path};

use longshore_types::{Digest, RepositoryName, Tag};

use super::DistributionLayout;
use crate::{
    StoreError,
    filesystem::{at, write_atomically},
    storage_key::StorageKey,
};

impl DistributionLayout {
    /// Makes the directory by which `registry:2` tells a repository from a part of a name, even if it has no layers.
    ///
    /// # Errors
    /// As the other calls that write: [`StoreError::Full`] and [`StoreError::Unavailable`].
    pub fn write_repository(&self, repository: &RepositoryName) -> Result<(), StoreError> {
        let layers = self.path(StorageKey::Layers(repository));
        Ok(fs::create_dir_all(&layers).map_err(at(&layers))?)
    }

    /// Links a manifest. Returns whether the file had to be written.
    pub fn write_revision(&self, repository: &RepositoryName, digest: &Digest) -> Result<bool, StoreError> {
        self.write_link(StorageKey::RevisionLink(repository, digest), digest)
    }

    /// Links a blob.
    pub fn write_layer(&self, repository: &RepositoryName, digest: &Digest) -> Result<bool, StoreError> {
        self.write_link(StorageKey::LayerLink(repository, digest), digest)
    }

    /// Points a tag to a manifest.
    pub fn write_tag(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        digest: &Digest,
    ) -> Result<bool, StoreError> {
        let history = self.write_link(StorageKey::TagIndexLink(repository, tag, digest), digest)?;
        Ok(self.write_link(StorageKey::TagCurrentLink(repository, tag), digest)? || history)
    }

    /// Takes away the link of a manifest. Its directory stays, as `registry:2` leaves it too.
    pub fn remove_revision(&self, repository: &RepositoryName, digest: &Digest) -> Result<(), StoreError> {
        self.remove_link(StorageKey::RevisionLink(repository, digest))
    }

    /// Takes away the link of a blob.
    pub fn remove_layer(&self, repository: &RepositoryName, digest: &Digest) -> Result<(), StoreError> {
        self.remove_link(StorageKey::LayerLink(repository, digest))
    }

    /// Takes a tag away, with its history: `registry:2` lists every directory as a tag.
    pub fn remove_tag(&self, repository: &RepositoryName, tag: &Tag) -> Result<(), StoreError> {
        // The link first: a tag that is half removed must not point anywhere.
        self.remove_link(StorageKey::TagCurrentLink(repository, tag))?;
        let directory = self.path(StorageKey::TagDirectory(repository, tag));
        absent_is_fine(&directory, fs::remove_dir_all(&directory))
    }

    /// Makes everything written and removed so far durable.
    pub fn sync(&self) -> Result<(), StoreError> {
        let repositories = self.path(StorageKey::Repositories);
        if self.durable && repositories.exists() {
            sync_file_system(&repositories).map_err(at(&repositories))?;
        }
        Ok(())
    }

    /// Remembers that the index knows every link file as it is at this moment: it has read or written them all, or is
    /// about to read them. What is older and not in the index was deleted there; what is newer came from another registry.
    pub fn mark_known(&self) -> Result<(), StoreError> {
        let path = self.path(StorageKey::LinksKnown);
        let directory = path.parent().expect("the key of the mark names a file in a directory");
        fs::create_dir_all(directory).map_err(at(directory))?;
        Ok(write_atomically(&path, b"", self.durable)?)
    }

    /// Whether the index knew the link of this manifest when it was last marked.
    pub fn knew_revision(&self, repository: &RepositoryName, digest: &Digest) -> bool {
        self.knew(StorageKey::RevisionLink(repository, digest))
    }

    /// As [`DistributionLayout::knew_revision`], of a blob.
    pub fn knew_layer(&self, repository: &RepositoryName, digest: &Digest) -> bool {
        self.knew(StorageKey::LayerLink(repository, digest))
    }

    /// As [`DistributionLayout::knew_revision`], of a tag as it points now.
    pub fn knew_tag(&self, repository: &RepositoryName, tag: &Tag) -> bool {
        self.knew(StorageKey::TagCurrentLink(repository, tag))
    }

    /// Both times come from the file system, so they compare whatever the clocks of programs say.
    fn knew(&self, key: StorageKey<'_>) -> bool {
        let modified = |key| fs::symlink_metadata(self.path(key)).and_then(|found| found.modified()).ok();
        match (modified(key), modified(StorageKey::LinksKnown)) {
            (Some(link), Some(mark)) => link <= mark,
            _ => false,
        }
    }

    fn write_link(&self, key: StorageKey<'_>, digest: &Digest) -> Result<bool, StoreError> {
        let path = self.path(key);
        // One that cannot be read, or holds something else, is replaced.
        if let Ok(Some(found)) = self.read_link(&path)
            && found == *digest
        {
            return Ok(false);
        }
        let directory = path.parent().expect("the key of a link names a file in a directory");
        fs::create_dir_all(directory).map_err(at(directory))?;
        write_atomically(&path, digest.to_string().as_bytes(), self.durable)?;
        Ok(true)
    }

    fn remove_link(&self, key: StorageKey<'_>) -> Result<(), StoreError> {
        let path = self.path(key);
        absent_is_fine(&path, fs::remove_file(&path))
    }
}

fn absent_is_fine(path: &Path, removed: io::Result<()>) -> Result<(), StoreError> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(path)(error).into()),
        _ => Ok(()),
    }
}

#[cfg(target_os = "linux")]
fn sync_file_system(directory: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(fs::File::open(directory)?)?)
}

#[cfg(not(target_os = "linux"))]
fn sync_file_system(_directory: &Path) -> io::Result<()> {
    rustix::fs::sync();
    Ok(())
}
