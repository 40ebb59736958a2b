//! The catalog: the repositories that somebody may read.

use longshore_auth::{Access, Circumstances, Permission, Target};
use longshore_metadata::{CatalogEntry, MetadataError, Page};
use longshore_types::RepositoryName;

use crate::Accounts;

/// Most rows looked at in one transaction.
const ROWS_MAX: usize = 1000;

impl Accounts {
    /// Repositories with something in them that the principal may read, by name, after `after`.
    ///
    /// They come in the order of their names, so that one walk over the index answers. What lies in a project of which
    /// the principal may know nothing is passed over at once, however much it is.
    pub async fn catalog(
        &self,
        access: &Access,
        after: Option<&str>,
        limit: usize,
        circumstances: &Circumstances,
    ) -> Result<Page<RepositoryName>, MetadataError> {
        let mut found = Vec::new();
        let mut after = after.unwrap_or_default().to_owned();
        if limit == 0 {
            return Ok(Page { entries: found, more: false });
        }
        loop {
            let wanted = (limit - found.len()).saturating_add(1).clamp(50, ROWS_MAX);
            let mut tx = self.inner.metadata.read().await?;
            let rows = tx.catalog_entries(&after, wanted).await?;
            let at_end = rows.len() < wanted;
            let mut skipped = false;
            for row in rows {
                if self.may_read(access, &row, circumstances) {
                    if found.len() == limit {
                        return Ok(Page { entries: found, more: true });
                    }
                    row.name.as_str().clone_into(&mut after);
                    found.push(row.name);
                    continue;
                }
                row.name.as_str().clone_into(&mut after);
                let inside = format!("{}/", row.project);
                let nothing_there = row.name.as_str().starts_with(&inside)
                    && !access.reaches(&row.project)
                    && !tx.holds_public_project(&row.project).await?;
                if nothing_there {
                    // No name has a character behind this one.
                    after = inside + "~";
                    skipped = true;
                    break;
                }
            }
            if at_end && !skipped {
                return Ok(Page { entries: found, more: false });
            }
        }
    }

    fn may_read(&self, access: &Access, row: &CatalogEntry, circumstances: &Circumstances) -> bool {
        let target = Target::repository(&row.project, row.public, &row.name);
        [Permission::REPOSITORY_PULL, Permission::REPOSITORY_LIST]
            .into_iter()
            .any(|permission| self.may(access, &target, permission, circumstances))
    }
}
