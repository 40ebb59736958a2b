//! The catalog: the repositories that somebody may read.

use std::collections::BTreeMap;

use longshore_auth::{Access, Circumstances, GrantScope, Permission, SystemRole, Target};
use longshore_metadata::{MetadataError, Page, ProjectId, ProjectRecord, ReadTx};
use longshore_types::{ProjectName, RepositoryName};

use crate::Accounts;

/// Most rows looked at in one transaction.
const ROWS_MAX: usize = 1000;
/// Most repositories looked at for a page, once there is something on it: somebody may have been given only some in a
/// project that has very many.
const LOOKED_AT_MAX: usize = 100_000;
/// Projects looked into at a time.
const PROJECTS: usize = 48;
/// No name has a character behind this one.
const END: &str = "~";

/// A page in the making.
struct Making<'a> {
    access: &'a Access,
    circumstances: &'a Circumstances,
    limit: usize,
    found: Vec<RepositoryName>,
    looked_at: usize,
}

/// Projects that are looked into, and up to where nothing lies in others.
struct Readable {
    projects: BTreeMap<ProjectId, ProjectRecord>,
    end: Option<String>,
}

impl Accounts {
    /// Repositories with something in them that the principal may read, by name, after `after`.
    ///
    /// What lies in projects that they may not read is not looked at, however much it is.
    pub async fn catalog(
        &self,
        access: &Access,
        after: Option<&str>,
        limit: usize,
        circumstances: &Circumstances,
    ) -> Result<Page<RepositoryName>, MetadataError> {
        let mut page = Making { access, circumstances, limit, found: Vec::new(), looked_at: 0 };
        // No name has a NUL, which PostgreSQL would not take.
        let after = after.unwrap_or_default().split('\0').next().unwrap_or_default();
        let more = match limit {
            0 => false,
            _ if may_reach_all(access) => self.walk_over_all(&mut page, after).await?,
            _ => self.walk_over_some(&mut page, after).await?,
        };
        Ok(Page { entries: page.found, more })
    }

    /// For who may read nearly everything: along the names of all. Whether there is more.
    async fn walk_over_all(&self, page: &mut Making<'_>, after: &str) -> Result<bool, MetadataError> {
        let mut after = after.to_owned();
        loop {
            let wanted = page.wanted();
            let rows = self.inner.metadata.read().await?.catalog_entries(&after, wanted).await?;
            let at_end = rows.len() < wanted;
            for row in rows {
                row.name.as_str().clone_into(&mut after);
                if page.take(self, row.name, (&row.project, row.public)) {
                    return Ok(true);
                }
            }
            if at_end || page.is_enough() {
                return Ok(!at_end);
            }
        }
    }

    /// For everybody else: from one project that they may read to the next. A project's repositories have its name before
    /// theirs, so that those of projects which come later by name come later too. Whether there is more.
    async fn walk_over_some(&self, page: &mut Making<'_>, after: &str) -> Result<bool, MetadataError> {
        let own = self.own_projects(page.access).await?;
        // What comes after a name has a character behind it, of which this is the first, or is behind it anyway.
        let mut from = format!("{after}-");
        loop {
            let mut tx = self.inner.metadata.read().await?;
            let Readable { projects, end } = readable(&mut tx, &own, &from).await?;
            let ids: Vec<_> = projects.keys().copied().collect();
            let wanted = page.wanted();
            let bounds = (from.as_str(), end.as_deref().unwrap_or(END));
            let rows = tx.repositories_of_projects(&ids, bounds, wanted).await?;
            drop(tx);
            let last = rows.last().filter(|_| rows.len() == wanted).map(|(name, _)| format!("{name}-"));
            for (name, project) in rows {
                let Some(project) = projects.get(&project) else { continue };
                if page.take(self, name, (&project.name, project.public)) {
                    return Ok(true);
                }
            }
            match last.or(end) {
                Some(_) if page.is_enough() => return Ok(true),
                Some(next) => from = next,
                None => return Ok(false),
            }
        }
    }

    /// The private projects in which something was given to the principal, by name.
    async fn own_projects(&self, access: &Access) -> Result<Vec<ProjectRecord>, MetadataError> {
        let named = access.grants.iter().filter_map(|grant| match &grant.scope {
            GrantScope::Project(name) => Some(name.clone()),
            GrantScope::System | GrantScope::AllProjects => None,
        });
        let named: Vec<ProjectName> = named.collect();
        if named.is_empty() {
            return Ok(Vec::new());
        }
        let mut own = self.inner.metadata.read().await?.projects_below(&named).await?;
        own.retain(|project| !project.public);
        own.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(own)
    }
}

impl Making<'_> {
    fn wanted(&self) -> usize {
        (self.limit - self.found.len()).saturating_add(1).clamp(50, ROWS_MAX)
    }

    /// Takes a repository if it may be read; `true` if the page was full.
    fn take(
        &mut self,
        accounts: &Accounts,
        name: RepositoryName,
        (project, public): (&ProjectName, bool),
    ) -> bool {
        self.looked_at += 1;
        let target = Target::repository(project, public, &name);
        let readable = [Permission::REPOSITORY_PULL, Permission::REPOSITORY_LIST]
            .into_iter()
            .any(|permission| accounts.may(self.access, &target, permission, self.circumstances));
        if !readable {
            return false;
        }
        if self.found.len() == self.limit {
            return true;
        }
        self.found.push(name);
        false
    }

    /// Whether a page that is not full should do. An empty one would have no successor.
    fn is_enough(&self) -> bool {
        self.looked_at >= LOOKED_AT_MAX && !self.found.is_empty()
    }
}

/// Whether something was given to the principal in whatever projects there are.
fn may_reach_all(access: &Access) -> bool {
    access.principal.system_role() != SystemRole::None
        || access.grants.iter().any(|grant| grant.scope == GrantScope::AllProjects)
}

/// The projects that may be read, of which repositories come next from `from` on: those around it by name, and the next.
async fn readable(tx: &mut ReadTx, own: &[ProjectRecord], from: &str) -> Result<Readable, MetadataError> {
    let mut around: Vec<ProjectName> = vec![ProjectName::library()];
    around.extend(names_before(from));
    let mut projects: BTreeMap<ProjectId, ProjectRecord> = BTreeMap::new();
    for project in tx.projects_around(&around).await?.into_values() {
        if project.public || own.iter().any(|own| own.id == project.id) {
            projects.insert(project.id, project);
        }
    }
    let mut next = tx.public_projects_from(from, PROJECTS + 1).await?;
    let later = own.partition_point(|project| project.name.as_str() < from);
    next.extend(own[later..].iter().take(PROJECTS + 1).cloned());
    next.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    let end = next.get(PROJECTS).map(|project| project.name.to_string());
    projects.extend(next.into_iter().take(PROJECTS).map(|project| (project.id, project)));
    Ok(Readable { projects, end })
}

/// The names before `from` whose projects may hold what comes after it: `from` goes on behind them with a character that
/// comes before, or is, the slash.
fn names_before(from: &str) -> impl Iterator<Item = ProjectName> {
    let ends = from.char_indices().filter(|(_, c)| matches!(c, '-' | '.' | '/'));
    ends.filter_map(|(end, _)| from[..end].parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projects_that_reach_over_a_name_are_found() {
        let check = |from: &str, wanted: &[&str]| {
            let found: Vec<_> = names_before(from).map(|name| name.to_string()).collect();
            assert_eq!(found, wanted, "{from}");
        };
        check("-", &[]);
        check("team-", &["team"]);
        check("team/sub-x/app-", &["team", "team/sub", "team/sub-x", "team/sub-x/app"]);
        check("a_b.c--", &["a_b", "a_b.c"]);
        check("Zebra/ü/x", &[]);
    }
}
