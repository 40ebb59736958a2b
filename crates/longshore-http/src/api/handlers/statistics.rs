//! How much there is, in Harbor's form.

use schemars::JsonSchema;
use serde::Serialize;

use crate::api::{Api, request::ApiRequest, response::ApiResponse, route::Reply};

/// `GET /statistics`: what the caller may read. Totals are 0 for who may not read all of it.
#[derive(Serialize, JsonSchema)]
pub(crate) struct StatisticsReply {
    private_project_count: u64,
    private_repo_count: u64,
    public_project_count: u64,
    public_repo_count: u64,
    total_project_count: u64,
    total_repo_count: u64,
    /// The bytes of all blobs, each once.
    total_storage_consumption: u64,
}

pub(crate) async fn show(api: &Api, request: ApiRequest) -> Reply {
    let found = api.accounts.statistics(&request.act()).await?;
    let (projects, repositories, bytes) = found.total.unwrap_or_default();
    Ok(ApiResponse::json(&StatisticsReply {
        private_project_count: found.private.0,
        private_repo_count: found.private.1,
        public_project_count: found.public.0,
        public_repo_count: found.public.1,
        total_project_count: projects,
        total_repo_count: repositories,
        total_storage_consumption: bytes,
    }))
}
