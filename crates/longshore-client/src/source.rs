//! Where images are read from: a repository, or files. What is done with them does not depend on which.

use bytes::Bytes;
use futures_util::{StreamExt as _, future::BoxFuture, stream};
use longshore_types::{Descriptor, Digest, Reference};

use crate::{BlobStream, ClientError, Pieces, PulledManifest, Repository};

/// A place with images.
pub trait ImageSource: Send + Sync {
    /// What people call it.
    fn describe(&self) -> String;

    /// A manifest; its digest was checked.
    ///
    /// # Errors
    /// If it is not there, or cannot be read.
    fn manifest<'a>(&'a self, reference: &'a Reference)
    -> BoxFuture<'a, Result<PulledManifest, ClientError>>;

    /// What names that manifest as its subject.
    ///
    /// # Errors
    /// If the list cannot be read.
    fn referrers<'a>(&'a self, digest: &'a Digest) -> BoxFuture<'a, Result<Vec<Descriptor>, ClientError>>;

    /// A blob's content from a byte on. From the first one, the digest is checked before the last piece is given; of a
    /// part, whoever puts it together must.
    ///
    /// # Errors
    /// If it is not there, or cannot be read.
    fn open<'a>(&'a self, blob: &'a Descriptor, offset: u64) -> BoxFuture<'a, Result<Pieces, ClientError>>;

    /// The repository, if it is one: what it has may be mounted.
    fn repository(&self) -> Option<&Repository> {
        None
    }
}

impl ImageSource for Repository {
    fn describe(&self) -> String {
        format!("{}/{}", self.registry().host(), self.name())
    }

    fn manifest<'a>(
        &'a self,
        reference: &'a Reference,
    ) -> BoxFuture<'a, Result<PulledManifest, ClientError>> {
        Box::pin(self.manifest(reference))
    }

    fn referrers<'a>(&'a self, digest: &'a Digest) -> BoxFuture<'a, Result<Vec<Descriptor>, ClientError>> {
        Box::pin(self.referrers(digest))
    }

    fn open<'a>(&'a self, blob: &'a Descriptor, offset: u64) -> BoxFuture<'a, Result<Pieces, ClientError>> {
        Box::pin(async move { Ok(checked(self.blob_from(&blob.digest, offset).await?)) })
    }

    fn repository(&self) -> Option<&Repository> {
        Some(self)
    }
}

/// The last piece is held back until the digest was found right: a request that knows its length ends with its last byte,
/// and asks for no verdict after it. Whoever sends hashes, too: a task of its own for either cost a tenth more CPU time,
/// and saved none of the way.
fn checked(blob: BlobStream) -> Pieces {
    let pieces = stream::try_unfold((Some(blob), None), async |(blob, mut held): (Option<BlobStream>, _)| {
        let Some(mut blob) = blob else { return Ok(None) };
        while let Some(piece) = blob.next().await? {
            if let Some(ready) = held.replace(piece) {
                return Ok(Some((ready, (Some(blob), held))));
            }
        }
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(held.map(|last: Bytes| (last, (None, None))))
    });
    pieces.boxed()
}
