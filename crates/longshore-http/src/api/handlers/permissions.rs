//! What may be given to robots.

use longshore_auth::{Level, PermissionSet};
use schemars::JsonSchema;
use serde::Serialize;

use super::scoped::PermissionWords;
use crate::api::{Api, request::ApiRequest, response::ApiResponse, route::Reply};

/// `GET /permissions`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PermissionsReply {
    /// Of the kind `system`.
    system: Vec<PermissionWords>,
    /// Of the kind `project`.
    project: Vec<PermissionWords>,
}

/// `GET /permissions`.
pub(crate) async fn list(_: &Api, _: ApiRequest) -> Reply {
    let words = |level| PermissionSet::of_robots(level).iter().map(PermissionWords::from).collect();
    Ok(ApiResponse::json(&PermissionsReply { system: words(Level::System), project: words(Level::Project) }))
}
