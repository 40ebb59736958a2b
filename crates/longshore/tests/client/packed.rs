//! Images as builders make them: layers that are tar archives, compressed by gzip, with a configuration that fits.

use longshore_testkit::{Blob, Content, media_type};
use longshore_types::{Digest, DigestAlgorithm};
use serde_json::{Value, json};

use crate::support::tool;

/// A layer, and the digest of what is in it.
#[derive(Clone)]
pub(crate) struct Layer {
    pub(crate) blob: Blob,
    pub(crate) diff_id: Digest,
}

/// A layer of files, by path and content; what has `->` before its content is a symbolic link.
pub(crate) async fn layer(files: &[(&str, &str)]) -> Layer {
    let work = tempfile::tempdir().unwrap();
    let root = work.path().join("root");
    std::fs::create_dir(&root).unwrap();
    for (path, content) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        match content.strip_prefix("->") {
            Some(target) => std::os::unix::fs::symlink(target, path).unwrap(),
            None => std::fs::write(path, content).unwrap(),
        }
    }
    let names: Vec<_> = std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let names: Vec<_> = names.iter().map(|name| name.to_str().unwrap()).collect();
    let how =
        ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--mode=u=rwX,go=rX", "-cf", "../layer.tar"];
    tool("tar", &[&how[..], &names].concat(), &root).await;
    let diff_id = Digest::sha256(&std::fs::read(work.path().join("layer.tar")).unwrap());
    tool("gzip", &["-n", "layer.tar"], work.path()).await;
    let bytes = std::fs::read(work.path().join("layer.tar.gz")).unwrap();
    Layer { blob: Blob::new(DigestAlgorithm::Sha256, media_type::LAYER, bytes), diff_id }
}

/// An image of these layers, the lowest first. The last blob is its configuration.
pub(crate) fn image_of(layers: &[Layer], run: Value) -> Content {
    let descriptors: Vec<Value> = layers.iter().map(|layer| layer.blob.descriptor()).collect();
    let diff_ids: Vec<Digest> = layers.iter().map(|layer| layer.diff_id).collect();
    let config = json!({
        "os": "linux", "architecture": "amd64", "config": run,
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    let config = Blob::new(DigestAlgorithm::Sha256, media_type::CONFIG, config.to_string());
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type::MANIFEST,
        "config": config.descriptor(), "layers": descriptors,
    });
    let manifest = Blob::new(DigestAlgorithm::Sha256, media_type::MANIFEST, manifest.to_string());
    let mut blobs: Vec<Blob> = Vec::new();
    for layer in layers {
        if blobs.iter().all(|blob| blob.digest != layer.blob.digest) {
            blobs.push(layer.blob.clone());
        }
    }
    blobs.push(config);
    Content { blobs, manifests: vec![manifest] }
}
