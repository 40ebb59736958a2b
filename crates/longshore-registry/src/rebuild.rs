//! A lost index made anew from link files and blobs.

use futures_util::StreamExt;
use longshore_storage::DistributionLayout;
use longshore_types::{Digest, Timestamp};

use crate::{ImportReport, MaintenanceError, Progress, Registry};

/// Manifests are looked for among blobs up to this size.
const MANIFEST_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// How many lost manifests are named.
const NAMED_MAX: usize = 100;

/// What a rebuild found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RebuildReport {
    /// What came back from link files.
    pub imported: ImportReport,
    /// What could not be recovered, in words for a person.
    pub lost: Vec<String>,
}

/// Blobs that no link names.
#[derive(Default)]
struct Unlinked {
    count: u64,
    bytes: u64,
    manifests_count: u64,
    manifests: Vec<Digest>,
}

impl Registry {
    /// Makes a lost index anew: imports the link files, which are as old as the last run of
    /// [`Registry::write_links`], then looks for blobs that no link names. Changes no blob and no link file. One that
    /// was interrupted goes on.
    ///
    /// # Errors
    /// [`MaintenanceError::IndexNotEmpty`], or when index or storage fail.
    pub async fn rebuild(
        &self,
        layout: &DistributionLayout,
        now: Timestamp,
        progress: &dyn Progress,
    ) -> Result<RebuildReport, MaintenanceError> {
        if !self.import_is_under_way().await? && !self.next_repositories(None).await?.is_empty() {
            return Err(MaintenanceError::IndexNotEmpty);
        }
        let imported = self.import(layout, now, progress).await?;
        let unlinked = self.unlinked(progress).await?;
        let mut lost = vec![
            "history: when and by whom tags were pushed, moved and deleted before now".to_owned(),
            "undelete: what was deleted cannot be restored".to_owned(),
            "pushes and deletions after link files were last written: tags are as they were then".to_owned(),
        ];
        lost.extend(unlinked.describe());
        let uploads = self.inner.uploads.list().count().await;
        if uploads > 0 {
            lost.push(format!("{uploads} unfinished uploads: their clients have to begin again"));
        }
        Ok(RebuildReport { imported, lost })
    }

    async fn unlinked(&self, progress: &dyn Progress) -> Result<Unlinked, MaintenanceError> {
        progress.phase("looking for blobs that no link names", None);
        let mut unlinked = Unlinked::default();
        let mut blobs = self.inner.blobs.list();
        while let Some(blob) = blobs.next().await {
            let blob = blob?;
            progress.advance(1);
            if self.is_known(&blob.digest).await? {
                continue;
            }
            unlinked.count += 1;
            unlinked.bytes += blob.size_bytes;
            if blob.size_bytes <= MANIFEST_BYTES_MAX && self.is_manifest(&blob.digest).await? {
                unlinked.manifests_count += 1;
                if unlinked.manifests.len() < NAMED_MAX {
                    unlinked.manifests.push(blob.digest);
                }
            }
        }
        Ok(unlinked)
    }
}

impl Unlinked {
    fn describe(&self) -> Vec<String> {
        if self.count == 0 {
            return Vec::new();
        }
        let Self { count, bytes, manifests_count, .. } = self;
        let mut lines = vec![format!(
            "{count} blobs ({bytes} bytes) that no repository links, {manifests_count} of them manifests: \
             their bytes are there, but nothing says where they belong"
        )];
        lines.extend(self.manifests.iter().map(|digest| format!("manifest {digest}: in no repository")));
        lines
    }
}
