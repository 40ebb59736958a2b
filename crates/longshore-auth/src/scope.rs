//! What a request needs, in the words of the token specification.

mod requested;

use std::fmt;

use longshore_types::RepositoryName;

pub use self::requested::ScopesError;
use crate::{Action, Caller};

/// What a request needs; derived from the endpoint, compared with what the caller has, and asked for in a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Rights to a repository.
    Repository {
        /// Which.
        repository: RepositoryName,
        /// All of them are needed, in the order in which a challenge names them.
        actions: Vec<Action>,
    },
    /// To list the repositories.
    Catalog,
}

impl Scope {
    /// Rights to a repository.
    pub fn repository(repository: &RepositoryName, actions: &[Action]) -> Self {
        Self::Repository { repository: repository.clone(), actions: actions.to_vec() }
    }

    /// Whether the caller has all of it.
    pub fn is_granted_to(&self, caller: &Caller) -> bool {
        match self {
            Self::Repository { repository, actions } => {
                actions.iter().all(|&action| caller.may(action, repository))
            }
            Self::Catalog => caller.may_read_catalog(),
        }
    }
}

impl fmt::Display for Scope {
    /// `repository:team/app:pull,push` or `registry:catalog:*`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository { repository, actions } => {
                let actions: Vec<_> = actions.iter().map(|action| action.as_str()).collect();
                write!(f, "repository:{repository}:{}", actions.join(","))
            }
            Self::Catalog => f.write_str("registry:catalog:*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CallerKind, Permissions, RepositoryGrant};

    #[test]
    fn scopes_are_written_and_compared() {
        let app: RepositoryName = "team/app".parse().unwrap();
        let other: RepositoryName = "team/other".parse().unwrap();
        let push = Scope::repository(&app, &[Action::Pull, Action::Push]);
        assert_eq!(push.to_string(), "repository:team/app:pull,push");
        assert_eq!(Scope::Catalog.to_string(), "registry:catalog:*");

        let puller = Caller {
            name: Some("ann".into()),
            kind: CallerKind::Person,
            permissions: Permissions::Granted {
                repositories: [RepositoryGrant::new(app.clone(), vec![Action::Pull])].into(),
                catalog: false,
            },
        };
        assert!(Scope::repository(&app, &[Action::Pull]).is_granted_to(&puller));
        for refused in [
            push.clone(),
            Scope::repository(&app, &[Action::Delete]),
            Scope::repository(&other, &[Action::Pull]),
            Scope::Catalog,
        ] {
            assert!(!refused.is_granted_to(&puller), "{refused}");
            assert!(refused.is_granted_to(&Caller::anonymous()), "{refused}");
        }
    }
}
