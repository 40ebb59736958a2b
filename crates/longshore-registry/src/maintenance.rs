//! What the work over a whole volume has in common: import, links, rebuild, verification.

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use longshore_metadata::{BlobId, MetadataError, RepositoryId, RepositoryRecord, StoredManifest};
use longshore_storage::StoreError;
use longshore_types::{ByteRange, Digest, Manifest, MediaType};

use crate::{Registry, retry::MayConflict};

/// Most bytes of a stored manifest that are read. `registry:2` takes 4 MiB; its ancestors had no limit.
const MANIFEST_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How many rows are fetched at a time.
pub(crate) const PAGE: usize = 500;

/// Why work over a whole volume ended early. What was done stays; it can be begun again.
#[derive(Debug, thiserror::Error)]
pub enum MaintenanceError {
    /// Only an empty index can be rebuilt.
    #[error("the index is not empty: a rebuild makes a lost index anew")]
    IndexNotEmpty,
    /// The index failed.
    #[error("could not use the index")]
    Metadata(#[from] MetadataError),
    /// The store failed.
    #[error("could not use the storage")]
    Store(#[from] StoreError),
}

impl MayConflict for MaintenanceError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Metadata(error) if error.is_conflict())
    }
}

/// Runs what waits for the disk, or takes long, on a thread made for that.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down, and takes this future with it.
            Err(_cancelled) => std::future::pending().await,
        },
    }
}

/// Why a blob is not the manifest that its digest promises; in words for a person.
pub(crate) enum ManifestBlobError {
    /// The content is not what it should be.
    Unusable(String),
    /// The store fails altogether.
    Store(StoreError),
}

impl Registry {
    /// The manifest that lies in the blob store under `digest`, verified and parsed. Its type is in its body.
    pub(crate) async fn manifest_from_blob(
        &self,
        digest: &Digest,
        media_type: Option<&MediaType>,
    ) -> Result<(Manifest, Bytes), ManifestBlobError> {
        use ManifestBlobError::{Store, Unusable};
        let payload = match self.small_blob(digest).await {
            Ok(payload) => payload,
            Err(StoreError::NotFound) => return Err(Unusable("its content is missing".into())),
            Err(StoreError::Corrupt(why)) => return Err(Unusable(format!("its content is damaged: {why}"))),
            Err(error) => return Err(Store(error)),
        };
        let actual = Digest::of(digest.algorithm(), &payload);
        if actual != *digest {
            return Err(Unusable(format!("its content is damaged: it hashes to {actual}")));
        }
        match Manifest::parse(media_type, &payload) {
            Ok(manifest) => Ok((manifest, payload)),
            Err(error) => Err(Unusable(error.to_string())),
        }
    }

    /// Whether a manifest that can be read lies in the blob store under `digest`.
    pub(crate) async fn is_manifest(&self, digest: &Digest) -> Result<bool, StoreError> {
        match self.manifest_from_blob(digest, None).await {
            Ok(_) => Ok(true),
            Err(ManifestBlobError::Unusable(_)) => Ok(false),
            Err(ManifestBlobError::Store(error)) => Err(error),
        }
    }

    async fn small_blob(&self, digest: &Digest) -> Result<Bytes, StoreError> {
        let blob = self.inner.blobs.open(digest).await?;
        if blob.size_bytes() > MANIFEST_BYTES_MAX {
            let what = format!("{} bytes are too long for a manifest", blob.size_bytes());
            return Err(StoreError::Corrupt(what.into()));
        }
        let Some(range) = ByteRange::whole(blob.size_bytes()) else { return Ok(Bytes::new()) };
        let payload = blob.stream(range).try_fold(BytesMut::new(), |mut all, piece| async move {
            all.extend_from_slice(&piece);
            Ok(all)
        });
        Ok(payload.await?.freeze())
    }

    /// The next repositories after `after`, by row, with or without content.
    pub(crate) async fn next_repositories(
        &self,
        after: Option<RepositoryId>,
    ) -> Result<Vec<RepositoryRecord>, MetadataError> {
        Ok(self.inner.metadata.read().await?.all_repositories_page(after, PAGE).await?.entries)
    }

    /// How many repositories there are, with or without content.
    pub(crate) async fn repositories_count(&self) -> Result<u64, MetadataError> {
        let (mut count, mut after) = (0, None);
        loop {
            let page = self.next_repositories(after).await?;
            count += page.len() as u64;
            match page.last() {
                Some(last) => after = Some(last.id),
                None => return Ok(count),
            }
        }
    }

    /// The next manifests of a repository after `after`, with their bytes.
    pub(crate) async fn manifests_page(
        &self,
        repository: RepositoryId,
        after: Option<&Digest>,
        limit: usize,
    ) -> Result<Vec<StoredManifest>, MetadataError> {
        Ok(self.inner.metadata.read().await?.manifests_page(repository, after, limit).await?.entries)
    }
}

/// The digests of the blobs that a repository links, page by page.
pub(crate) struct LinkedBlobs<'a> {
    registry: &'a Registry,
    repository: RepositoryId,
    after: Option<BlobId>,
}

impl<'a> LinkedBlobs<'a> {
    pub(crate) fn new(registry: &'a Registry, repository: RepositoryId) -> Self {
        Self { registry, repository, after: None }
    }

    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Digest>>, MaintenanceError> {
        let mut tx = self.registry.inner.metadata.read().await?;
        let page = tx.repository_blobs_page(self.repository, self.after, PAGE).await?.entries;
        let Some(last) = page.last() else { return Ok(None) };
        self.after = Some(last.id);
        Ok(Some(page.into_iter().map(|blob| blob.digest).collect()))
    }
}
