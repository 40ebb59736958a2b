//! Layers that are as they should be.

use std::{
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use longshore_image::{
    Entry, EntryKind, LayerBounds, LayerError, LayerFiles, file_bytes, files_bytes, open_file,
};
use longshore_testkit::Archive;

use crate::tars::{files, gnu_tar, gzip, read, zstd};

/// Longer than the hundred bytes of a header, and than the prefix of `ustar`.
fn long() -> String {
    format!("{}/{}", "f".repeat(120), "n".repeat(200))
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    fs::create_dir_all(at("usr/bin")).unwrap();
    fs::create_dir_all(at(&long()).parent().unwrap()).unwrap();
    fs::write(at("usr/bin/tool"), b"#!/bin/sh\n").unwrap();
    fs::set_permissions(at("usr/bin/tool"), fs::Permissions::from_mode(0o4755)).unwrap();
    fs::hard_link(at("usr/bin/tool"), at("usr/bin/wool")).unwrap();
    symlink("../usr/bin", at("bin")).unwrap();
    symlink(long(), at("link")).unwrap();
    fs::write(at(&long()), vec![b'x'; 70_000]).unwrap();
    fs::write(at("empty"), b"").unwrap();
    fs::write(at("käse"), b"k").unwrap();
    folder
}

fn check(files: &LayerFiles, bytes: &[u8]) {
    let get = |path: &str| files.get(path).unwrap_or_else(|| panic!("{path} is there"));
    let content = |path: &str| file_bytes(bytes, get(path), 1 << 20, 1 << 30).unwrap();
    let Entry { kind, mode, uid, gid, modified, .. } = *get("usr/bin/tool");
    assert_eq!((kind, mode, uid, gid, modified), (EntryKind::File, 0o4755, 7, 8, 1_000_000_000));
    assert_eq!(content("usr/bin/tool"), b"#!/bin/sh\n");
    let wool = get("usr/bin/wool");
    assert_eq!(
        (wool.kind, wool.size_bytes, wool.target.as_deref()),
        (EntryKind::HardLink, 0, Some("usr/bin/tool"))
    );
    let bin = get("bin");
    assert_eq!((bin.kind, bin.target.as_deref()), (EntryKind::Symlink, Some("../usr/bin")));
    assert_eq!(get("link").target.as_deref(), Some(&*long()));
    assert_eq!(content(&long()), vec![b'x'; 70_000]);
    assert_eq!(
        (get("usr").kind, get("").kind, get("empty").size_bytes),
        (EntryKind::Folder, EntryKind::Folder, 0)
    );
    assert_eq!(content("empty"), b"");
    assert_eq!(content("käse"), b"k");
    assert_eq!(files.size_bytes(), 70_011);
    let paths: Vec<_> = files.entries().iter().map(|entry| &*entry.path).collect();
    assert!(paths.is_sorted() && paths.len() == 11, "{paths:?}");
}

/// The forms that archivers write, in all packings.
#[test]
fn archives_of_gnu_tar_are_read() {
    let folder = folder();
    for format in ["--format=gnu", "--format=pax", "--format=posix"] {
        let plain = gnu_tar(folder.path(), &[format]);
        for bytes in [plain.clone(), gzip(&plain), zstd(&plain)] {
            check(&read(&bytes).unwrap(), &bytes);
        }
        // As parallel compressors and those who want to reach into the middle write them.
        let (one, two) = plain.split_at(plain.len() / 2);
        for bytes in [[gzip(one), gzip(two)].concat(), [zstd(one), zstd(two)].concat()] {
            check(&read(&bytes).unwrap(), &bytes);
        }
    }
}

#[test]
fn older_forms_are_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("a".repeat(90))).unwrap();
    fs::write(folder.path().join("a".repeat(90)).join("b".repeat(90)), b"old").unwrap();
    let bytes = gnu_tar(folder.path(), &["--format=ustar"]);
    let files = read(&bytes).unwrap();
    let entry = files.get(&format!("{}/{}", "a".repeat(90), "b".repeat(90))).unwrap();
    assert_eq!(file_bytes(&bytes[..], entry, 9, 1 << 20).unwrap(), b"old");

    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("d")).unwrap();
    fs::write(folder.path().join("d/f"), b"older").unwrap();
    let files = read(&gnu_tar(folder.path(), &["--format=v7"])).unwrap();
    assert_eq!(files.get("d").map(|entry| entry.kind), Some(EntryKind::Folder));
    assert_eq!(files.get("d/f").map(|entry| entry.size_bytes), Some(5));
}

fn sparse(path: &Path) {
    let mut file = File::create(path).unwrap();
    // More pieces than fit in a header, so that blocks with more of the map follow.
    for piece in 0..60 {
        file.seek(SeekFrom::Start(piece * 1_000_000)).unwrap();
        file.write_all(b"piece").unwrap();
    }
}

#[test]
fn sparse_files_have_their_real_size() {
    let folder = tempfile::tempdir().unwrap();
    sparse(&folder.path().join("a"));
    fs::write(folder.path().join("z"), b"after").unwrap();
    for arguments in [
        &["--format=gnu", "--sparse"][..],
        &["--format=pax", "--sparse", "--sparse-version=0.0"],
        &["--format=pax", "--sparse", "--sparse-version=0.1"],
        &["--format=pax", "--sparse", "--sparse-version=1.0"],
    ] {
        let bytes = gnu_tar(folder.path(), arguments);
        let files = read(&bytes).unwrap();
        let entry = files.get("a").unwrap_or_else(|| panic!("{arguments:?}: {files:?}"));
        assert_eq!((entry.kind, entry.size_bytes), (EntryKind::File, 59_000_005), "{arguments:?}");
        assert!(bytes.len() < 2_000_000, "{arguments:?}: it was not sparse");
        let refused = file_bytes(&bytes[..], entry, 1 << 30, 1 << 30);
        assert!(matches!(refused, Err(LayerError::NoContent(_))), "{refused:?}");
        assert_eq!(file_bytes(&bytes[..], files.get("z").unwrap(), 9, 1 << 30).unwrap(), b"after");
    }
}

#[test]
fn whiteouts_are_told_from_files() {
    let archive = Archive::new()
        .file("a/.wh.gone", b"")
        .file("a/.wh..wh..opq", b"")
        .file(".wh..wh..opq", b"")
        .file(".wh.x", b"")
        .folder(".wh..wh.plnk/")
        .file(".wh..wh.plnk/1.2", b"own")
        .file("a/.wh.", b"1")
        .file("x", b"again");
    let files = files(archive);
    let found: Vec<_> = files.entries().iter().map(|entry| (&*entry.path, entry.kind)).collect();
    let wanted = [
        ("", EntryKind::Opaque),
        ("a", EntryKind::Opaque),
        ("a/.wh.", EntryKind::File),
        ("a/gone", EntryKind::Whiteout),
        ("x", EntryKind::File),
        ("x", EntryKind::Whiteout),
    ];
    assert_eq!(found, wanted);
}

#[test]
fn equal_bytes_have_equal_hashes() {
    let files = files(Archive::new().file("a", b"same").file("b", b"same").file("c", b"else").file("d", b""));
    let hash = |path: &str| files.get(path).unwrap().hash;
    assert!(hash("a") == hash("b") && hash("a") != hash("c") && hash("a").is_some() && hash("d").is_none());
}

#[test]
fn several_files_come_in_one_pass() {
    let bytes = gzip(&Archive::new().file("a", b"one").file("b", b"").file("c", &[3; 90_000]).end());
    let files = read(&bytes).unwrap();
    let get = |path: &str| files.get(path).unwrap();
    let found = files_bytes(&bytes[..], &[get("c"), get("a"), get("b"), get("a")], 100_000, 1 << 20).unwrap();
    assert_eq!(found, [vec![3; 90_000], b"one".to_vec(), Vec::new(), b"one".to_vec()]);
    let refused = files_bytes(&bytes[..], &[get("c"), get("c")], 100_000, 1 << 20);
    assert!(matches!(refused, Err(LayerError::FileTooLarge { size_bytes: 180_000, .. })));
}

#[test]
fn a_file_is_read_in_pieces() {
    let bytes = gzip(&Archive::new().file("a", &[1; 9]).file("b", &[7; 300_000]).end());
    let files = read(&bytes).unwrap();
    let mut reader = open_file(&bytes[..], files.get("b").unwrap(), 1 << 20).unwrap();
    let mut read = Vec::new();
    reader.read_to_end(&mut read).unwrap();
    assert_eq!(read, [7; 300_000]);
    let bounded = LayerBounds { entries_max: 1, ..LayerBounds::default() };
    let error = longshore_image::read_layer(&bytes[..], &bounded).unwrap_err();
    assert!(matches!(error, LayerError::TooManyEntries(1)), "{error}");
}

/// An archive may simply end: Go writes such, and `docker import` takes them.
#[test]
fn ends_without_a_mark_are_ends() {
    let whole = Archive::new().file("a", b"1234").unfinished();
    assert_eq!(read(&whole).unwrap().entries().len(), 1);
    assert_eq!(read(&whole[..516]).unwrap().entries().len(), 1);
    assert_eq!(read(b"").unwrap().entries().len(), 0);
    assert_eq!(read(&gzip(&[0; 1024])).unwrap().entries().len(), 0);
}
