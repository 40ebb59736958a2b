//! What the caller may do.

use longshore_accounts::ProjectKey;
use longshore_auth::{BuiltInRole, Permission, Target, decide};
use longshore_types::RepositoryName;
use schemars::JsonSchema;
use serde::Serialize;

use crate::api::{Api, problem::ApiProblem, request::ApiRequest, response::ApiResponse, route::Reply};

/// Something that the caller may do.
#[derive(Serialize, JsonSchema)]
pub(crate) struct PermissionReply {
    /// What to: `/project/1/repository`, or `repository` if it is asked for relative to the scope.
    resource: String,
    /// What: `pull`.
    action: &'static str,
}

/// What the caller may do in the scope: `/project/1`, or the system without one. Nothing in a project that is not there,
/// or that the caller may not know of. With a repository what they may do there: a member may be one for some repositories.
pub(crate) async fn permissions(api: &Api, request: ApiRequest) -> Reply {
    let relative = request.query.flag("relative")?.unwrap_or_default();
    let scope = request.query.text("scope").unwrap_or("/system").trim_end_matches('/');
    let found: Vec<Permission> = match scope {
        "" | "/system" => allowed(&request, Target::SYSTEM, |_| true),
        _ => in_project(api, &request, scope).await?,
    };
    let prefix = if scope.is_empty() { "/system" } else { scope };
    let reply = |permission: Permission| PermissionReply {
        resource: match relative {
            true => permission.resource().to_string(),
            false => format!("{prefix}/{}", permission.resource()),
        },
        action: permission.verb().as_str(),
    };
    Ok(ApiResponse::json(&found.into_iter().map(reply).collect::<Vec<_>>()))
}

async fn in_project(api: &Api, request: &ApiRequest, scope: &str) -> Result<Vec<Permission>, ApiProblem> {
    let unknown = || ApiProblem::bad_request("scope: expected /system or /project/ and a number");
    let named = scope.strip_prefix("/project/").ok_or_else(unknown)?;
    let key = match named.parse() {
        Ok(id) => ProjectKey::Id(id),
        Err(_) => ProjectKey::Name(named.parse().map_err(|_| unknown())?),
    };
    let project = api.guard.project(&key).await.map_err(ApiProblem::unavailable)?;
    let Some(project) = project else { return Ok(Vec::new()) };
    // Of those of the whole system, which an administrator has everywhere, none is a project's.
    let of_projects = BuiltInRole::ProjectAdmin.permissions();
    let found = allowed(request, project.target(), |permission| of_projects.contains(permission));
    if !found.contains(&Permission::PROJECT_READ) {
        return Ok(Vec::new());
    }
    let Some(repository) = request.query.text("repository") else { return Ok(found) };
    let name: RepositoryName =
        repository.parse().ok().filter(|name| project.record.name.contains(name)).ok_or_else(|| {
            ApiProblem::bad_request("repository: expected the whole name of one in the project")
        })?;
    let target = Target::repository(&project.record.name, project.public, &name);
    Ok(allowed(request, target, |permission| of_projects.contains(permission)))
}

fn allowed(request: &ApiRequest, target: Target<'_>, wanted: impl Fn(Permission) -> bool) -> Vec<Permission> {
    let (access, circumstances) = (&request.access, &request.circumstances);
    let may = |permission: &Permission| decide(access, &target, *permission, circumstances).allowed;
    Permission::all().filter(|permission| wanted(*permission)).filter(may).collect()
}
