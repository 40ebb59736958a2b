//! Archives by GNU tar, and how they are packed.

use std::{io::Write as _, path::Path, process::Command};

use longshore_image::{LayerBounds, LayerError, LayerFiles, read_layer};
use longshore_testkit::Archive;

/// Runs GNU tar over a folder and gives what it wrote.
pub(crate) fn gnu_tar(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let mut tar = Command::new("tar");
    tar.args(["--sort=name", "--numeric-owner", "--owner=7", "--group=8", "--mtime=@1000000000"]);
    tar.args(arguments).arg("--directory").arg(folder).args(["--create", "--file=-", "."]);
    let output = tar.output().expect("GNU tar is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// What is read of an archive.
pub(crate) fn files(archive: Archive) -> LayerFiles {
    read(&archive.end()).expect("a good archive")
}

pub(crate) fn read(bytes: &[u8]) -> Result<LayerFiles, LayerError> {
    read_layer(bytes, &LayerBounds::default())
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}
