//! What one principal was given, and where.

use std::{fmt, sync::Arc};

use longshore_types::{ProjectName, RepositoryName};

use crate::{Condition, Permission, PermissionSet, Principal, RepositoryPattern, RoleId};

/// Where a grant holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GrantScope {
    /// Outside of projects.
    System,
    /// In every project.
    AllProjects,
    /// In one project and those inside of it.
    Project(ProjectName),
}

impl GrantScope {
    /// Whether it takes in a project; `None` is what lies outside of projects.
    pub fn covers(&self, project: Option<&ProjectName>) -> bool {
        match (self, project) {
            (Self::System, None) | (Self::AllProjects, Some(_)) => true,
            (Self::Project(own), Some(project)) => own.covers(project),
            (Self::System, Some(_)) | (Self::AllProjects | Self::Project(_), None) => false,
        }
    }

    /// What a repository is called within it, which is what patterns are compared with: the rest after the project's
    /// name, or the whole name where the grant holds in every project.
    pub fn repository_within<'a>(&self, repository: &'a RepositoryName) -> Option<&'a str> {
        match self {
            Self::System => None,
            Self::AllProjects => Some(repository.as_str()),
            Self::Project(own) => own.repository_within(repository),
        }
    }
}

impl fmt::Display for GrantScope {
    /// `the system`, `every project` or `project team/sub`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("the system"),
            Self::AllProjects => f.write_str("every project"),
            Self::Project(name) => write!(f, "project {name}"),
        }
    }
}

/// How a grant counts beside others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GrantKind {
    /// A role in a project. Of these the ones nearest to the project decide, and those further up count no more.
    Role,
    /// Rights to some repositories, which add to whatever else there is.
    Repository,
    /// A robot's permissions, which add to whatever else there is.
    Robot,
}

/// Permissions somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Where it holds.
    pub scope: GrantScope,
    /// The repositories that it is limited to. With a pattern it says nothing of projects, but for its own: that this is there
    /// to be read.
    pub repositories: Option<RepositoryPattern>,
    /// What it allows.
    pub permissions: PermissionSet,
    /// How it counts beside others. A role that is limited to repositories counts as [`GrantKind::Repository`].
    pub kind: GrantKind,
    /// The role that it is, where it is one.
    pub role: Option<RoleId>,
    /// Where it comes from, in words for people: `member of team as developer`.
    pub origin: Arc<str>,
    /// What must hold as well. A grant whose condition does not hold allows nothing.
    pub condition: Option<Arc<dyn Condition>>,
}

impl Grant {
    /// Permissions somewhere, on no condition and not limited to repositories.
    pub fn new(
        scope: GrantScope,
        kind: GrantKind,
        permissions: PermissionSet,
        origin: impl Into<Arc<str>>,
    ) -> Self {
        Self {
            scope,
            repositories: None,
            permissions,
            kind,
            role: None,
            origin: origin.into(),
            condition: None,
        }
    }

    /// The same, known as that role.
    #[must_use]
    pub fn known_as(mut self, role: RoleId) -> Self {
        self.role = Some(role);
        self
    }

    /// The same, limited to repositories.
    #[must_use]
    pub fn limited_to(mut self, repositories: RepositoryPattern) -> Self {
        self.repositories = Some(repositories);
        self
    }

    /// The same, on a condition.
    #[must_use]
    pub fn on_condition(mut self, condition: Arc<dyn Condition>) -> Self {
        self.condition = Some(condition);
        self
    }

    /// Whether it is one of the grants of which the nearest decide.
    pub fn is_role(&self) -> bool {
        self.kind == GrantKind::Role && self.repositories.is_none()
    }
}

/// All that one principal was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Who.
    pub principal: Principal,
    /// What.
    pub grants: Vec<Grant>,
    /// What an access token narrows it to; it never adds. What everybody may do without a login is not narrowed.
    pub ceiling: Option<Vec<Grant>>,
}

impl Access {
    /// What everybody has.
    pub fn anonymous() -> Self {
        Self { principal: Principal::Anonymous, grants: Vec::new(), ceiling: None }
    }

    /// What may make a difference between a project and its repositories: grants of this permission around there that are
    /// limited to repositories, or ask a condition. Without any, what is refused in the project is refused for each of them.
    pub fn limited_within<'a>(
        &'a self,
        project: &'a ProjectName,
        permission: Permission,
    ) -> impl Iterator<Item = &'a Grant> {
        self.grants.iter().chain(self.ceiling.iter().flatten()).filter(move |grant| {
            (grant.repositories.is_some() || grant.condition.is_some())
                && grant.permissions.contains(permission)
                && grant.scope.covers(Some(project))
        })
    }

    /// All of it but what is limited to repositories: what the rest allows in a project holds for the whole of that.
    #[must_use]
    pub fn of_whole_projects(&self) -> Self {
        let whole = |grants: &[Grant]| -> Vec<Grant> {
            grants.iter().filter(|grant| grant.repositories.is_none()).cloned().collect()
        };
        Self {
            principal: self.principal.clone(),
            grants: whole(&self.grants),
            ceiling: self.ceiling.as_deref().map(whole),
        }
    }

    /// Whether some grant, on whatever condition, may reach the project, one inside of it, or a repository there: whether
    /// it makes sense to decide about each of them. `false` means that only what is public can be allowed.
    pub fn reaches(&self, project: &ProjectName) -> bool {
        let may_reach = |grant: &Grant| match &grant.scope {
            GrantScope::System => false,
            GrantScope::AllProjects => true,
            GrantScope::Project(own) => own.covers(project) || project.covers(own),
        };
        let within_ceiling = self.ceiling.as_ref().is_none_or(|ceiling| ceiling.iter().any(may_reach));
        let given =
            self.principal.system_role() != crate::SystemRole::None || self.grants.iter().any(may_reach);
        within_ceiling && given
    }
}
