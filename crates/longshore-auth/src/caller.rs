//! The caller of a use case and what they may do.

use std::sync::Arc;

use longshore_types::RepositoryName;

use crate::{Principal, PrincipalKind, SystemRole};

/// What someone may do to a repository; the names of the token specification's scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read manifests, blobs, tags and referrers.
    Pull,
    /// Upload blobs, put manifests and tags.
    Push,
    /// Delete tags, manifests and blobs.
    Delete,
}

impl Action {
    /// The word in a token's scope.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Delete => "delete",
        }
    }
}

/// Rights to one repository, from a token's `access` claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryGrant {
    /// The repository.
    pub repository: RepositoryName,
    /// What may be done to it.
    pub actions: Vec<Action>,
    /// Whether conditions say at each request if it may: until they were asked it may not.
    pub on_condition: bool,
}

impl RepositoryGrant {
    /// Rights on no condition.
    pub fn new(repository: RepositoryName, actions: Vec<Action>) -> Self {
        Self { repository, actions, on_condition: false }
    }

    /// Whether it allows that, without a question.
    fn allows(&self, action: Action, repository: &RepositoryName) -> bool {
        !self.on_condition && self.repository == *repository && self.actions.contains(&action)
    }
}

/// What a caller may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permissions {
    /// Everything: an open registry, or one that trusts each of its users.
    All,
    /// What is listed and nothing else.
    Granted {
        /// Rights to repositories.
        repositories: Arc<[RepositoryGrant]>,
        /// Whether the catalog may be read.
        catalog: bool,
    },
}

/// What a caller is whose name is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CallerKind {
    /// Somebody like everybody else.
    #[default]
    Person,
    /// A system administrator.
    Administrator,
    /// A program's account.
    Robot,
}

impl CallerKind {
    /// What a principal is.
    pub fn of(principal: &Principal) -> Self {
        match (principal.kind(), principal.system_role()) {
            (PrincipalKind::Robot, _) => Self::Robot,
            (_, SystemRole::Admin) => Self::Administrator,
            _ => Self::Person,
        }
    }
}

/// Who calls a use case. Cheap to clone: each request of a bearer has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user's name; `None` for an anonymous caller.
    pub name: Option<Arc<str>>,
    /// What they are, if they have a name.
    pub kind: CallerKind,
    /// What they may do.
    pub permissions: Permissions,
}

impl Caller {
    /// Anybody, where the registry is open; also the registry's own background work.
    pub fn anonymous() -> Self {
        Self { name: None, kind: CallerKind::default(), permissions: Permissions::All }
    }

    /// Whether the caller may do `action` to `repository`.
    pub fn may(&self, action: Action, repository: &RepositoryName) -> bool {
        match &self.permissions {
            Permissions::All => true,
            Permissions::Granted { repositories, .. } => {
                repositories.iter().any(|grant| grant.allows(action, repository))
            }
        }
    }

    /// What the caller may do if conditions hold, which somebody has to ask now.
    pub fn rights_on_condition(&self) -> impl Iterator<Item = &RepositoryGrant> {
        let repositories: &[RepositoryGrant] = match &self.permissions {
            Permissions::All => &[],
            Permissions::Granted { repositories, .. } => repositories,
        };
        repositories.iter().filter(|grant| grant.on_condition)
    }

    /// Whether the caller may do anything to `repository`.
    pub fn reaches(&self, repository: &RepositoryName) -> bool {
        match &self.permissions {
            Permissions::All => true,
            Permissions::Granted { repositories, .. } => {
                repositories.iter().any(|grant| grant.repository == *repository)
            }
        }
    }

    /// Whether the caller may list the repositories.
    pub fn may_read_catalog(&self) -> bool {
        match self.permissions {
            Permissions::All => true,
            Permissions::Granted { catalog, .. } => catalog,
        }
    }
}
