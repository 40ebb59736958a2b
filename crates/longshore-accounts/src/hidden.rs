//! What is told of repositories that are not there.
//!
//! Inside of a project that somebody may read there can be another of which they may know nothing: a private one in a
//! public one. Its repositories must look as those do that are not there. A token is good for its bearer to see into, so
//! it cannot allow reading what is hidden and be good for nothing: reading is refused for both. So: on a name that may
//! belong to a project inside of the one that is known, who reads that one only as everybody may (or on a condition, which
//! may say otherwise of the inner one) reads nothing, unless a repository shows there. Whoever has more than that in the
//! outer project has it in those inside of it too, and is told what is not there.

use longshore_auth::{Access, Action, Permission, ProjectView, Reach, Target, reach, reach_of_action};
use longshore_metadata::MetadataError;
use longshore_types::{ProjectName, RepositoryName};

use crate::{Accounts, FoundProject};

/// Where a repository of some name belongs, whether there is one or not.
pub(crate) struct RepositoryPlace {
    /// The innermost project that is there.
    pub(crate) project: Option<FoundProject>,
    /// Whether a repository shows there; looked up only where that matters.
    pub(crate) listed: bool,
}

impl Accounts {
    /// Asks the same whatever is there, so that it takes the same time.
    pub(crate) async fn place_of(
        &self,
        repository: &RepositoryName,
    ) -> Result<RepositoryPlace, MetadataError> {
        let mut tx = self.inner.metadata.read().await?;
        let names: Vec<_> = repository.possible_projects().collect();
        let project = tx.projects_named(&names).await?.into_iter().next().map(FoundProject::from);
        let listed = names.len() == 1 || tx.listed_repository(repository).await?.is_some();
        Ok(RepositoryPlace { project, listed })
    }

    /// Whether a repository of that name shows to those who may read it: it has something in it.
    pub async fn is_listed(&self, repository: &RepositoryName) -> Result<bool, MetadataError> {
        Ok(self.inner.metadata.read().await?.listed_repository(repository).await?.is_some())
    }
}

/// Whether a repository of that name may belong to a project inside of this one that is hidden from somebody.
pub fn may_lie_deeper(repository: &RepositoryName, project: &ProjectName) -> bool {
    repository.possible_projects().next().is_some_and(|deepest| deepest != *project)
}

/// Whether somebody who may do this to repositories of a project is told which are not there: who may do it in all that lies
/// within, not only because the project is public nor on a condition; and who may push, if only at times, since a push begins
/// with what is not there.
pub fn learns_what_is_missing(access: &Access, target: &Target<'_>, permission: Permission) -> bool {
    let project = target.project.map(|project| ProjectView { public: false, ..project });
    reach(access, &Target { project, ..*target }, permission) == Reach::Always
        || reach_of_action(access, target, Action::Push) != Reach::Never
}
