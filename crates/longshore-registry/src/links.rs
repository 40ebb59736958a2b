//! The way back: writes distribution's link files for everything in the index.

mod stale;
mod unknown;

use longshore_metadata::RepositoryRecord;
use longshore_storage::{DistributionLayout, StoreError};
use longshore_types::{Digest, RepositoryName, Tag};

use crate::{
    MaintenanceError, Progress, Registry,
    maintenance::{LinkedBlobs, PAGE, blocking},
};

/// How many manifests, with their bytes, are fetched at a time.
const MANIFESTS_PAGE: usize = 32;

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinksReport {
    /// Repositories.
    pub repositories: u64,
    /// Manifests: their bytes and revision links.
    pub manifests: u64,
    /// Tags.
    pub tags: u64,
    /// Blob links.
    pub links: u64,
    /// Link files of what the index no longer has: taken away.
    pub removed: u64,
    /// What lies on the volume and was left alone though the index does not have it, in words for a person: the first
    /// [`LinksReport::FOREIGN_MAX`]. All of it went to [`Progress::note`].
    pub foreign: Vec<String>,
    /// How much there was of that.
    pub foreign_count: u64,
}

impl LinksReport {
    /// Most foreign things that a report names.
    pub const FOREIGN_MAX: usize = 1000;

    fn left_alone(&mut self, progress: &dyn Progress, text: String) {
        progress.note(&text);
        self.foreign_count += 1;
        if self.foreign.len() < Self::FOREIGN_MAX {
            self.foreign.push(text);
        }
    }
}

impl Registry {
    /// Writes the link files of everything in the index, and the bytes of manifests as blobs, so that `registry:2`
    /// serves the volume. Takes away the link files of tags, manifests and blobs that the index had once; leaves alone
    /// what it never knew. Durable on return; may be run again at any time, and then writes only what changed.
    ///
    /// No other registry may use the volume meanwhile. Pushes to this one may go on; the next run sees them.
    ///
    /// # Errors
    /// When index or storage fail; to be run again then.
    pub async fn write_links(
        &self,
        layout: &DistributionLayout,
        progress: &dyn Progress,
    ) -> Result<LinksReport, MaintenanceError> {
        let mut report = LinksReport::default();
        progress.phase("writing links", Some(self.repositories_count().await?));
        let (mut after, mut all_known) = (None, true);
        loop {
            let repositories = self.next_repositories(after).await?;
            let Some(last) = repositories.last() else { break };
            after = Some(last.id);
            for repository in &repositories {
                self.write_repository_links(layout, repository, &mut report).await?;
                all_known &= self.remove_stale_links(layout, repository, &mut report, progress).await?;
                report.repositories += 1;
                progress.advance(1);
            }
        }
        progress.phase("looking for other repositories", None);
        all_known &= self.note_unknown_repositories(layout, &mut report, progress).await?;
        progress.phase("waiting for the disk", None);
        let layout = layout.clone();
        blocking(move || {
            layout.sync()?;
            // What another registry wrote must not pass for known in the next run, which would take it away.
            if all_known { layout.mark_known() } else { Ok(()) }
        })
        .await?;
        Ok(report)
    }

    /// Content first, links last: whatever moment a crash takes, no link leads nowhere.
    async fn write_repository_links(
        &self,
        layout: &DistributionLayout,
        repository: &RepositoryRecord,
        report: &mut LinksReport,
    ) -> Result<(), MaintenanceError> {
        let name = &repository.name;
        write(layout, name, |layout, name| layout.write_repository(name)).await?;
        let mut blobs = LinkedBlobs::new(self, repository.id);
        while let Some(page) = blobs.next().await? {
            report.links += page.len() as u64;
            write(layout, name, move |layout, name| {
                page.iter().try_for_each(|digest| layout.write_layer(name, digest).map(drop))
            })
            .await?;
        }
        let mut after: Option<Digest> = None;
        loop {
            let page = self.manifests_page(repository.id, after.as_ref(), MANIFESTS_PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.record.digest);
            report.manifests += page.len() as u64;
            let digests: Vec<_> = page.iter().map(|manifest| manifest.record.digest).collect();
            for manifest in page {
                self.put_if_absent(&manifest.record.digest, manifest.payload).await?;
            }
            write(layout, name, move |layout, name| {
                digests.iter().try_for_each(|digest| layout.write_revision(name, digest).map(drop))
            })
            .await?;
        }
        let mut after: Option<Tag> = None;
        loop {
            let mut tx = self.inner.metadata.read().await?;
            let page = tx.tags_page(repository.id, after.as_ref().map(Tag::as_str), PAGE).await?.entries;
            drop(tx);
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.tag.clone());
            report.tags += page.len() as u64;
            write(layout, name, move |layout, name| {
                page.iter().try_for_each(|tag| layout.write_tag(name, &tag.tag, &tag.digest).map(drop))
            })
            .await?;
        }
    }

    /// [`longshore_storage::BlobStore::put`] leaves content alone too, but only after it has written it elsewhere.
    async fn put_if_absent(&self, digest: &Digest, payload: Vec<u8>) -> Result<(), StoreError> {
        match self.inner.blobs.stat(digest).await {
            Ok(stat) if stat.size_bytes == payload.len() as u64 => Ok(()),
            Ok(_) | Err(StoreError::NotFound | StoreError::Corrupt(_)) => {
                self.inner.blobs.put(digest, payload.into()).await
            }
            Err(error) => Err(error),
        }
    }
}

async fn write(
    layout: &DistributionLayout,
    name: &RepositoryName,
    work: impl FnOnce(&DistributionLayout, &RepositoryName) -> Result<(), StoreError> + Send + 'static,
) -> Result<(), StoreError> {
    let (layout, name) = (layout.clone(), name.clone());
    blocking(move || work(&layout, &name)).await
}
