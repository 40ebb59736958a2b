//! Which of the scopes that somebody asks for they have.

use longshore_auth::{
    Access, Action, Circumstances, GrantScope, Permission, Reach, Scope, Target, decide_action,
    reach_of_action,
};
use longshore_metadata::MetadataError;
use longshore_types::RepositoryName;

use crate::{Accounts, learns_what_is_missing, may_lie_deeper};

impl Accounts {
    /// Of these scopes those that the principal has now, each action decided by itself. Everybody has the catalog, which
    /// shows what they may read.
    pub async fn decide_scopes(
        &self,
        access: &Access,
        asked: &[Scope],
        circumstances: &Circumstances,
    ) -> Result<Vec<Scope>, MetadataError> {
        let allowed =
            |target: &Target<'_>, action| decide_action(access, target, action, circumstances).allowed;
        self.scopes_where(access, asked, circumstances, allowed).await
    }

    /// Of these scopes those that the principal has while their grants last: on no condition, or on some.
    pub(super) async fn scopes_within_reach(
        &self,
        access: &Access,
        asked: &[Scope],
        circumstances: &Circumstances,
        wanted: Reach,
    ) -> Result<Vec<Scope>, MetadataError> {
        let within = |target: &Target<'_>, action| reach_of_action(access, target, action) == wanted;
        self.scopes_where(access, asked, circumstances, within).await
    }

    async fn scopes_where(
        &self,
        access: &Access,
        asked: &[Scope],
        circumstances: &Circumstances,
        allowed: impl Fn(&Target<'_>, Action) -> bool,
    ) -> Result<Vec<Scope>, MetadataError> {
        let mut granted = Vec::with_capacity(asked.len());
        for scope in asked {
            match scope {
                Scope::Catalog => granted.push(Scope::Catalog),
                Scope::Repository { repository, actions } => {
                    let actions =
                        self.actions_where(access, repository, actions, circumstances, &allowed).await?;
                    if !actions.is_empty() {
                        granted.push(Scope::Repository { repository: repository.clone(), actions });
                    }
                }
            }
        }
        Ok(granted)
    }

    async fn actions_where(
        &self,
        access: &Access,
        repository: &RepositoryName,
        asked: &[Action],
        circumstances: &Circumstances,
        allowed: impl Fn(&Target<'_>, Action) -> bool,
    ) -> Result<Vec<Action>, MetadataError> {
        let place = self.place_of(repository).await?;
        // Who may make the project by a push is asked as if it were there; for all others there is nothing.
        let new = repository.project();
        let target = match &place.project {
            Some(found) => Target { project: Some(found.view()), repository: Some(repository) },
            None if self.makes_projects_by_push(access, circumstances) => {
                Target::repository(&new, false, repository)
            }
            None => return Ok(Vec::new()),
        };
        let allowed = |action: &Action| allowed(&target, *action);
        let nothing_shows = !place.listed
            && target.project.is_some_and(|project| may_lie_deeper(repository, project.name))
            && !learns_what_is_missing(access, &target, Permission::REPOSITORY_PULL);
        let told = |action: &Action| *action != Action::Pull || !nothing_shows;
        Ok(asked.iter().copied().filter(allowed).filter(told).collect())
    }
}

/// Whether what is narrowed, if anything is, still shows every repository that its user may read.
pub(super) fn lists_all(access: &Access) -> bool {
    let reads_all = |ceiling: &Vec<longshore_auth::Grant>| {
        ceiling.iter().any(|grant| {
            grant.scope == GrantScope::AllProjects
                && grant.repositories.is_none()
                && grant.condition.is_none()
                && grant.permissions.contains(Permission::REPOSITORY_PULL)
                && grant.permissions.contains(Permission::REPOSITORY_LIST)
        })
    };
    access.ceiling.as_ref().is_none_or(reads_all)
}
