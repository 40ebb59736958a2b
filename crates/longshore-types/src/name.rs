//! Repository and project names: distribution specification v1.1.1, "Pulling manifests", `<name>`.

use std::{fmt, str::FromStr, sync::Arc};

/// Why a text is no repository name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A component does not match `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
    #[error(
        "invalid repository name: components are lower-case letters and digits, separated inside by one '.', one or two '_' or any '-'"
    )]
    Malformed,
    /// Longer than [`RepositoryName::BYTES_MAX`].
    #[error("invalid repository name: longer than 255 characters")]
    TooLong,
}

/// The name of a repository, the scope of API calls: `team/app`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryName(Arc<str>);

impl RepositoryName {
    /// Longest name accepted, in bytes. Many clients allow 255 for host and name together; distribution refuses more.
    pub const BYTES_MAX: usize = 255;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The project that the repository belongs to: the first component, or `library` for a name without `/`.
    pub fn project(&self) -> ProjectName {
        match self.0.split_once('/') {
            Some((first, _)) => ProjectName(first.into()),
            None => ProjectName::library(),
        }
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for RepositoryName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.len() > Self::BYTES_MAX {
            return Err(NameError::TooLong);
        }
        if !text.split('/').all(component_is_valid) {
            return Err(NameError::Malformed);
        }
        Ok(Self(text.into()))
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`, by hand: it runs for every request.
fn component_is_valid(component: &str) -> bool {
    let bytes = component.as_bytes();
    let mut i = 0;
    loop {
        let start = i;
        while i < bytes.len() && (bytes[i].is_ascii_lowercase() || bytes[i].is_ascii_digit()) {
            i += 1;
        }
        if i == start {
            return false;
        }
        let Some(&separator) = bytes.get(i) else { return true };
        let run = bytes[i..].iter().take_while(|&&b| b == separator).count();
        let allowed = match separator {
            b'.' => run == 1,
            b'_' => run <= 2,
            b'-' => true,
            _ => false,
        };
        if !allowed {
            return false;
        }
        i += run;
    }
}

/// The name of a top-level project; repositories belong to one.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProjectName(Arc<str>);

impl ProjectName {
    /// The project of repositories whose name has no `/`.
    pub fn library() -> Self {
        Self("library".into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let check =
            |text: &str, valid: bool| assert_eq!(text.parse::<RepositoryName>().is_ok(), valid, "{text}");
        for good in ["a", "app", "team/app", "a.b", "a_b", "a__b", "a---b", "0/1/2", "a-b.c_d/e"] {
            check(good, true);
        }
        for bad in [
            "", "/", "a/", "/a", "a//b", "A", "a..b", "a___b", "a._b", "-a", "a-", "_a", "a/.", "..",
            "a/../b", "é",
        ] {
            check(bad, false);
        }
        check(&"a".repeat(255), true);
        check(&"a".repeat(256), false);
    }

    #[test]
    fn the_first_component_is_the_project() {
        let project = |text: &str| text.parse::<RepositoryName>().unwrap().project().to_string();
        assert_eq!(project("alpine"), "library");
        assert_eq!(project("team/sub/app"), "team");
    }
}
