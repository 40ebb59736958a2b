//! Images: the one of an index that is meant, and what its configuration says. Image specification v1.1.

use longshore_image::{
    ImageConfig, IndexEntry, NoSuchPlatform, Platform, choose, index_entries, is_image_config,
};
use longshore_types::{Digest, ManifestKind, Reference};

use crate::{ClientError, ImageSource, PulledManifest, Repository};

/// Largest configuration read, in bytes.
const CONFIG_BYTES_MAX: usize = 16 << 20;

/// How deep indexes may lie in each other.
const DEPTH_MAX: usize = 4;

impl PulledManifest {
    /// The entries of an index; none of anything else.
    pub fn entries(&self) -> Vec<IndexEntry> {
        index_entries(&self.manifest, &self.bytes)
    }
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
        pulled: PulledManifest,
        platform: Option<&Platform>,
    ) -> Result<PulledManifest, ImageError> {
        image_of(self, pulled, platform).await
    }

    /// The configuration of an image.
    ///
    /// # Errors
    /// If it is no image, or its configuration is not at hand.
    pub async fn image_config(&self, image: &PulledManifest) -> Result<ImageConfig, ImageError> {
        let none = || ImageError::NoImage(image.digest);
        let config = image.manifest.config().ok_or_else(none)?;
        if !is_image_config(config.media_type.as_str()) {
            return Err(none());
        }
        let bytes = self.blob_bytes(&config.digest, CONFIG_BYTES_MAX).await?;
        Ok(serde_json::from_slice(&bytes).map_err(|error| {
            ClientError::protocol(self.registry.host(), format!("a configuration: {error}"))
        })?)
    }
}

/// As [`Repository::image_of`], wherever images lie.
pub(crate) async fn image_of(
    source: &dyn ImageSource,
    mut pulled: PulledManifest,
    platform: Option<&Platform>,
) -> Result<PulledManifest, ImageError> {
    for _ in 0..DEPTH_MAX {
        match pulled.manifest.kind() {
            ManifestKind::Image => return Ok(pulled),
            ManifestKind::Opaque => return Err(ImageError::NoImage(pulled.digest)),
            ManifestKind::Index => {
                let digest = choose(&pulled.entries(), platform)?;
                pulled = source.manifest(&Reference::Digest(digest)).await?;
            }
        }
    }
    Err(ImageError::NoImage(pulled.digest))
}
