//! Robots, in Harbor's forms.

use longshore_accounts::{ManageError, NewSecret, ProjectId, RobotDetails, RobotId, RobotPlan, TextFilter};
use longshore_auth::PermissionSet;
use longshore_types::{ProjectName, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    filters::{limits, text_filter},
    scoped::{GivenPermissions, ShownPermissions},
};
use crate::api::{
    Api, filter::Test, moment::Moment, problem::ApiProblem, request::ApiRequest, response::ApiResponse,
    route::Reply,
};

/// Keys of `sort`: by name in every case.
pub(crate) const SORTS: &[&str] = &["name"];
/// Keys of `q`.
pub(crate) const FILTERS: &[&str] = &["name", "level", "project_id"];

/// What clients send along that they read of a robot, and what Harbor has of one besides.
const READ_ONLY: &[&str] = &[
    "id",
    "secret",
    "editable",
    "expires_at",
    "creation_time",
    "update_time",
    "creator_type",
    "creator_ref",
    "created_by",
    "last_used_time",
];

/// A robot.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RobotReply {
    id: i64,
    /// The whole name, as it logs in.
    name: String,
    description: String,
    /// `project` or `system`.
    level: &'static str,
    /// Days; -1 for ever.
    duration: i64,
    editable: bool,
    disable: bool,
    /// In seconds since 1970; -1 for never.
    expires_at: i64,
    permissions: Vec<ShownPermissions>,
    creation_time: Moment,
    update_time: Moment,
    /// Who made it.
    created_by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_time: Option<Moment>,
}

/// A new robot. The secret is shown this once.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RobotCreated {
    id: i64,
    name: String,
    secret: String,
    creation_time: Moment,
    /// In seconds since 1970; -1 for never.
    expires_at: i64,
}

/// `POST /robots`. A secret in it does not count.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RobotCreation {
    /// Within its project.
    name: String,
    #[serde(default)]
    description: String,
    /// `project` or `system`.
    level: String,
    /// Days; -1 for ever.
    duration: Option<i64>,
    #[serde(default)]
    disable: bool,
    #[serde(default)]
    permissions: Vec<GivenPermissions>,
}

/// `PUT /robots/{robot_id}`: all of it, as it was read, with what is to change.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RobotUpdate {
    /// As it is.
    name: String,
    #[serde(default)]
    description: String,
    /// As it is.
    #[serde(default)]
    level: String,
    duration: Option<i64>,
    #[serde(default)]
    disable: bool,
    #[serde(default)]
    permissions: Vec<GivenPermissions>,
}

/// `PATCH /robots/{robot_id}`.
#[derive(Default, Deserialize, JsonSchema)]
pub(crate) struct RobotSecretBody {
    /// Left out or empty, one is made.
    #[serde(default)]
    secret: String,
}

/// A secret that is shown this once.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RobotSecretReply {
    secret: String,
}

impl From<RobotDetails> for RobotReply {
    fn from(details: RobotDetails) -> Self {
        let RobotDetails { record, name, project, permissions } = details;
        Self {
            id: record.id.number(),
            name,
            description: record.description,
            level: if project.is_some() { "project" } else { "system" },
            duration: record.duration_days,
            editable: true,
            disable: record.disabled,
            expires_at: seconds(record.expires_at),
            permissions: permissions.iter().map(ShownPermissions::from).collect(),
            creation_time: record.created_at.into(),
            update_time: record.updated_at.into(),
            created_by: record.created_by,
            last_used_time: record.last_used_at.map(Moment::from),
        }
    }
}

impl From<NewSecret<RobotDetails>> for RobotCreated {
    fn from(new: NewSecret<RobotDetails>) -> Self {
        Self {
            id: new.record.record.id.number(),
            name: new.record.name,
            secret: new.secret.reveal().to_owned(),
            creation_time: new.record.record.created_at.into(),
            expires_at: seconds(new.record.record.expires_at),
        }
    }
}

/// In seconds since 1970; -1 for never.
pub(crate) fn seconds(moment: Option<Timestamp>) -> i64 {
    moment.map_or(-1, |moment| moment.unix_millis().div_euclid(1000))
}

fn plan(
    description: String,
    disabled: bool,
    days: i64,
    permissions: &[GivenPermissions],
) -> Result<RobotPlan, ApiProblem> {
    let permissions = permissions
        .iter()
        .map(|given| given.read(Some(PermissionSet::of_robots)))
        .collect::<Result<_, _>>()?;
    Ok(RobotPlan { description, disabled, days, permissions })
}

/// `POST /robots`.
pub(crate) async fn create(api: &Api, mut request: ApiRequest) -> Reply {
    let body: RobotCreation = request.json_but(READ_ONLY).await?;
    let days = body.duration.unwrap_or(api.accounts.running().robot_days);
    let project: Option<ProjectName> = match (body.level.as_str(), &body.permissions[..]) {
        ("system", _) => None,
        ("project", [own]) => {
            let name = own.namespace();
            let parsed = name.parse();
            Some(parsed.map_err(|error| ApiProblem::bad_request(format!("namespace {name:?}: {error}")))?)
        }
        ("project", _) => {
            let message = "permissions: a robot of level project has one entry, for its project";
            return Err(ApiProblem::bad_request(message));
        }
        _ => return Err(ApiProblem::bad_request("level must be project or system")),
    };
    let plan = plan(body.description, body.disable, days, &body.permissions)?;
    let made = api.accounts.create_robot(&request.act(), project.as_ref(), &body.name, &plan).await?;
    let made = RobotCreated::from(made);
    Ok(request.created(made.id).with_json(&made))
}

/// `GET /robots`: those of the system, or with `q=Level=project,ProjectID=1` those of a project.
pub(crate) async fn list(api: &Api, request: ApiRequest) -> Reply {
    let (mut level, mut project, mut name) = ("system", None, None);
    for filter in &request.query.filters {
        let bad = || ApiProblem::bad_request(format!("q: {} takes one value", filter.key));
        match (filter.key, &filter.test) {
            ("name", _) => name = Some(text_filter(filter)?),
            ("level", Test::Is(text)) => level = text.as_str(),
            (_, Test::Is(text)) => project = Some(text.parse::<i64>().map_err(|_| bad())?),
            _ => return Err(bad()),
        }
    }
    let project = match (level, project) {
        // Harbor's robots of the system belong to project 0.
        ("system", None | Some(0)) => None,
        ("project", Some(id)) => Some(ProjectId::of_number(id)),
        ("project", None) => {
            return Err(ApiProblem::bad_request(
                "q: Level=project needs ProjectID with the project's number",
            ));
        }
        _ => return Err(ApiProblem::bad_request("q: Level must be project, with ProjectID, or system")),
    };
    listed(api, &request, project, name).await
}

async fn listed(
    api: &Api,
    request: &ApiRequest,
    project: Option<ProjectId>,
    name: Option<TextFilter<'_>>,
) -> Reply {
    let (skip, limit) = limits(request);
    let (robots, total) = api.accounts.list_robots(&request.act(), project, name, skip, limit).await?;
    let robots: Vec<_> = robots.into_iter().map(RobotReply::from).collect();
    Ok(request.page(&robots, total))
}

/// `GET /robots/{robot_id}`.
pub(crate) async fn show(api: &Api, request: ApiRequest) -> Reply {
    let robot = api.accounts.robot(&request.act(), robot_id(&request)?).await?;
    Ok(ApiResponse::json(&RobotReply::from(robot)))
}

/// `PUT /robots/{robot_id}`.
pub(crate) async fn update(api: &Api, mut request: ApiRequest) -> Reply {
    let body: RobotUpdate = request.json_but(READ_ONLY).await?;
    let (id, act) = (robot_id(&request)?, request.act());
    let before = api.accounts.robot(&act, id).await?;
    let level = if before.project.is_some() { "project" } else { "system" };
    if !body.level.is_empty() && body.level != level {
        return Err(ApiProblem::bad_request("level: a robot's level cannot be changed"));
    }
    let days = body.duration.unwrap_or(before.record.duration_days);
    let plan = plan(body.description, body.disable, days, &body.permissions)?;
    api.accounts.update_robot(&act, id, &body.name, &plan).await?;
    Ok(ApiResponse::done())
}

/// `PATCH /robots/{robot_id}`.
pub(crate) async fn rotate(api: &Api, mut request: ApiRequest) -> Reply {
    let body: RobotSecretBody = request.json().await?;
    let chosen = Some(body.secret.as_str()).filter(|secret| !secret.is_empty());
    let rotated = api.accounts.rotate_robot_secret(&request.act(), robot_id(&request)?, chosen).await?;
    Ok(ApiResponse::json(&RobotSecretReply { secret: rotated.secret.reveal().to_owned() }))
}

/// `DELETE /robots/{robot_id}`.
pub(crate) async fn remove(api: &Api, request: ApiRequest) -> Reply {
    api.accounts.delete_robot(&request.act(), robot_id(&request)?).await?;
    Ok(ApiResponse::done())
}

fn robot_id(request: &ApiRequest) -> Result<RobotId, ApiProblem> {
    request.path.id("robot_id").map(RobotId::of_number)
}

/// The older form, below projects.
pub(crate) mod of_project {
    use super::*;
    use crate::api::handlers::scoped::{GivenAccess, read_access};

    /// `POST /projects/{}/robots`.
    #[derive(Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct ProjectRobotCreation {
        name: String,
        #[serde(default)]
        description: String,
        /// In seconds since 1970; -1 for never.
        expires_at: Option<i64>,
        access: Vec<GivenAccess>,
    }

    /// `PUT /projects/{}/robots/{robot_id}`.
    #[derive(Deserialize, JsonSchema)]
    pub(crate) struct ProjectRobotUpdate {
        disable: bool,
    }

    /// `POST /projects/{project_name_or_id}/robots`.
    pub(crate) async fn create(api: &Api, mut request: ApiRequest) -> Reply {
        let body: ProjectRobotCreation = request.json().await?;
        let name = request.project()?.record.name.clone();
        let possible = PermissionSet::of_robots(longshore_auth::Level::Project);
        let scope = longshore_auth::GrantScope::Project(name.clone());
        let permissions = read_access(&body.access, possible)?;
        let now = request.circumstances.now.unix_millis().div_euclid(1000);
        let days = match body.expires_at {
            Some(-1) => -1,
            // A robot of that form is good for whole days, at least as long as was asked for.
            Some(end) => end.saturating_sub(now).saturating_add(24 * 60 * 60 - 1).div_euclid(24 * 60 * 60),
            None => api.accounts.running().robot_days,
        };
        let permissions = vec![longshore_accounts::ScopedPermissions { scope, permissions }];
        let plan = RobotPlan { description: body.description, disabled: false, days, permissions };
        let made = api.accounts.create_robot(&request.act(), Some(&name), &body.name, &plan).await?;
        let made = RobotCreated::from(made);
        Ok(request.created(made.id).with_json(&made))
    }

    /// `GET /projects/{project_name_or_id}/robots`.
    pub(crate) async fn list(api: &Api, request: ApiRequest) -> Reply {
        let id = request.project()?.record.id;
        listed(api, &request, Some(id), None).await
    }

    /// `GET /projects/{project_name_or_id}/robots/{robot_id}`.
    pub(crate) async fn show(api: &Api, request: ApiRequest) -> Reply {
        let robot = own(api, &request).await?;
        Ok(ApiResponse::json(&RobotReply::from(robot)))
    }

    /// `PUT /projects/{project_name_or_id}/robots/{robot_id}`: lets it log in or not.
    pub(crate) async fn update(api: &Api, mut request: ApiRequest) -> Reply {
        let body: ProjectRobotUpdate = request.json().await?;
        let robot = own(api, &request).await?;
        api.accounts.set_robot_disabled(&request.act(), robot.record.id, body.disable).await?;
        Ok(ApiResponse::done())
    }

    /// `DELETE /projects/{project_name_or_id}/robots/{robot_id}`.
    pub(crate) async fn remove(api: &Api, request: ApiRequest) -> Reply {
        let robot = own(api, &request).await?;
        api.accounts.delete_robot(&request.act(), robot.record.id).await?;
        Ok(ApiResponse::done())
    }

    /// The robot that the path names, which must be one of the project.
    async fn own(api: &Api, request: &ApiRequest) -> Result<RobotDetails, ApiProblem> {
        let id = robot_id(request)?;
        let robot = api.accounts.robot(&request.act(), id).await?;
        match robot.record.project == Some(request.project()?.record.id) {
            true => Ok(robot),
            false => Err(ManageError::unknown("robot", id.number()).into()),
        }
    }
}
