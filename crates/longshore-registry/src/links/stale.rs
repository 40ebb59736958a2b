//! Link files of what the index no longer has: `registry:2` would bring it back.
//!
//! What the index never had stays: what no import could read, and what another registry wrote after the index last
//! agreed with the link files ([`DistributionLayout::mark_known`]). An old link alone proves nothing, because what it
//! leads to may have been unreadable then and restored since: the index must remember what it had.

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
        let foreign_before = report.foreign_count;
        let mut all_known = true;
        // Tags first: one that is left must not point to a manifest that is gone.
        for (tag, knew) in self.stale_tags(layout, repository).await? {
            if knew && self.had_tag(repository, &tag).await? {
                write(layout, name, move |layout, name| layout.remove_tag(name, &tag)).await?;
                report.removed += 1;
            } else {
                all_known &= knew;
                report.left_alone(progress, format!("{name}: tag {tag} is not in the index; left as it is"));
            }
        }
        let revisions = self.stale_revisions(layout, repository).await?;
        let had = self.had_manifests(repository, &revisions).await?;
        for (digest, knew) in revisions {
            if knew && had.contains(&digest) {
                write(layout, name, move |layout, name| layout.remove_revision(name, &digest)).await?;
                report.removed += 1;
            } else {
                all_known &= knew;
                let text = format!("{name}: manifest {digest} is not in the index; left as it is");
                report.left_alone(progress, text);
            }
        }
        // Layers of manifests that were left are left as well, and nobody can tell them apart.
        if report.foreign_count == foreign_before {
            for digest in self.stale_layers(layout, repository).await? {
                write(layout, name, move |layout, name| layout.remove_layer(name, &digest)).await?;
                report.removed += 1;
            }
        }
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
        let known: Vec<Digest> = blocking(move || {
            let layers = layout.layers(&name).entries.into_iter();
            let stale = layers.filter(|digest| !indexed.contains(digest));
            stale.filter(|digest| layout.knew_layer(&name, digest)).collect()
        })
        .await;
        // A blob that a manifest needs is never taken from a repository: the import found its content missing.
        let mut stale = Vec::new();
        for digest in known {
            let mut tx = self.inner.metadata.read().await?;
            if tx.live_manifest_referring_to(repository.id, &digest).await?.is_none() {
                stale.push(digest);
            }
        }
        Ok(stale)
    }

    /// Those of the known revisions that the index provably had: it has their row still, or a tag pointed to them once.
    async fn had_manifests(
        &self,
        repository: &RepositoryRecord,
        revisions: &[(Digest, bool)],
    ) -> Result<HashSet<Digest>, MaintenanceError> {
        let (mut had, mut wanted) = (HashSet::new(), HashSet::new());
        for (digest, _) in revisions.iter().filter(|(_, knew)| *knew) {
            let mut tx = self.inner.metadata.read().await?;
            let has_row = tx.manifest_record(repository.id, digest).await?.is_some();
            let set = if has_row { &mut had } else { &mut wanted };
            set.insert(*digest);
        }
        let mut before = None;
        while !wanted.is_empty() {
            let mut tx = self.inner.metadata.read().await?;
            let events = tx.tag_events(repository.id, None, before, PAGE).await?.entries;
            let Some(last) = events.last() else { break };
            before = Some(last.id);
            let pointed_to = events.iter().flat_map(|event| [event.from, event.to]).flatten();
            had.extend(pointed_to.filter_map(|digest| wanted.take(&digest)));
        }
        Ok(had)
    }

    /// Whether the index ever had the tag: its history says so.
    async fn had_tag(&self, repository: &RepositoryRecord, tag: &Tag) -> Result<bool, MaintenanceError> {
        let mut tx = self.inner.metadata.read().await?;
        Ok(!tx.tag_events(repository.id, Some(tag), None, 1).await?.entries.is_empty())
    }
}
