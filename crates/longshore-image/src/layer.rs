//! The files of a layer: image specification v1.1, "Image Layer Filesystem Changeset".

mod content;
mod encoding;
mod header;
pub(crate) mod path;
mod pax;
mod pieces;
mod read;
mod tar;
mod unpack;

use std::{fmt, io};

use serde::Serialize;

pub use content::{FileReader, file_bytes, files_bytes, open_file, open_layer};
pub use encoding::EncodingError;
pub use path::normal_path;
pub use pieces::PieceReader;
pub use read::read_layer;

/// How much of a layer is read. A layer that goes beyond is refused, for it was made to fill memory or time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerBounds {
    /// Most files and folders.
    pub entries_max: usize,
    /// Most bytes that it unpacks to.
    pub unpacked_bytes_max: u64,
    /// Longest path, and longest target of a link, in bytes.
    pub path_bytes_max: usize,
    /// All paths and targets together, in bytes.
    pub text_bytes_max: usize,
}

impl Default for LayerBounds {
    /// Beyond all images that people build: a million files, 64 GiB, paths as long as Linux has them.
    fn default() -> Self {
        Self {
            entries_max: 1_000_000,
            unpacked_bytes_max: 64 << 30,
            path_bytes_max: 4096,
            text_bytes_max: 256 << 20,
        }
    }
}

/// Why the files of a layer cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// Its bytes could not be had, which is not its own fault.
    #[error("could not read the layer")]
    Source(#[source] io::Error),
    /// Its compression is damaged.
    #[error("the layer cannot be unpacked: {0}")]
    Compression(String),
    /// It is no tar archive, or a damaged one.
    #[error("the layer is no good tar archive: {0}")]
    Malformed(String),
    /// It has too many files.
    #[error("the layer has more than {0} files")]
    TooManyEntries(usize),
    /// It unpacks to too much.
    #[error("the layer unpacks to more than {0} bytes")]
    TooLarge(u64),
    /// It has a path that is too long.
    #[error("a path in the layer is longer than {0} bytes")]
    PathTooLong(usize),
    /// Its paths are too long together.
    #[error("the paths in the layer take more than {0} bytes")]
    TooMuchText(usize),
    /// A file is too large to be read whole.
    #[error("the file has {size_bytes} bytes, of which {bytes_max} may be read")]
    FileTooLarge {
        /// Its size.
        size_bytes: u64,
        /// What may be read.
        bytes_max: u64,
    },
    /// The entry has no bytes of its own that could be read: a folder, a link, a sparse file.
    #[error("{0} has no content that can be read")]
    NoContent(String),
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// Everything below in lower layers is hidden: `.wh..wh..opq` in the folder that the path names.
    Opaque,
    /// What lower layers have under the path is hidden: `.wh.NAME`.
    Whiteout,
    /// A folder.
    Folder,
    /// A file with bytes.
    File,
    /// Another name for a file: its target is a path from the root.
    HardLink,
    /// A symbolic link: its target is as it was written.
    Symlink,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
}

impl EntryKind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Opaque,
        Self::Whiteout,
        Self::Folder,
        Self::File,
        Self::HardLink,
        Self::Symlink,
        Self::CharDevice,
        Self::BlockDevice,
        Self::Fifo,
    ];

    /// Whether it stands for what is not there.
    pub fn is_marker(self) -> bool {
        matches!(self, Self::Opaque | Self::Whiteout)
    }

    /// As `ls -l` begins its lines.
    pub fn letter(self) -> char {
        match self {
            Self::Opaque | Self::Whiteout => 'w',
            Self::Folder => 'd',
            Self::File => '-',
            Self::HardLink => 'h',
            Self::Symlink => 'l',
            Self::CharDevice => 'c',
            Self::BlockDevice => 'b',
            Self::Fifo => 'p',
        }
    }

    /// In one word: `file`, `hard_link`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Opaque => "opaque",
            Self::Whiteout => "whiteout",
            Self::Folder => "folder",
            Self::File => "file",
            Self::HardLink => "hard_link",
            Self::Symlink => "symlink",
            Self::CharDevice => "char_device",
            Self::BlockDevice => "block_device",
            Self::Fifo => "fifo",
        }
    }
}

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A file, folder, link or marker of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// From the root, without a slash before it, in normal form; empty for the root itself. Of a marker, what it hides.
    /// Bytes that are no UTF-8 are replaced.
    pub path: Box<str>,
    /// What it is.
    pub kind: EntryKind,
    /// Permissions with set-user-ID, set-group-ID and sticky bits: `0o4755`.
    pub mode: u32,
    /// Whose it is.
    pub uid: u64,
    /// Which group's it is.
    pub gid: u64,
    /// Bytes of a file, also of a sparse one; 0 of anything else.
    pub size_bytes: u64,
    /// When it was modified, in seconds since 1970.
    pub modified: i64,
    /// Where a link leads.
    pub target: Option<Box<str>>,
    /// Where its bytes begin in the unpacked layer, if they are there in one piece.
    pub data_at: Option<u64>,
    /// The first half of their SHA-256.
    pub hash: Option<[u8; 16]>,
}

impl Entry {
    /// Whether both are the same but for the time of their last change.
    pub fn is_like(&self, other: &Self) -> bool {
        let own = (self.kind, self.mode, self.uid, self.gid, self.size_bytes, &self.target, self.hash);
        own == (other.kind, other.mode, other.uid, other.gid, other.size_bytes, &other.target, other.hash)
            // Without a hash only the time tells contents apart.
            && (self.hash.is_some() || self.size_bytes == 0 || self.modified == other.modified)
    }

    /// `-rwxr-xr-x`, as `ls -l` writes it.
    pub fn mode_text(&self) -> String {
        let bit = |at: u32, letter: char| if self.mode >> at & 1 == 1 { letter } else { '-' };
        let special =
            |at: u32, set: u32, both: char, alone: char| match (self.mode >> set & 1, self.mode >> at & 1) {
                (0, _) => bit(at, 'x'),
                (_, 1) => both,
                _ => alone,
            };
        let mut text = String::with_capacity(10);
        text.push(self.kind.letter());
        text.extend([bit(8, 'r'), bit(7, 'w'), special(6, 11, 's', 'S')]);
        text.extend([bit(5, 'r'), bit(4, 'w'), special(3, 10, 's', 'S')]);
        text.extend([bit(2, 'r'), bit(1, 'w'), special(0, 9, 't', 'T')]);
        text
    }
}

/// What a layer holds: each path once, markers beside it, in the order of paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LayerFiles {
    entries: Vec<Entry>,
}

impl LayerFiles {
    /// Puts entries in order; where several are for one path, the last is what unpacking leaves.
    pub(crate) fn new(mut entries: Vec<Entry>) -> Self {
        // The sort is stable: the last of equals stays the last.
        entries.sort_by(|a, b| key(a).cmp(&key(b)));
        entries.dedup_by(|later, earlier| {
            let same = key(later) == key(earlier);
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
        Self { entries }
    }

    /// All of it.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What is under a path in normal form, markers aside.
    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.position(path).map(|at| &self.entries[at])
    }

    pub(crate) fn position(&self, path: &str) -> Option<usize> {
        let at = self.entries.partition_point(|entry| key(entry) < (path, false, false));
        self.entries.get(at).filter(|entry| &*entry.path == path && !entry.kind.is_marker()).map(|_| at)
    }

    /// Whether there is anything under a path in normal form, or below it, markers included.
    pub fn touches(&self, path: &str) -> bool {
        let at = self.entries.partition_point(|entry| &*entry.path < path);
        if self.entries.get(at).is_some_and(|entry| &*entry.path == path) || path.is_empty() {
            return !self.entries.is_empty();
        }
        let below = format!("{path}/");
        let at = self.entries.partition_point(|entry| *entry.path < *below);
        self.entries.get(at).is_some_and(|entry| entry.path.starts_with(&below))
    }

    /// How much memory the list takes, about.
    pub fn memory_bytes(&self) -> usize {
        let texts = self
            .entries
            .iter()
            .map(|entry| entry.path.len() + entry.target.as_ref().map_or(0, |target| target.len()));
        self.entries.len() * size_of::<Entry>() + texts.sum::<usize>()
    }

    /// The bytes of its files.
    pub fn size_bytes(&self) -> u64 {
        self.entries.iter().map(|entry| entry.size_bytes).fold(0, u64::saturating_add)
    }
}

/// What is there comes before the markers beside it.
fn key(entry: &Entry) -> (&str, bool, bool) {
    (&entry.path, entry.kind.is_marker(), entry.kind == EntryKind::Opaque)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_written_as_ls_does() {
        let check = |kind: EntryKind, mode: u32, wanted: &str| {
            let entry = Entry { kind, mode, ..crate::testing::file("x", 0) };
            assert_eq!(entry.mode_text(), wanted);
        };
        check(EntryKind::File, 0o644, "-rw-r--r--");
        check(EntryKind::File, 0o4755, "-rwsr-xr-x");
        check(EntryKind::Folder, 0o1777, "drwxrwxrwt");
        check(EntryKind::Folder, 0o3760, "drwxrwS--T");
        check(EntryKind::Symlink, 0o777, "lrwxrwxrwx");
    }

    #[test]
    fn the_last_entry_for_a_path_stays() {
        let marker = Entry { kind: EntryKind::Whiteout, ..crate::testing::file("b", 0) };
        let files = LayerFiles::new(vec![
            crate::testing::file("b", 1),
            crate::testing::file("a/x", 2),
            marker,
            crate::testing::file("b", 3),
            crate::testing::file("b", 4),
        ]);
        let found: Vec<_> = files.entries().iter().map(|e| (&*e.path, e.kind, e.size_bytes)).collect();
        let (file, whiteout) = (EntryKind::File, EntryKind::Whiteout);
        assert_eq!(found, [("a/x", file, 2), ("b", file, 4), ("b", whiteout, 0)]);
        assert_eq!(files.get("b").map(|entry| entry.size_bytes), Some(4));
        assert!(
            files.get("a").is_none() && files.touches("a") && !files.touches("a/") && !files.touches("aa")
        );
        assert_eq!(files.size_bytes(), 6);
    }
}
