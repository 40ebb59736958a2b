//! Links: does what a repository names exist?

use longshore_metadata::{RepositoryRecord, StoredManifest};
use longshore_types::{Digest, Manifest, Tag};

use super::{Damage, VerifyReport};
use crate::{
    MaintenanceError, Progress, Registry,
    maintenance::{LinkedBlobs, PAGE, blocking},
    manifests::required_blobs,
};

/// How many manifests, with their bytes, are fetched at a time.
const MANIFESTS_PAGE: usize = 32;

impl Registry {
    pub(super) async fn verify_links(
        &self,
        report: &mut VerifyReport,
        progress: &dyn Progress,
    ) -> Result<(), MaintenanceError> {
        progress.phase("checking repositories", Some(self.repositories_count().await?));
        let mut after = None;
        loop {
            let repositories = self.next_repositories(after).await?;
            let Some(last) = repositories.last() else { return Ok(()) };
            after = Some(last.id);
            for repository in &repositories {
                self.verify_manifests(repository, report, progress).await?;
                self.verify_tags(repository, report, progress).await?;
                // Their content was hashed already.
                let mut blobs = LinkedBlobs::new(self, repository.id);
                while let Some(page) = blobs.next().await? {
                    report.links += page.len() as u64;
                }
                progress.advance(1);
            }
        }
    }

    async fn verify_manifests(
        &self,
        repository: &RepositoryRecord,
        report: &mut VerifyReport,
        progress: &dyn Progress,
    ) -> Result<(), MaintenanceError> {
        let mut after: Option<Digest> = None;
        loop {
            let page = self.manifests_page(repository.id, after.as_ref(), MANIFESTS_PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.record.digest);
            report.links += page.len() as u64;
            let read = blocking(move || page.into_iter().map(read_manifest).collect::<Vec<_>>()).await;
            for (digest, manifest) in read {
                let what = match manifest {
                    Ok(manifest) => self.missing_blobs(repository, &digest, &manifest).await?,
                    Err(what) => Some(what),
                };
                if let Some(what) = what {
                    let what = format!("manifest in {}: {what}", repository.name);
                    report.damage(progress, Damage { digest, what });
                }
            }
        }
    }

    /// What a manifest names and its repository does not have, in words. Children of an index may be absent, and
    /// layers that are not distributable; where the settings allow sparse images, every blob may.
    async fn missing_blobs(
        &self,
        repository: &RepositoryRecord,
        digest: &Digest,
        manifest: &Manifest,
    ) -> Result<Option<String>, MaintenanceError> {
        if self.inner.settings.sparse_images {
            return Ok(None);
        }
        let mut tx = self.inner.metadata.read().await?;
        let missing = tx.unlinked_blobs(repository.id, &required_blobs(manifest)).await?;
        let Some(first) = missing.first() else { return Ok(None) };
        // It may have been deleted since its page was read, and its blobs with it.
        if tx.missing_manifests(repository.id, &[*digest]).await?.is_empty() {
            return Ok(Some(format!(
                "names {} blobs that the repository does not have, as {first}",
                missing.len()
            )));
        }
        Ok(None)
    }

    async fn verify_tags(
        &self,
        repository: &RepositoryRecord,
        report: &mut VerifyReport,
        progress: &dyn Progress,
    ) -> Result<(), MaintenanceError> {
        let mut after: Option<Tag> = None;
        loop {
            let mut tx = self.inner.metadata.read().await?;
            let page = tx.tags_page(repository.id, after.as_ref().map(Tag::as_str), PAGE).await?.entries;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.tag.clone());
            report.links += page.len() as u64;
            let digests: Vec<_> = page.iter().map(|tag| tag.digest).collect();
            let missing = tx.missing_manifests(repository.id, &digests).await?;
            for tag in page.iter().filter(|tag| missing.contains(&tag.digest)) {
                // On PostgreSQL it may have moved between the two queries.
                if tx.tag(repository.id, &tag.tag).await?.is_some_and(|now| now.digest == tag.digest) {
                    let what =
                        format!("tag {} in {} points to it, but it is not there", tag.tag, repository.name);
                    report.damage(progress, Damage { digest: tag.digest, what });
                }
            }
        }
    }
}

fn read_manifest(stored: StoredManifest) -> (Digest, Result<Manifest, String>) {
    let digest = stored.record.digest;
    let actual = Digest::of(digest.algorithm(), &stored.payload);
    if actual != digest {
        return (digest, Err(format!("its bytes in the index hash to {actual}")));
    }
    let parsed = Manifest::parse(Some(&stored.record.media_type), &stored.payload);
    (digest, parsed.map_err(|error| error.to_string()))
}
