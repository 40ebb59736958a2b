//! Projects as somebody may see them.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use longshore_auth::{BuiltInRole, Grant, GrantScope, Permission, RoleId, Target};
use longshore_metadata::{
    MetadataError, ProjectFilter, ProjectId, ProjectOrder, ProjectRecord, ReadTx, UserId,
};
use longshore_types::ProjectName;

use super::{ALLOWLIST_SETTING, existing};
use crate::{Accounts, Act, ManageError, delegation::has_in_all_projects};

/// A project and what is shown with it.
#[derive(Clone, Debug)]
pub struct ProjectDetails {
    /// Its row.
    pub record: ProjectRecord,
    /// The name of who made it; empty when that is not known any more.
    pub owner_name: String,
    /// Repositories with something in them, of those that the caller may list.
    pub repositories: u64,
    /// Its settings and those that it inherits: the nearest counts.
    pub settings: BTreeMap<String, String>,
    /// From which project each setting comes that is not its own.
    pub inherited: BTreeMap<String, ProjectName>,
    /// Its own list of allowed vulnerabilities, or the nearest one, as JSON.
    pub allowlist: Option<String>,
    /// The roles that count for the caller there, as decisions take them, the most powerful first. None that is limited to
    /// repositories.
    pub roles: Vec<i64>,
}

/// Which projects, and which part of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProjectQuery<'a> {
    /// Which.
    pub filter: ProjectFilter<'a>,
    /// Only those that were made by the user of that name.
    pub owner_name: Option<&'a str>,
    /// In which order.
    pub order: ProjectOrder,
    /// The last first.
    pub descending: bool,
    /// How many of the first are left out.
    pub skip: usize,
    /// At most so many.
    pub limit: usize,
}

impl Accounts {
    /// The projects that the caller may read, part of them, and how many there are.
    pub async fn list_projects(
        &self,
        act: &Act,
        query: &ProjectQuery<'_>,
    ) -> Result<(Vec<ProjectDetails>, u64), ManageError> {
        let mut tx = self.inner.metadata.read().await?;
        let mut query = *query;
        if let Some(name) = query.owner_name {
            let owner = tx.user(name).await?.map(|user| user.id);
            if owner.is_none() || query.filter.owner.is_some_and(|other| Some(other) != owner) {
                return Ok((Vec::new(), 0));
            }
            query.filter.owner = owner;
        }
        let (records, total) = if has_in_all_projects(&act.access, Permission::PROJECT_READ) {
            let ProjectQuery { filter, order, descending, skip, limit, .. } = query;
            let total = tx.projects_count(&filter).await?;
            (tx.projects_page(&filter, order, descending, skip, limit).await?, total)
        } else {
            self.readable_projects(&mut tx, act, &query).await?
        };
        let mut shown = details(&mut tx, act, records).await?;
        drop(tx);
        self.count_listed(act, &mut shown).await?;
        Ok((shown, total))
    }

    /// A project with all that is shown with it.
    pub async fn project_details(&self, act: &Act, id: ProjectId) -> Result<ProjectDetails, ManageError> {
        let mut tx = self.inner.metadata.read().await?;
        let record = existing(&mut tx, id).await?;
        let mut shown = details(&mut tx, act, vec![record]).await?;
        drop(tx);
        self.count_listed(act, &mut shown).await?;
        shown.pop().ok_or_else(|| ManageError::unknown("project", id.number()))
    }

    /// The public projects, and the others that the caller was given something in. The latter are few: they are read as
    /// a whole and put between the rows of the former, of which no more are read than the page needs.
    async fn readable_projects(
        &self,
        tx: &mut ReadTx,
        act: &Act,
        query: &ProjectQuery<'_>,
    ) -> Result<(Vec<ProjectRecord>, u64), ManageError> {
        let mut own = tx.projects_below(&scopes(act)).await?;
        own.retain(|project| {
            let target = Target::project(&project.name, project.public);
            !project.public
                && query.filter.holds(project)
                && self.may(&act.access, &target, Permission::PROJECT_READ, &act.circumstances)
        });
        own.sort_unstable_by(|a, b| compare(query, a, b));
        if query.filter.public == Some(false) {
            let total = own.len() as u64;
            return Ok((own.into_iter().skip(query.skip).take(query.limit).collect(), total));
        }
        let filter = ProjectFilter { public: Some(true), ..query.filter };
        let total = tx.projects_count(&filter).await? + own.len() as u64;
        // Of the rows before the page at most as many are own ones as there are.
        let first = query.skip.saturating_sub(own.len());
        let most = query.limit.saturating_add(2 * own.len());
        let public = tx.projects_page(&filter, query.order, query.descending, first, most).await?;
        Ok((merge(query, first, public, own), total))
    }
}

/// The page of both lists together. Of the public ones the first `first` are missing, and what comes after the page may
/// be.
fn merge(
    query: &ProjectQuery<'_>,
    first: usize,
    public: Vec<ProjectRecord>,
    own: Vec<ProjectRecord>,
) -> Vec<ProjectRecord> {
    // Those that come before the first public one that is here have a place before the page, unless none is missing.
    let before = match public.first() {
        Some(found) if first > 0 => {
            own.iter().take_while(|project| compare(query, project, found) == Ordering::Less).count()
        }
        _ => 0,
    };
    let mut all: Vec<ProjectRecord> = own.into_iter().skip(before).chain(public).collect();
    all.sort_by(|a, b| compare(query, a, b));
    let skip = query.skip.saturating_sub(first + before);
    all.into_iter().skip(skip).take(query.limit).collect()
}

fn compare(query: &ProjectQuery<'_>, a: &ProjectRecord, b: &ProjectRecord) -> Ordering {
    let ordering = match query.order {
        ProjectOrder::Name => a.name.cmp(&b.name),
        ProjectOrder::Id => a.id.cmp(&b.id),
        ProjectOrder::Updated => (a.updated_at, a.id).cmp(&(b.updated_at, b.id)),
    };
    if query.descending { ordering.reverse() } else { ordering }
}

/// The projects in which, or around which, something was given to the caller.
pub(crate) fn scopes(act: &Act) -> Vec<ProjectName> {
    let access = &act.access;
    let named = |grants: &[Grant]| -> BTreeSet<ProjectName> {
        let named = grants.iter().filter_map(|grant| match &grant.scope {
            GrantScope::Project(name) => Some(name.clone()),
            GrantScope::System | GrantScope::AllProjects => None,
        });
        named.collect()
    };
    // Who may read every project but for an access token may read those of the token.
    let without_ceiling = longshore_auth::Access { ceiling: None, ..access.clone() };
    let names = match &access.ceiling {
        Some(ceiling) if has_in_all_projects(&without_ceiling, Permission::PROJECT_READ) => named(ceiling),
        _ => named(&access.grants),
    };
    names.into_iter().collect()
}

/// Adds what is shown with projects.
async fn details(
    tx: &mut ReadTx,
    act: &Act,
    records: Vec<ProjectRecord>,
) -> Result<Vec<ProjectDetails>, MetadataError> {
    let names: Vec<_> = records.iter().map(|record| record.name.clone()).collect();
    let ids: Vec<_> = records.iter().map(|record| record.id).collect();
    let around = tx.projects_around(&names).await?;
    let around_ids: Vec<_> = around.values().map(|record| record.id).collect();
    let settings = tx.metadata_of_projects(&around_ids).await?;
    let repositories = tx.repository_counts(&ids).await?;
    let mut owners: BTreeMap<UserId, String> = BTreeMap::new();
    for owner in records.iter().filter_map(|record| record.owner).collect::<BTreeSet<_>>() {
        let name = tx.user_by_id(owner).await?.map(|user| user.name).unwrap_or_default();
        owners.insert(owner, name);
    }
    let shown = |record: ProjectRecord| {
        let mut details = ProjectDetails {
            owner_name: record.owner.and_then(|id| owners.get(&id).cloned()).unwrap_or_default(),
            repositories: repositories.get(&record.id).copied().unwrap_or_default(),
            settings: BTreeMap::new(),
            inherited: BTreeMap::new(),
            allowlist: None,
            roles: roles_by_power(act.access.roles_in(&record.name)),
            record,
        };
        for name in details.record.name.ancestors() {
            let Some(settings) = around.get(&name).and_then(|around| settings.get(&around.id)) else {
                continue;
            };
            add_settings(&mut details, &name, settings);
        }
        details.allowlist = details.settings.remove(ALLOWLIST_SETTING);
        details.inherited.remove(ALLOWLIST_SETTING);
        details
    };
    Ok(records.into_iter().map(shown).collect())
}

/// Adds the settings of a project further out: those that are not known yet.
fn add_settings(details: &mut ProjectDetails, name: &ProjectName, settings: &BTreeMap<String, String>) {
    for (key, value) in settings {
        if !details.settings.contains_key(key) {
            details.settings.insert(key.clone(), value.clone());
            if *name != details.record.name {
                details.inherited.insert(key.clone(), name.clone());
            }
        }
    }
}

/// The most powerful first.
fn roles_by_power(roles: BTreeSet<RoleId>) -> Vec<i64> {
    let mut roles: Vec<_> = roles.into_iter().map(|role| role.0).collect();
    roles.sort_by_key(|role| std::cmp::Reverse(power(*role)));
    roles
}

/// How much a role permits, in Harbor's order; custom roles come last.
fn power(role: i64) -> usize {
    BuiltInRole::from_id(RoleId(role)).map_or(0, |role| role.permissions().len())
}

#[cfg(test)]
mod tests;
