//! Projects and repositories by a part of their names, in Harbor's form.

use std::collections::{BTreeMap, BTreeSet};

use longshore_accounts::{FoundProject, ProjectFilter, ProjectKey, ProjectQuery, TextFilter};
use longshore_registry::{
    ImageHit, ImagesAfter, MarkKey, ProjectId, RepositoryFilter, RepositoryOrder, RepositoryParts,
    RepositorySummary, Window,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{content::call, projects::ProjectReply};
use crate::api::{
    Api,
    listing::{PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX},
    problem::ApiProblem,
    request::ApiRequest,
    response::ApiResponse,
    route::{Parameter, Reply, integer, like, text},
};

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

/// What part of the images that were found is wanted.
pub(crate) static IMAGES: &[Parameter] = &[
    text("q", "How a tag begins, or what an annotation or a label says: a commit by seven digits or more, a version, a title, a source.")
        .required(),
    integer("page_size", "Most images, from 1 to 100; what lies beyond counts as the nearest of these."),
    like("after", "^([tm][.][0-9]{1,17}[.][a-zA-Z0-9_.-]*)?$", "Where the part before this one ended: its next."),
];

/// `GET /search/images`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ImageSearchReply {
    /// First those whose tags begin so, then those of which annotations or labels say so.
    images: Vec<FoundImageReply>,
    /// What to give as `after` for more; left out at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// An image.
#[derive(Serialize, JsonSchema)]
struct FoundImageReply {
    /// The whole name, as clients pull it.
    repository_name: String,
    digest: String,
    /// A few of its tags, or of the tags of indexes that name it.
    tags: Vec<String>,
    /// What it was found by: `tag`, or the key of an annotation or label.
    key: &'static str,
    /// The tag, or what is said, in lower case and without the scheme of an address.
    value: String,
}

impl From<ImageHit> for FoundImageReply {
    fn from(hit: ImageHit) -> Self {
        Self {
            repository_name: hit.repository.to_string(),
            digest: hit.digest.to_string(),
            tags: hit.tags,
            key: hit.key.map_or("tag", MarkKey::annotation),
            value: hit.value,
        }
    }
}

pub(crate) async fn images(api: &Api, request: ApiRequest) -> Reply {
    let asked = request.query.text("q").ok_or_else(|| ApiProblem::bad_request("q is missing"))?;
    let after = request.query.text("after").map(after).transpose()?;
    let size = request.query.integer("page_size")?;
    let size =
        size.map_or(PAGE_SIZE_DEFAULT, |size| u64::try_from(size).unwrap_or(1).clamp(1, PAGE_SIZE_MAX));
    let size = usize::try_from(size).unwrap_or(1);
    let listed = api.accounts.listed_repositories(&request.act()).await?;
    let call = call(&request, &[]);
    let found = api.registry.search_images(&call, listed.scope(), asked, after.as_ref(), size).await?;
    Ok(ApiResponse::json(&ImageSearchReply {
        images: found.images.into_iter().map(FoundImageReply::from).collect(),
        next: found.next.map(|next| match next {
            ImagesAfter::Tag(value, position) => format!("t.{position}.{value}"),
            ImagesAfter::Mark(value, position) => format!("m.{position}.{value}"),
        }),
    }))
}

/// `t.7.v1`: the kind, a number, a text.
fn after(text: &str) -> Result<ImagesAfter, ApiProblem> {
    let read = || {
        let mut parts = text.splitn(3, '.');
        let (kind, position, value) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?);
        match kind {
            _ if value.contains('\0') => None,
            "t" => Some(ImagesAfter::Tag(value.to_owned(), position)),
            "m" => Some(ImagesAfter::Mark(value.to_owned(), position)),
            _ => None,
        }
    };
    read().ok_or_else(|| ApiProblem::bad_request("after must be the next of the part before"))
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
