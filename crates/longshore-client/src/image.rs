//! Images: the one of an index that is meant, and what its configuration says. Image specification v1.1.

use std::collections::BTreeMap;

use longshore_types::{Descriptor, Digest, ManifestKind, Reference};
use serde::Deserialize;

use crate::{ClientError, Platform, PulledManifest, Repository};

/// Largest configuration read, in bytes.
const CONFIG_BYTES_MAX: usize = 16 << 20;

/// How deep indexes may lie in each other.
const DEPTH_MAX: usize = 4;

/// An entry of an index.
#[derive(Clone, Debug, Deserialize)]
pub struct IndexEntry {
    /// The manifest.
    #[serde(flatten)]
    pub descriptor: Descriptor,
    /// What it runs on, if that was said.
    pub platform: Option<Platform>,
}

/// What an image's configuration says: image specification v1.1, "Image Configuration".
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ImageConfig {
    /// When it was built, as it was written.
    pub created: Option<String>,
    /// Who built it.
    pub author: Option<String>,
    /// `linux`.
    #[serde(default)]
    pub os: String,
    /// `amd64`.
    #[serde(default)]
    pub architecture: String,
    /// `v7`.
    pub variant: Option<String>,
    /// How it is run.
    #[serde(default)]
    pub config: RunConfig,
    /// How it was built, the oldest step first.
    #[serde(default)]
    pub history: Vec<HistoryEntry>,
}

/// How a container of the image is run, unless somebody says otherwise.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RunConfig {
    /// As whom.
    pub user: Option<String>,
    /// What is run, always.
    pub entrypoint: Option<Vec<String>>,
    /// What is run, or given to the entry point.
    pub cmd: Option<Vec<String>>,
    /// `NAME=VALUE`.
    pub env: Option<Vec<String>>,
    /// In which folder.
    pub working_dir: Option<String>,
    /// `80/tcp`.
    pub exposed_ports: Option<BTreeMap<String, serde_json::Value>>,
    /// Folders that outlive a container.
    pub volumes: Option<BTreeMap<String, serde_json::Value>>,
    /// Free key and value pairs.
    pub labels: Option<BTreeMap<String, String>>,
    /// What ends it.
    pub stop_signal: Option<String>,
}

/// A step of a build.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct HistoryEntry {
    /// When, as it was written.
    pub created: Option<String>,
    /// What was run.
    pub created_by: Option<String>,
    /// What somebody said of it.
    pub comment: Option<String>,
    /// Whether it made no layer.
    #[serde(default)]
    pub empty_layer: bool,
}

impl PulledManifest {
    /// The entries of an index; none of anything else.
    pub fn entries(&self) -> Vec<IndexEntry> {
        #[derive(Deserialize)]
        struct Index {
            #[serde(default)]
            manifests: Vec<IndexEntry>,
        }
        if self.manifest.kind() != ManifestKind::Index {
            return Vec::new();
        }
        serde_json::from_slice::<Index>(&self.bytes).map(|index| index.manifests).unwrap_or_default()
    }
}

/// No image of an index is for the platform that is meant.
#[derive(Debug, thiserror::Error)]
#[error("there is no image for {wanted}; there are: {}", there.join(", "))]
pub struct NoSuchPlatform {
    /// What was meant.
    pub wanted: Platform,
    /// What there is.
    pub there: Vec<String>,
}

/// What can be wrong on the way from an index to an image.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// With the registry.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// With the platform.
    #[error(transparent)]
    Platform(#[from] NoSuchPlatform),
    /// It is an artifact without what images have.
    #[error("{0} is no image, but an artifact of another kind")]
    NoImage(Digest),
}

impl Repository {
    /// The image that a manifest is, or the one of an index that is meant: for `platform`, or else for this machine's, or
    /// the only one.
    ///
    /// # Errors
    /// If there is none, or it cannot be had.
    pub async fn image_of(
        &self,
        mut pulled: PulledManifest,
        platform: Option<&Platform>,
    ) -> Result<PulledManifest, ImageError> {
        for _ in 0..DEPTH_MAX {
            match pulled.manifest.kind() {
                ManifestKind::Image => return Ok(pulled),
                ManifestKind::Opaque => return Err(ImageError::NoImage(pulled.digest)),
                ManifestKind::Index => {
                    let digest = choose(&pulled.entries(), platform)?;
                    pulled = self.manifest(&Reference::Digest(digest)).await?;
                }
            }
        }
        Err(ImageError::NoImage(pulled.digest))
    }

    /// The configuration of an image.
    ///
    /// # Errors
    /// If it is no image, or its configuration is not at hand.
    pub async fn image_config(&self, image: &PulledManifest) -> Result<ImageConfig, ImageError> {
        let none = || ImageError::NoImage(image.digest);
        let config = image.manifest.config().ok_or_else(none)?;
        let is_image =
            ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];
        if !is_image.contains(&config.media_type.as_str()) {
            return Err(none());
        }
        let bytes = self.blob_bytes(&config.digest, CONFIG_BYTES_MAX).await?;
        Ok(serde_json::from_slice(&bytes).map_err(|error| {
            ClientError::protocol(self.registry.host(), format!("a configuration: {error}"))
        })?)
    }
}

fn choose(entries: &[IndexEntry], platform: Option<&Platform>) -> Result<Digest, NoSuchPlatform> {
    let known = |entry: &&IndexEntry| entry.platform.as_ref().is_none_or(Platform::is_known);
    let images: Vec<&IndexEntry> = entries.iter().filter(known).collect();
    let wanted = platform.cloned().unwrap_or_else(Platform::own);
    let fits = |entry: &&&IndexEntry| entry.platform.as_ref().is_some_and(|platform| wanted.means(platform));
    let found = images.iter().find(fits).or(match (platform, &images[..]) {
        (None, [only]) => Some(only),
        _ => None,
    });
    found.map(|entry| entry.descriptor.digest).ok_or_else(|| NoSuchPlatform {
        wanted,
        there: images.iter().filter_map(|entry| entry.platform.as_ref().map(Platform::to_string)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(platform: &str, byte: u8) -> IndexEntry {
        let platform = (!platform.is_empty()).then(|| platform.parse().unwrap());
        let descriptor = Descriptor {
            media_type: longshore_types::MediaType::OCI_MANIFEST,
            digest: Digest::sha256(&[byte]),
            size_bytes: 1,
            artifact_type: None,
            annotations: BTreeMap::new(),
        };
        IndexEntry { descriptor, platform }
    }

    #[test]
    fn the_image_that_is_meant_is_chosen() {
        let entries = [entry("unknown/unknown", 0), entry("linux/s390x", 1), entry("linux/arm/v7", 2)];
        let chosen = |platform: &str| choose(&entries, Some(&platform.parse().unwrap())).ok();
        assert_eq!(chosen("linux/s390x"), Some(Digest::sha256(&[1])));
        assert_eq!(chosen("linux/arm"), Some(Digest::sha256(&[2])));
        let error = choose(&entries, Some(&"linux/mips".parse().unwrap())).unwrap_err().to_string();
        assert_eq!(error, "there is no image for linux/mips; there are: linux/s390x, linux/arm/v7");
        // Attestations beside it make an image no less the only one.
        assert_eq!(choose(&entries[..2], None).unwrap(), Digest::sha256(&[1]));
        assert_eq!(choose(&[entry("", 3)], None).unwrap(), Digest::sha256(&[3]));
    }
}
