//! Finding repositories: a walk over directories that may nest as deep as names go.

use std::{fs, io, path::PathBuf, vec};

use longshore_types::RepositoryName;

use super::{DistributionLayout, LayoutProblem};
use crate::storage_key::StorageKey;

/// The repositories of a volume, each before those below it, siblings by name in byte order. Reads one directory at
/// a time; what it keeps are the names beside the current path.
pub struct Repositories {
    layout: DistributionLayout,
    /// The directories still to be visited, the outermost first.
    levels: Vec<Level>,
    /// The components after which the walk begins.
    after: Option<Vec<String>>,
}

struct Level {
    /// The repository that these are in, empty for the root.
    name: String,
    children: vec::IntoIter<Child>,
}

enum Child {
    Directory(String),
    Problem(LayoutProblem),
}

impl DistributionLayout {
    /// Every repository that has manifests or layers; with `after` only those that follow it in the same order.
    /// Problems stand among them. Names that no repository may have are problems, and nothing below them is read.
    pub fn repositories(&self, after: Option<&RepositoryName>) -> Repositories {
        let after = after.map(|name| name.as_str().split('/').map(str::to_owned).collect());
        let mut repositories = Repositories { layout: self.clone(), levels: Vec::new(), after };
        let root = repositories.read(String::new());
        repositories.levels.push(root);
        repositories
    }
}

impl Iterator for Repositories {
    type Item = Result<RepositoryName, LayoutProblem>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(level) = self.levels.last_mut() {
            let child = match level.children.next() {
                Some(Child::Directory(child)) => child,
                Some(Child::Problem(problem)) => return Some(Err(problem)),
                None => {
                    self.levels.pop();
                    continue;
                }
            };
            let depth = self.levels.len();
            let parent = &self.levels[depth - 1].name;
            let name = if parent.is_empty() { child } else { format!("{parent}/{child}") };
            let Ok(repository) = name.parse::<RepositoryName>() else {
                let path = self.layout.path(StorageKey::Repositories).join(&name);
                return Some(Err(self.layout.problem(&path, "no repository may have this name")));
            };
            let below = self.read(name);
            self.levels.push(below);
            if self.is_wanted(&repository) && self.is_repository(&repository) {
                return Some(Ok(repository));
            }
        }
        None
    }
}

impl Repositories {
    /// What lies in the directory of `name`, without what cannot come after where the walk begins.
    fn read(&self, name: String) -> Level {
        let directory = self.layout.path(StorageKey::Repositories).join(&name);
        let first = self.first_wanted(&name);
        let mut children = Vec::new();
        match fs::read_dir(&directory) {
            Ok(entries) => {
                for entry in entries {
                    children.extend(self.child(&directory, entry).filter(|child| match child {
                        Child::Directory(child) => first.is_none_or(|first| child.as_str() >= first),
                        // Told by the walk that came this far.
                        Child::Problem(_) => first.is_none(),
                    }));
                }
            }
            Err(error) if name.is_empty() && error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => children.push(Child::Problem(self.layout.problem(&directory, error))),
        }
        children.sort_by(|a, b| key(a).cmp(key(b)));
        Level { name, children: children.into_iter() }
    }

    fn child(&self, directory: &std::path::Path, entry: io::Result<fs::DirEntry>) -> Option<Child> {
        let problem = |path: PathBuf, what: &dyn std::fmt::Display| {
            Some(Child::Problem(self.layout.problem(&path, what)))
        };
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return problem(directory.to_owned(), &error),
        };
        let kind = match entry.file_type() {
            Ok(kind) => kind,
            Err(error) => return problem(entry.path(), &error),
        };
        match entry.file_name().to_str() {
            // `_manifests`, `_layers`, `_uploads`: not part of a name.
            Some(name) if name.starts_with('_') => None,
            _ if kind.is_symlink() => problem(entry.path(), &"a symbolic link, not followed"),
            Some(name) if kind.is_dir() => Some(Child::Directory(name.to_owned())),
            None if kind.is_dir() => problem(entry.path(), &"no repository may have this name"),
            _ => None,
        }
    }

    /// The component of `after` that follows the components of `name`, if `name` leads to `after`.
    fn first_wanted(&self, name: &str) -> Option<&str> {
        let after = self.after.as_ref()?;
        let mut after = after.iter();
        for component in name.split('/').filter(|component| !component.is_empty()) {
            if after.next()? != component {
                return None;
            }
        }
        after.next().map(String::as_str)
    }

    fn is_wanted(&self, name: &RepositoryName) -> bool {
        self.after.as_ref().is_none_or(|after| name.as_str().split('/').gt(after.iter().map(String::as_str)))
    }

    fn is_repository(&self, name: &RepositoryName) -> bool {
        let directory = self.layout.path(StorageKey::Repository(name));
        ["_manifests", "_layers"].iter().any(|part| directory.join(part).is_dir())
    }
}

/// Problems first: they are about the directory above all.
fn key(child: &Child) -> &str {
    match child {
        Child::Directory(name) => name,
        Child::Problem(_) => "",
    }
}
