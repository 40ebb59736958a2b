//! Archives of images: what lies where in one. Nothing is unpacked to a path that an archive names.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
};

use flate2::bufread::MultiGzDecoder;
use longshore_image::{EntryKind, LayerBounds, normal_path, read_layer};
use longshore_types::Digest;

use super::{
    LocalError,
    extent::{Extent, each_piece},
};

/// What is read of an archive: images have far fewer files in theirs.
const BOUNDS: LayerBounds = LayerBounds {
    entries_max: 100_000,
    unpacked_bytes_max: 256 << 30,
    path_bytes_max: 4096,
    text_bytes_max: 64 << 20,
};

/// How many links may lead to each other.
const LINKS_MAX: usize = 4;

/// The files of an archive.
pub(super) struct Index {
    files: HashMap<String, Extent>,
    links: HashMap<String, String>,
}

impl Index {
    /// Reads through the archive. A compressed one is unpacked into a file in `scratch`.
    pub(super) fn open(path: &Path, scratch: &Path) -> Result<Self, LocalError> {
        let plain = match unpacked(path, scratch)? {
            Some(plain) => plain,
            None => path.to_owned(),
        };
        let file = File::open(&plain).map_err(LocalError::file(&plain))?;
        let found = read_layer(file, &BOUNDS).map_err(|error| {
            let why = format!("it is no archive of images: {}", longshore_types::error_chain(&error));
            LocalError::malformed(path, why)
        })?;
        let shared: std::sync::Arc<Path> = plain.into();
        let (mut files, mut links) = (HashMap::new(), HashMap::new());
        for entry in found.entries() {
            let name = entry.path.to_string();
            match (entry.kind, entry.data_at, &entry.target) {
                (EntryKind::File, Some(offset), _) => {
                    let extent = Extent { path: shared.clone(), offset, size_bytes: entry.size_bytes };
                    files.insert(name, extent);
                }
                (EntryKind::HardLink, _, Some(target)) => {
                    links.insert(name, normal_path(target));
                }
                // docker writes a layer that two images share once, and links to it.
                (EntryKind::Symlink, _, Some(target)) => {
                    let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
                    let target = normal_path(&format!("{folder}/{target}"));
                    links.insert(name, target);
                }
                _ => {}
            }
        }
        Ok(Self { files, links })
    }

    /// The file of that name, in the archive itself: links lead nowhere else.
    pub(super) fn file(&self, name: &str) -> Option<Extent> {
        let mut name = normal_path(name);
        for _ in 0..=LINKS_MAX {
            match self.links.get(&name) {
                Some(target) => name.clone_from(target),
                None => break,
            }
        }
        self.files.get(&name).cloned()
    }

    /// The blobs of a layout.
    pub(super) fn blobs(&self) -> HashMap<Digest, Extent> {
        let names = self.files.keys().chain(self.links.keys());
        let blobs = names.filter_map(|name| {
            let (algorithm, hex) = name.strip_prefix("blobs/")?.split_once('/')?;
            let digest = format!("{algorithm}:{hex}").parse().ok()?;
            Some((digest, self.file(name)?))
        });
        blobs.collect()
    }
}

/// The archive without its compression, if it has one: its parts are to be found again.
fn unpacked(path: &Path, scratch: &Path) -> Result<Option<PathBuf>, LocalError> {
    let fault = || LocalError::file(path);
    let mut magic = Vec::new();
    File::open(path).and_then(|file| file.take(2).read_to_end(&mut magic)).map_err(fault())?;
    if magic != [0x1f, 0x8b] {
        return Ok(None);
    }
    let packed = BufReader::with_capacity(256 << 10, File::open(path).map_err(fault())?);
    let plain = scratch.join("archive.tar");
    let mut file = File::create_new(&plain).map_err(LocalError::file(&plain))?;
    let (mut reader, mut size_bytes) = (MultiGzDecoder::new(packed), 0);
    each_piece(path, &mut reader, |piece| {
        size_bytes += piece.len() as u64;
        if size_bytes > BOUNDS.unpacked_bytes_max {
            let why = format!("it unpacks to more than {} bytes", BOUNDS.unpacked_bytes_max);
            return Err(LocalError::malformed(path, why));
        }
        file.write_all(piece).map_err(LocalError::file(&plain))
    })?;
    Ok(Some(plain))
}
