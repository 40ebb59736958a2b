//! The `scope` parameters of a request for a token: distribution's "Token Scope Documentation".

use longshore_types::RepositoryName;

use crate::{Action, Scope};

/// Most scopes in one request. A client that mounts from many repositories asks for some dozens.
const SCOPES_MAX: usize = 256;
/// Longest parameters taken together, in bytes.
const BYTES_MAX: usize = 64 * 1024;

/// Why requested scopes are not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopesError {
    /// More than 256 of them.
    #[error("more than {SCOPES_MAX} scopes in one request")]
    TooMany,
    /// Longer than 64 KiB together.
    #[error("the scopes are longer than {BYTES_MAX} bytes")]
    TooLong,
}

impl Scope {
    /// The scopes that `parameters` ask for, each of which may hold several with spaces between them.
    ///
    /// As in distribution's token service, what means nothing here grants nothing and is passed over: other kinds of
    /// resources, unknown actions, names that no repository has. `*` stands for every action. What is asked for twice
    /// is there once, in the order in which it came first.
    ///
    /// # Errors
    /// When there are too many of them.
    pub fn requested<'a>(parameters: impl IntoIterator<Item = &'a str>) -> Result<Vec<Self>, ScopesError> {
        let (mut scopes, mut count, mut bytes) = (Vec::new(), 0_usize, 0_usize);
        for parameter in parameters {
            bytes += parameter.len();
            if bytes > BYTES_MAX {
                return Err(ScopesError::TooLong);
            }
            for text in parameter.split_ascii_whitespace() {
                count += 1;
                if count > SCOPES_MAX {
                    return Err(ScopesError::TooMany);
                }
                if let Some(scope) = parse(text) {
                    add(&mut scopes, scope);
                }
            }
        }
        Ok(scopes)
    }
}

/// `kind(class):name:actions`. The name is all between the first colon and the last, as it may begin with `host:port/`,
/// which then is no name of a repository of ours.
fn parse(text: &str) -> Option<Scope> {
    let (kind, rest) = text.split_once(':')?;
    let (name, actions) = rest.rsplit_once(':')?;
    // A class names a kind of content (`plugin`), which is all the same here.
    let kind = match kind.split_once('(') {
        Some((kind, class)) => class.ends_with(')').then_some(kind)?,
        None => kind,
    };
    match kind {
        "repository" => {
            let repository: RepositoryName = name.parse().ok()?;
            let actions = requested_actions(actions);
            (!actions.is_empty()).then_some(Scope::Repository { repository, actions })
        }
        "registry" => {
            (name == "catalog" && actions.split(',').any(|word| word == "*")).then_some(Scope::Catalog)
        }
        _ => None,
    }
}

/// In the order in which challenges name them, each once.
fn requested_actions(words: &str) -> Vec<Action> {
    let asked = |action: &Action| words.split(',').any(|word| word == "*" || word == action.as_str());
    [Action::Pull, Action::Push, Action::Delete].into_iter().filter(asked).collect()
}

fn add(scopes: &mut Vec<Scope>, scope: Scope) {
    let Scope::Repository { repository, actions } = &scope else {
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
        return;
    };
    // At most 256 of them: a map would not be faster.
    let known = scopes.iter_mut().find_map(|known| match known {
        Scope::Repository { repository: other, actions } if other == repository => Some(actions),
        _ => None,
    });
    match known {
        None => scopes.push(scope),
        Some(known) => {
            let both = |action: &Action| known.contains(action) || actions.contains(action);
            *known = [Action::Pull, Action::Push, Action::Delete].into_iter().filter(both).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(parameters: &[&str], wanted: &[&str]) {
        let scopes = Scope::requested(parameters.iter().copied()).unwrap();
        let texts: Vec<_> = scopes.iter().map(Scope::to_string).collect();
        assert_eq!(texts, wanted, "{parameters:?}");
    }

    #[test]
    fn scopes_are_read() {
        check(&["repository:team/app:pull"], &["repository:team/app:pull"]);
        check(&["repository:team/app:push,pull"], &["repository:team/app:pull,push"]);
        check(&["repository:app:*"], &["repository:app:pull,push,delete"]);
        check(&["repository(plugin):team/app:pull"], &["repository:team/app:pull"]);
        check(&["registry:catalog:*"], &["registry:catalog:*"]);
        let several = ["repository:a/b:pull repository:c/d:pull,push", "registry:catalog:*"];
        check(&several, &["repository:a/b:pull", "repository:c/d:pull,push", "registry:catalog:*"]);
        let twice = ["registry:catalog:*", "repository:a:pull", "registry:catalog:*", "repository:a:delete"];
        check(&twice, &["registry:catalog:*", "repository:a:pull,delete"]);
    }

    #[test]
    fn what_means_nothing_is_passed_over() {
        for nothing in [
            "",
            " ",
            ":",
            "::",
            ":::",
            "repository",
            "repository:app",
            "repository::pull",
            "repository:app:",
            "repository:app:fly",
            "repository:App:pull",
            "repository:../app:pull",
            "repository:host:5000/app:pull",
            "repository(:app:pull",
            "repository(plugin:app:pull",
            "Repository:app:pull",
            "registry:catalog:pull",
            "registry:other:*",
            "helm:app:pull",
            "repository:é:pull",
            "repository:app:PULL",
        ] {
            check(&[nothing], &[]);
        }
        check(&["helm:app:pull repository:app:fly,pull"], &["repository:app:pull"]);
    }

    #[test]
    fn the_number_of_scopes_is_limited() {
        let many = |count: usize| (0..count).map(|i| format!("repository:a{i}:pull ")).collect::<String>();
        assert_eq!(Scope::requested([many(256).as_str()]).unwrap().len(), 256);
        assert_eq!(Scope::requested([many(257).as_str()]), Err(ScopesError::TooMany));
        assert_eq!(Scope::requested(["x "; 257]), Err(ScopesError::TooMany), "also of what means nothing");
        let long = "a".repeat(BYTES_MAX);
        assert_eq!(Scope::requested([long.as_str()]), Ok(vec![]));
        assert_eq!(Scope::requested([long.as_str(), "a"]), Err(ScopesError::TooLong));
    }
}
