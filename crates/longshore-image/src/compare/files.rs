//! Differences of files.

use std::cmp::Ordering;

use crate::{MergedFile, MergedFiles, layer::path::split};

/// What differs between the files of two images: what is there when all layers lie over each other. Times are left out.
#[derive(Clone, Debug, Default)]
pub struct FileComparison<'a> {
    /// What the second has and the first has not.
    pub added: Vec<MergedFile<'a>>,
    /// What both have, but not the same.
    pub changed: Vec<(MergedFile<'a>, MergedFile<'a>)>,
    /// What the first has and the second has not.
    pub removed: Vec<MergedFile<'a>>,
}

/// Compares the files of two images.
pub fn compare_files<'a>(before: &'a MergedFiles, after: &'a MergedFiles) -> FileComparison<'a> {
    let mut comparison = FileComparison::default();
    let mut before = before.iter().filter(MergedFile::is_there).peekable();
    let mut after = after.iter().filter(MergedFile::is_there).peekable();
    loop {
        // Both are in the order of folders, and in each of names.
        let order = match (before.peek(), after.peek()) {
            (None, None) => return comparison,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => split(one.path()).cmp(&split(other.path())),
        };
        match order {
            Ordering::Less => comparison.removed.extend(before.next()),
            Ordering::Greater => comparison.added.extend(after.next()),
            Ordering::Equal => {
                if let (Some(one), Some(other)) = (before.next(), after.next())
                    && !are_alike(one, other)
                {
                    comparison.changed.push((one, other));
                }
            }
        }
    }
}

fn are_alike(one: MergedFile<'_>, other: MergedFile<'_>) -> bool {
    match (one.entry(), other.entry()) {
        (Some(one), Some(other)) => one.is_like(other),
        // A folder that no layer lists says nothing more.
        _ => one.kind() == other.kind(),
    }
}
