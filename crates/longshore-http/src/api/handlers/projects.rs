//! Projects, in Harbor's forms.

use std::collections::BTreeMap;

use longshore_accounts::{
    ALLOWLIST_SETTING, ManageError, NewProject, ProjectDetails, ProjectFilter, ProjectId, ProjectKey,
    ProjectOrder, ProjectQuery, TextFilter, UserId, public_setting,
};
use longshore_auth::{BuiltInRole, Permission, Target};
use longshore_types::ProjectName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::filters::{limits, text_filter};
use crate::api::{
    Api, filter::Test, moment::Moment, problem::ApiProblem, request::ApiRequest, response::ApiResponse,
    route::Reply,
};

/// Keys of `sort`.
pub(crate) const SORTS: &[&str] = &["name", "project_id", "creation_time", "update_time"];
/// Keys of `q`.
pub(crate) const FILTERS: &[&str] = &["name", "project_id", "public", "owner_id"];

/// A project. Behind Harbor's fields are our own.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ProjectReply {
    project_id: i64,
    /// Who made it; 0 when that is not known any more.
    owner_id: i64,
    owner_name: String,
    /// The whole name: `team/sub` lies in `team`.
    name: String,
    creation_time: Moment,
    update_time: Moment,
    deleted: bool,
    togglable: bool,
    /// The most powerful of the caller's roles that count there; 0 for none.
    current_user_role_id: i64,
    current_user_role_ids: Vec<i64>,
    /// Repositories with something in them, of those that the caller may list.
    repo_count: u64,
    /// Its settings and those that it inherits, texts all of them.
    metadata: BTreeMap<String, String>,
    cve_allowlist: ShownAllowlist,
    /// From which project each setting comes that is not its own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    inherited_metadata: BTreeMap<String, String>,
}

/// Vulnerabilities that do not count.
#[derive(Serialize, JsonSchema)]
struct ShownAllowlist {
    id: i64,
    project_id: i64,
    items: Vec<ShownAllowlistItem>,
    /// In seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
    creation_time: Moment,
    update_time: Moment,
}

#[derive(Serialize, JsonSchema)]
struct ShownAllowlistItem {
    cve_id: String,
}

/// Vulnerabilities that should not count; what is kept of them has the same form.
#[derive(Default, Serialize, Deserialize)]
struct StoredAllowlist {
    items: Vec<String>,
    expires_at: Option<i64>,
}

/// Vulnerabilities that should not count.
#[derive(Default, Deserialize, JsonSchema)]
pub(crate) struct AllowlistBody {
    /// All of them.
    items: Option<Vec<AllowlistItemBody>>,
    /// In seconds since 1970.
    expires_at: Option<i64>,
}

/// One of them.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct AllowlistItemBody {
    cve_id: String,
}

/// `POST /projects` and `PUT /projects/{}`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ProjectBody {
    /// The whole name. What lies in another project is made by admins of that.
    #[serde(default)]
    project_name: String,
    /// Whether everybody may read it; `metadata.public` counts before it.
    public: Option<bool>,
    /// Settings, texts all of them.
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    cve_allowlist: Option<AllowlistBody>,
    /// Bytes, -1 for no limit, 0 for what holds by default. From administrators only.
    #[serde(default)]
    storage_limit: i64,
    /// For a proxy of another registry.
    registry_id: Option<i64>,
}

impl ProjectBody {
    fn settings(&self) -> Result<BTreeMap<String, String>, ApiProblem> {
        let mut settings = self.metadata.clone();
        // Only by the field of its own.
        settings.remove(ALLOWLIST_SETTING);
        if let Some(public) = self.public {
            let (key, value) = public_setting(public);
            let given = settings.entry(key).or_default();
            if given.is_empty() {
                *given = value;
            }
        }
        // Terraform sends `{}` where it says nothing.
        if let Some(AllowlistBody { items, expires_at }) = &self.cve_allowlist
            && (items.is_some() || expires_at.is_some())
        {
            let items = items.iter().flatten().map(|item| item.cve_id.clone()).collect();
            let stored = StoredAllowlist { items, expires_at: *expires_at };
            let json = serde_json::to_string(&stored).map_err(ApiProblem::internal)?;
            settings.insert(ALLOWLIST_SETTING.to_owned(), json);
        }
        Ok(settings)
    }
}

/// `GET /projects/{}/summary`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SummaryReply {
    repo_count: u64,
    #[serde(flatten)]
    members: Option<MemberCounts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quota: Option<SummaryQuota>,
}

/// How many members have each of Harbor's roles.
#[derive(Serialize, JsonSchema)]
struct MemberCounts {
    project_admin_count: u64,
    maintainer_count: u64,
    developer_count: u64,
    guest_count: u64,
    limited_guest_count: u64,
}

#[derive(Serialize, JsonSchema)]
struct SummaryQuota {
    hard: SummaryStorage,
    used: SummaryStorage,
}

#[derive(Serialize, JsonSchema)]
struct SummaryStorage {
    /// Bytes; -1 for no limit.
    storage: i64,
}

/// `GET /projects/{}/_deletable`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct DeletableReply {
    deletable: bool,
    /// Why not.
    #[serde(skip_serializing_if = "String::is_empty")]
    message: String,
}

impl From<ProjectDetails> for ProjectReply {
    fn from(details: ProjectDetails) -> Self {
        let ProjectDetails { record, settings, roles, .. } = details;
        let stored = details.allowlist.as_deref().and_then(|json| serde_json::from_str(json).ok());
        let StoredAllowlist { items, expires_at } = stored.unwrap_or_default();
        let mut metadata = settings;
        // Harbor always says it.
        metadata.entry("public".to_owned()).or_insert_with(|| record.public.to_string());
        let inherited = details.inherited.into_iter().map(|(key, name)| (key, name.to_string()));
        Self {
            project_id: record.id.number(),
            owner_id: record.owner.map_or(0, UserId::number),
            owner_name: details.owner_name,
            name: record.name.to_string(),
            creation_time: record.created_at.into(),
            update_time: record.updated_at.into(),
            deleted: false,
            togglable: true,
            current_user_role_id: roles.first().copied().unwrap_or_default(),
            current_user_role_ids: roles,
            repo_count: details.repositories,
            metadata,
            cve_allowlist: ShownAllowlist {
                id: record.id.number(),
                project_id: record.id.number(),
                items: items.into_iter().map(|cve_id| ShownAllowlistItem { cve_id }).collect(),
                expires_at,
                creation_time: record.created_at.into(),
                update_time: record.updated_at.into(),
            },
            inherited_metadata: inherited.collect(),
        }
    }
}

/// `POST /projects`.
pub(crate) async fn create(api: &Api, mut request: ApiRequest) -> Reply {
    let body: ProjectBody = request.json().await?;
    let name: ProjectName = body
        .project_name
        .parse()
        .map_err(|error| ApiProblem::bad_request(format!("project_name: {error}")))?;
    if body.registry_id.is_some_and(|id| id > 0) {
        return Err(ApiProblem::bad_request("registry_id: there are no proxies of other registries here"));
    }
    let mut settings = body.settings()?;
    if name.parent().is_none() {
        // What lies in another project inherits it from there.
        let (key, value) = public_setting(false);
        settings.entry(key).or_insert(value);
    }
    let new = NewProject { name, settings, storage_limit: body.storage_limit };
    let id = api.accounts.create_project(&request.act(), &new).await?;
    Ok(request.created_named(id.number(), new.name.as_str()))
}

/// `HEAD /projects?project_name=`: whether there is a project of that name that the caller may know of.
pub(crate) async fn head(api: &Api, request: ApiRequest) -> Reply {
    let name = request.query.text("project_name").unwrap_or_default();
    let unknown = || ApiProblem::project_not_found(name);
    let parsed = name.parse().map_err(|_| unknown())?;
    let found = api.accounts.find_project(&ProjectKey::Name(parsed)).await;
    let found = found.map_err(ApiProblem::unavailable)?.ok_or_else(unknown)?;
    match api.accounts.may(&request.access, &found.target(), Permission::PROJECT_READ, &request.circumstances)
    {
        true => Ok(ApiResponse::done()),
        false => Err(unknown()),
    }
}

/// `GET /projects`.
pub(crate) async fn list(api: &Api, request: ApiRequest) -> Reply {
    let (skip, limit) = limits(&request);
    let mut query = ProjectQuery { filter: filter(&request)?, skip, limit, ..ProjectQuery::default() };
    if let Some(sort) = request.query.sorts.first() {
        query.descending = sort.descending;
        query.order = match sort.key {
            "name" => ProjectOrder::Name,
            "update_time" => ProjectOrder::Updated,
            // Numbers are given out in the order of making.
            _ => ProjectOrder::Id,
        };
    }
    query.owner_name = request.query.text("owner");
    let (projects, total) = api.accounts.list_projects(&request.act(), &query).await?;
    let projects: Vec<_> = projects.into_iter().map(ProjectReply::from).collect();
    Ok(request.page(&projects, total))
}

fn filter(request: &ApiRequest) -> Result<ProjectFilter<'_>, ApiProblem> {
    let mut filter = ProjectFilter {
        name: request.query.text("name").map(TextFilter::Contains),
        public: request.query.flag("public")?,
        ..ProjectFilter::default()
    };
    for one in &request.query.filters {
        let bad = || ApiProblem::bad_request(format!("q: {} takes one value", one.key));
        let text = match &one.test {
            Test::Is(text) => text.as_str(),
            _ if one.key == "name" => "",
            _ => return Err(bad()),
        };
        match one.key {
            "name" => filter.name = Some(text_filter(one)?),
            "public" => {
                filter.public = Some(match text {
                    "true" | "1" => true,
                    "false" | "0" => false,
                    _ => return Err(bad()),
                });
            }
            "owner_id" => filter.owner = Some(UserId::of_number(text.parse().map_err(|_| bad())?)),
            _ => filter.id = Some(ProjectId::of_number(text.parse().map_err(|_| bad())?)),
        }
    }
    Ok(filter)
}

/// `GET /projects/{project_name_or_id}`.
pub(crate) async fn show(api: &Api, request: ApiRequest) -> Reply {
    let id = request.project()?.record.id;
    let details = api.accounts.project_details(&request.act(), id).await?;
    Ok(ApiResponse::json(&ProjectReply::from(details)))
}

/// `PUT /projects/{project_name_or_id}`. Names and quotas are not changed so, as in Harbor.
pub(crate) async fn update(api: &Api, mut request: ApiRequest) -> Reply {
    let body: ProjectBody = request.json().await?;
    let id = request.project()?.record.id;
    api.accounts.update_project(&request.act(), id, &body.settings()?).await?;
    Ok(ApiResponse::done())
}

/// `DELETE /projects/{project_name_or_id}`.
pub(crate) async fn remove(api: &Api, request: ApiRequest) -> Reply {
    let id = request.project()?.record.id;
    api.accounts.delete_project(&request.act(), id).await?;
    Ok(ApiResponse::done())
}

/// `GET /projects/{project_name_or_id}/_deletable`.
pub(crate) async fn deletable(api: &Api, request: ApiRequest) -> Reply {
    let message = api.accounts.why_undeletable(request.project()?.record.id).await?;
    let deletable = message.is_none();
    Ok(ApiResponse::json(&DeletableReply { deletable, message: message.unwrap_or_default() }))
}

/// `GET /projects/{project_name_or_id}/summary`.
pub(crate) async fn summary(api: &Api, request: ApiRequest) -> Reply {
    let project = request.project()?;
    let summary = api.accounts.project_summary(&request.act(), project.record.id).await?;
    let may = |permission| {
        let target = Target::project(&project.record.name, project.public);
        api.accounts.may(&request.access, &target, permission, &request.circumstances)
    };
    let count = |role: BuiltInRole| summary.members.get(&role.id().0).copied().unwrap_or_default();
    let members = may(Permission::MEMBER_LIST).then(|| MemberCounts {
        project_admin_count: count(BuiltInRole::ProjectAdmin),
        maintainer_count: count(BuiltInRole::Maintainer),
        developer_count: count(BuiltInRole::Developer),
        guest_count: count(BuiltInRole::Guest),
        limited_guest_count: count(BuiltInRole::LimitedGuest),
    });
    let quota = summary.quota.as_ref().filter(|_| may(Permission::QUOTA_READ)).map(|quota| {
        let bytes = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        SummaryQuota {
            hard: SummaryStorage { storage: quota.limit_bytes.map_or(-1, bytes) },
            used: SummaryStorage { storage: bytes(quota.used_bytes) },
        }
    });
    Ok(ApiResponse::json(&SummaryReply { repo_count: summary.repositories, members, quota }))
}

/// `GET /projects/{project_name_or_id}/metadatas`: its own, without what it inherits.
pub(crate) async fn list_metadata(api: &Api, request: ApiRequest) -> Reply {
    let settings = api.accounts.project_settings(request.project()?.record.id).await?;
    Ok(ApiResponse::json(&settings))
}

/// `GET /projects/{project_name_or_id}/metadatas/{meta_name}`.
pub(crate) async fn show_metadata(api: &Api, request: ApiRequest) -> Reply {
    let key = request.path.text("meta_name")?;
    let mut settings = api.accounts.project_settings(request.project()?.record.id).await?;
    settings.retain(|known, _| known == key);
    match settings.is_empty() {
        true => Err(ManageError::unknown("metadata", key).into()),
        false => Ok(ApiResponse::json(&settings)),
    }
}

/// `POST /projects/{project_name_or_id}/metadatas`.
pub(crate) async fn add_metadata(api: &Api, mut request: ApiRequest) -> Reply {
    let (key, value) = one(request.json().await?)?;
    let id = request.project()?.record.id;
    api.accounts.add_project_setting(&request.act(), id, &key, &value).await?;
    Ok(request.created(&key))
}

/// `PUT /projects/{project_name_or_id}/metadatas/{meta_name}`.
pub(crate) async fn set_metadata(api: &Api, mut request: ApiRequest) -> Reply {
    let (key, value) = one(request.json().await?)?;
    if key != request.path.text("meta_name")? {
        return Err(ApiProblem::bad_request(format!("the path does not name {key}")));
    }
    let id = request.project()?.record.id;
    api.accounts.set_project_setting(&request.act(), id, &key, &value).await?;
    Ok(ApiResponse::done())
}

/// `DELETE /projects/{project_name_or_id}/metadatas/{meta_name}`.
pub(crate) async fn remove_metadata(api: &Api, request: ApiRequest) -> Reply {
    let key = request.path.text("meta_name")?;
    api.accounts.remove_project_setting(&request.act(), request.project()?.record.id, key).await?;
    Ok(ApiResponse::done())
}

/// A body with one key and its value.
fn one(body: BTreeMap<String, String>) -> Result<(String, String), ApiProblem> {
    let mut pairs = body.into_iter();
    match (pairs.next(), pairs.next()) {
        (Some(pair), None) => Ok(pair),
        _ => Err(ApiProblem::bad_request("the body must hold one key and its value, a text")),
    }
}
