//! Copies of images, with everything that belongs to them: manifests stay byte for byte what they are.
//!
//! Blobs go first and manifests last, children before the index that names them, so that no registry is asked to take what
//! it cannot check, and a copy that broke goes on: what is there is not sent again.

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use longshore_types::{Descriptor, Digest, Reference};

use crate::{
    BlobPush, BlobSource, ClientError, ImageError, ImageSource, LocalError, Parts, Pieces, PulledManifest,
    Pushed, Repository,
    graph::{Graph, MANIFESTS_MAX},
    local::described,
};

/// Which parts are copied, and how.
#[derive(Clone, Debug)]
pub struct CopySettings {
    /// Which.
    pub parts: Parts,
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
    /// It lies deeper in itself than images do.
    #[error("its manifests lie too deep in each other")]
    TooDeep,
    /// There is no image for the platform that is meant.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// Files cannot be read or written.
    #[error(transparent)]
    Local(#[from] LocalError),
}

/// A copy under way.
struct Copy<'a> {
    from: &'a dyn ImageSource,
    to: &'a Repository,
    settings: &'a CopySettings,
    progress: &'a Arc<dyn CopyProgress>,
    graph: Graph,
}

/// Copies what `reference` means, to be called `target` there. Of a platform alone, a digest as target is its own.
///
/// # Errors
/// If something cannot be read or written. What was written stays, and a second try goes on from there.
pub async fn copy(
    from: &dyn ImageSource,
    reference: &Reference,
    to: &Repository,
    target: &Reference,
    settings: &CopySettings,
    progress: &Arc<dyn CopyProgress>,
) -> Result<Copied, CopyError> {
    let graph = Graph::read(from, reference, &settings.parts).await?;
    let own = Reference::Digest(graph.root);
    let target = match target {
        Reference::Digest(_) if settings.parts.platform.is_some() => &own,
        target => target,
    };
    let copy = Copy { from, to, settings, progress, graph };
    let mut copied = copy.push_blobs().await?;
    copied.manifests = copy.push_manifests(target).await?;
    copied.digest = Some(copy.graph.root);
    Ok(copied)
}

impl Copy<'_> {
    async fn push_blobs(&self) -> Result<Copied, CopyError> {
        stream::iter(self.graph.blobs().into_iter().map(|blob| self.push_blob(blob)))
            .buffer_unordered(self.settings.parallel.max(1))
            .try_fold(Copied::default(), async |mut copied, (blob, pushed)| {
                copied.count(blob.size_bytes, pushed);
                Ok(copied)
            })
            .await
    }

    async fn push_blob<'a>(&self, blob: &'a Descriptor) -> Result<(&'a Descriptor, Pushed), CopyError> {
        self.progress.begin(blob);
        let (progress, digest) = (Arc::clone(self.progress), blob.digest);
        let other = self.from.repository();
        let other = other.filter(|other| other.registry().host() == self.to.registry().host());
        let push = BlobPush {
            digest,
            size_bytes: blob.size_bytes,
            mount_from: other.map(Repository::name),
            source: &Blob { from: self.from, blob },
            progress: Arc::new(move |bytes| progress.advance(&digest, bytes)),
        };
        let pushed = self.to.push_blob(&push).await;
        let pushed = pushed.map_err(|source| CopyError::Target { what: digest.to_string(), source })?;
        self.progress.end(blob, pushed);
        Ok((blob, pushed))
    }

    async fn push_manifests(&self, target: &Reference) -> Result<u64, CopyError> {
        let mut pushed = 0;
        // What the registry did not say it lists, by subject.
        let mut unlisted: BTreeMap<Digest, Vec<Descriptor>> = BTreeMap::new();
        for manifest in &self.graph.manifests {
            let own = Reference::Digest(manifest.digest);
            let reference = if manifest.digest == self.graph.root { target } else { &own };
            let what = || format!("{}/{} {reference}", self.to.registry().host(), self.to.name());
            let (is_new, is_listed) = self
                .push_manifest(reference, manifest)
                .await
                .map_err(|source| CopyError::Target { what: what(), source })?;
            pushed += u64::from(is_new);
            if let Some(subject) = manifest.manifest.subject().filter(|_| !is_listed) {
                unlisted.entry(subject.digest).or_default().push(described(manifest));
            }
        }
        for (subject, referrers) in unlisted {
            let listed = self.to.tag_referrers(&subject, &referrers).await;
            let what = || format!("the list of what refers to {subject}");
            listed.map_err(|source| CopyError::Target { what: what(), source })?;
        }
        Ok(pushed)
    }

    /// Whether it was not there, and whether the registry lists it with its subject.
    async fn push_manifest(
        &self,
        reference: &Reference,
        PulledManifest { digest, bytes, manifest }: &PulledManifest,
    ) -> Result<(bool, bool), ClientError> {
        match self.to.resolve(reference).await {
            Ok(there) if there.digest == *digest => return Ok((false, false)),
            Ok(_) => {}
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
        let (_, is_listed) = self.to.put_manifest(reference, manifest.media_type(), bytes.clone()).await?;
        Ok((true, is_listed))
    }
}

/// A blob where the image is.
struct Blob<'a> {
    from: &'a dyn ImageSource,
    blob: &'a Descriptor,
}

impl BlobSource for Blob<'_> {
    fn open(&self, offset: u64) -> Pin<Box<dyn Future<Output = Result<Pieces, ClientError>> + Send + '_>> {
        self.from.open(self.blob, offset)
    }
}
