//! What handlers about content share: for whom, and which repository is meant.

use http::header;
use longshore_accounts::ManageError;
use longshore_auth::{
    Action, Caller, CallerKind, Circumstances, Permission, Permissions, RepositoryGrant, Target, decide,
};
use longshore_registry::{Call, RequestInfo, Window};
use longshore_types::{ProjectName, Reference, RepositoryName, Tag};

use super::filters::limits;
use crate::api::{Api, problem::ApiProblem, request::ApiRequest};

/// The circumstances of a use case, with exactly those rights that were decided before.
pub(crate) fn call(request: &ApiRequest, rights: &[(&RepositoryName, &[Action])]) -> Call {
    let grant = |(repository, actions): &(&RepositoryName, &[Action])| {
        RepositoryGrant::new((*repository).clone(), actions.to_vec())
    };
    let text = |name| {
        let value = request.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let address = request.circumstances.address;
    Call {
        caller: Caller {
            name: request.access.principal.shared_name(),
            kind: CallerKind::of(&request.access.principal),
            permissions: Permissions::Granted {
                repositories: rights.iter().map(grant).collect(),
                catalog: rights.is_empty(),
            },
        },
        now: request.circumstances.now,
        request: RequestInfo {
            id: request.request_id.clone(),
            addr: address.map(|address| address.to_string()).unwrap_or_default(),
            host: text(header::HOST),
            method: request.route.verb.as_str().to_owned(),
            useragent: text(header::USER_AGENT),
        },
    }
}

/// Refuses who may not do it with this tag, which only the body names.
pub(crate) fn check_with_tag(
    request: &ApiRequest,
    repository: &RepositoryName,
    tag: &Tag,
    permission: Permission,
) -> Result<(), ApiProblem> {
    let project = request.project()?;
    let target = Target::repository(&project.record.name, project.public, repository);
    let circumstances = Circumstances { tag: Some(tag.clone()), ..request.circumstances.clone() };
    match decide(&request.access, &target, permission, &circumstances).allowed {
        true => Ok(()),
        false => Err(ManageError::lacks(permission).into()),
    }
}

/// The repository that the path names. In `library` there are those without a `/` in their name besides: such a one is
/// meant where there is no other.
pub(crate) async fn repository(api: &Api, request: &ApiRequest) -> Result<RepositoryName, ApiProblem> {
    let named = request.repository.as_ref();
    let named = named.ok_or_else(|| ApiProblem::internal("the path names no repository"))?;
    let Some(short) = short_name(named) else { return Ok(named.clone()) };
    let reading = call(request, &[(named, &[Action::Pull]), (&short, &[Action::Pull])]);
    let is_short = !api.registry.has_repository(&reading, named).await?
        && api.registry.has_repository(&reading, &short).await?;
    Ok(if is_short { short } else { named.clone() })
}

/// `alpine` for `library/alpine`.
pub(crate) fn short_name(name: &RepositoryName) -> Option<RepositoryName> {
    let within = ProjectName::library().repository_within(name)?;
    (within != name.as_str() && !within.contains('/')).then(|| within.parse().ok())?
}

/// `{reference}` of the path.
pub(crate) fn reference(request: &ApiRequest) -> Result<Reference, ApiProblem> {
    let text = request.path.text("reference")?;
    // What cannot be one names nothing.
    text.parse().map_err(|_| ApiProblem::not_found(format!("artifact {text} not found")))
}

/// The part of a listing that is asked for.
pub(crate) fn window(request: &ApiRequest) -> Window {
    let (skip, limit) = limits(request);
    Window { skip, limit }
}

/// Whether the first key of `sort` is that one: in which direction; `None` where nothing that is known is asked for.
pub(crate) fn sort<T: Copy>(request: &ApiRequest, known: &[(&str, T)]) -> Option<(T, bool)> {
    let first = request.query.sorts.first()?;
    let (_, order) = known.iter().find(|(key, _)| *key == first.key)?;
    Some((*order, first.descending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_a_project_are_those_of_the_library() {
        let check = |name: &str, short: Option<&str>| {
            let found = short_name(&name.parse().unwrap());
            assert_eq!(found.map(|name| name.to_string()).as_deref(), short, "{name}");
        };
        check("library/alpine", Some("alpine"));
        check("library/a/b", None);
        check("alpine", None);
        check("team/alpine", None);
        check("library/library", Some("library"));
    }
}
