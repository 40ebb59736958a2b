//! Folders as skopeo's `dir:` has them, version 1.1: one image, its manifest in `manifest.json`, those that it names in
//! `<hex>.manifest.json`, blobs in `<hex>`. See containers-transports(5).

use std::path::{Path, PathBuf};

use longshore_types::Digest;

use super::{LocalError, folder::Folder};
use crate::{PulledManifest, graph::Graph};

/// What makes a folder one of these.
pub(super) const MARK: &str = "version";
pub(super) const MANIFEST: &str = "manifest.json";

/// Makes the folder one of these. Until the end it holds no image: its blobs may be replaced.
pub(super) fn begin(folder: &Folder) -> Result<(), LocalError> {
    folder.write(Path::new(MARK), b"Directory Transport Version: 1.1\n")
}

/// Writes the manifests; the one that makes it an image is the last.
pub(super) fn finish(folder: &Folder, graph: &Graph) -> Result<(), LocalError> {
    for PulledManifest { digest, bytes, .. } in &graph.manifests {
        let name = if *digest == graph.root { PathBuf::from(MANIFEST) } else { manifest(digest) };
        folder.write(&name, bytes)?;
    }
    Ok(())
}

/// Where a manifest lies that another one names.
pub(super) fn manifest(digest: &Digest) -> PathBuf {
    format!("{}.manifest.json", digest.hex()).into()
}
