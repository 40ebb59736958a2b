//! What belongs to an image: its manifests, in an order in which registries take them, and their blobs.

use std::collections::HashSet;

use futures_util::future::BoxFuture;
use longshore_types::{Descriptor, Digest, Reference};

use crate::{CopyError, ImageSource, Platform, PulledManifest, image::image_of};

/// More manifests than this belong to no image.
pub(crate) const MANIFESTS_MAX: usize = 10_000;

/// How deep indexes, and what refers to them, may lie in each other.
const DEPTH_MAX: usize = 20;

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
        reading.collect(root, DEPTH_MAX).await?;
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
    fn collect(&mut self, manifest: PulledManifest, depth: usize) -> BoxFuture<'_, Result<(), CopyError>> {
        Box::pin(async move {
            if !self.seen.insert(manifest.digest) {
                return Ok(());
            }
            if self.seen.len() > MANIFESTS_MAX {
                return Err(CopyError::TooMany);
            }
            let digest = manifest.digest;
            self.collect_all(manifest.manifest.manifests(), depth).await?;
            self.manifests.push(manifest);
            if self.parts.referrers {
                let found = self.from.referrers(&digest).await.map_err(|source| CopyError::Source {
                    what: format!("what refers to {digest}"),
                    source,
                })?;
                self.collect_all(&found, depth).await?;
            }
            Ok(())
        })
    }

    async fn collect_all(&mut self, manifests: &[Descriptor], depth: usize) -> Result<(), CopyError> {
        for each in manifests {
            let Some(depth) = depth.checked_sub(1) else { return Err(CopyError::TooDeep) };
            if !self.seen.contains(&each.digest) {
                let read = read(self.from, &Reference::Digest(each.digest)).await?;
                self.collect(read, depth).await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use longshore_types::MediaType;
    use serde_json::json;

    use super::*;
    use crate::{ClientError, Pieces};

    /// Manifests in memory.
    #[derive(Default)]
    struct Memory(HashMap<Digest, PulledManifest>);

    impl Memory {
        fn index_of(&mut self, children: &[&PulledManifest]) -> PulledManifest {
            let entry = |child: &&PulledManifest| json!({ "mediaType": child.manifest.media_type(), "digest": child.digest, "size": child.bytes.len() });
            let index = json!({
                "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX,
                "manifests": children.iter().map(entry).collect::<Vec<_>>(),
            });
            let index = PulledManifest::parse(None, index.to_string().into()).unwrap();
            self.0.insert(index.digest, index.clone());
            index
        }
    }

    impl ImageSource for Memory {
        fn describe(&self) -> String {
            "memory".to_owned()
        }

        fn manifest<'a>(
            &'a self,
            reference: &'a Reference,
        ) -> BoxFuture<'a, Result<PulledManifest, ClientError>> {
            let Reference::Digest(digest) = reference else { panic!("no tags here") };
            Box::pin(async move { Ok(self.0[digest].clone()) })
        }

        fn referrers<'a>(&'a self, _: &'a Digest) -> BoxFuture<'a, Result<Vec<Descriptor>, ClientError>> {
            Box::pin(async { Ok(Vec::new()) })
        }

        fn open<'a>(&'a self, _: &'a Descriptor, _: u64) -> BoxFuture<'a, Result<Pieces, ClientError>> {
            panic!("no blobs here")
        }
    }

    #[tokio::test]
    async fn children_come_before_what_names_them_once() {
        let mut memory = Memory::default();
        let leaf = memory.index_of(&[]);
        let middle = memory.index_of(&[&leaf]);
        let root = memory.index_of(&[&middle, &leaf]);
        let graph = Graph::read(&memory, &Reference::Digest(root.digest), &Parts::default()).await.unwrap();
        let order: Vec<_> = graph.manifests.iter().map(|manifest| manifest.digest).collect();
        assert_eq!(order, [leaf.digest, middle.digest, root.digest]);
    }

    #[tokio::test]
    async fn what_lies_too_deep_is_refused() {
        let mut memory = Memory::default();
        let mut index = memory.index_of(&[]);
        for depth in 1..=DEPTH_MAX + 1 {
            index = memory.index_of(&[&index]);
            let read = Graph::read(&memory, &Reference::Digest(index.digest), &Parts::default()).await;
            assert_eq!(read.is_ok(), depth <= DEPTH_MAX, "{depth}");
        }
    }
}
