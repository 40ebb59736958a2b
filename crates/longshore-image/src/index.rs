//! Image indexes: what they name, and the image of one that is meant. Image specification v1.1, "Image Index".

use longshore_types::{Descriptor, Digest, Manifest, ManifestKind};
use serde::Deserialize;

use crate::Platform;

/// An entry of an index.
#[derive(Clone, Debug, Deserialize)]
pub struct IndexEntry {
    /// The manifest.
    #[serde(flatten)]
    pub descriptor: Descriptor,
    /// What it runs on, if that was said.
    pub platform: Option<Platform>,
}

/// The entries of an index, of which `bytes` are the text; none of anything else.
pub fn index_entries(manifest: &Manifest, bytes: &[u8]) -> Vec<IndexEntry> {
    #[derive(Deserialize)]
    struct Index {
        #[serde(default)]
        manifests: Vec<IndexEntry>,
    }
    if manifest.kind() != ManifestKind::Index {
        return Vec::new();
    }
    serde_json::from_slice::<Index>(bytes).map(|index| index.manifests).unwrap_or_default()
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

/// The image of an index for `platform`, or else for this machine's, or the only one.
///
/// # Errors
/// If there is none.
pub fn choose(entries: &[IndexEntry], platform: Option<&Platform>) -> Result<Digest, NoSuchPlatform> {
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
    use std::collections::BTreeMap;

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
