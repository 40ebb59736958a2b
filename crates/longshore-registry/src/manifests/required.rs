//! What must be there before a manifest is.

use std::collections::BTreeSet;

use longshore_metadata::{ManifestReference, ReferenceKind};
use longshore_types::{Descriptor, Digest, Manifest};

/// The blobs that a repository must have for this manifest: its configuration and its layers, except those that are
/// not distributable and live elsewhere. Data embedded in a descriptor does not replace the blob: image specification
/// v1.1, "Embedded Content", leaves clients free to ignore it.
pub(crate) fn required_blobs(manifest: &Manifest) -> Vec<Digest> {
    let layers = manifest.layers().iter().filter(|layer| !layer.media_type.is_non_distributable());
    let digests: BTreeSet<Digest> = manifest.config().into_iter().chain(layers).map(|d| d.digest).collect();
    digests.into_iter().collect()
}

/// Everything a manifest refers to, each once.
pub(crate) fn references(manifest: &Manifest) -> Vec<ManifestReference> {
    let mut seen = BTreeSet::new();
    let mut references = Vec::new();
    let mut add = |kind, descriptor: &Descriptor| {
        if seen.insert((kind == ReferenceKind::Config, descriptor.digest)) {
            references.push(ManifestReference { kind, digest: descriptor.digest });
        }
    };
    manifest.config().into_iter().for_each(|d| add(ReferenceKind::Config, d));
    manifest.layers().iter().for_each(|d| add(ReferenceKind::Layer, d));
    manifest.manifests().iter().for_each(|d| add(ReferenceKind::Child, d));
    references
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(media_type: &str, content: &str) -> String {
        let digest = Digest::sha256(content.as_bytes());
        format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{}}}"#, content.len())
    }

    #[test]
    fn an_image_needs_its_configuration_and_its_distributable_layers_once_each() {
        let config = descriptor("application/vnd.oci.image.config.v1+json", "config");
        let layer = descriptor("application/vnd.oci.image.layer.v1.tar", "layer");
        let foreign = descriptor("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "foreign");
        let same = descriptor("application/octet-stream", "config");
        let body =
            format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{layer},{layer},{foreign},{same}]}}"#);
        let manifest = Manifest::parse(None, body.as_bytes()).unwrap();
        let [config, layer, foreign] = ["config", "layer", "foreign"].map(|c| Digest::sha256(c.as_bytes()));
        let mut wanted = vec![config, layer];
        wanted.sort();
        assert_eq!(required_blobs(&manifest), wanted);
        let references: Vec<_> = references(&manifest).iter().map(|r| (r.kind, r.digest)).collect();
        assert_eq!(
            references,
            [
                (ReferenceKind::Config, config),
                (ReferenceKind::Layer, layer),
                (ReferenceKind::Layer, foreign),
                (ReferenceKind::Layer, config)
            ]
        );
    }

    #[test]
    fn an_index_needs_nothing() {
        let child = descriptor("application/vnd.oci.image.manifest.v1+json", "child");
        let body = format!(r#"{{"schemaVersion":2,"manifests":[{child},{child}]}}"#);
        let manifest = Manifest::parse(None, body.as_bytes()).unwrap();
        assert!(required_blobs(&manifest).is_empty());
        assert_eq!(references(&manifest).len(), 1);
    }
}
