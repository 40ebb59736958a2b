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

/// Why a text is no project name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProjectNameError {
    /// A component does not match `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
    #[error(
        "invalid project name: components are lower-case letters and digits, separated inside by one '.', one or two '_' or any '-'"
    )]
    Malformed,
    /// Longer than [`ProjectName::BYTES_MAX`].
    #[error("invalid project name: longer than 255 characters")]
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

    /// The top-level project that the repository lies in: the first component, or `library` for a name without `/`.
    pub fn project(&self) -> ProjectName {
        match self.0.split_once('/') {
            Some((first, _)) => ProjectName(first.into()),
            None => ProjectName::library(),
        }
    }

    /// The projects that may hold the repository, the deepest first: it belongs to the first of them that exists.
    /// For `a/b/c` they are `a/b` and `a`; for a name without `/` it is `library`.
    pub fn possible_projects(&self) -> impl Iterator<Item = ProjectName> + use<> {
        let deepest = match self.0.rsplit_once('/') {
            Some((before, _)) => ProjectName(before.into()),
            None => ProjectName::library(),
        };
        deepest.ancestors()
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

/// The name of a project, which holds repositories and other projects: `team`, or `team/sub` inside of it. Cheap to
/// clone.
///
/// Its components follow the rule of repositories' components, which allows all that Harbor's rule for projects does
/// (`[a-z0-9]+(?:[._-][a-z0-9]+)*`) and `__` and `--` besides: every repository lies in a project, and those of a
/// volume that another registry wrote may be called so.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProjectName(Arc<str>);

impl ProjectName {
    /// Longest name accepted, in bytes, as for Harbor's projects.
    pub const BYTES_MAX: usize = 255;

    /// The project of repositories whose name has no `/`.
    pub fn library() -> Self {
        Self("library".into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The project that this one lies in; `None` for one of the top level.
    pub fn parent(&self) -> Option<Self> {
        let (before, _) = self.0.rsplit_once('/')?;
        Some(Self(before.into()))
    }

    /// The project itself, its parent, and so on up to the top level.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> + use<> {
        std::iter::successors(Some(self.clone()), Self::parent)
    }

    /// Whether `other` is this project or lies in it, at any depth.
    pub fn covers(&self, other: &Self) -> bool {
        match other.0.strip_prefix(&*self.0) {
            Some(rest) => rest.is_empty() || rest.starts_with('/'),
            None => false,
        }
    }

    /// Whether the repository lies in this project, or in one inside of it.
    pub fn contains(&self, repository: &RepositoryName) -> bool {
        self.repository_within(repository).is_some()
    }

    /// The name of the repository inside this project: `team/sub/app` is `sub/app` in `team`, and `alpine` is `alpine`
    /// in `library`. `None` when it does not lie in this project.
    pub fn repository_within<'a>(&self, repository: &'a RepositoryName) -> Option<&'a str> {
        let name = repository.as_str();
        if !name.contains('/') {
            return (&*self.0 == "library").then_some(name);
        }
        name.strip_prefix(&*self.0)?.strip_prefix('/')
    }
}

impl FromStr for ProjectName {
    type Err = ProjectNameError;

    fn from_str(text: &str) -> Result<Self, ProjectNameError> {
        if text.len() > Self::BYTES_MAX {
            return Err(ProjectNameError::TooLong);
        }
        if !text.split('/').all(component_is_valid) {
            return Err(ProjectNameError::Malformed);
        }
        Ok(Self(text.into()))
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

    fn repository(text: &str) -> RepositoryName {
        text.parse().unwrap()
    }

    fn project(text: &str) -> ProjectName {
        text.parse().unwrap()
    }

    #[test]
    fn the_first_component_is_the_top_level_project() {
        assert_eq!(repository("alpine").project(), ProjectName::library());
        assert_eq!(repository("team/sub/app").project(), project("team"));
    }

    #[test]
    fn projects_nest() {
        let ancestors =
            |text: &str| project(text).ancestors().map(|name| name.to_string()).collect::<Vec<_>>();
        assert_eq!(ancestors("a/b/c"), ["a/b/c", "a/b", "a"]);
        assert_eq!(ancestors("library"), ["library"]);
        assert_eq!(project("a/b").parent(), Some(project("a")));
        assert_eq!(project("a").parent(), None);
        for (outer, inner, covers) in [
            ("a", "a", true),
            ("a", "a/b", true),
            ("a", "ab", false),
            ("a/b", "a", false),
            ("a", "b/a", false),
        ] {
            assert_eq!(project(outer).covers(&project(inner)), covers, "{outer} {inner}");
        }
        for bad in ["", "/", "a/", "/a", "a//b", "A", "a..b", "a:b", "..", &"a".repeat(256)] {
            assert!(bad.parse::<ProjectName>().is_err(), "{bad}");
        }
        for good in ["a", "my-project", "a.b_c-d/e", &"a".repeat(255)] {
            assert_eq!(good.parse::<ProjectName>().unwrap().to_string(), good);
        }
    }

    #[test]
    fn repositories_lie_in_projects() {
        let possible = |text: &str| {
            repository(text).possible_projects().map(|name| name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(possible("a/b/c"), ["a/b", "a"]);
        assert_eq!(possible("a/b"), ["a"]);
        assert_eq!(possible("alpine"), ["library"]);

        let check = |holder: &str, name: &str, within: Option<&str>| {
            let name = repository(name);
            assert_eq!(project(holder).repository_within(&name), within, "{name} in {holder}");
            assert_eq!(project(holder).contains(&name), within.is_some(), "{name} in {holder}");
        };
        check("team", "team/sub/app", Some("sub/app"));
        check("team/sub", "team/sub/app", Some("app"));
        check("team/sub/app", "team/sub/app", None);
        check("team", "team", None);
        check("team", "teams/app", None);
        check("te", "team/app", None);
        check("library", "alpine", Some("alpine"));
        check("library", "library/alpine", Some("alpine"));
        check("library", "library", Some("library"));
    }
}
