//! Tags: distribution specification v1.1.1, "Pulling manifests".

use std::{fmt, str::FromStr, sync::Arc};

/// The text is no tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid tag: expected [a-zA-Z0-9_][a-zA-Z0-9._-]{{0,127}}")]
pub struct TagError;

/// A name that points to a manifest inside one repository. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(Arc<str>);

impl Tag {
    /// Longest tag, in bytes.
    pub const BYTES_MAX: usize = 128;

    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, TagError> {
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let valid = text.len() <= Self::BYTES_MAX
            && text.bytes().next().is_some_and(word)
            && text.bytes().all(|b| word(b) || matches!(b, b'.' | b'-'));
        if valid { Ok(Self(text.into())) } else { Err(TagError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags() {
        let check = |text: &str, valid: bool| assert_eq!(text.parse::<Tag>().is_ok(), valid, "{text}");
        for good in ["latest", "v1.2-rc_3", "_x", "A", &"a".repeat(128)] {
            check(good, true);
        }
        for bad in ["", ".a", "-a", "a/b", "a:b", "a b", "ä", &"a".repeat(129)] {
            check(bad, false);
        }
    }
}
