//! The record of what was done, as far as somebody may read it.

use std::collections::BTreeSet;

use longshore_auth::{Grant, GrantScope, Permission, Target};
use longshore_metadata::{
    AuditEvent, AuditFilter, AuditOrder, MetadataError, ProjectFilter, ProjectId, ProjectOrder, ReadTx,
};
use longshore_types::{ProjectName, Timestamp};

use crate::{Accounts, Act, ManageError, delegation::has_in_all_projects};

/// Rows that a page by number may skip, and as far as rows are counted: whoever wants more says from when to when.
const ROWS_MAX: usize = 100_000;
/// Projects whose rows are put together for one page.
const PROJECTS_MAX: usize = 500;

impl Accounts {
    /// The rows that the caller may read, in one project or all, and how many there are, as far as they are counted.
    pub async fn list_audit(
        &self,
        act: &Act,
        project: Option<ProjectId>,
        filter: &AuditFilter<'_>,
        order: AuditOrder,
        (skip, limit): (usize, usize),
    ) -> Result<(Vec<AuditEvent>, u64), ManageError> {
        let mut tx = self.inner.metadata.read().await?;
        let everything =
            self.may(&act.access, &Target::SYSTEM, Permission::AUDIT_LOG_LIST, &act.circumstances);
        let projects = match project {
            Some(project) => vec![(project, self.told_since(&mut tx, project, everything).await?)],
            None if everything => Vec::new(),
            None => self.projects_with_readable_logs(&mut tx, act).await?,
        };
        // No project in a filter would mean all.
        if projects.is_empty() && !(everything && project.is_none()) {
            return Ok((Vec::new(), 0));
        }
        let filter = AuditFilter { projects: &projects, ..*filter };
        let total = tx.audit_count(&filter, ROWS_MAX).await?;
        if skip >= ROWS_MAX {
            return Ok((Vec::new(), total));
        }
        let page = tx.audit_page(&filter, order, None, skip, limit).await?;
        Ok((page.entries, total))
    }

    /// From when on a project's rows are shown. Another project of the same name may have been there before, whose record is
    /// for those alone who read everything.
    async fn told_since(
        &self,
        tx: &mut ReadTx,
        project: ProjectId,
        everything: bool,
    ) -> Result<Timestamp, ManageError> {
        if everything {
            return Ok(Timestamp::from_unix_millis(i64::MIN));
        }
        let unknown = || ManageError::unknown("project", project.number());
        Ok(tx.project_by_id(project).await?.ok_or_else(unknown)?.created_at)
    }

    /// The projects whose record the caller may read, and when each was made.
    async fn projects_with_readable_logs(
        &self,
        tx: &mut ReadTx,
        act: &Act,
    ) -> Result<Vec<(ProjectId, Timestamp)>, MetadataError> {
        let mut found = if has_in_all_projects(&act.access, Permission::LOG_LIST) {
            tx.projects_page(&ProjectFilter::default(), ProjectOrder::Id, false, 0, PROJECTS_MAX).await?
        } else {
            tx.projects_below(&named(act)).await?
        };
        found.retain(|project| {
            let target = Target::project(&project.name, project.public);
            self.may(&act.access, &target, Permission::LOG_LIST, &act.circumstances)
        });
        found.truncate(PROJECTS_MAX);
        Ok(found.into_iter().map(|project| (project.id, project.created_at)).collect())
    }
}

/// The projects that the caller was given something in.
fn named(act: &Act) -> Vec<ProjectName> {
    let grants: &[&[Grant]] = &[&act.access.grants, act.access.ceiling.as_deref().unwrap_or_default()];
    let name = |grant: &Grant| match &grant.scope {
        GrantScope::Project(name) => Some(name.clone()),
        GrantScope::System | GrantScope::AllProjects => None,
    };
    grants
        .iter()
        .flat_map(|grants| grants.iter())
        .filter_map(name)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}
