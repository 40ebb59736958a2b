//! Link files of what the index no longer has: `registry:2` would bring it back.
//!
//! What the index never had stays: manifests that no import could read, and what another registry wrote after the
//! index last agreed with the link files ([`DistributionLayout::mark_known`]).

use std::collections::HashSet;

use longshore_metadata::RepositoryRecord;
use longshore_storage::DistributionLayout;
use longshore_types::{Digest, Tag};

use super::{LinksReport, write};
use crate::{
    MaintenanceError, Progress, Registry,
    maintenance::{LinkedBlobs, PAGE, blocking},
};

impl Registry {
    /// Returns whether everything that is left was there when the index last agreed with the link files.
    pub(super) async fn remove_stale_links(
        &self,
        layout: &DistributionLayout,
        repository: &RepositoryRecord,
        report: &mut LinksReport,
        progress: &dyn Progress,
    ) -> Result<bool, MaintenanceError> {
        let name = &repository.name;
        let (mut foreign, mut all_known) = (Vec::new(), true);
        // Tags first: one that is left must not point to a manifest that is gone.
        for (tag, knew) in self.stale_tags(layout, repository).await? {
            if knew && self.had_tag(repository, &tag).await? {
                write(layout, name, move |layout, name| layout.remove_tag(name, &tag)).await?;
                report.removed += 1;
            } else {
                all_known &= knew;
                foreign.push(format!("{name}: tag {tag} is not in the index; left as it is"));
            }
        }
        for (digest, knew) in self.stale_revisions(layout, repository).await? {
            // If the index knew its link it had the manifest, unless that could not be read.
            if knew && self.is_manifest(&digest).await? {
                write(layout, name, move |layout, name| layout.remove_revision(name, &digest)).await?;
                report.removed += 1;
            } else {
                all_known &= knew;
                foreign.push(format!("{name}: manifest {digest} is not in the index; left as it is"));
            }
        }
        // Layers of manifests that were left are left as well, and nobody can tell them apart.
        if foreign.is_empty() {
            for digest in self.stale_layers(layout, repository).await? {
                write(layout, name, move |layout, name| layout.remove_layer(name, &digest)).await?;
                report.removed += 1;
            }
        }
        foreign.iter().for_each(|text| progress.note(text));
        report.foreign.extend(foreign);
        Ok(all_known)
    }

    async fn stale_tags(
        &self,
        layout: &DistributionLayout,
        repository: &RepositoryRecord,
    ) -> Result<Vec<(Tag, bool)>, MaintenanceError> {
        let mut indexed = HashSet::new();
        let mut after: Option<Tag> = None;
        loop {
            let mut tx = self.inner.metadata.read().await?;
            let page = tx.tags_page(repository.id, after.as_ref().map(Tag::as_str), PAGE).await?;
            let Some(last) = page.entries.last() else { break };
            after = Some(last.tag.clone());
            indexed.extend(page.entries.into_iter().map(|tag| tag.tag));
        }
        let (layout, name) = (layout.clone(), repository.name.clone());
        Ok(blocking(move || {
            let tags = layout.tags(&name).entries.into_iter().map(|(tag, _)| tag);
            let stale = tags.filter(|tag| !indexed.contains(tag));
            stale.map(|tag| (tag.clone(), layout.knew_tag(&name, &tag))).collect()
        })
        .await)
    }

    async fn stale_revisions(
        &self,
        layout: &DistributionLayout,
        repository: &RepositoryRecord,
    ) -> Result<Vec<(Digest, bool)>, MaintenanceError> {
        let (on_disk, name) = (layout.clone(), repository.name.clone());
        let revisions = blocking(move || on_disk.revisions(&name).entries).await;
        let mut stale = Vec::new();
        for batch in revisions.chunks(PAGE) {
            let mut tx = self.inner.metadata.read().await?;
            stale.extend(tx.missing_manifests(repository.id, batch).await?);
        }
        let (layout, name) = (layout.clone(), repository.name.clone());
        let knew = move |digest| (digest, layout.knew_revision(&name, &digest));
        Ok(blocking(move || stale.into_iter().map(knew).collect()).await)
    }

    async fn stale_layers(
        &self,
        layout: &DistributionLayout,
        repository: &RepositoryRecord,
    ) -> Result<Vec<Digest>, MaintenanceError> {
        let mut indexed = HashSet::new();
        let mut blobs = LinkedBlobs::new(self, repository.id);
        while let Some(page) = blobs.next().await? {
            indexed.extend(page);
        }
        let (layout, name) = (layout.clone(), repository.name.clone());
        Ok(blocking(move || {
            let layers = layout.layers(&name).entries.into_iter();
            let stale = layers.filter(|digest| !indexed.contains(digest));
            stale.filter(|digest| layout.knew_layer(&name, digest)).collect()
        })
        .await)
    }

    /// Whether the index ever had the tag: its history says so.
    async fn had_tag(&self, repository: &RepositoryRecord, tag: &Tag) -> Result<bool, MaintenanceError> {
        let mut tx = self.inner.metadata.read().await?;
        Ok(!tx.tag_events(repository.id, Some(tag), None, 1).await?.entries.is_empty())
    }
}
