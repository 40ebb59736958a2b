//! Where images are read from: a repository, or files. What is done with them does not depend on which.

use futures_util::{StreamExt as _, future::BoxFuture, stream};
use longshore_types::{Descriptor, Digest, Reference};
use tokio::sync::mpsc;

use crate::{BlobStream, ClientError, Pieces, PulledManifest, Repository};

/// Pieces that are read ahead of whoever takes them, so that reading, hashing and sending overlap. A piece has up to
/// 400 KiB.
const PIECES_AHEAD: usize = 4;

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
        Box::pin(async move { Ok(read_ahead(self.blob_from(&blob.digest, offset).await?)) })
    }

    fn repository(&self) -> Option<&Repository> {
        Some(self)
    }
}

/// Reads and hashes in a task of its own. The last piece is held back until the digest was found right: a request that
/// knows its length ends with its last byte, and asks for no verdict after it.
fn read_ahead(mut blob: BlobStream) -> Pieces {
    let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
    tokio::spawn(async move {
        let mut held = None;
        loop {
            let (ready, is_over) = match blob.next().await {
                Ok(Some(piece)) => (held.replace(piece).map(Ok), false),
                Ok(None) => (held.take().map(Ok), true),
                Err(error) => (Some(Err(error.into())), true),
            };
            if let Some(ready) = ready
                && sender.send(ready).await.is_err()
            {
                return;
            }
            if is_over {
                return;
            }
        }
    });
    stream::unfold(receiver, async |mut receiver| receiver.recv().await.map(|piece| (piece, receiver)))
        .boxed()
}
