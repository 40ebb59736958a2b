//! Images, indexes and artifacts to push.

use std::collections::BTreeMap;

use bytes::Bytes;
use longshore_types::{Digest, DigestAlgorithm};
use serde_json::{Map, Value, json};

use crate::Random;

/// Media types as the image specification writes them.
pub mod media_type {
    /// An image manifest.
    pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// An image index.
    pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// An image's configuration.
    pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// A compressed layer.
    pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    /// A layer that stays where its `urls` say.
    pub const LAYER_NON_DISTRIBUTABLE: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
    /// The configuration `{}`.
    pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
    /// Docker's image manifest, schema 2.
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// Docker's manifest list.
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
}

/// Bytes with a type, as a descriptor speaks of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Their type.
    pub media_type: String,
    /// The bytes.
    pub bytes: Bytes,
    /// Their digest.
    pub digest: Digest,
}

impl Blob {
    /// Names `bytes` by their digest.
    pub fn new(algorithm: DigestAlgorithm, media_type: &str, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { media_type: media_type.to_owned(), digest: Digest::of(algorithm, &bytes), bytes }
    }

    /// `size` random bytes that no other call in this process gives.
    pub fn random(size: usize) -> Self {
        Self::new(DigestAlgorithm::Sha256, "application/octet-stream", Random::unique().bytes(size))
    }

    /// The descriptor.
    pub fn descriptor(&self) -> Value {
        json!({"mediaType": self.media_type, "digest": self.digest, "size": self.bytes.len()})
    }
}

/// What is pushed together: blobs, then manifests, children before parents.
#[derive(Clone, Debug, Default)]
pub struct Content {
    /// The blobs, each once.
    pub blobs: Vec<Blob>,
    /// The manifests; the last is the one that a tag names.
    pub manifests: Vec<Blob>,
}

impl Content {
    /// The manifest that a tag names.
    ///
    /// # Panics
    /// When there is none.
    pub fn top(&self) -> &Blob {
        self.manifests.last().expect("content has a manifest")
    }

    /// The digest of [`Content::top`].
    pub fn digest(&self) -> Digest {
        self.top().digest
    }

    /// The top manifest as JSON.
    ///
    /// # Panics
    /// Never: the builders write JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.top().bytes).expect("the builders write JSON")
    }

    /// Puts `other` before this content, so that it is pushed first.
    #[must_use]
    pub fn after(mut self, mut other: Self) -> Self {
        self.blobs.retain(|blob| !other.blobs.contains(blob));
        other.blobs.append(&mut self.blobs);
        other.manifests.append(&mut self.manifests);
        other
    }
}

/// Begins an image of one layer.
pub fn image() -> ImageBuilder {
    ImageBuilder {
        random: Random::unique(),
        algorithm: DigestAlgorithm::Sha256,
        media_type: media_type::MANIFEST,
        layers: 1,
        layer_bytes: 512,
        layer_media_type: media_type::LAYER.to_owned(),
        empty_config: false,
        platform: "linux/amd64".to_owned(),
        data: false,
        given_layers: Vec::new(),
        foreign_layers: Vec::new(),
        fields: Map::new(),
    }
}

/// Begins an artifact: an image manifest with the empty configuration, one layer and an `artifactType`.
pub fn artifact(artifact_type: &str) -> ImageBuilder {
    let mut builder = image().layer_media_type(artifact_type).field("artifactType", json!(artifact_type));
    builder.empty_config = true;
    builder
}

/// An image or artifact that is being put together.
#[derive(Clone, Debug)]
pub struct ImageBuilder {
    random: Random,
    algorithm: DigestAlgorithm,
    media_type: &'static str,
    layers: usize,
    layer_bytes: usize,
    layer_media_type: String,
    empty_config: bool,
    platform: String,
    data: bool,
    given_layers: Vec<Blob>,
    foreign_layers: Vec<Value>,
    fields: Map<String, Value>,
}

impl ImageBuilder {
    /// The same seed gives the same image.
    pub fn seed(mut self, seed: u64) -> Self {
        self.random = Random::new(seed);
        self
    }

    /// How all digests are made.
    pub fn algorithm(mut self, algorithm: DigestAlgorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// How many layers.
    pub fn layers(mut self, layers: usize) -> Self {
        self.layers = layers;
        self
    }

    /// How long each layer is.
    pub fn layer_bytes(mut self, layer_bytes: usize) -> Self {
        self.layer_bytes = layer_bytes;
        self
    }

    /// The layers' type.
    pub fn layer_media_type(mut self, media_type: &str) -> Self {
        self.layer_media_type = media_type.to_owned();
        self
    }

    /// For which platform, such as `linux/arm64`.
    pub fn platform(mut self, platform: &str) -> Self {
        self.platform = platform.to_owned();
        self
    }

    /// Writes Docker's schema 2 instead of an OCI manifest.
    pub fn docker(mut self) -> Self {
        self.media_type = media_type::DOCKER_MANIFEST;
        self
    }

    /// Repeats small content in the descriptors' `data` field.
    pub fn data_fields(mut self) -> Self {
        self.data = true;
        self
    }

    /// Takes this as a layer, after the random ones: layers that images share.
    pub fn layer(mut self, layer: Blob) -> Self {
        self.given_layers.push(layer);
        self
    }

    /// A layer that is only described, never pushed.
    pub fn foreign_layer(mut self, descriptor: Value) -> Self {
        self.foreign_layers.push(descriptor);
        self
    }

    /// What this refers to.
    pub fn subject(self, descriptor: Value) -> Self {
        self.field("subject", descriptor)
    }

    /// Adds an annotation.
    pub fn annotation(mut self, key: &str, value: &str) -> Self {
        annotate(&mut self.fields, key, value);
        self
    }

    /// Sets a field of the manifest, known or unknown.
    pub fn field(mut self, name: &str, value: Value) -> Self {
        self.fields.insert(name.to_owned(), value);
        self
    }

    /// Writes it all down.
    pub fn build(mut self) -> Content {
        let mut blobs = Vec::new();
        for _ in 0..self.layers {
            let bytes = self.random.bytes(self.layer_bytes);
            blobs.push(Blob::new(self.algorithm, &self.layer_media_type, bytes));
        }
        blobs.extend(self.given_layers.iter().cloned());
        let config = self.config(&blobs);
        let mut layers: Vec<Value> = blobs.iter().map(|layer| self.describe(layer)).collect();
        layers.extend(self.foreign_layers.iter().cloned());
        let mut manifest = self.fields.clone();
        manifest.insert("schemaVersion".to_owned(), json!(2));
        manifest.insert("mediaType".to_owned(), json!(self.media_type));
        manifest.insert("config".to_owned(), self.describe(&config));
        manifest.insert("layers".to_owned(), json!(layers));
        let manifest = Blob::new(self.algorithm, self.media_type, Value::Object(manifest).to_string());
        blobs.push(config);
        Content { blobs, manifests: vec![manifest] }
    }

    fn config(&self, layers: &[Blob]) -> Blob {
        if self.empty_config {
            return Blob::new(self.algorithm, media_type::EMPTY, "{}");
        }
        let (os, architecture) = self.platform.split_once('/').unwrap_or(("linux", "amd64"));
        let diff_ids: Vec<String> = layers.iter().map(|layer| layer.digest.to_string()).collect();
        let config = json!({
            "os": os,
            "architecture": architecture,
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        Blob::new(self.algorithm, media_type::CONFIG, config.to_string())
    }

    fn describe(&self, blob: &Blob) -> Value {
        let mut descriptor = blob.descriptor();
        if self.data {
            descriptor["data"] = json!(base64(&blob.bytes));
        }
        descriptor
    }
}

/// Begins an image index over `children`.
pub fn index(children: Vec<Content>) -> IndexBuilder {
    IndexBuilder {
        algorithm: DigestAlgorithm::Sha256,
        media_type: media_type::INDEX,
        children,
        missing: Vec::new(),
        fields: Map::new(),
    }
}

/// An image index that is being put together.
#[derive(Clone, Debug)]
pub struct IndexBuilder {
    algorithm: DigestAlgorithm,
    media_type: &'static str,
    children: Vec<Content>,
    missing: Vec<Value>,
    fields: Map<String, Value>,
}

impl IndexBuilder {
    /// How the index's own digest is made.
    pub fn algorithm(mut self, algorithm: DigestAlgorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Writes Docker's manifest list instead of an OCI index.
    pub fn docker(mut self) -> Self {
        self.media_type = media_type::DOCKER_LIST;
        self
    }

    /// A child that is only described, never pushed: the index is sparse.
    pub fn missing(mut self, descriptor: Value) -> Self {
        self.missing.push(descriptor);
        self
    }

    /// What this refers to.
    pub fn subject(self, descriptor: Value) -> Self {
        self.field("subject", descriptor)
    }

    /// Adds an annotation.
    pub fn annotation(mut self, key: &str, value: &str) -> Self {
        annotate(&mut self.fields, key, value);
        self
    }

    /// Sets a field of the index, known or unknown.
    pub fn field(mut self, name: &str, value: Value) -> Self {
        self.fields.insert(name.to_owned(), value);
        self
    }

    /// Writes it all down.
    pub fn build(self) -> Content {
        let platforms = ["amd64", "arm64", "riscv64", "s390x"];
        let mut manifests: Vec<Value> = Vec::new();
        for (child, architecture) in self.children.iter().zip(platforms.iter().cycle()) {
            let mut descriptor = child.top().descriptor();
            descriptor["platform"] = json!({"os": "linux", "architecture": architecture});
            manifests.push(descriptor);
        }
        manifests.extend(self.missing);
        let mut fields = self.fields;
        fields.insert("schemaVersion".to_owned(), json!(2));
        fields.insert("mediaType".to_owned(), json!(self.media_type));
        fields.insert("manifests".to_owned(), json!(manifests));
        let own = Blob::new(self.algorithm, self.media_type, Value::Object(fields).to_string());
        let mut content = Content::default();
        let mut seen = BTreeMap::new();
        for child in self.children {
            for blob in child.blobs {
                if seen.insert(blob.digest, ()).is_none() {
                    content.blobs.push(blob);
                }
            }
            content.manifests.extend(child.manifests);
        }
        content.manifests.push(own);
        content
    }
}

fn annotate(fields: &mut Map<String, Value>, key: &str, value: &str) {
    fields.entry("annotations").or_insert_with(|| json!({}))[key] = json!(value);
}

/// Standard base64, for `data` fields.
pub fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let word =
            group.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for nth in 0..4 {
            let digit = ALPHABET[(word >> (18 - 6 * nth) & 63) as usize];
            text.push(if nth <= group.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use longshore_types::{Manifest, ManifestKind};

    use super::*;

    #[test]
    fn images_and_indexes_are_what_they_say() {
        let one = image().layers(2).annotation("k", "v").build();
        let parsed = Manifest::parse(None, &one.top().bytes).unwrap();
        assert_eq!((parsed.kind(), parsed.layers().len()), (ManifestKind::Image, 2));
        assert_eq!((one.blobs.len(), &*parsed.annotations()["k"]), (3, "v"));
        let sbom = artifact("a/b").subject(one.top().descriptor()).build();
        let parsed = Manifest::parse(None, &sbom.top().bytes).unwrap();
        assert_eq!(parsed.subject().unwrap().digest, one.digest());
        assert_eq!(parsed.referrer_artifact_type(), Some("a/b"));
        let both = index(vec![one, image().docker().build()]).build();
        let parsed = Manifest::parse(None, &both.top().bytes).unwrap();
        assert_eq!((parsed.manifests().len(), both.manifests.len(), both.blobs.len()), (2, 3, 5));
    }

    #[test]
    fn base64_as_in_rfc_4648() {
        for (plain, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(plain.as_bytes()), text);
        }
    }
}
