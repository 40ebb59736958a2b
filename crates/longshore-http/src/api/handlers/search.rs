//! Projects and repositories by a part of their names, in Harbor's form.

use std::collections::{BTreeMap, BTreeSet};

use longshore_accounts::{FoundProject, ProjectFilter, ProjectKey, ProjectQuery, TextFilter};
use longshore_registry::{
    ProjectId, RepositoryFilter, RepositoryOrder, RepositoryParts, RepositorySummary, Window,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{content::call, projects::ProjectReply};
use crate::api::{Api, problem::ApiProblem, request::ApiRequest, response::ApiResponse, route::Reply};

/// Most projects, and most repositories, that a search finds: the first by name.
const FOUND_MAX: usize = 100;
const COUNTED: RepositoryParts = RepositoryParts { artifacts: true };

/// `GET /search`: what the caller may read, by name; at most a hundred of each.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SearchReply {
    project: Vec<ProjectReply>,
    repository: Vec<FoundRepository>,
}

/// A repository.
#[derive(Serialize, JsonSchema)]
struct FoundRepository {
    project_id: i64,
    project_name: String,
    project_public: bool,
    /// The whole name, as clients pull it.
    repository_name: String,
    pull_count: u64,
    artifact_count: u64,
}

pub(crate) async fn search(api: &Api, request: ApiRequest) -> Reply {
    let name = request.query.text("q").map(TextFilter::Contains);
    let query = ProjectQuery {
        filter: ProjectFilter { name, ..ProjectFilter::default() },
        limit: FOUND_MAX,
        ..ProjectQuery::default()
    };
    let (projects, _) = api.accounts.list_projects(&request.act(), &query).await?;
    let listed = api.accounts.listed_repositories(&request.act()).await?;
    let filter = RepositoryFilter { scope: listed.scope(), name };
    let window = Window { skip: 0, limit: FOUND_MAX };
    let order = (RepositoryOrder::Name, false);
    let found =
        api.registry.browse_repositories(&call(&request, &[]), &filter, order, window, COUNTED).await?;
    Ok(ApiResponse::json(&SearchReply {
        project: projects.into_iter().map(ProjectReply::from).collect(),
        repository: with_projects(api, found.entries).await?,
    }))
}

async fn with_projects(api: &Api, found: Vec<RepositorySummary>) -> Result<Vec<FoundRepository>, ApiProblem> {
    let ids: BTreeSet<ProjectId> = found.iter().map(|summary| summary.record.project).collect();
    let mut projects: BTreeMap<ProjectId, FoundProject> = BTreeMap::new();
    for id in ids {
        let found = api.accounts.find_project(&ProjectKey::Id(id.number())).await?;
        projects.extend(found.map(|found| (id, found)));
    }
    let mut replies = Vec::new();
    for summary in found {
        let id = summary.record.project;
        // One that was deleted a moment ago has nothing to show.
        let Some(project) = projects.get(&id) else { continue };
        replies.push(FoundRepository {
            project_id: id.number(),
            project_name: project.record.name.to_string(),
            project_public: project.public,
            repository_name: summary.record.name.to_string(),
            pull_count: summary.pulls,
            artifact_count: summary.artifacts.unwrap_or_default(),
        });
    }
    Ok(replies)
}
