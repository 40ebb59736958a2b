//! What belongs to an image: its manifests, in an order in which registries take them, and their blobs.

use std::collections::HashSet;

use futures_util::future::BoxFuture;
use longshore_types::{Descriptor, Digest, Reference};

use crate::{CopyError, ImageSource, Platform, PulledManifest, image::image_of};

/// More manifests than this belong to no image.
pub(crate) const MANIFESTS_MAX: usize = 10_000;

/// Which parts of an image are meant.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// The image for this platform alone, without the index that names it.
    pub platform: Option<Platform>,
    /// Signatures, SBOMs and attestations too.
    pub referrers: bool,
}

/// An image with all that belongs to it.
#[derive(Debug)]
pub(crate) struct Graph {
    /// What was asked for.
    pub(crate) root: Digest,
    /// Children before what names them, subjects before what refers to them.
    pub(crate) manifests: Vec<PulledManifest>,
}

impl Graph {
    /// Reads all manifests.
    pub(crate) async fn read(
        from: &dyn ImageSource,
        reference: &Reference,
        parts: &Parts,
    ) -> Result<Self, CopyError> {
        let mut root = read(from, reference).await?;
        if parts.platform.is_some() {
            root = image_of(from, root, parts.platform.as_ref()).await?;
        }
        let mut reading = Reading { from, parts, seen: HashSet::new(), manifests: Vec::new() };
        let digest = root.digest;
        reading.collect(root).await?;
        Ok(Self { root: digest, manifests: reading.manifests })
    }

    /// The blobs that are there to be had, each once.
    pub(crate) fn blobs(&self) -> Vec<&Descriptor> {
        let mut seen = HashSet::new();
        let blobs = self.manifests.iter().flat_map(|manifest| {
            let manifest = &manifest.manifest;
            manifest.config().into_iter().chain(manifest.layers())
        });
        blobs.filter(|blob| !blob.media_type.is_non_distributable() && seen.insert(blob.digest)).collect()
    }
}

async fn read(from: &dyn ImageSource, reference: &Reference) -> Result<PulledManifest, CopyError> {
    let what = || format!("{} {reference}", from.describe());
    from.manifest(reference).await.map_err(|source| CopyError::Source { what: what(), source })
}

struct Reading<'a> {
    from: &'a dyn ImageSource,
    parts: &'a Parts,
    seen: HashSet<Digest>,
    manifests: Vec<PulledManifest>,
}

impl Reading<'_> {
    /// Reads a manifest's children and what refers to it.
    fn collect(&mut self, manifest: PulledManifest) -> BoxFuture<'_, Result<(), CopyError>> {
        Box::pin(async move {
            if !self.seen.insert(manifest.digest) {
                return Ok(());
            }
            if self.seen.len() > MANIFESTS_MAX {
                return Err(CopyError::TooMany);
            }
            let digest = manifest.digest;
            self.collect_all(manifest.manifest.manifests()).await?;
            self.manifests.push(manifest);
            if self.parts.referrers {
                let found = self.from.referrers(&digest).await.map_err(|source| CopyError::Source {
                    what: format!("what refers to {digest}"),
                    source,
                })?;
                self.collect_all(&found).await?;
            }
            Ok(())
        })
    }

    async fn collect_all(&mut self, manifests: &[Descriptor]) -> Result<(), CopyError> {
        for each in manifests {
            if !self.seen.contains(&each.digest) {
                let read = read(self.from, &Reference::Digest(each.digest)).await?;
                self.collect(read).await?;
            }
        }
        Ok(())
    }
}
