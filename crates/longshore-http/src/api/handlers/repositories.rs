//! Repositories, in Harbor's forms.

use longshore_auth::Action;
use longshore_registry::{
    RepositoryFilter, RepositoryOrder, RepositoryParts, RepositoryScope, RepositorySummary,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    content::{call, repository, sort, window},
    filters::text_filter,
};
use crate::api::{
    Api,
    moment::Moment,
    problem::ApiProblem,
    request::ApiRequest,
    response::ApiResponse,
    route::{Parameter, Reply, boolean},
};

/// Keys of `sort`.
pub(crate) const SORTS: &[&str] = &["name", "creation_time", "update_time", "pull_count", "pull_time"];
/// Keys of `q`.
pub(crate) const FILTERS: &[&str] = &["name"];

const ORDERS: [(&str, RepositoryOrder); 5] = [
    ("name", RepositoryOrder::Name),
    ("creation_time", RepositoryOrder::Created),
    ("update_time", RepositoryOrder::Updated),
    ("pull_count", RepositoryOrder::Pulls),
    // Those that nobody pulled are left out.
    ("pull_time", RepositoryOrder::Pulled),
];

/// Longest description, in characters.
const DESCRIPTION_CHARACTERS_MAX: usize = 16 * 1024;

/// What is shown of repositories.
pub(crate) static PARTS: &[Parameter] = &[boolean(
    "with_artifact_count",
    "Whether artifacts are counted, which takes the longer the more there are; they are if nothing is said.",
)];

/// A repository.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RepositoryReply {
    id: i64,
    project_id: i64,
    /// The whole name, as clients pull it.
    name: String,
    description: String,
    /// An image index with its children counts as one, and signatures do not count. Left out where it is not wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_count: Option<u64>,
    /// How often manifests were pulled from it.
    pull_count: u64,
    creation_time: Moment,
    /// The last change of artifacts, tags or the description.
    update_time: Moment,
    /// The last pull; left out where nobody pulled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_time: Option<Moment>,
}

/// Compared with the one before, it tells whether a repository changed.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RepositoryActivityReply {
    /// Larger after every change of artifacts, tags or the description.
    stamp: i64,
    /// Uploads under way.
    uploads: u64,
    /// The bytes that came for them.
    uploads_size: u64,
}

/// `PUT /projects/{project_name}/repositories/{repository_name}`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct RepositoryChange {
    #[serde(default)]
    description: String,
}

impl From<RepositorySummary> for RepositoryReply {
    fn from(summary: RepositorySummary) -> Self {
        Self {
            id: summary.record.id.number(),
            project_id: summary.record.project.number(),
            name: summary.record.name.to_string(),
            description: summary.description,
            artifact_count: summary.artifacts,
            pull_count: summary.pulls,
            creation_time: summary.record.created_at.into(),
            update_time: summary.updated_at.into(),
            pull_time: summary.pulled_at.map(Moment::from),
        }
    }
}

/// Those that the caller may list.
pub(crate) async fn list_all(api: &Api, request: ApiRequest) -> Reply {
    let listed = api.accounts.listed_repositories(&request.act()).await?;
    list_in(api, &request, listed.scope()).await
}

/// Those of a project that the caller may list.
pub(crate) async fn list(api: &Api, request: ApiRequest) -> Reply {
    let listed = api.accounts.listed_in_project(&request.act(), request.project()?).await?;
    list_in(api, &request, listed.scope()).await
}

fn parts(request: &ApiRequest) -> Result<RepositoryParts, ApiProblem> {
    Ok(RepositoryParts { artifacts: request.query.flag("with_artifact_count")?.unwrap_or(true) })
}

async fn list_in(api: &Api, request: &ApiRequest, scope: RepositoryScope<'_>) -> Reply {
    let name = request.query.filters.first().map(text_filter).transpose()?;
    let filter = RepositoryFilter { scope, name };
    // The newest first, as Harbor.
    let order = sort(request, &ORDERS).unwrap_or((RepositoryOrder::Created, true));
    let (listing, parts) = (call(request, &[]), parts(request)?);
    let listed = api.registry.browse_repositories(&listing, &filter, order, window(request), parts).await?;
    let entries: Vec<_> = listed.entries.into_iter().map(RepositoryReply::from).collect();
    Ok(request.page(&entries, listed.total))
}

pub(crate) async fn show(api: &Api, request: ApiRequest) -> Reply {
    let name = repository(api, &request).await?;
    let reading = call(&request, &[(&name, &[Action::Pull])]);
    let summary = api.registry.describe_repository(&reading, &name, parts(&request)?).await?;
    Ok(ApiResponse::json(&RepositoryReply::from(summary)))
}

/// `GET …/activity`: cheap enough to be asked every second.
pub(crate) async fn activity(api: &Api, request: ApiRequest) -> Reply {
    let name = repository(api, &request).await?;
    let stamp = api.registry.repository_stamp(&call(&request, &[(&name, &[Action::Pull])]), &name).await?;
    Ok(ApiResponse::json(&RepositoryActivityReply {
        stamp: stamp.changed_at.unix_millis(),
        uploads: stamp.uploads,
        uploads_size: stamp.uploads_bytes,
    }))
}

pub(crate) async fn update(api: &Api, mut request: ApiRequest) -> Reply {
    let name = repository(api, &request).await?;
    let RepositoryChange { description } = request.json().await?;
    if description.chars().count() > DESCRIPTION_CHARACTERS_MAX || description.contains('\0') {
        let problem =
            format!("description must have at most {DESCRIPTION_CHARACTERS_MAX} characters, and no NUL");
        return Err(ApiProblem::bad_request(problem));
    }
    let writing = call(&request, &[(&name, &[Action::Push])]);
    api.registry.set_repository_description(&writing, &name, &description).await?;
    Ok(ApiResponse::done())
}

pub(crate) async fn delete(api: &Api, request: ApiRequest) -> Reply {
    let name = repository(api, &request).await?;
    let deleting = call(&request, &[(&name, &[Action::Delete])]);
    api.registry.delete_repository(&deleting, &name).await?;
    Ok(ApiResponse::done())
}
