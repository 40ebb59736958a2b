//! From a path to the bytes it stands for.

use super::{MergedFile, MergedFiles};
use crate::{Entry, EntryKind, layer::path::normal_path};

/// How many links are followed: Linux' own bound.
const LINKS_MAX: usize = 40;

/// Longest path that links may lead to, in bytes.
const PATH_BYTES_MAX: usize = 4096;

/// Where the bytes of a file lie.
#[derive(Clone, Copy, Debug)]
pub struct FileContent<'a> {
    /// In which layer, counted from the lowest, which is 0.
    pub layer: usize,
    /// As which entry of it.
    pub entry: &'a Entry,
}

/// Why a path leads to no file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookUpError {
    /// There is nothing.
    #[error("there is no file /{0}")]
    NotFound(String),
    /// It is no file with bytes.
    #[error("/{path} is no file, but a {}", kind.as_str().replace('_', " "))]
    NoFile {
        /// What was asked for.
        path: String,
        /// What it is.
        kind: EntryKind,
    },
    /// Links lead in a circle, or too far.
    #[error("/{0}: too many links")]
    TooManyLinks(String),
}

impl MergedFiles {
    /// What is at a path when symbolic links are followed as the image itself would.
    ///
    /// # Errors
    /// If there is nothing.
    pub fn resolve(&self, path: &str) -> Result<MergedFile<'_>, LookUpError> {
        let asked = normal_path(path);
        let mut path = asked.clone();
        for _ in 0..=LINKS_MAX {
            match self.first_link(&path) {
                None => {
                    let found = self.at(&path).filter(MergedFile::is_there);
                    return found.ok_or(LookUpError::NotFound(asked));
                }
                Some(further) if further.len() > PATH_BYTES_MAX => break,
                Some(further) => path = further,
            }
        }
        Err(LookUpError::TooManyLinks(asked))
    }

    /// Where a path leads when the first link in it is followed; none where there is no link.
    fn first_link(&self, path: &str) -> Option<String> {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for end in ends {
            let file = self.at(&path[..end]).filter(MergedFile::is_there)?;
            if file.kind() == EntryKind::Symlink {
                let target = file.entry().and_then(|entry| entry.target.as_deref()).unwrap_or_default();
                let rest = &path[end..];
                return Some(match target.starts_with('/') {
                    true => normal_path(&format!("{target}{rest}")),
                    false => normal_path(&format!("{}/../{target}{rest}", &path[..end])),
                });
            }
        }
        None
    }

    /// The bytes that a path stands for, when symbolic and hard links are followed.
    ///
    /// # Errors
    /// If there is no file.
    pub fn content(&self, path: &str) -> Result<FileContent<'_>, LookUpError> {
        let file = self.resolve(path)?;
        let no_file = |kind| LookUpError::NoFile { path: normal_path(path), kind };
        let (Some(mut layer), Some(mut entry)) = (file.layer(), file.entry()) else {
            return Err(no_file(EntryKind::Folder));
        };
        for _ in 0..=LINKS_MAX {
            match entry.kind {
                EntryKind::File => return Ok(FileContent { layer, entry }),
                EntryKind::HardLink => {
                    let target = entry.target.as_deref().unwrap_or_default();
                    (layer, entry) =
                        self.linked(layer, target).ok_or_else(|| LookUpError::NotFound(target.to_owned()))?;
                }
                kind => return Err(no_file(kind)),
            }
        }
        Err(LookUpError::TooManyLinks(normal_path(path)))
    }

    /// A hard link means what its own layer has, or else the layers below: the nearest of them.
    fn linked(&self, layer: usize, target: &str) -> Option<(usize, &Entry)> {
        (0..=layer).rev().find_map(|layer| Some((layer, self.layers[layer].get(target)?)))
    }
}
