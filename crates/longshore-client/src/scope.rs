//! What a token is asked for.

use longshore_types::RepositoryName;

/// Resources and actions, as token services spell them: `repository:team/app:pull,push`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Scopes(Vec<String>);

impl Scopes {
    /// None: a token for who one is.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    pub(crate) fn catalog() -> Self {
        Self(vec!["registry:catalog:*".to_owned()])
    }

    pub(crate) fn pull(repository: &RepositoryName) -> Self {
        Self(vec![format!("repository:{repository}:pull")])
    }

    pub(crate) fn push(repository: &RepositoryName) -> Self {
        Self(vec![format!("repository:{repository}:pull,push")])
    }

    pub(crate) fn delete(repository: &RepositoryName) -> Self {
        Self(vec![format!("repository:{repository}:pull,delete")])
    }

    /// All of both.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Each of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// With what a challenge asks for beside them: registries may want more than the specification says.
    pub(crate) fn with(mut self, challenge: Option<&str>) -> Self {
        for scope in challenge.unwrap_or_default().split(' ').filter(|scope| !scope.is_empty()) {
            if !self.covers(scope) {
                self.0.push(scope.to_owned());
            }
        }
        self
    }

    fn covers(&self, other: &str) -> bool {
        let Some((resource, actions)) = other.rsplit_once(':') else { return false };
        self.0.iter().any(|own| {
            own.rsplit_once(':').is_some_and(|(own_resource, own_actions)| {
                own_resource == resource
                    && actions.split(',').all(|action| own_actions.split(',').any(|own| own == action))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_adds_what_is_missing() {
        let repository: RepositoryName = "team/app".parse().unwrap();
        let scopes =
            |challenge| Scopes::push(&repository).with(challenge).iter().collect::<Vec<_>>().join(" ");
        assert_eq!(scopes(None), "repository:team/app:pull,push");
        assert_eq!(scopes(Some("repository:team/app:pull")), "repository:team/app:pull,push");
        assert_eq!(
            scopes(Some("repository:team/app:delete repository:team/app:push,pull")),
            "repository:team/app:pull,push repository:team/app:delete"
        );
    }
}
