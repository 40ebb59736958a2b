//! What tests of this crate share.

use crate::{Entry, EntryKind};

/// A file.
pub(crate) fn file(path: &str, size_bytes: u64) -> Entry {
    Entry {
        path: path.into(),
        kind: EntryKind::File,
        mode: 0o644,
        uid: 0,
        gid: 0,
        size_bytes,
        modified: 0,
        target: None,
        data_at: None,
        hash: None,
    }
}
