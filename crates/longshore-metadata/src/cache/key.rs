//! What answers are kept under, and its text in notifications.

use std::hash::{Hash, Hasher};

use longshore_types::{Digest, RepositoryName, Tag};
use quick_cache::Equivalent;

use crate::RepositoryId;

/// A question to the index.
#[derive(Clone, Debug, Eq)]
pub(crate) enum Key {
    /// The row of a repository.
    Repository(RepositoryName),
    /// The manifest that a tag points to.
    Tag(RepositoryId, Tag),
    /// A manifest by its digest.
    Manifest(RepositoryId, Digest),
    /// Whether a repository links a blob.
    Link(RepositoryId, Digest),
}

/// A key that borrows; hashes and compares as [`Key`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum KeyRef<'a> {
    Repository(&'a str),
    Tag(RepositoryId, &'a str),
    Manifest(RepositoryId, &'a Digest),
    Link(RepositoryId, &'a Digest),
}

impl Key {
    pub(super) fn borrowed(&self) -> KeyRef<'_> {
        match self {
            Self::Repository(name) => KeyRef::Repository(name.as_str()),
            Self::Tag(repository, tag) => KeyRef::Tag(*repository, tag.as_str()),
            Self::Manifest(repository, digest) => KeyRef::Manifest(*repository, digest),
            Self::Link(repository, digest) => KeyRef::Link(*repository, digest),
        }
    }

    /// Bytes outside of the value itself.
    pub(crate) fn heap_bytes(&self) -> u64 {
        match self {
            Self::Repository(name) => name.as_str().len() as u64,
            Self::Tag(_, tag) => tag.as_str().len() as u64,
            Self::Manifest(..) | Self::Link(..) => 0,
        }
    }

    /// `t12/latest`, `m12/sha256:…`, `b12/sha256:…`: without blank and quote. Names of repositories are never told.
    pub(crate) fn to_text(&self) -> Option<String> {
        match self {
            Self::Repository(_) => None,
            Self::Tag(repository, tag) => Some(format!("t{}/{tag}", repository.0)),
            Self::Manifest(repository, digest) => Some(format!("m{}/{digest}", repository.0)),
            Self::Link(repository, digest) => Some(format!("b{}/{digest}", repository.0)),
        }
    }

    /// Reads what [`Key::to_text`] wrote.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let (head, rest) = text.split_once('/')?;
        let repository = RepositoryId(head.get(1..)?.parse().ok()?);
        match head.get(..1)? {
            "t" => Some(Self::Tag(repository, rest.parse().ok()?)),
            "m" => Some(Self::Manifest(repository, rest.parse().ok()?)),
            "b" => Some(Self::Link(repository, rest.parse().ok()?)),
            _ => None,
        }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.borrowed() == other.borrowed()
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.borrowed().hash(state);
    }
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self == key.borrowed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_their_text() {
        let (id, digest) = (RepositoryId(12), Digest::sha256(b"x"));
        let keys =
            [Key::Tag(id, "v1.0_a-b".parse().unwrap()), Key::Manifest(id, digest), Key::Link(id, digest)];
        for key in keys {
            let text = key.to_text().unwrap();
            assert!(!text.contains([' ', '\'', '\\']), "{text}");
            assert_eq!(Key::from_text(&text), Some(key));
        }
        for text in ["", "t", "t1", "t/x", "x1/y", "m1/sha256:0", "tä/x", "ä1/x"] {
            assert_eq!(Key::from_text(text), None, "{text}");
        }
    }
}
