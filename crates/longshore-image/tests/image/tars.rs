//! Archives: by GNU tar, and by hand.

use std::{io::Write as _, path::Path, process::Command};

use longshore_image::{LayerBounds, LayerError, LayerFiles, read_layer};

/// Runs GNU tar over a folder and gives what it wrote.
pub(crate) fn gnu_tar(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let mut tar = Command::new("tar");
    tar.args(["--sort=name", "--numeric-owner", "--owner=7", "--group=8", "--mtime=@1000000000"]);
    tar.args(arguments).arg("--directory").arg(folder).args(["--create", "--file=-", "."]);
    let output = tar.output().expect("GNU tar is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// An archive, written by hand.
#[derive(Clone, Default)]
pub(crate) struct Archive(pub(crate) Vec<u8>);

impl Archive {
    /// Adds a member as it is said, true or not.
    pub(crate) fn member(mut self, name: &str, kind: u8, link: &str, size: u64, data: &[u8]) -> Self {
        let mut block = [0; 512];
        let mut put = |at: usize, text: &[u8]| block[at..at + text.len()].copy_from_slice(text);
        put(0, name.as_bytes());
        put(100, b"0000644\0");
        put(108, b"0000000\0");
        put(116, b"0000000\0");
        match size < 1 << 33 {
            true => put(124, format!("{size:011o}\0").as_bytes()),
            false => put(124, &[&[0x80, 0, 0, 0], &size.to_be_bytes()[..]].concat()),
        }
        put(136, b"00000000000\0");
        put(148, b"        ");
        put(156, &[kind]);
        put(157, link.as_bytes());
        put(257, b"ustar\x0000");
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0.extend_from_slice(&block);
        self.0.extend_from_slice(data);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub(crate) fn file(self, name: &str, data: &[u8]) -> Self {
        self.member(name, b'0', "", data.len() as u64, data)
    }

    pub(crate) fn folder(self, name: &str) -> Self {
        self.member(name, b'5', "", 0, b"")
    }

    pub(crate) fn symlink(self, name: &str, target: &str) -> Self {
        self.member(name, b'2', target, 0, b"")
    }

    pub(crate) fn hard_link(self, name: &str, target: &str) -> Self {
        self.member(name, b'1', target, 0, b"")
    }

    /// The end of an archive.
    pub(crate) fn end(mut self) -> Vec<u8> {
        self.0.extend_from_slice(&[0; 1024]);
        self.0
    }

    /// What is read of it.
    pub(crate) fn read(self) -> LayerFiles {
        read(&self.end()).expect("a good archive")
    }
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
