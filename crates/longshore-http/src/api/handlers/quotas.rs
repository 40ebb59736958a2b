//! How much projects may hold and do, in Harbor's forms. A quota has the number of its project.

use longshore_accounts::{ManageError, QuotaOrder, QuotaRecord};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::filters::limits;
use crate::api::{Api, moment::Moment, request::ApiRequest, response::ApiResponse, route::Reply};

/// Keys of `sort`.
pub(crate) const SORTS: &[&str] = &["used.storage"];

/// A quota.
#[derive(Serialize, JsonSchema)]
pub(crate) struct QuotaReply {
    id: i64,
    /// Whose it is.
    #[serde(rename = "ref")]
    reference: QuotaReference,
    hard: Resources,
    used: Resources,
    creation_time: Moment,
    update_time: Moment,
}

/// A project, as quotas name it.
#[derive(Serialize, JsonSchema)]
struct QuotaReference {
    id: i64,
    name: String,
    owner_name: String,
}

/// What is counted.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct Resources {
    /// Bytes; -1 is no limit.
    storage: i64,
}

/// `PUT /quotas/{id}`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct QuotaUpdate {
    hard: Resources,
}

impl From<QuotaRecord> for QuotaReply {
    fn from(quota: QuotaRecord) -> Self {
        let bytes = |bytes: u64| Resources { storage: i64::try_from(bytes).unwrap_or(i64::MAX) };
        Self {
            id: quota.project.number(),
            reference: QuotaReference {
                id: quota.project.number(),
                name: quota.name.to_string(),
                owner_name: quota.owner_name.unwrap_or_default(),
            },
            hard: quota.limit_bytes.map_or(Resources { storage: -1 }, bytes),
            used: bytes(quota.used_bytes),
            creation_time: quota.created_at.into(),
            update_time: quota.updated_at.into(),
        }
    }
}

pub(crate) async fn list(api: &Api, request: ApiRequest) -> Reply {
    if request.query.text("reference").is_some_and(|reference| reference != "project") {
        return Ok(request.page::<QuotaReply>(&[], 0));
    }
    if let Some(project) = request.query.integer("reference_id")? {
        let found = match api.accounts.quota(project).await {
            Ok(quota) => vec![QuotaReply::from(quota)],
            Err(ManageError::Unknown { .. }) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let total = found.len() as u64;
        let (skip, limit) = limits(&request);
        let found: Vec<_> = found.into_iter().skip(skip).take(limit).collect();
        return Ok(request.page(&found, total));
    }
    let order = match request.query.sorts.first() {
        Some(sort) if sort.descending => QuotaOrder::LargestFirst,
        _ => QuotaOrder::Project,
    };
    let (skip, limit) = limits(&request);
    let (quotas, total) = api.accounts.list_quotas(order, skip, limit).await?;
    let quotas: Vec<_> = quotas.into_iter().map(QuotaReply::from).collect();
    Ok(request.page(&quotas, total))
}

pub(crate) async fn show(api: &Api, request: ApiRequest) -> Reply {
    let quota = api.accounts.quota(request.path.id("id")?).await?;
    Ok(ApiResponse::json(&QuotaReply::from(quota)))
}

pub(crate) async fn update(api: &Api, mut request: ApiRequest) -> Reply {
    let id = request.path.id("id")?;
    let body: QuotaUpdate = request.json().await?;
    api.accounts.set_quota(&request.act(), id, body.hard.storage).await?;
    Ok(ApiResponse::done())
}
