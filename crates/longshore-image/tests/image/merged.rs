//! Layers over each other.

use std::sync::Arc;

use longshore_image::{Change, EntryKind, LookUpError, MergeBounds, MergedFiles};
use longshore_testkit::Archive;

use crate::tars::files;

fn merged(layers: Vec<Archive>) -> MergedFiles {
    let layers = layers.into_iter().map(|layer| Arc::new(files(layer))).collect();
    MergedFiles::new(layers, &MergeBounds::default()).unwrap()
}

fn tar() -> Archive {
    Archive::new()
}

/// What is there, with the layer that gave it.
fn there(files: &MergedFiles) -> Vec<(&str, Option<usize>)> {
    files.iter().filter(|file| file.is_there()).map(|file| (file.path(), file.layer())).collect()
}

fn touches(files: &MergedFiles, path: &str) -> Vec<(usize, Change)> {
    files.get(path).unwrap().touches().iter().map(|touch| (touch.layer, touch.change)).collect()
}

#[test]
fn later_layers_add_change_and_hide() {
    let files = merged(vec![
        tar().folder("etc/").file("etc/passwd", b"root").file("etc/motd", b"hello").file("old/a/b", b"1"),
        tar().folder("etc/").file("etc/passwd", b"root:x").file("etc/.wh.motd", b"").file("etc/new", b"n"),
        tar().file(".wh.old", b"").file("etc/motd", b"again"),
    ]);
    assert_eq!(
        there(&files),
        [("", None), ("etc", Some(0)), ("etc/motd", Some(2)), ("etc/new", Some(1)), ("etc/passwd", Some(1))]
    );
    assert_eq!(touches(&files, "/etc"), [(0, Change::Added)]);
    assert_eq!(touches(&files, "etc/passwd"), [(0, Change::Added), (1, Change::Changed)]);
    assert_eq!(touches(&files, "etc/motd"), [(0, Change::Added), (1, Change::Removed), (2, Change::Added)]);
    assert_eq!(touches(&files, "old/a/b"), [(0, Change::Added), (2, Change::Removed)]);
    let changes: Vec<_> =
        files.changes().iter().map(|c| (c.added, c.changed, c.removed, c.size_bytes)).collect();
    // A folder that only follows from what lies in it is added too.
    assert_eq!(changes, [(6, 0, 0, 10), (1, 1, 1, 7), (1, 0, 3, 5)]);
    assert!(files.get("etc").unwrap().concerns(1) && files.get("etc").unwrap().concerns(2));
    assert!(!files.get("etc/new").unwrap().concerns(0) && files.get("").unwrap().concerns(0));
}

#[test]
fn folders_are_listed_with_what_was_in_them() {
    let files = merged(vec![
        tar().file("a/x", b"12").file("a-b", b"3").file("a/y/z", b"4567").folder("empty/"),
        tar().file("a/.wh.x", b""),
    ]);
    let names = |path: &str| -> Option<Vec<(&str, bool, u64)>> {
        Some(files.folder(path)?.map(|file| (file.name(), file.is_there(), file.size_bytes())).collect())
    };
    assert_eq!(names("/").unwrap(), [("a", true, 4), ("a-b", true, 1), ("empty", true, 0)]);
    assert_eq!(names("a/").unwrap(), [("x", false, 2), ("y", true, 4)]);
    assert_eq!(names("/a/./y").unwrap(), [("z", true, 4)]);
    assert_eq!(names("empty").unwrap(), []);
    assert_eq!((names("a/x"), names("nowhere")), (None, None));
    assert_eq!(files.get("/").unwrap().size_bytes(), 5);
}

#[test]
fn opaque_folders_hide_what_is_below_but_not_their_own() {
    let files = merged(vec![
        tar().folder("d/").file("d/a", b"1").file("d/s/b", b"2").file("e", b"3"),
        // Markers mean lower layers, wherever they stand.
        tar().folder("d/").file("d/c", b"4").file("d/s/b", b"5").file("d/.wh..wh..opq", b""),
    ]);
    assert_eq!(
        there(&files),
        [("", None), ("d", Some(0)), ("e", Some(0)), ("d/c", Some(1)), ("d/s", None), ("d/s/b", Some(1))]
    );
    assert_eq!(touches(&files, "d/a"), [(0, Change::Added), (1, Change::Removed)]);
    assert_eq!(touches(&files, "d/s/b"), [(0, Change::Added), (1, Change::Changed)]);
    let gone = merged(vec![tar().file("a/b", b"1"), tar().file(".wh..wh..opq", b"").file("c", b"2")]);
    assert_eq!(there(&gone), [("", None), ("c", Some(1))]);
}

#[test]
fn folders_and_files_replace_each_other() {
    let files = merged(vec![
        tar().file("a/b/c", b"1").file("f", b"2"),
        tar().file("a", b"3").file("f/g", b"4"),
        tar().folder("a/").file("a/d", b"5"),
    ]);
    assert_eq!(there(&files), [("", None), ("a", Some(2)), ("f", None), ("a/d", Some(2)), ("f/g", Some(1))]);
    assert_eq!(touches(&files, "a"), [(0, Change::Added), (1, Change::Changed), (2, Change::Changed)]);
    assert_eq!(touches(&files, "a/b/c"), [(0, Change::Added), (1, Change::Removed)]);
    assert_eq!(touches(&files, "f"), [(0, Change::Added), (1, Change::Changed)]);
}

#[test]
fn links_are_followed_as_in_the_image() {
    let files = merged(vec![
        tar()
            .file("usr/bin/sh", b"shell")
            .symlink("bin", "usr/bin")
            .symlink("usr/lib", "/usr/bin/../bin")
            .hard_link("usr/bin/bash", "/usr/bin/sh")
            .symlink("out", "../../../usr/bin/bash")
            .symlink("a", "b")
            .symlink("b", "a")
            .symlink("dangling", "nowhere"),
        tar().file("usr/bin/.wh.sh", b"").hard_link("late", "usr/bin/sh").member("null", b'3', "", 0, b""),
    ]);
    let content = |path: &str| files.content(path).map(|found| (found.layer, found.entry.path.to_string()));
    let shell = Ok((0, "usr/bin/sh".to_owned()));
    for path in ["/bin/bash", "usr/lib/bash", "out", "late", "bin/../usr/lib/bash"] {
        assert_eq!(content(path), shell, "{path}");
    }
    assert_eq!(content("bin/sh"), Err(LookUpError::NotFound("bin/sh".to_owned())));
    assert_eq!(content("dangling"), Err(LookUpError::NotFound("dangling".to_owned())));
    assert_eq!(content("a/x"), Err(LookUpError::TooManyLinks("a/x".to_owned())));
    let no_file = |path: &str, kind| Err(LookUpError::NoFile { path: path.to_owned(), kind });
    assert_eq!(content("bin"), no_file("bin", EntryKind::Folder));
    assert_eq!(content("/null"), no_file("null", EntryKind::CharDevice));
    assert_eq!(content("/"), no_file("", EntryKind::Folder));
    assert_eq!(files.resolve("bin").unwrap().path(), "usr/bin");
}

#[test]
fn waste_is_what_nobody_sees() {
    let files = merged(vec![
        tar().file("big", &[1; 600]).file("twice", &[2; 100]).file("kept", &[3; 50]).file("inode", &[4; 40]),
        tar().file(".wh.big", b"").file("twice", &[2; 100]).hard_link("name", "inode"),
        tar().file("twice", &[5; 10]),
    ]);
    let waste = files.waste();
    let paths: Vec<_> = waste.paths.iter().map(|w| (&*w.path, w.copies, w.wasted_bytes, w.removed)).collect();
    assert_eq!(paths, [("big", 1, 600, true), ("twice", 3, 200, false)]);
    assert_eq!((waste.total_bytes, waste.wasted_bytes), (900, 800));
    assert!((waste.efficiency() - 1.0 / 9.0).abs() < 1e-9);
    assert!((merged(vec![]).waste().efficiency() - 1.0).abs() < f64::EPSILON);
    // The bytes of a file that is gone, but has another name in its layer, are of use.
    let linked =
        merged(vec![tar().file("one", &[1; 70]).hard_link("two", "one"), tar().file(".wh.one", b"")]);
    assert_eq!(linked.waste().wasted_bytes, 0);
}

#[test]
fn names_and_paths_are_searched() {
    let files =
        merged(vec![tar().file("usr/lib/libssl.so.3", b"").file("etc/ssl/cert.pem", b"").file("SSL", b"")]);
    let found = |text: &str, limit| -> Vec<&str> {
        files.search(text, limit).iter().map(longshore_image::MergedFile::path).collect()
    };
    assert_eq!(found("ssl", 9), ["SSL", "etc/ssl", "usr/lib/libssl.so.3"]);
    assert_eq!(found("ssl/", 9), ["etc/ssl/cert.pem"]);
    assert_eq!(found("/ETC/ssl", 9), ["etc/ssl", "etc/ssl/cert.pem"]);
    assert_eq!(found("s", 2).len(), 2);
    assert!(found("nothing", 9).is_empty());
}

#[test]
fn what_is_too_much_is_refused() {
    let layers = |count| {
        vec![tar().file("a/b/c/d", b""); count].into_iter().map(|layer| Arc::new(files(layer))).collect()
    };
    let none = MergeBounds { layers_max: 3, entries_max: 3, text_bytes_max: 100, hidden_max: 100 };
    let refused = |layers, bounds| MergedFiles::new(layers, &bounds).map(drop).map_err(|error| error.what);
    assert_eq!(refused(layers(3), none), Ok(()));
    assert_eq!(refused(layers(4), none), Err("layers"));
    assert_eq!(refused(layers(3), MergeBounds { entries_max: 2, ..none }), Err("files"));
    assert_eq!(refused(layers(1), MergeBounds { text_bytes_max: 15, ..none }), Err("bytes of paths"));
    // Hiding the same again and again takes time each time.
    let hide = Arc::new(files(tar().folder("a/").file("a/.wh..wh..opq", b"")));
    let mut many: Vec<_> = layers(1);
    many.extend(std::iter::repeat_n(hide, 2));
    assert_eq!(refused(many, MergeBounds { entries_max: 9, hidden_max: 5, ..none }), Err("hidden files"));
}
