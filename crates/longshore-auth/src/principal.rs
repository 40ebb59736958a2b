//! Who calls.

use std::{fmt, sync::Arc};

use crate::SystemRole;

/// Who calls, once their credentials were found good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Nobody in particular.
    Anonymous,
    /// A person.
    User {
        /// The row in the index.
        id: i64,
        /// The name they log in with.
        name: Arc<str>,
        /// What they are beyond projects.
        system_role: SystemRole,
    },
    /// A program's account.
    Robot {
        /// The row in the index.
        id: i64,
        /// The whole name, with its prefix: `robot$team+ci`.
        name: Arc<str>,
    },
}

/// The kinds of principals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    /// Nobody in particular.
    Anonymous,
    /// A person.
    User,
    /// A program's account.
    Robot,
}

impl PrincipalKind {
    /// `anonymous`, `user` or `robot`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::User => "user",
            Self::Robot => "robot",
        }
    }
}

impl Principal {
    /// Its kind.
    pub const fn kind(&self) -> PrincipalKind {
        match self {
            Self::Anonymous => PrincipalKind::Anonymous,
            Self::User { .. } => PrincipalKind::User,
            Self::Robot { .. } => PrincipalKind::Robot,
        }
    }

    /// The name they log in with; `None` for nobody in particular.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Anonymous => None,
            Self::User { name, .. } | Self::Robot { name, .. } => Some(name),
        }
    }

    /// The same, to be kept.
    pub fn shared_name(&self) -> Option<Arc<str>> {
        match self {
            Self::Anonymous => None,
            Self::User { name, .. } | Self::Robot { name, .. } => Some(Arc::clone(name)),
        }
    }

    /// What they are beyond projects. A robot never is anything there, as in Harbor: it has its grants.
    pub const fn system_role(&self) -> SystemRole {
        match self {
            Self::User { system_role, .. } => *system_role,
            Self::Anonymous | Self::Robot { .. } => SystemRole::None,
        }
    }

    /// Whether they logged in.
    pub const fn is_known(&self) -> bool {
        !matches!(self, Self::Anonymous)
    }
}

impl fmt::Display for Principal {
    /// `user ann`, `robot robot$team+ci` or `anonymous`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind().as_str())?;
        self.name().map_or(Ok(()), |name| write!(f, " {name}"))
    }
}
