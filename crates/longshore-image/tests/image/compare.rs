//! Two images side by side.

use std::sync::Arc;

use longshore_image::{MergeBounds, MergedFile, MergedFiles, PackageFormat, compare_files, package_lists};
use longshore_testkit::Archive;

use crate::tars::files;

fn merged(layers: Vec<Archive>) -> MergedFiles {
    let layers = layers.into_iter().map(|layer| Arc::new(files(layer))).collect();
    MergedFiles::new(layers, &MergeBounds::default()).unwrap()
}

#[test]
fn files_are_compared_by_what_they_hold() {
    let before = merged(vec![
        Archive::new()
            .folder("a/")
            .file("a/same", b"1")
            .file("a/gone", b"22")
            .file("b", b"3")
            .symlink("l", "b"),
    ]);
    let after = merged(vec![
        Archive::new().file("a/same", b"x").file("b", b"4").symlink("l", "a").file("old", b""),
        // Over several layers it may come to the same.
        Archive::new().file("a/same", b"1").file("a/new/file", b"333").file(".wh.old", b""),
    ]);
    let comparison = compare_files(&before, &after);
    let paths = |files: &[MergedFile<'_>]| files.iter().map(|f| f.path().to_owned()).collect::<Vec<_>>();
    assert_eq!(paths(&comparison.added), ["a/new", "a/new/file"]);
    assert_eq!(paths(&comparison.removed), ["a/gone"]);
    let changed: Vec<_> = comparison.changed.iter().map(|(one, _)| one.path()).collect();
    assert_eq!(changed, ["b", "l"]);
    let itself = compare_files(&after, &after);
    assert!(itself.added.is_empty() && itself.changed.is_empty() && itself.removed.is_empty());
}

#[test]
fn lists_of_packages_are_found() {
    let debian = merged(vec![
        Archive::new()
            .file("var/lib/dpkg/status", b"Package: a")
            .file("var/lib/dpkg/status.d/b", b"Package: b"),
        Archive::new()
            .file("var/lib/dpkg/status.d/b.md5sums", b"")
            .file("var/lib/dpkg/status.d/c", b"Package: c"),
        Archive::new().file("var/lib/dpkg/status.d/.wh.c", b""),
    ]);
    let lists = ["var/lib/dpkg/status", "var/lib/dpkg/status.d/b"];
    assert_eq!(package_lists(&debian), lists.map(|path| (path.to_owned(), PackageFormat::Dpkg)));
    let alpine =
        merged(vec![Archive::new().file("usr/lib/apk/db/installed", b"P:musl").symlink("lib", "usr/lib")]);
    assert_eq!(package_lists(&alpine), [("lib/apk/db/installed".to_owned(), PackageFormat::Apk)]);
    assert!(package_lists(&merged(vec![])).is_empty());
}
