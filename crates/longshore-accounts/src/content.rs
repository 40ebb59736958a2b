//! Which of what the registry holds somebody may list, and how much there is.

use longshore_auth::{Permission, Target};
use longshore_metadata::{
    MetadataError, ProjectFilter, ProjectId, ProjectRecord, RepositoryFilter, RepositoryId, RepositoryScope,
};

use crate::{
    Accounts, Act, FoundProject, ManageError, ProjectDetails, delegation::has_in_all_projects,
    projects::scopes,
};

/// Repositories looked at one by one at a time.
const BATCH: usize = 1000;
/// Most repositories that are looked at one by one, for somebody who was given only some in their projects.
const LOOKED_AT_MAX: usize = 100_000;

/// The repositories that somebody may list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListedRepositories {
    /// Every one.
    All,
    /// Those of public projects, and these.
    Some {
        /// Those of these projects.
        projects: Vec<ProjectId>,
        /// These in other projects.
        repositories: Vec<RepositoryId>,
    },
}

impl ListedRepositories {
    /// The same for a listing.
    pub fn scope(&self) -> RepositoryScope<'_> {
        match self {
            Self::All => RepositoryScope::All,
            Self::Some { projects, repositories } => {
                RepositoryScope::Within { public: true, projects, repositories }
            }
        }
    }
}

/// The repositories of one project that somebody may list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListedInProject {
    /// All that are its own.
    All(ProjectId),
    /// These.
    Some(Vec<RepositoryId>),
}

impl ListedInProject {
    /// The same for a listing.
    pub fn scope(&self) -> RepositoryScope<'_> {
        match self {
            Self::All(project) => RepositoryScope::Project(*project),
            Self::Some(repositories) => {
                RepositoryScope::Within { public: false, projects: &[], repositories }
            }
        }
    }
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Public projects, and repositories in them.
    pub public: (u64, u64),
    /// Private projects that the caller may read, and repositories in them.
    pub private: (u64, u64),
    /// All projects and repositories, and the bytes of all blobs; for who may read all of them.
    pub total: Option<(u64, u64, u64)>,
}

impl Accounts {
    /// Which repositories the caller may list.
    pub async fn listed_repositories(&self, act: &Act) -> Result<ListedRepositories, ManageError> {
        if has_in_all_projects(&act.access, Permission::REPOSITORY_LIST) {
            return Ok(ListedRepositories::All);
        }
        let mut tx = self.inner.metadata.read().await?;
        let (mut projects, mut partly) = (Vec::new(), Vec::new());
        for project in tx.projects_below(&scopes(act)).await? {
            if project.public {
                continue;
            } else if self.lists_all_of(act, &project) {
                projects.push(project.id);
            } else {
                partly.push(project);
            }
        }
        drop(tx);
        let repositories = self.listed_one_by_one(act, &partly).await?;
        let repositories = repositories.into_iter().map(|(id, _)| id).collect();
        Ok(ListedRepositories::Some { projects, repositories })
    }

    /// Which repositories of a project the caller may list.
    pub async fn listed_in_project(
        &self,
        act: &Act,
        project: &FoundProject,
    ) -> Result<ListedInProject, ManageError> {
        if self.lists_all_of(act, &project.record) {
            return Ok(ListedInProject::All(project.record.id));
        }
        let listed = self.listed_one_by_one(act, std::slice::from_ref(&project.record)).await?;
        Ok(ListedInProject::Some(listed.into_iter().map(|(id, _)| id).collect()))
    }

    /// Leaves of the numbers of repositories in projects what the caller may list.
    pub(crate) async fn count_listed(
        &self,
        act: &Act,
        shown: &mut [ProjectDetails],
    ) -> Result<(), MetadataError> {
        let mut partly = Vec::new();
        for details in shown.iter_mut().filter(|details| !self.lists_all_of(act, &details.record)) {
            details.repositories = 0;
            partly.push(details.record.clone());
        }
        for (_, project) in self.listed_one_by_one(act, &partly).await? {
            let details = shown.iter_mut().find(|details| details.record.id == project);
            details.into_iter().for_each(|details| details.repositories += 1);
        }
        Ok(())
    }

    fn lists_all_of(&self, act: &Act, project: &ProjectRecord) -> bool {
        let target = Target::project(&project.name, project.public);
        self.may(&act.access, &target, Permission::REPOSITORY_LIST, &act.circumstances)
    }

    /// Of projects in which the caller may not list all repositories those that they may, each with its project.
    async fn listed_one_by_one(
        &self,
        act: &Act,
        partly: &[ProjectRecord],
    ) -> Result<Vec<(RepositoryId, ProjectId)>, MetadataError> {
        let permission = Permission::REPOSITORY_LIST;
        let some =
            |project: &&ProjectRecord| act.access.limited_within(&project.name, permission).next().is_some();
        let ids: Vec<ProjectId> = partly.iter().filter(some).map(|project| project.id).collect();
        let (mut repositories, mut after, mut looked_at) = (Vec::new(), None, 0);
        while !ids.is_empty() && looked_at < LOOKED_AT_MAX {
            let mut tx = self.inner.metadata.read().await?;
            let found = tx.listed_repositories_of(&ids, after, BATCH).await?;
            for (id, project_id, name) in &found {
                let project = partly.iter().find(|partly| partly.id == *project_id);
                let may = project.is_some_and(|project| {
                    let target = Target::repository(&project.name, project.public, name);
                    self.may(&act.access, &target, permission, &act.circumstances)
                });
                if may {
                    repositories.push((*id, *project_id));
                }
            }
            looked_at += found.len();
            after = found.last().map(|(id, ..)| *id);
            if found.len() < BATCH {
                break;
            }
        }
        Ok(repositories)
    }

    /// How much there is that the caller may read.
    pub async fn statistics(&self, act: &Act) -> Result<Statistics, ManageError> {
        let mut tx = self.inner.metadata.read().await?;
        let of = |scope| RepositoryFilter { scope, name: None };
        let public = ProjectFilter { public: Some(true), ..ProjectFilter::default() };
        let everywhere = RepositoryScope::Within { public: true, projects: &[], repositories: &[] };
        let public =
            (tx.projects_count(&public).await?, tx.listed_repositories_count(&of(everywhere)).await?);
        if has_in_all_projects(&act.access, Permission::PROJECT_READ) {
            let projects = tx.projects_count(&ProjectFilter::default()).await?;
            let repositories = tx.listed_repositories_count(&of(RepositoryScope::All)).await?;
            let bytes = tx.blobs_bytes().await?;
            return Ok(Statistics {
                public,
                private: (projects - public.0.min(projects), repositories - public.1.min(repositories)),
                total: Some((projects, repositories, bytes)),
            });
        }
        let mut own = tx.projects_below(&scopes(act)).await?;
        own.retain(|project| {
            let target = Target::project(&project.name, project.public);
            !project.public && self.may(&act.access, &target, Permission::PROJECT_READ, &act.circumstances)
        });
        drop(tx);
        let listed = self.listed_repositories(act).await?;
        let mut tx = self.inner.metadata.read().await?;
        let repositories = match &listed {
            ListedRepositories::All => {
                let all = tx.listed_repositories_count(&of(RepositoryScope::All)).await?;
                all - public.1.min(all)
            }
            ListedRepositories::Some { projects, repositories } => {
                let private = RepositoryScope::Within { public: false, projects, repositories };
                tx.listed_repositories_count(&of(private)).await?
            }
        };
        Ok(Statistics { public, private: (own.len() as u64, repositories), total: None })
    }
}
