//! Copies of images, with everything that belongs to them: manifests stay byte for byte what they are.
//!
//! Blobs go first and manifests last, children before the index that names them, so that no registry is asked to take what
//! it cannot check, and a copy that broke goes on: what is there is not sent again.

use std::{collections::HashSet, future::Future, pin::Pin, sync::Arc};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use longshore_types::{Descriptor, Digest, Reference};

use crate::{BlobPush, BlobSource, ClientError, Pieces, PulledManifest, Pushed, Repository};

/// More manifests than this belong to no image.
const MANIFESTS_MAX: usize = 10_000;

/// Which parts are copied, and how.
#[derive(Clone, Copy, Debug)]
pub struct CopySettings {
    /// Signatures, SBOMs and attestations too.
    pub referrers: bool,
    /// Blobs under way at a time.
    pub parallel: usize,
}

/// What happens, for whoever watches.
pub trait CopyProgress: Send + Sync {
    /// A blob's turn came.
    fn begin(&self, blob: &Descriptor);
    /// So many of its bytes went out; less than nothing if they have to go again.
    fn advance(&self, digest: &Digest, bytes: i64);
    /// It is there.
    fn end(&self, blob: &Descriptor, pushed: Pushed);
}

/// What a copy did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Of the manifest that was asked for.
    pub digest: Option<Digest>,
    /// Manifests that were pushed.
    pub manifests: u64,
    /// Blobs whose bytes were sent.
    pub blobs_sent: u64,
    /// Their bytes.
    pub bytes_sent: u64,
    /// Blobs that the registry had in another repository.
    pub blobs_mounted: u64,
    /// Blobs that were there.
    pub blobs_present: u64,
}

/// Why there is no copy, or not all of one.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Reading failed.
    #[error("cannot read {what}")]
    Source {
        /// What was read.
        what: String,
        /// Why not.
        source: ClientError,
    },
    /// Writing failed.
    #[error("cannot write {what}")]
    Target {
        /// What was written.
        what: String,
        /// Why not.
        source: ClientError,
    },
    /// It refers to more than images do.
    #[error("it is made of more than {MANIFESTS_MAX} manifests")]
    TooMany,
}

/// A copy under way.
struct Copy<'a> {
    from: &'a Repository,
    to: &'a Repository,
    settings: CopySettings,
    progress: &'a Arc<dyn CopyProgress>,
    seen: HashSet<Digest>,
    /// Children before what names them.
    manifests: Vec<PulledManifest>,
}

/// Copies what `reference` means, to be called `target` there.
///
/// # Errors
/// If something cannot be read or written. What was written stays, and a second try goes on from there.
pub async fn copy(
    from: &Repository,
    reference: &Reference,
    to: &Repository,
    target: &Reference,
    settings: CopySettings,
    progress: &Arc<dyn CopyProgress>,
) -> Result<Copied, CopyError> {
    let mut copy = Copy { from, to, settings, progress, seen: HashSet::new(), manifests: Vec::new() };
    let root = copy.read(reference).await?;
    let digest = root.digest;
    copy.collect(root).await?;
    let mut copied = copy.push_blobs().await?;
    copied.manifests = copy.push_manifests(digest, target).await?;
    copied.digest = Some(digest);
    Ok(copied)
}

impl Copy<'_> {
    async fn read(&self, reference: &Reference) -> Result<PulledManifest, CopyError> {
        let what = || format!("{}/{} {reference}", self.from.registry().host(), self.from.name());
        self.from.manifest(reference).await.map_err(|source| CopyError::Source { what: what(), source })
    }

    /// Reads a manifest's children and what refers to it.
    fn collect(
        &mut self,
        manifest: PulledManifest,
    ) -> Pin<Box<dyn Future<Output = Result<(), CopyError>> + Send + '_>> {
        Box::pin(async move {
            if !self.seen.insert(manifest.digest) {
                return Ok(());
            }
            if self.seen.len() > MANIFESTS_MAX {
                return Err(CopyError::TooMany);
            }
            for child in manifest.manifest.manifests() {
                if !self.seen.contains(&child.digest) {
                    let child = self.read(&Reference::Digest(child.digest)).await?;
                    self.collect(child).await?;
                }
            }
            let digest = manifest.digest;
            self.manifests.push(manifest);
            if self.settings.referrers {
                let found = self.from.referrers(&digest).await.map_err(|source| CopyError::Source {
                    what: format!("what refers to {digest}"),
                    source,
                })?;
                for referrer in found {
                    if !self.seen.contains(&referrer.digest) {
                        let referrer = self.read(&Reference::Digest(referrer.digest)).await?;
                        self.collect(referrer).await?;
                    }
                }
            }
            Ok(())
        })
    }

    async fn push_blobs(&self) -> Result<Copied, CopyError> {
        let mut seen = HashSet::new();
        let blobs = self.manifests.iter().flat_map(|manifest| {
            let manifest = &manifest.manifest;
            manifest.config().into_iter().chain(manifest.layers())
        });
        let blobs: Vec<&Descriptor> = blobs
            .filter(|blob| !blob.media_type.is_non_distributable() && seen.insert(blob.digest))
            .collect();
        stream::iter(blobs.into_iter().map(|blob| self.push_blob(blob)))
            .buffer_unordered(self.settings.parallel.max(1))
            .try_fold(Copied::default(), async |mut copied, (blob, pushed)| {
                match pushed {
                    Pushed::Present => copied.blobs_present += 1,
                    Pushed::Mounted => copied.blobs_mounted += 1,
                    Pushed::Sent => {
                        copied.blobs_sent += 1;
                        copied.bytes_sent += blob.size_bytes;
                    }
                }
                Ok(copied)
            })
            .await
    }

    async fn push_blob<'a>(&self, blob: &'a Descriptor) -> Result<(&'a Descriptor, Pushed), CopyError> {
        self.progress.begin(blob);
        let (progress, digest) = (Arc::clone(self.progress), blob.digest);
        let same_registry = self.from.registry().host() == self.to.registry().host();
        let push = BlobPush {
            digest,
            size_bytes: blob.size_bytes,
            mount_from: same_registry.then(|| self.from.name()),
            source: &RemoteBlob { repository: self.from, digest },
            progress: Arc::new(move |bytes| progress.advance(&digest, bytes)),
        };
        let pushed = self.to.push_blob(&push).await;
        let pushed = pushed.map_err(|source| CopyError::Target { what: digest.to_string(), source })?;
        self.progress.end(blob, pushed);
        Ok((blob, pushed))
    }

    async fn push_manifests(&self, root: Digest, target: &Reference) -> Result<u64, CopyError> {
        let mut pushed = 0;
        for PulledManifest { digest, bytes, manifest } in &self.manifests {
            let own = Reference::Digest(*digest);
            let reference = if *digest == root { target } else { &own };
            let refused = |source| CopyError::Target {
                what: format!("{}/{} {reference}", self.to.registry().host(), self.to.name()),
                source,
            };
            match self.to.resolve(reference).await {
                Ok(there) if there.digest == *digest => continue,
                Ok(_) => {}
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(refused(error)),
            }
            self.to.push_manifest(reference, manifest.media_type(), bytes.clone()).await.map_err(refused)?;
            pushed += 1;
        }
        Ok(pushed)
    }
}

/// A blob of another registry.
struct RemoteBlob<'a> {
    repository: &'a Repository,
    digest: Digest,
}

impl BlobSource for RemoteBlob<'_> {
    fn open(&self, offset: u64) -> Pin<Box<dyn Future<Output = Result<Pieces, ClientError>> + Send + '_>> {
        Box::pin(async move {
            let blob = self.repository.blob_from(&self.digest, offset).await?;
            let pieces = stream::try_unfold(blob, async |mut blob| {
                let piece = blob.next().await?;
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(piece.map(|piece| (piece, blob)))
            });
            Ok(pieces.boxed())
        })
    }
}
