//! What pulls ask: one look-up in memory, or else one query.

use std::sync::Arc;

use longshore_types::{Digest, Reference, RepositoryName};

use crate::{
    BlobRecord, ManifestContent, Metadata, MetadataError, RepositoryId,
    cache::{Cache, Entry, Key},
};

impl Metadata {
    /// The manifest that `reference` names in that repository; deleted ones do not count.
    ///
    /// What this process changed shows as soon as the commit is answered, or before. A change by another process over
    /// the same PostgreSQL shows when its notification comes, some milliseconds after its commit; one over the same
    /// SQLite file (maintenance beside a server) within some 10 ms. What was seen here is never taken back.
    pub async fn manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Option<Arc<ManifestContent>>, MetadataError> {
        let Some(cache) = &self.cache else {
            return Box::pin(self.read_manifest(repository, reference)).await;
        };
        if self.is_fresh(cache)
            && let Some(id) = cache.repository(repository)
            && let Some(manifest) = cache.manifest(id, reference)
        {
            return Ok(Some(manifest));
        }
        let Some(id) = Box::pin(self.repository_id(cache, repository)).await? else { return Ok(None) };
        let key = match reference {
            Reference::Tag(tag) => Key::Tag(id, tag.clone()),
            Reference::Digest(digest) => Key::Manifest(id, *digest),
        };
        let note = cache.note(&key);
        // Boxed, as below: pulls that hit the cache must not carry the room that a query needs.
        let found = Box::pin(self.read_manifest(repository, reference)).await?;
        cache.settle(note, key, found.clone().map(Entry::Manifest));
        Ok(found)
    }

    /// The blob, if this repository links it; as fresh as [`Metadata::manifest`].
    pub async fn blob_in(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<BlobRecord>, MetadataError> {
        let Some(cache) = &self.cache else {
            return self.read().await?.blob_in(repository, digest).await;
        };
        if self.is_fresh(cache)
            && let Some(id) = cache.repository(repository)
            && let Some(blob) = cache.link(id, digest)
        {
            return Ok(Some(blob));
        }
        let Some(id) = Box::pin(self.repository_id(cache, repository)).await? else { return Ok(None) };
        let key = Key::Link(id, *digest);
        let note = cache.note(&key);
        let found = self.read().await?.blob_in(repository, digest).await?;
        let entry = |blob: BlobRecord| Entry::Link { blob: blob.id, size_bytes: blob.size_bytes };
        cache.settle(note, key, found.map(entry));
        Ok(found)
    }

    async fn read_manifest(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<Option<Arc<ManifestContent>>, MetadataError> {
        let stored = self.read().await?.manifest(repository, reference).await?;
        Ok(stored.map(|stored| Arc::new(stored.into())))
    }

    /// Asked in a transaction of its own: the state that it shows is older than the note.
    async fn repository_id(
        &self,
        cache: &Cache,
        name: &RepositoryName,
    ) -> Result<Option<RepositoryId>, MetadataError> {
        if let Some(id) = cache.repository(name) {
            return Ok(Some(id));
        }
        let Some(record) = self.read().await?.repository(name).await? else { return Ok(None) };
        cache.keep_repository(name, record.id);
        Ok(Some(record.id))
    }
}
