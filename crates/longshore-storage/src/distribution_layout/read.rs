//! Reading what a repository holds.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use longshore_types::{Digest, DigestAlgorithm, RepositoryName, Tag};

use super::{DistributionLayout, Found};
use crate::{
    filesystem::open_regular,
    storage_key::{StorageKey, digest_from_directories},
};

/// Most bytes of a link file that are read; a digest has at most 135.
const LINK_BYTES_MAX: u64 = 256;

impl DistributionLayout {
    /// The manifests that a repository links.
    pub fn revisions(&self, repository: &RepositoryName) -> Found<Digest> {
        self.links(&self.path(StorageKey::Revisions(repository)))
    }

    /// The blobs that a repository links: layers and configurations.
    pub fn layers(&self, repository: &RepositoryName) -> Found<Digest> {
        self.links(&self.path(StorageKey::Layers(repository)))
    }

    /// The tags of a repository and the manifests that they point to now.
    pub fn tags(&self, repository: &RepositoryName) -> Found<(Tag, Digest)> {
        let mut found = Found::default();
        let tags = self.path(StorageKey::Tags(repository));
        for name in self.names(&tags, &mut found) {
            let Ok(tag) = name.parse::<Tag>() else {
                found.problems.push(self.problem(&tags.join(&name), "no tag may have this name"));
                continue;
            };
            let link = self.path(StorageKey::TagCurrentLink(repository, &tag));
            match self.read_link(&link) {
                Ok(Some(digest)) => found.entries.push((tag, digest)),
                Ok(None) => found.problems.push(self.problem(&link, "missing, so the tag points nowhere")),
                Err(error) => found.problems.push(self.problem(&link, error)),
            }
        }
        found
    }

    /// Links in `<algorithm>/<hex>/link`. A directory without the file is what a deletion leaves: nothing there.
    fn links(&self, directory: &Path) -> Found<Digest> {
        let mut found = Found::default();
        for algorithm in self.names(directory, &mut found) {
            let directory = directory.join(&algorithm);
            let Ok(algorithm) = algorithm.parse::<DigestAlgorithm>() else {
                found.problems.push(self.problem(&directory, "not an algorithm that this registry computes"));
                continue;
            };
            for hex in self.names(&directory, &mut found) {
                let link = directory.join(&hex).join("link");
                let Some(digest) = digest_from_directories(algorithm, &hex) else {
                    found.problems.push(self.problem(&directory.join(&hex), "not a digest"));
                    continue;
                };
                match self.read_link(&link) {
                    Ok(Some(linked)) if linked == digest => found.entries.push(digest),
                    Ok(Some(linked)) => {
                        found.problems.push(self.problem(&link, format_args!("names {linked} instead")));
                    }
                    Ok(None) => {}
                    Err(error) => found.problems.push(self.problem(&link, error)),
                }
            }
        }
        found
    }

    /// The names of the directories in a directory, which need not be there.
    fn names<T>(&self, directory: &Path, found: &mut Found<T>) -> Vec<String> {
        let entries = match fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    found.problems.push(self.problem(directory, error));
                }
                return Vec::new();
            }
        };
        let mut names = Vec::new();
        for entry in entries {
            match entry.and_then(|entry| Ok((entry.file_type()?.is_dir(), entry))) {
                Ok((true, entry)) => match entry.file_name().into_string() {
                    Ok(name) => names.push(name),
                    Err(_) => found.problems.push(self.problem(&entry.path(), "not text")),
                },
                Ok((false, _)) => {}
                Err(error) => found.problems.push(self.problem(directory, error)),
            }
        }
        names
    }

    /// The digest in a link file; `None` when there is no such file.
    pub(super) fn read_link(&self, path: &Path) -> io::Result<Option<Digest>> {
        let mut text = String::new();
        match open_regular(path, false) {
            Ok(file) => file.take(LINK_BYTES_MAX).read_to_string(&mut text)?,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        text.trim_end().parse().map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}
