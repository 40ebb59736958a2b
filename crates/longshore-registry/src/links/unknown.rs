//! Repositories on the volume that the index does not know: another registry made them since the import.

use longshore_storage::{DistributionLayout, Found};
use longshore_types::RepositoryName;

use super::LinksReport;
use crate::{MaintenanceError, Progress, Registry, import::walk, maintenance::blocking};

impl Registry {
    /// Names those that hold anything. Returns whether there was none.
    pub(super) async fn note_unknown_repositories(
        &self,
        layout: &DistributionLayout,
        report: &mut LinksReport,
        progress: &dyn Progress,
    ) -> Result<bool, MaintenanceError> {
        let mut all_known = true;
        let mut found = walk(layout.clone(), None);
        while let Some(found) = found.recv().await {
            // Names that no repository may have will never be in the index.
            let Ok(name) = found else { continue };
            let known = self.inner.metadata.read().await?.repository(&name).await?.is_some();
            if !known && holds_links(layout, &name).await {
                all_known = false;
                let text = format!("{name}: the index has no such repository; left as it is");
                report.left_alone(progress, text);
            }
        }
        Ok(all_known)
    }
}

/// Also links that cannot be read: nobody knows what they are.
async fn holds_links(layout: &DistributionLayout, name: &RepositoryName) -> bool {
    let (layout, name) = (layout.clone(), name.clone());
    blocking(move || {
        fn any<T>(found: Found<T>) -> bool {
            !found.entries.is_empty() || !found.problems.is_empty()
        }
        any(layout.revisions(&name)) || any(layout.layers(&name)) || any(layout.tags(&name))
    })
    .await
}
