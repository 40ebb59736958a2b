//! Roles: named sets of permissions that people and groups have in a project.

mod matrix;

use std::sync::Arc;

use crate::{Permission, PermissionSet};

/// The number of a role. Harbor's clients send and show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoleId(pub i64);

impl RoleId {
    /// From this number on roles are custom ones, kept in the index; below it are those of Harbor.
    pub const CUSTOM_MIN: Self = Self(100);
}

/// A named set of permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its number.
    pub id: RoleId,
    /// Its name, unique among roles.
    pub name: Arc<str>,
    /// What who has it may do, in the project where they have it.
    pub permissions: PermissionSet,
}

/// Harbor's five roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BuiltInRole {
    /// Everything in the project.
    ProjectAdmin,
    /// Push and pull.
    Developer,
    /// Pull, and see the project.
    Guest,
    /// Push, pull, delete, scan; not members, robots or the project's settings.
    Maintainer,
    /// Pull, and little else to see.
    LimitedGuest,
}

impl BuiltInRole {
    /// Every one of them, by number.
    pub const ALL: [Self; 5] =
        [Self::ProjectAdmin, Self::Developer, Self::Guest, Self::Maintainer, Self::LimitedGuest];

    /// Harbor's number for it.
    pub const fn id(self) -> RoleId {
        RoleId(match self {
            Self::ProjectAdmin => 1,
            Self::Developer => 2,
            Self::Guest => 3,
            Self::Maintainer => 4,
            Self::LimitedGuest => 5,
        })
    }

    /// The one of that number.
    pub fn from_id(id: RoleId) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.id() == id)
    }

    /// Harbor's name for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProjectAdmin => "projectAdmin",
            Self::Developer => "developer",
            Self::Guest => "guest",
            Self::Maintainer => "maintainer",
            Self::LimitedGuest => "limitedGuest",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// What it allows: Harbor's matrix, and what Harbor has not. Trust rules are robots' affairs and go with them: who may
    /// change robots may change them. Projects within a project are made by its admins.
    pub const fn permissions(self) -> PermissionSet {
        match self {
            Self::ProjectAdmin => {
                matrix::PROJECT_ADMIN.union(matrix::TRUST_RULES).union(matrix::NESTED_PROJECTS)
            }
            Self::Developer => matrix::DEVELOPER,
            Self::Guest => matrix::GUEST,
            Self::Maintainer => matrix::MAINTAINER,
            Self::LimitedGuest => matrix::LIMITED_GUEST,
        }
    }
}

impl From<BuiltInRole> for Role {
    fn from(role: BuiltInRole) -> Self {
        Self { id: role.id(), name: role.name().into(), permissions: role.permissions() }
    }
}

/// What a user is beyond projects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SystemRole {
    /// Nothing special.
    #[default]
    None,
    /// May look at everything everywhere, the audit record included, and change nothing. Content of private projects
    /// is not theirs to pull.
    Auditor,
    /// May do everything.
    Admin,
}

impl SystemRole {
    /// What it allows, in every project and outside of them.
    pub fn permissions(self) -> PermissionSet {
        match self {
            Self::None => PermissionSet::EMPTY,
            Self::Auditor => Permission::all().filter(|permission| permission.is_reading()).collect(),
            Self::Admin => PermissionSet::ALL,
        }
    }

    /// Whether it allows this.
    pub fn allows(self, permission: Permission) -> bool {
        match self {
            Self::None => false,
            Self::Auditor => permission.is_reading(),
            Self::Admin => true,
        }
    }
}

/// Who may make projects of the top level. From `accounts.project_creation`, Harbor's `project_creation_restriction`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ProjectCreation {
    /// Every user.
    #[default]
    Everyone,
    /// System administrators.
    AdminOnly,
}

/// What everybody may do in a public project, logged in or not.
pub const PUBLIC_PROJECT: PermissionSet = matrix::PUBLIC;

/// What every user may do outside of projects: see to their own account and its access tokens, list the projects they may
/// read, see labels and roles, and make projects where the setting lets them.
pub const fn of_every_user(creation: ProjectCreation) -> PermissionSet {
    match creation {
        ProjectCreation::Everyone => matrix::EVERY_USER.with(Permission::PROJECT_CREATE),
        ProjectCreation::AdminOnly => matrix::EVERY_USER,
    }
}

#[cfg(test)]
mod tests;
