//! Members of projects, in Harbor's forms. Beside Harbor's roles stand `repositories` and `condition`.

use longshore_accounts::{GroupKind, Holder, MemberDetails, MemberGrant, MemberId, NewHolder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::filters::limits;
use crate::api::{Api, problem::ApiProblem, request::ApiRequest, response::ApiResponse, route::Reply};

/// A member.
#[derive(Serialize, JsonSchema)]
pub(crate) struct MemberReply {
    id: i64,
    project_id: i64,
    /// The user's or the group's name.
    entity_name: String,
    role_name: String,
    role_id: i64,
    entity_id: i64,
    /// `u` for a user, `g` for a group.
    entity_type: &'static str,
    /// A pattern of repositories within the project, if it is not all of them.
    #[serde(skip_serializing_if = "String::is_empty")]
    repositories: String,
    /// The name of the policy that must also allow it.
    #[serde(skip_serializing_if = "String::is_empty")]
    condition: String,
}

/// `POST /projects/{}/members`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberCreation {
    role_id: i64,
    member_user: Option<MemberUser>,
    member_group: Option<MemberGroup>,
    /// A pattern of repositories within the project; all of them if left out.
    #[serde(default)]
    repositories: String,
    /// The name of the policy that must also allow it.
    #[serde(default)]
    condition: String,
}

/// A user, by number or name.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberUser {
    #[serde(default)]
    user_id: i64,
    #[serde(default)]
    username: String,
}

/// A group, by number, by DN, or by name and type. One that is not known yet is made.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberGroup {
    #[serde(default)]
    id: i64,
    #[serde(default)]
    group_name: String,
    /// 1 LDAP, 2 HTTP, 3 OIDC.
    #[serde(default)]
    group_type: i64,
    #[serde(default)]
    ldap_group_dn: String,
    /// The source in the configuration that it is a group of; may be left out where only one fits.
    #[serde(default)]
    source: String,
}

/// `PUT /projects/{}/members/{mid}`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberUpdate {
    role_id: i64,
    /// Stays as it is if left out.
    repositories: Option<String>,
    /// Stays as it is if left out.
    condition: Option<String>,
}

impl MemberCreation {
    fn holder(&self) -> Result<NewHolder, ApiProblem> {
        let user = self.member_user.as_ref().and_then(MemberUser::holder);
        if let Some(user) = user {
            return Ok(user);
        }
        match &self.member_group {
            Some(group) => group.holder(),
            None => Err(ApiProblem::bad_request("member_user or member_group must say who")),
        }
    }
}

impl MemberUser {
    fn holder(&self) -> Option<NewHolder> {
        match self {
            Self { user_id, .. } if *user_id > 0 => Some(NewHolder::UserId(*user_id)),
            Self { username, .. } if !username.is_empty() => Some(NewHolder::User(username.clone())),
            _ => None,
        }
    }
}

impl MemberGroup {
    fn holder(&self) -> Result<NewHolder, ApiProblem> {
        if self.id > 0 {
            return Ok(NewHolder::GroupId(self.id));
        }
        if !self.ldap_group_dn.is_empty() {
            let (name, source) = (self.ldap_group_dn.clone(), self.source.clone());
            return Ok(NewHolder::Group { kind: GroupKind::Ldap, name, source });
        }
        let kind = GroupKind::from_code(self.group_type)
            .ok_or_else(|| ApiProblem::bad_request("member_group.group_type must be 1, 2 or 3"))?;
        if kind == GroupKind::Ldap {
            return Err(ApiProblem::bad_request(
                "member_group.ldap_group_dn must name a group of a directory",
            ));
        }
        if self.group_name.is_empty() {
            return Err(ApiProblem::bad_request("member_group must have an id or a group_name"));
        }
        Ok(NewHolder::Group { kind, name: self.group_name.clone(), source: self.source.clone() })
    }
}

impl From<MemberDetails> for MemberReply {
    fn from(details: MemberDetails) -> Self {
        let MemberDetails { record, role_name, condition } = details;
        let (entity_type, entity_id) = match record.holder {
            Holder::User(id) => ("u", id.number()),
            Holder::Group(id) => ("g", id.number()),
        };
        Self {
            id: record.id.number(),
            project_id: record.project.number(),
            entity_name: record.name,
            role_name,
            role_id: record.role,
            entity_id,
            entity_type,
            repositories: record.repositories,
            condition,
        }
    }
}

/// `POST /projects/{project_name_or_id}/members`.
pub(crate) async fn create(api: &Api, mut request: ApiRequest) -> Reply {
    let body: MemberCreation = request.json_but(&["id"]).await?;
    let holder = body.holder()?;
    let grant =
        MemberGrant { role: body.role_id, repositories: body.repositories, condition: body.condition };
    let project = request.project()?.record.id;
    let id = api.accounts.add_member(&request.act(), project, &holder, &grant).await?;
    Ok(request.created(id.number()))
}

/// `GET /projects/{project_name_or_id}/members`.
pub(crate) async fn list(api: &Api, request: ApiRequest) -> Reply {
    let (skip, limit) = limits(&request);
    let name = request.query.text("entityname");
    let project = request.project()?.record.id;
    let (members, total) = api.accounts.list_members(project, name, skip, limit).await?;
    let members: Vec<_> = members.into_iter().map(MemberReply::from).collect();
    Ok(request.page(&members, total))
}

/// `GET /projects/{project_name_or_id}/members/{mid}`.
pub(crate) async fn show(api: &Api, request: ApiRequest) -> Reply {
    let member = api.accounts.member(request.project()?.record.id, mid(&request)?).await?;
    Ok(ApiResponse::json(&MemberReply::from(member)))
}

/// `PUT /projects/{project_name_or_id}/members/{mid}`.
pub(crate) async fn update(api: &Api, mut request: ApiRequest) -> Reply {
    // Terraform sends all that it has; who is meant stays.
    let body: MemberUpdate = request.json_but(&["id", "member_user", "member_group"]).await?;
    let (project, id) = (request.project()?.record.id, mid(&request)?);
    let before = api.accounts.member(project, id).await?;
    let grant = MemberGrant {
        role: body.role_id,
        repositories: body.repositories.unwrap_or(before.record.repositories),
        condition: body.condition.unwrap_or(before.condition),
    };
    api.accounts.update_member(&request.act(), project, id, &grant).await?;
    Ok(ApiResponse::done())
}

/// `DELETE /projects/{project_name_or_id}/members/{mid}`.
pub(crate) async fn remove(api: &Api, request: ApiRequest) -> Reply {
    let (project, id) = (request.project()?.record.id, mid(&request)?);
    api.accounts.remove_member(&request.act(), project, id).await?;
    Ok(ApiResponse::done())
}

fn mid(request: &ApiRequest) -> Result<MemberId, ApiProblem> {
    request.path.id("mid").map(MemberId::of_number)
}
