//! Conditions in the distribution API. What a token says that its bearer has on a condition is decided here, at each request.
//! And a request may name several tags: conditions must hold for each of them.

use longshore_accounts::TokenService;
use longshore_auth::{Access, Caller, Circumstances, Scope};
use longshore_types::{Reference, Tag};

use crate::{endpoint::Endpoint, error::ApiError};

/// The bearer of a token, with what conditions allow for this request.
pub(crate) async fn ask(
    tokens: &TokenService,
    bearer: &Caller,
    endpoint: &Endpoint,
    circumstances: &Circumstances,
) -> Result<Caller, ApiError> {
    let needed = endpoint.scopes();
    let mut caller = tokens.ask_conditions(bearer, &needed, circumstances).await?;
    for circumstances in further_tags(endpoint, circumstances) {
        if !is_granted(&needed, &caller) {
            break;
        }
        caller = tokens.ask_conditions(bearer, &needed, &circumstances).await?;
    }
    Ok(caller)
}

/// Who logged in with this request, with exactly those rights that it needs and that they have.
pub(crate) async fn caller(
    tokens: &TokenService,
    access: &Access,
    endpoint: &Endpoint,
    circumstances: &Circumstances,
) -> Result<Caller, ApiError> {
    let needed = endpoint.scopes();
    let mut caller = tokens.caller(access, &needed, circumstances).await?;
    if access.grants.iter().all(|grant| grant.condition.is_none()) {
        return Ok(caller);
    }
    for circumstances in further_tags(endpoint, circumstances) {
        if !is_granted(&needed, &caller) {
            break;
        }
        caller = tokens.caller(access, &needed, &circumstances).await?;
    }
    Ok(caller)
}

fn is_granted(needed: &[Scope], caller: &Caller) -> bool {
    needed.iter().all(|scope| scope.is_granted_to(caller))
}

/// The tag that a request is about first of all.
pub(crate) fn first_tag(endpoint: &Endpoint) -> Option<&Tag> {
    all_tags(endpoint).next()
}

fn further_tags<'a>(
    endpoint: &'a Endpoint,
    circumstances: &'a Circumstances,
) -> impl Iterator<Item = Circumstances> + 'a {
    all_tags(endpoint).skip(1).map(|tag| Circumstances { tag: Some(tag.clone()), ..circumstances.clone() })
}

/// Every tag that is pulled, pushed, moved or deleted. A manifest that is pushed by its digest may get several.
fn all_tags(endpoint: &Endpoint) -> impl Iterator<Item = &Tag> {
    let (reference, more): (_, &[Tag]) = match endpoint {
        Endpoint::PullManifest { reference, .. } | Endpoint::DeleteManifest { reference, .. } => {
            (Some(reference), &[])
        }
        Endpoint::PushManifest { reference, tags, .. } => (Some(reference), tags),
        _ => (None, &[]),
    };
    let first = reference.and_then(|reference| match reference {
        Reference::Tag(tag) => Some(tag),
        Reference::Digest(_) => None,
    });
    first.into_iter().chain(more)
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    #[test]
    fn all_tags_of_a_request_are_found() {
        let check = |method: Method, target: &str, wanted: &[&str]| {
            let (path, query) =
                target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
            let endpoint = Endpoint::parse(&method, path, query).unwrap();
            let found: Vec<_> = all_tags(&endpoint).map(Tag::as_str).collect();
            assert_eq!(found, wanted, "{method} {target}");
        };
        let digest = longshore_types::Digest::sha256(b"{}");
        check(Method::GET, "/v2/team/app/manifests/v1", &["v1"]);
        check(Method::HEAD, "/v2/team/app/manifests/v1", &["v1"]);
        check(Method::PUT, "/v2/team/app/manifests/v1", &["v1"]);
        check(Method::DELETE, "/v2/team/app/manifests/v1", &["v1"]);
        check(Method::PUT, &format!("/v2/team/app/manifests/{digest}?tag=v1&tag=v2"), &["v1", "v2"]);
        check(Method::GET, &format!("/v2/team/app/manifests/{digest}"), &[]);
        check(Method::GET, &format!("/v2/team/app/blobs/{digest}"), &[]);
        check(Method::POST, "/v2/team/app/blobs/uploads/", &[]);
    }
}
