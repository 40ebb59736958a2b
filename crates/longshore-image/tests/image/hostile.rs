//! Layers that were made to do harm, and broken ones.

use std::io::{self, Read};

use longshore_image::{LayerBounds, LayerError, file_bytes, read_layer};
use longshore_testkit::Archive;
use proptest::prelude::*;

use crate::tars::{files, gzip, read, zstd};

/// As many zeros as are asked for, without memory for them.
fn zeros(count: u64) -> impl Read {
    io::repeat(0).take(count)
}

/// A file of zeros, as an archive that is never whole in memory.
fn large_file(size: u64) -> impl Read {
    io::Cursor::new(Archive::new().member("zeros", b'0', "", size, b"").unfinished())
        .chain(zeros(size + 2048))
}

fn bounds() -> LayerBounds {
    LayerBounds { entries_max: 100, unpacked_bytes_max: 1 << 20, path_bytes_max: 64, text_bytes_max: 1000 }
}

#[test]
fn bombs_are_stopped() {
    let mut bomb = flate2::read::GzEncoder::new(large_file(64 << 20), flate2::Compression::fast());
    let mut packed = Vec::new();
    bomb.read_to_end(&mut packed).unwrap();
    assert!(packed.len() < 1 << 20);
    assert!(matches!(read_layer(&packed[..], &bounds()), Err(LayerError::TooLarge(_))));
    let packed = zstd::encode_all(large_file(64 << 20), 3).unwrap();
    assert!(packed.len() < 1 << 18);
    assert!(matches!(read_layer(&packed[..], &bounds()), Err(LayerError::TooLarge(_))));
    // After the end of the archive too.
    let after = gzip(&[Archive::new().end(), vec![0; 2 << 20]].concat());
    assert!(matches!(read_layer(&after[..], &bounds()), Err(LayerError::TooLarge(_))));
    // And where one file is read: everything before it counts.
    let whole = gzip(&Archive::new().file("a", &[0; 100_000]).file("b", b"b").end());
    let files = read(&whole).unwrap();
    let refused = file_bytes(&whole[..], files.get("b").unwrap(), 10, 50_000);
    assert!(matches!(refused, Err(LayerError::TooLarge(50_000))));
    let refused = file_bytes(&whole[..], files.get("a").unwrap(), 10, 1 << 20);
    assert!(matches!(refused, Err(LayerError::FileTooLarge { size_bytes: 100_000, bytes_max: 10 })));
}

#[test]
fn numbers_of_files_and_paths_are_bounded() {
    let many = (0..200).fold(Archive::new(), |archive, at| archive.file(&format!("{at}"), b"")).end();
    assert!(matches!(read_layer(&many[..], &bounds()), Err(LayerError::TooManyEntries(100))));
    let long = Archive::new().file(&"x".repeat(80), b"").end();
    assert!(matches!(read_layer(&long[..], &bounds()), Err(LayerError::PathTooLong(64))));
    let link = Archive::new().symlink("a", &"x".repeat(80)).end();
    assert!(matches!(read_layer(&link[..], &bounds()), Err(LayerError::PathTooLong(64))));
    let texts = (10..60).fold(Archive::new(), |archive, at| archive.file(&"x".repeat(at), b"")).end();
    assert!(matches!(read_layer(&texts[..], &bounds()), Err(LayerError::TooMuchText(1000))));
}

/// What says that it is long takes no memory before its bytes are there.
#[test]
fn long_extended_headers_are_refused() {
    for kind in [b'L', b'K', b'x'] {
        let huge = Archive::new().member("././@LongLink", kind, "", 1 << 40, b"").end();
        assert!(matches!(read(&huge), Err(LayerError::Malformed(_))), "{kind}");
    }
    for size in [u64::MAX, u64::MAX - 100, 1 << 62] {
        let huge = Archive::new().member("a", b'0', "", size, b"some").end();
        assert!(matches!(read(&huge), Err(LayerError::Malformed(_))), "{size}");
    }
}

#[test]
fn paths_do_not_leave_the_root() {
    let files =
        files(Archive::new().file("../../etc/passwd", b"1").file("/a/../b", b"2").file("a//c/./", b"3"));
    let paths: Vec<_> = files.entries().iter().map(|entry| &*entry.path).collect();
    assert_eq!(paths, ["a/c", "b", "etc/passwd"]);
}

#[test]
fn damage_is_named() {
    let good = Archive::new().file("a", &[7; 5000]).file("b", b"b").end();
    let malformed =
        |bytes: &[u8]| assert!(matches!(read(bytes), Err(LayerError::Malformed(_))), "{}", bytes.len());
    for end in [100, 512 + 10, 512 + 5000, 512 + 5120 + 7] {
        // An end within what fills a block is none.
        if end != 512 + 5000 {
            malformed(&good[..end]);
        }
    }
    malformed(b"{\"this\": \"is no archive\"}");
    malformed(&[b'x'; 512]);
    for packed in [gzip(&good), zstd(&good)] {
        let mut flipped = packed.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 0xff;
        assert!(read(&flipped).is_err());
        let error = read(&packed[..packed.len() - 3]).unwrap_err();
        assert!(matches!(error, LayerError::Compression(_)), "{error}");
    }
    for (magic, name) in [(&b"BZh91AY&SY"[..], "bzip2"), (&[0xfd, b'7', b'z', b'X', b'Z', 0, 0], "xz")] {
        assert_eq!(
            read(magic).unwrap_err().to_string(),
            format!("the layer cannot be unpacked: {name} is not read here")
        );
    }
}

#[test]
fn a_source_that_breaks_is_told_from_damage() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    let good = Archive::new().file("a", &[7; 50_000]).end();
    for bytes in [good.clone(), gzip(&good), zstd(&good)] {
        for at in [0, 3, bytes.len() / 2, bytes.len() - 1] {
            let error = read_layer((&bytes[..at]).chain(Broken), &LayerBounds::default()).unwrap_err();
            assert!(matches!(error, LayerError::Source(_)), "{at}: {error}");
        }
    }
}

proptest! {
    /// Whatever comes, there is an answer, within the bounds.
    #[test]
    fn nothing_breaks_the_reader(
        at in 0usize..6000,
        bytes in prop::collection::vec(any::<u8>(), 1..40),
        packing in 0..3,
    ) {
        let mut archive = Archive::new()
            .member("pax", b'x', "", 30, b"30 mtime=1350244992.023960108\n")
            .file("usr/bin/a", &[7; 900])
            .symlink("bin", "usr/bin")
            .member("./@LongLink", b'L', "", 200, &[b'n'; 200])
            .file("cut", b"data")
            .hard_link("b", "usr/bin/a")
            .member("sparse", b'S', "", 0, b"")
            .end();
        archive.splice(at.min(archive.len())..(at + bytes.len()).min(archive.len()), bytes);
        let packed = match packing {
            0 => archive,
            1 => gzip(&archive),
            _ => zstd(&archive),
        };
        if let Ok(files) = read_layer(&packed[..], &bounds()) {
            prop_assert!(files.entries().len() <= 100);
        }
    }

    /// Packed bytes that are anything.
    #[test]
    fn nothing_breaks_the_unpacker(at in 0usize..400, byte in any::<u8>(), zstandard in any::<bool>()) {
        let archive = Archive::new().file("usr/bin/a", &[7; 900]).symlink("bin", "usr/bin").end();
        let mut packed = if zstandard { zstd(&archive) } else { gzip(&archive) };
        let at = at % packed.len();
        packed[at] = byte;
        let _ = read_layer(&packed[..], &bounds());
    }
}
