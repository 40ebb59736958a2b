//! From a reference to an image and its configuration.

use longshore_image::{ImageConfig, Platform, choose, index_entries, is_image_config};
use longshore_types::{Descriptor, Digest, Manifest, ManifestKind, Reference, RepositoryName};

use super::{ContentsError, ImagePlace};
use crate::{Call, ManifestPullError, PulledManifest, Registry};

/// How deep indexes may lie in each other.
const DEPTH_MAX: usize = 4;
/// Largest configuration read, in bytes.
const CONFIG_BYTES_MAX: u64 = 4 << 20;

/// An image, with what its configuration says.
#[derive(Clone, Debug)]
pub struct OpenedImage {
    /// The digest of its manifest.
    pub digest: Digest,
    /// Its manifest.
    pub manifest: Manifest,
    /// Its configuration.
    pub config: ImageConfig,
}

impl OpenedImage {
    /// Its layers, the lowest first.
    pub fn layers(&self) -> &[Descriptor] {
        self.manifest.layers()
    }
}

impl From<ManifestPullError> for ContentsError {
    fn from(error: ManifestPullError) -> Self {
        match error {
            ManifestPullError::Denied(denied) => Self::Denied(denied),
            ManifestPullError::NameUnknown(name) => Self::NameUnknown(name),
            ManifestPullError::ManifestUnknown { repository, reference } => {
                Self::ManifestUnknown { repository, reference }
            }
            ManifestPullError::Metadata(error) => Self::Metadata(error),
        }
    }
}

impl Registry {
    /// The manifest under a reference, as it was pushed; of an index the one for a platform, if that is said.
    pub async fn manifest_at(
        &self,
        call: &Call,
        place: ImagePlace<'_>,
    ) -> Result<PulledManifest, ContentsError> {
        match place.platform {
            None => Ok(self.find_manifest(call, place.repository, place.reference).await?),
            Some(_) => Ok(self.image_manifest(call, place).await?.0),
        }
    }

    /// The image under a reference, which may be an index that has it.
    pub async fn open_image(&self, call: &Call, place: ImagePlace<'_>) -> Result<OpenedImage, ContentsError> {
        let (pulled, manifest) = self.image_manifest(call, place).await?;
        let descriptor = manifest.config().filter(|config| is_image_config(config.media_type.as_str()));
        let digest = descriptor.ok_or(ContentsError::NoImage(pulled.digest))?.digest;
        let config = self.image_config(place.repository, &digest).await?;
        Ok(OpenedImage { digest: pulled.digest, manifest, config })
    }

    async fn image_manifest(
        &self,
        call: &Call,
        place: ImagePlace<'_>,
    ) -> Result<(PulledManifest, Manifest), ContentsError> {
        let mut reference = place.reference.clone();
        for _ in 0..DEPTH_MAX {
            let pulled = self.find_manifest(call, place.repository, &reference).await?;
            // What was stored was parsed when it came: what does not parse now is no image at least.
            let manifest = Manifest::parse(Some(&pulled.media_type), &pulled.payload)
                .map_err(|_| ContentsError::NoImage(pulled.digest))?;
            match manifest.kind() {
                ManifestKind::Image => return Ok((pulled, manifest)),
                ManifestKind::Opaque => return Err(ContentsError::NoImage(pulled.digest)),
                ManifestKind::Index => {
                    let child = child(&manifest, &pulled.payload, place.platform)?;
                    reference = Reference::Digest(child);
                }
            }
        }
        Err(ContentsError::ManifestUnknown { repository: place.repository.clone(), reference })
    }

    async fn image_config(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<ImageConfig, ContentsError> {
        let linked = self.inner.metadata.blob_in(repository, digest).await?;
        let linked = linked.ok_or(ContentsError::BlobUnknown(*digest))?;
        if linked.size_bytes > CONFIG_BYTES_MAX {
            return Err(ContentsError::Configuration(format!("it has more than {CONFIG_BYTES_MAX} bytes")));
        }
        let found = self.configuration(digest, CONFIG_BYTES_MAX).await?;
        let found =
            found.ok_or_else(|| ContentsError::Configuration("it is no JSON object, or gone".to_owned()))?;
        let config = serde_json::from_value(serde_json::Value::Object(found));
        config.map_err(|error| ContentsError::Configuration(error.to_string()))
    }
}

/// The image of an index that is meant: the one for the platform, or the only one. Which machine this is, is of no meaning.
fn child(index: &Manifest, bytes: &[u8], platform: Option<&Platform>) -> Result<Digest, ContentsError> {
    let entries = index_entries(index, bytes);
    if platform.is_some() {
        return choose(&entries, platform)
            .map_err(|none| ContentsError::Platform { wanted: Some(none.wanted), there: none.there });
    }
    let mut images = entries.iter().filter(|entry| entry.platform.as_ref().is_none_or(Platform::is_known));
    match (images.next(), images.next()) {
        (Some(only), None) => Ok(only.descriptor.digest),
        _ => {
            let there = entries.iter().filter_map(|entry| entry.platform.as_ref());
            let there = there.filter(|platform| platform.is_known()).map(ToString::to_string).collect();
            Err(ContentsError::Platform { wanted: None, there })
        }
    }
}
