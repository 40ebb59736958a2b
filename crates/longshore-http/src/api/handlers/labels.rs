//! Labels, in Harbor's forms.

use longshore_accounts::{LabelId, LabelOrder, LabelPlan, LabelRecord, ManageError, ProjectId, TextFilter};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    content::sort,
    filters::{limits, text_filter},
};
use crate::api::{
    Api, credentials, moment::Moment, problem::ApiProblem, request::ApiRequest, response::ApiResponse,
    route::Reply,
};

/// Keys of `sort`.
pub(crate) const SORTS: &[&str] = &["name", "id", "creation_time", "update_time"];
/// Keys of `q`.
pub(crate) const FILTERS: &[&str] = &["name"];

const ORDERS: [(&str, LabelOrder); 4] = [
    ("name", LabelOrder::Name),
    ("id", LabelOrder::Created),
    ("creation_time", LabelOrder::Created),
    ("update_time", LabelOrder::Updated),
];

/// A label.
#[derive(Serialize, JsonSchema)]
pub(crate) struct LabelReply {
    id: i64,
    name: String,
    description: String,
    /// `#0065ab`, or empty.
    color: String,
    /// `g` for one of the whole registry, `p` for a project's.
    scope: &'static str,
    /// 0 for one of the whole registry.
    project_id: i64,
    creation_time: Moment,
    update_time: Moment,
}

/// `POST /labels`, `PUT /labels/{label_id}`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct LabelBody {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    color: String,
    /// `g` or `p`. It cannot be changed.
    #[serde(default)]
    scope: String,
    #[serde(default)]
    project_id: i64,
}

impl From<LabelRecord> for LabelReply {
    fn from(label: LabelRecord) -> Self {
        Self {
            id: label.id.number(),
            name: label.name,
            description: label.description,
            color: label.color,
            scope: if label.project.is_some() { "p" } else { "g" },
            project_id: label.project.map_or(0, ProjectId::number),
            creation_time: label.created_at.into(),
            update_time: label.updated_at.into(),
        }
    }
}

impl LabelBody {
    fn plan(self) -> LabelPlan {
        LabelPlan { name: self.name, description: self.description, color: self.color }
    }
}

/// Whose labels: a project's, or the whole registry's.
fn owner(scope: &str, project: i64) -> Result<Option<ProjectId>, ApiProblem> {
    match scope {
        "g" => Ok(None),
        "p" if project > 0 => Ok(Some(ProjectId::of_number(project))),
        "p" => Err(ApiProblem::bad_request("project_id must be a project's number where scope is p")),
        _ => Err(ApiProblem::bad_request("scope must be g or p")),
    }
}

/// Who is not logged in is asked to, whatever there is.
fn refused(request: &ApiRequest, error: ManageError) -> ApiProblem {
    match error {
        ManageError::Unknown { .. } | ManageError::Forbidden(_) if !request.access.principal.is_known() => {
            credentials::unauthorized(&request.headers)
        }
        error => error.into(),
    }
}

pub(crate) async fn list(api: &Api, request: ApiRequest) -> Reply {
    let project = request.query.integer("project_id")?.unwrap_or_default();
    let owner = owner(request.query.text("scope").unwrap_or_default(), project)?;
    let mut name = request.query.text("name").map(TextFilter::Contains);
    if let Some(filter) = request.query.filters.first() {
        name = Some(text_filter(filter)?);
    }
    let order = sort(&request, &ORDERS).unwrap_or_default();
    let listed = api.accounts.labels(&request.act(), owner, name, order, limits(&request)).await;
    let (labels, total) = listed.map_err(|error| refused(&request, error))?;
    Ok(request.page(&labels.into_iter().map(LabelReply::from).collect::<Vec<_>>(), total))
}

pub(crate) async fn create(api: &Api, mut request: ApiRequest) -> Reply {
    let body: LabelBody = request.json().await?;
    let owner = owner(&body.scope, body.project_id)?;
    let id = api.accounts.create_label(&request.act(), owner, &body.plan()).await?;
    Ok(request.created(id.number()))
}

pub(crate) async fn show(api: &Api, request: ApiRequest) -> Reply {
    let label = api.accounts.label(&request.act(), id(&request)?).await;
    Ok(ApiResponse::json(&LabelReply::from(label.map_err(|error| refused(&request, error))?)))
}

pub(crate) async fn update(api: &Api, mut request: ApiRequest) -> Reply {
    let id = id(&request)?;
    let body: LabelBody = request.json().await?;
    api.accounts.update_label(&request.act(), id, &body.plan()).await?;
    Ok(ApiResponse::done())
}

pub(crate) async fn delete(api: &Api, request: ApiRequest) -> Reply {
    api.accounts.delete_label(&request.act(), id(&request)?).await?;
    Ok(ApiResponse::done())
}

/// `{label_id}` of the path.
pub(crate) fn id(request: &ApiRequest) -> Result<LabelId, ApiProblem> {
    request.path.id("label_id").map(LabelId::of_number)
}
