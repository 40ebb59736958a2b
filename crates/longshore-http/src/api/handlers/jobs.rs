//! What waits to be done in the background, in Harbor's forms.

use longshore_accounts::{JobQueue, QueuedJob};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::filters::limits;
use crate::api::{
    Api, moment::Moment, problem::ApiProblem, request::ApiRequest, response::ApiResponse, route::Reply,
};

/// Jobs of a kind.
#[derive(Serialize, JsonSchema)]
pub(crate) struct JobQueueReply {
    job_type: String,
    /// How many wait or are under way.
    count: u64,
    /// For how many seconds the one waits that has waited longest.
    latency: u64,
    /// Whether they are held up; never here.
    paused: bool,
}

/// A job.
#[derive(Serialize, JsonSchema)]
pub(crate) struct JobReply {
    id: i64,
    job_type: String,
    /// How often it was tried in vain.
    attempts: u32,
    /// When it is tried next; of one that is under way, when it is given to somebody else.
    due_time: Moment,
    creation_time: Moment,
    /// Why it failed the last time; empty while it did not.
    last_error: String,
}

/// `PUT /jobservice/jobs/{job_id}`.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct JobAction {
    /// `stop` forgets it, `retry` has it run at once.
    action: JobVerb,
}

/// What to do with a job.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum JobVerb {
    /// It is not done.
    Stop,
    /// It is done at once.
    Retry,
}

impl From<QueuedJob> for JobReply {
    fn from(job: QueuedJob) -> Self {
        Self {
            id: job.id.number(),
            job_type: job.kind,
            attempts: job.attempts,
            due_time: job.run_after.into(),
            creation_time: job.created_at.into(),
            last_error: job.last_error,
        }
    }
}

/// `GET /jobservice/queues`.
pub(crate) async fn queues(api: &Api, request: ApiRequest) -> Reply {
    let now = request.circumstances.now.unix_millis();
    let waited =
        |queue: &JobQueue| u64::try_from((now - queue.oldest.unix_millis()) / 1000).unwrap_or_default();
    let reply = |queue: JobQueue| JobQueueReply {
        latency: waited(&queue),
        job_type: queue.kind,
        count: queue.count,
        paused: false,
    };
    let queues: Vec<_> = api.accounts.job_queues().await?.into_iter().map(reply).collect();
    Ok(ApiResponse::json(&queues))
}

/// `GET /jobservice/jobs?job_type=…`.
pub(crate) async fn list(api: &Api, request: ApiRequest) -> Reply {
    let kind =
        request.query.text("job_type").ok_or_else(|| ApiProblem::bad_request("job_type is missing"))?;
    let (skip, limit) = limits(&request);
    let (jobs, total) = api.accounts.jobs(kind, skip, limit).await?;
    Ok(request.page(&jobs.into_iter().map(JobReply::from).collect::<Vec<_>>(), total))
}

/// `PUT /jobservice/jobs/{job_id}`.
pub(crate) async fn change(api: &Api, mut request: ApiRequest) -> Reply {
    let JobAction { action } = request.json().await?;
    let id = request.path.id("job_id")?;
    match action {
        JobVerb::Stop => api.accounts.remove_job(&request.act(), id).await?,
        JobVerb::Retry => api.accounts.rerun_job(&request.act(), id).await?,
    }
    Ok(ApiResponse::done())
}
