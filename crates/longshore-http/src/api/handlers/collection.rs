//! Collection, in Harbor's forms: runs that somebody asks for. Beside them what waits for it, and what it would take.

use std::time::Duration;

use longshore_accounts::{CollectionRun, ReviewQueue, RunState};
use longshore_registry::{Collected, CollectionPreview};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::api::{
    Api,
    moment::Moment,
    problem::{ApiProblem, Code},
    request::ApiRequest,
    response::ApiResponse,
    route::Reply,
};

/// How many reviews of a kind a preview looks at: a second or so.
const REVIEWS_MAX: usize = 500;
/// How far ahead a preview looks, at most: ten years.
const AHEAD_SECONDS_MAX: i64 = 10 * 366 * 24 * 3600;

/// A run that somebody asked for. Behind Harbor's fields are our own.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CollectionRunReply {
    id: i64,
    /// `GARBAGE_COLLECTION`.
    job_name: &'static str,
    /// `MANUAL`.
    job_kind: &'static str,
    /// What it took, as a JSON object in a text: `freed_space`, `purged_blobs`, `purged_manifests`.
    job_parameters: String,
    schedule: ScheduleWords,
    /// `Pending`, `Running`, `Success`, `Error`.
    job_status: &'static str,
    deleted: bool,
    creation_time: Moment,
    update_time: Moment,
    /// Who asked for it.
    username: String,
    /// How many things were looked at.
    reviewed: u64,
    manifests: u64,
    /// Blobs taken out of repositories.
    links: u64,
    blobs: u64,
    uploads: u64,
    freed_bytes: u64,
    /// Why it could not be done; empty otherwise.
    problem: String,
}

/// When collection runs.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ScheduleWords {
    /// `Manual` for once, now. `None`: it runs by itself, as often as the configuration file says.
    #[serde(rename = "type")]
    kind: String,
    cron: String,
}

/// When collection is asked to run.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct AskedSchedule {
    /// `Manual` for once, now: no other is taken.
    #[serde(rename = "type")]
    kind: String,
    /// Harbor's clients send it along; once, now, has none.
    #[serde(default)]
    #[expect(dead_code, reason = "it is part of the form, and means nothing here")]
    cron: String,
}

/// `GET /system/gc/schedule`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ScheduleReply {
    id: i64,
    job_name: &'static str,
    schedule: ScheduleWords,
}

/// `POST /system/gc/schedule`. Other fields of Harbor's mean nothing here.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct ScheduleBody {
    schedule: AskedSchedule,
    #[serde(default)]
    parameters: ScheduleParameters,
}

/// Of Harbor's parameters the one that must not be passed over.
#[derive(Default, Deserialize, JsonSchema)]
pub(crate) struct ScheduleParameters {
    /// `GET /system/gc/preview` does that.
    #[serde(default)]
    dry_run: bool,
}

/// What waits for collection.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CollectionQueues {
    manifests: CollectionQueue,
    /// Blobs in repositories.
    blobs: CollectionQueue,
    /// Whether nothing may be collected, as nothing may change.
    read_only: bool,
}

/// How much waits, up to 100,000.
#[derive(Serialize, JsonSchema)]
struct CollectionQueue {
    waiting: u64,
    due: u64,
    /// When the next one is due, or was.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_time: Option<Moment>,
}

/// What a run would take.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CollectionPreviewReply {
    /// At which moment.
    at: Moment,
    reviewed: u64,
    manifests: u64,
    links: u64,
    blobs: u64,
    uploads: u64,
    freed_bytes: u64,
    /// false where more is due than was looked at.
    complete: bool,
    items: Vec<CollectedReply>,
}

/// Something that would go.
#[derive(Serialize, JsonSchema)]
struct CollectedReply {
    /// `manifest`, `link`, `blob`, `upload`.
    kind: &'static str,
    /// A digest, or the id of an upload.
    digest: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<String>,
    /// Why it may go.
    reason: String,
    freed_bytes: u64,
}

impl From<CollectionRun> for CollectionRunReply {
    fn from(run: CollectionRun) -> Self {
        let (creation_time, update_time) = (run.asked_at().into(), run.updated_at().into());
        let CollectionRun { id, by, state, taken, problem, .. } = run;
        let parameters = json!({
            "dry_run": false,
            "freed_space": taken.freed_bytes,
            "purged_blobs": taken.blobs,
            "purged_manifests": taken.manifests,
        });
        Self {
            id,
            job_name: "GARBAGE_COLLECTION",
            job_kind: "MANUAL",
            job_parameters: parameters.to_string(),
            schedule: ScheduleWords { kind: "Manual".to_owned(), cron: String::new() },
            job_status: match state {
                RunState::Pending => "Pending",
                RunState::Running => "Running",
                RunState::Success => "Success",
                RunState::Error => "Error",
            },
            deleted: false,
            creation_time,
            update_time,
            username: by,
            reviewed: taken.reviewed,
            manifests: taken.manifests,
            links: taken.links,
            blobs: taken.blobs,
            uploads: taken.uploads,
            freed_bytes: taken.freed_bytes,
            problem,
        }
    }
}

impl From<ReviewQueue> for CollectionQueue {
    fn from(queue: ReviewQueue) -> Self {
        Self { waiting: queue.waiting, due: queue.due, next_time: queue.next.map(Moment::from) }
    }
}

impl From<Collected> for CollectedReply {
    fn from(taken: Collected) -> Self {
        Self {
            kind: taken.what,
            digest: taken.which,
            repository: taken.repository.map(|name| name.to_string()),
            reason: taken.why,
            freed_bytes: taken.freed_bytes,
        }
    }
}

/// `GET /system/gc`.
pub(crate) async fn list(api: &Api, request: ApiRequest) -> Reply {
    let runs = api.accounts.collection_runs().await?;
    let total = runs.len() as u64;
    let (skip, limit) = super::filters::limits(&request);
    let part: Vec<_> = runs.into_iter().skip(skip).take(limit).map(CollectionRunReply::from).collect();
    Ok(request.page(&part, total))
}

/// `GET /system/gc/{gc_id}`.
pub(crate) async fn show(api: &Api, request: ApiRequest) -> Reply {
    let run = api.accounts.collection_run(request.path.id("gc_id")?).await?;
    Ok(ApiResponse::json(&CollectionRunReply::from(run)))
}

/// `GET /system/gc/schedule`.
pub(crate) async fn schedule(_: &Api, _: ApiRequest) -> Reply {
    let schedule = ScheduleWords { kind: "None".to_owned(), cron: String::new() };
    Ok(ApiResponse::json(&ScheduleReply { id: 0, job_name: "GARBAGE_COLLECTION", schedule }))
}

/// `POST /system/gc/schedule`.
pub(crate) async fn start(api: &Api, mut request: ApiRequest) -> Reply {
    let body: ScheduleBody = request.json().await?;
    if body.schedule.kind != "Manual" {
        let message = "schedule.type must be Manual: collection runs by itself as often as collection.interval of the \
                       configuration file says";
        return Err(ApiProblem::bad_request(message));
    }
    if body.parameters.dry_run {
        return Err(ApiProblem::bad_request(
            "parameters.dry_run: GET /system/gc/preview tells what would go",
        ));
    }
    if api.registry.is_read_only() {
        return Err(ApiProblem::new(Code::Precondition, "the registry is read-only: nothing is collected"));
    }
    let id = api.accounts.ask_for_collection(&request.act()).await?;
    let location = format!("{}/system/gc/{id}", crate::api::route::ROOT);
    Ok(ApiResponse::created(http::HeaderValue::try_from(location).map_err(ApiProblem::internal)?))
}

/// `GET /system/gc/queue`.
pub(crate) async fn queue(api: &Api, request: ApiRequest) -> Reply {
    let (blobs, manifests) = api.accounts.review_queues(request.circumstances.now).await?;
    Ok(ApiResponse::json(&CollectionQueues {
        manifests: manifests.into(),
        blobs: blobs.into(),
        read_only: api.registry.is_read_only(),
    }))
}

/// `GET /system/gc/preview`: what a run would take now, or in so many seconds if nothing happens until then.
pub(crate) async fn preview(api: &Api, request: ApiRequest) -> Reply {
    let ahead = request.query.integer("ahead")?.unwrap_or_default().clamp(0, AHEAD_SECONDS_MAX);
    let at = request.circumstances.now.after(Duration::from_secs(ahead.unsigned_abs()));
    let seen = api.registry.preview_collection(at, REVIEWS_MAX).await.map_err(ApiProblem::unavailable)?;
    let CollectionPreview { taken, report, complete } = seen;
    Ok(ApiResponse::json(&CollectionPreviewReply {
        at: at.into(),
        reviewed: report.reviewed,
        manifests: report.manifests,
        links: report.links,
        blobs: report.blobs,
        uploads: report.uploads,
        freed_bytes: report.freed_bytes,
        complete,
        items: taken.into_iter().map(CollectedReply::from).collect(),
    }))
}
