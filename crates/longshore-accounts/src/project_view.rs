//! A project as decisions see it, and which project a repository belongs to.

use longshore_auth::{Access, Action, Circumstances, Permission, ProjectView, Target};
use longshore_metadata::{MetadataError, ProjectId, ProjectRecord};
use longshore_types::{ProjectName, RepositoryName};

use crate::Accounts;

/// How somebody names a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProjectKey {
    /// By its number.
    Id(i64),
    /// By its name.
    Name(ProjectName),
}

/// A project that is there.
#[derive(Clone, Debug)]
pub struct FoundProject {
    /// Its row.
    pub record: ProjectRecord,
    /// Whether everybody may read it: the nearest setting on the way from it to the top level.
    pub public: bool,
}

impl From<ProjectRecord> for FoundProject {
    fn from(record: ProjectRecord) -> Self {
        Self { public: record.public, record }
    }
}

impl FoundProject {
    /// What decisions need of it.
    pub fn view(&self) -> ProjectView<'_> {
        ProjectView { name: &self.record.name, public: self.public }
    }

    /// The project itself as what is decided about.
    pub fn target(&self) -> Target<'_> {
        Target { project: Some(self.view()), repository: None }
    }
}

impl Accounts {
    /// The project of that name or number, whoever asks.
    pub async fn find_project(&self, key: &ProjectKey) -> Result<Option<FoundProject>, MetadataError> {
        let mut tx = self.inner.metadata.read().await?;
        let record = match key {
            ProjectKey::Id(id) => tx.project_by_id(ProjectId::of_number(*id)).await?,
            ProjectKey::Name(name) => tx.project(name).await?,
        };
        Ok(record.map(FoundProject::from))
    }

    /// The project that a repository of that name belongs to: the one with the longest name that is there.
    pub async fn project_of(
        &self,
        repository: &RepositoryName,
    ) -> Result<Option<FoundProject>, MetadataError> {
        let mut tx = self.inner.metadata.read().await?;
        let names: Vec<_> = repository.possible_projects().collect();
        Ok(tx.projects_named(&names).await?.into_iter().next().map(FoundProject::from))
    }

    /// Whether the principal may do this in the project, or, without one, in the system.
    pub fn may(
        &self,
        access: &Access,
        target: &Target<'_>,
        permission: Permission,
        circumstances: &Circumstances,
    ) -> bool {
        longshore_auth::decide(access, target, permission, circumstances).allowed
    }

    /// Whether the principal may do this to a repository, whether that exists or not.
    pub async fn may_act(
        &self,
        access: &Access,
        repository: &RepositoryName,
        action: Action,
        circumstances: &Circumstances,
    ) -> Result<bool, MetadataError> {
        let Some(project) = self.project_of(repository).await? else { return Ok(false) };
        let target = Target { project: Some(project.view()), repository: Some(repository) };
        Ok(longshore_auth::decide_action(access, &target, action, circumstances).allowed)
    }
}

/// The key of a project's settings that says whether everybody may read it.
pub(crate) use longshore_metadata::PUBLIC_SETTING as PUBLIC;
