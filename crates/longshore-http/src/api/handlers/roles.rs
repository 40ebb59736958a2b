//! Roles: Harbor's five, and those that administrators make.

use longshore_auth::{PermissionSet, Role, RoleId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    filters::limits,
    scoped::{GivenAccess, PermissionWords, read_access},
};
use crate::api::{Api, problem::ApiProblem, request::ApiRequest, response::ApiResponse, route::Reply};

/// A role.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RoleReply {
    role_id: i64,
    role_name: String,
    /// Whether it is one of Harbor's, which cannot be changed.
    built_in: bool,
    permissions: Vec<PermissionWords>,
}

/// `POST /roles` and `PUT /roles/{role_id}`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct RoleBody {
    role_name: String,
    /// Of those that there are in projects.
    permissions: Vec<GivenAccess>,
}

impl RoleBody {
    fn permissions(&self) -> Result<PermissionSet, ApiProblem> {
        read_access(&self.permissions, longshore_auth::BuiltInRole::ProjectAdmin.permissions())
    }
}

impl From<Role> for RoleReply {
    fn from(role: Role) -> Self {
        Self {
            role_id: role.id.0,
            role_name: role.name.to_string(),
            built_in: role.id < RoleId::CUSTOM_MIN,
            permissions: role.permissions.iter().map(PermissionWords::from).collect(),
        }
    }
}

/// `GET /roles`.
pub(crate) async fn list(api: &Api, request: ApiRequest) -> Reply {
    let (skip, limit) = limits(&request);
    let roles = api.accounts.roles().await?;
    let total = roles.len() as u64;
    let page: Vec<_> = roles.into_iter().skip(skip).take(limit).map(RoleReply::from).collect();
    Ok(request.page(&page, total))
}

/// `POST /roles`.
pub(crate) async fn create(api: &Api, mut request: ApiRequest) -> Reply {
    let body: RoleBody = request.json().await?;
    let id = api.accounts.create_role(&request.act(), &body.role_name, body.permissions()?).await?;
    Ok(request.created(id))
}

/// `GET /roles/{role_id}`.
pub(crate) async fn show(api: &Api, request: ApiRequest) -> Reply {
    let role = api.accounts.role(request.path.id("role_id")?).await?;
    Ok(ApiResponse::json(&RoleReply::from(role)))
}

/// `PUT /roles/{role_id}`.
pub(crate) async fn update(api: &Api, mut request: ApiRequest) -> Reply {
    let body: RoleBody = request.json().await?;
    let (id, permissions) = (request.path.id("role_id")?, body.permissions()?);
    api.accounts.update_role(&request.act(), id, &body.role_name, permissions).await?;
    Ok(ApiResponse::done())
}

/// `DELETE /roles/{role_id}`.
pub(crate) async fn remove(api: &Api, request: ApiRequest) -> Reply {
    api.accounts.delete_role(&request.act(), request.path.id("role_id")?).await?;
    Ok(ApiResponse::done())
}
