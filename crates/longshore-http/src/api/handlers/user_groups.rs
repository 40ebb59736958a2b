//! Groups of users, in Harbor's forms.

use longshore_accounts::{GroupFilter, GroupKind, GroupRecord, NewGroup, TextFilter};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::filters::{limits, text_filter};
use crate::api::{Api, problem::ApiProblem, request::ApiRequest, response::ApiResponse, route::Reply};

/// Keys of `q`.
pub(crate) const FILTERS: &[&str] = &["group_name", "ldap_group_dn"];

/// A group.
#[derive(Serialize, JsonSchema)]
pub(crate) struct UserGroupReply {
    id: i64,
    group_name: String,
    /// 1 of a directory, 2 of a proxy's header, 3 of a provider.
    group_type: i64,
    /// Of a directory's group.
    #[serde(skip_serializing_if = "Option::is_none")]
    ldap_group_dn: Option<String>,
    /// The source in the configuration that it is a group of.
    source: String,
}

/// A group, as others find it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct FoundUserGroup {
    id: i64,
    group_name: String,
    /// 1 of a directory, 2 of a proxy's header, 3 of a provider.
    group_type: i64,
    /// The source in the configuration that it is a group of.
    source: String,
}

/// `POST /usergroups`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct UserGroupCreation {
    #[serde(default)]
    group_name: String,
    /// 1 of a directory, 2 of a proxy's header, 3 of a provider.
    group_type: i64,
    /// Of a directory's group.
    #[serde(default)]
    ldap_group_dn: String,
    /// The source in the configuration that it is a group of; may be left out where only one fits.
    #[serde(default)]
    source: String,
}

/// `PUT /usergroups/{group_id}`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct UserGroupName {
    group_name: String,
}

impl From<GroupRecord> for UserGroupReply {
    fn from(group: GroupRecord) -> Self {
        Self {
            id: group.id.number(),
            group_name: group.name,
            group_type: group.kind as i64,
            ldap_group_dn: (group.kind == GroupKind::Ldap).then_some(group.external_id),
            source: group.source,
        }
    }
}

/// `GET /users/{user_id}/groups`.
pub(crate) async fn of_user(api: &Api, request: ApiRequest) -> Reply {
    let groups = api.accounts.groups_of(request.path.id("user_id")?).await?;
    Ok(ApiResponse::json(&groups.into_iter().map(UserGroupReply::from).collect::<Vec<_>>()))
}

pub(crate) async fn list(api: &Api, request: ApiRequest) -> Reply {
    let contains = |name| request.query.text(name).map(TextFilter::Contains);
    let mut filter = GroupFilter {
        name: contains("group_name"),
        external_id: request.query.text("ldap_group_dn").map(TextFilter::Is),
    };
    for given in &request.query.filters {
        match given.key {
            "group_name" => filter.name = Some(text_filter(given)?),
            _ => filter.external_id = Some(text_filter(given)?),
        }
    }
    let (skip, limit) = limits(&request);
    let (groups, total) = api.accounts.groups(&filter, skip, limit).await?;
    Ok(request.page(&groups.into_iter().map(UserGroupReply::from).collect::<Vec<_>>(), total))
}

/// By a part of the name: whoever adds members needs it.
pub(crate) async fn search(api: &Api, request: ApiRequest) -> Reply {
    let name =
        request.query.text("groupname").ok_or_else(|| ApiProblem::bad_request("groupname is missing"))?;
    let filter = GroupFilter { name: Some(TextFilter::Contains(name)), ..GroupFilter::default() };
    let (skip, limit) = limits(&request);
    let (groups, total) = api.accounts.groups(&filter, skip, limit).await?;
    let found = |group: GroupRecord| FoundUserGroup {
        id: group.id.number(),
        group_name: group.name,
        group_type: group.kind as i64,
        source: group.source,
    };
    Ok(request.page(&groups.into_iter().map(found).collect::<Vec<_>>(), total))
}

pub(crate) async fn create(api: &Api, mut request: ApiRequest) -> Reply {
    let body: UserGroupCreation = request.json().await?;
    let kind = GroupKind::from_code(body.group_type);
    let kind = kind.ok_or_else(|| ApiProblem::bad_request("group_type: 1 (LDAP), 2 (HTTP) or 3 (OIDC)"))?;
    let new = NewGroup { kind, name: body.group_name, ldap_dn: body.ldap_group_dn, source: body.source };
    let id = api.accounts.create_group(&request.act(), &new).await?;
    Ok(request.created(id.number()))
}

pub(crate) async fn show(api: &Api, request: ApiRequest) -> Reply {
    let group = api.accounts.group(request.path.id("group_id")?).await?;
    Ok(ApiResponse::json(&UserGroupReply::from(group)))
}

pub(crate) async fn update(api: &Api, mut request: ApiRequest) -> Reply {
    let id = request.path.id("group_id")?;
    let body: UserGroupName = request.json().await?;
    api.accounts.rename_group(&request.act(), id, &body.group_name).await?;
    Ok(ApiResponse::done())
}

pub(crate) async fn delete(api: &Api, request: ApiRequest) -> Reply {
    api.accounts.delete_group(&request.act(), request.path.id("group_id")?).await?;
    Ok(ApiResponse::done())
}
