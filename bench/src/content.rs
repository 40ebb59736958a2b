//! Contents: random bytes, images made of them, and how they come to a server.

mod image;
pub(crate) mod index;
mod random;

pub(crate) use image::{
    Image, blob_path, manifest_path, mount, publish_blob, push_blob, push_image, push_manifest,
};
pub(crate) use random::{Random, repository_name};

use bytes::Bytes;
use longshore_types::Digest;

/// Some bytes and their digest.
#[derive(Clone, Debug)]
pub(crate) struct Blob {
    /// The bytes.
    pub(crate) bytes: Bytes,
    /// Their SHA-256.
    pub(crate) digest: Digest,
}

impl Blob {
    /// Hashes `bytes`.
    pub(crate) fn new(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { digest: Digest::sha256(&bytes), bytes }
    }

    /// Random bytes, unlike any others.
    pub(crate) fn random(random: &mut Random, size: usize) -> Self {
        Self::new(random.bytes(size))
    }
}
