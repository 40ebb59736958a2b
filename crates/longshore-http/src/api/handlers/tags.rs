//! Tags of artifacts, in Harbor's forms; and of repositories, which Harbor lists by artifact only.

use longshore_auth::{Action, Permission};
use longshore_registry::TagOrder;
use longshore_types::Tag;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    artifacts::{RepositoryTagReply, tag_reply},
    content::{call, check_with_tag, reference, repository, sort, window},
    filters::text_filter,
};
use crate::api::{Api, problem::ApiProblem, request::ApiRequest, response::ApiResponse, route::Reply};

/// Keys of `sort`.
pub(crate) const SORTS: &[&str] = &["push_time", "name"];
/// Keys of `q`.
pub(crate) const FILTERS: &[&str] = &["name"];

const ORDERS: [(&str, TagOrder); 2] = [("push_time", TagOrder::Pushed), ("name", TagOrder::Name)];

/// `POST …/tags`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct NewTag {
    name: String,
}

/// Those of the repository, whatever they point to.
pub(crate) async fn of_repository(api: &Api, request: ApiRequest) -> Reply {
    let name = repository(api, &request).await?;
    let reading = call(&request, &[(&name, &[Action::Pull])]);
    let tag = request.query.filters.first().map(text_filter).transpose()?;
    let order = sort(&request, &ORDERS).unwrap_or((TagOrder::Pushed, true));
    let mut found =
        api.registry.browse_repository_tags(&reading, &name, tag, order, window(&request)).await?;
    if !request.access.principal.is_known() {
        found.entries.iter_mut().for_each(|entry| entry.actor = None);
    }
    let tags: Vec<_> = found.entries.into_iter().map(RepositoryTagReply::from).collect();
    Ok(request.page(&tags, found.total))
}

pub(crate) async fn list(api: &Api, request: ApiRequest) -> Reply {
    let (name, reference) = (repository(api, &request).await?, reference(&request)?);
    let reading = call(&request, &[(&name, &[Action::Pull])]);
    let tag = request.query.filters.first().map(text_filter).transpose()?;
    let order = sort(&request, &ORDERS).unwrap_or((TagOrder::Pushed, true));
    let found = api.registry.browse_tags(&reading, &name, &reference, tag, order, window(&request)).await?;
    let tags: Vec<_> =
        found.tags.entries.into_iter().map(|tag| tag_reply(&found.record, found.pulls, tag)).collect();
    Ok(request.page(&tags, found.tags.total))
}

/// A tag that the repository has already is another artifact's, or this one's: 409.
pub(crate) async fn create(api: &Api, mut request: ApiRequest) -> Reply {
    let (name, reference) = (repository(api, &request).await?, reference(&request)?);
    let NewTag { name: tag } = request.json().await?;
    let tag: Tag = tag.parse().map_err(|_| ApiProblem::bad_request(format!("name: {tag:?} is no tag")))?;
    check_with_tag(&request, &name, &tag, Permission::TAG_CREATE)?;
    let tagging = call(&request, &[(&name, &[Action::Push])]);
    api.registry.create_tag(&tagging, &name, &reference, &tag).await?;
    Ok(request.created(tag))
}

pub(crate) async fn delete(api: &Api, request: ApiRequest) -> Reply {
    let (name, reference) = (repository(api, &request).await?, reference(&request)?);
    let text = request.path.text("tag_name")?;
    let tag: Tag = text.parse().map_err(|_| ApiProblem::not_found(format!("tag {text} not found")))?;
    let deleting = call(&request, &[(&name, &[Action::Delete])]);
    api.registry.delete_tag_of(&deleting, &name, &reference, &tag).await?;
    Ok(ApiResponse::done())
}
