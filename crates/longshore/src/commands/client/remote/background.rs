//! `longshore admin jobs` and `longshore admin gc`.

use reqwest::Method;
use serde_json::{Value, json};

use super::{done, filtered, listed, management, moment, text};
use crate::{
    cli::{Form, GcCommand, JobsCommand, Remote},
    commands::client::{Failure, output},
};

pub(super) async fn jobs(command: JobsCommand) -> Result<String, Failure> {
    match command {
        JobsCommand::List { kind: None, at } => queues(&at).await,
        JobsCommand::List { kind: Some(kind), at } => jobs_of(&kind, &at).await,
        JobsCommand::Retry { job, at } => change(job, "retry", "runs at once", &at).await,
        JobsCommand::Remove { job, at } => change(job, "stop", "is forgotten", &at).await,
    }
}

async fn queues(at: &Remote) -> Result<String, Failure> {
    let queues = management(at)?.list("/jobservice/queues").await?;
    listed(&queues, at.output.output, &["KIND", "WAITING", "LONGEST"], |queue| {
        vec![text(queue, "job_type"), text(queue, "count"), format!("{} s", text(queue, "latency"))]
    })
}

async fn jobs_of(kind: &str, at: &Remote) -> Result<String, Failure> {
    let path = format!("/jobservice/jobs?page_size=100&job_type={}", longshore_client::segment(kind));
    let jobs = management(at)?.list(&path).await?;
    listed(&jobs, at.output.output, &["NUMBER", "TRIED", "NEXT", "LAST ERROR"], |job| {
        vec![text(job, "id"), text(job, "attempts"), moment(job, "due_time"), text(job, "last_error")]
    })
}

async fn change(job: i64, action: &str, told: &str, at: &Remote) -> Result<String, Failure> {
    let body = json!({ "action": action });
    let path = format!("/jobservice/jobs/{job}");
    done(&management(at)?, Method::PUT, &path, Some(&body), format!("job {job} {told}")).await
}

pub(super) async fn gc(command: GcCommand) -> Result<String, Failure> {
    match command {
        GcCommand::Status { at } => status(&at).await,
        GcCommand::Preview { at } => preview(&at).await,
        GcCommand::Run { at } => {
            let body = json!({ "schedule": { "type": "Manual" } });
            let told = "collection begins; longshore admin gc list tells what it took".to_owned();
            done(&management(&at)?, Method::POST, "/system/gc/schedule", Some(&body), told).await
        }
        GcCommand::List { at } => runs(&at).await,
    }
}

async fn status(at: &Remote) -> Result<String, Failure> {
    let queues = management(at)?.get("/system/gc/queue").await?;
    if at.output.output == Form::Json {
        return output::json(&queues);
    }
    let mut rows = vec![["QUEUE", "WAITING", "DUE", "NEXT"].map(str::to_owned).to_vec()];
    for name in ["manifests", "blobs"] {
        let queue = &queues[name];
        rows.push(vec![
            name.to_owned(),
            text(queue, "waiting"),
            text(queue, "due"),
            moment(queue, "next_time"),
        ]);
    }
    Ok(output::table(&rows))
}

async fn preview(at: &Remote) -> Result<String, Failure> {
    let preview = management(at)?.get("/system/gc/preview").await?;
    if at.output.output == Form::Json {
        return output::json(&preview);
    }
    let items: Vec<Value> = preview["items"].as_array().cloned().unwrap_or_default();
    let table = listed(&items, Form::Table, &["WHAT", "DIGEST", "REPOSITORY", "FREES", "WHY"], |item| {
        let bytes = output::size(item["freed_bytes"].as_u64().unwrap_or(0));
        vec![text(item, "kind"), text(item, "digest"), text(item, "repository"), bytes, text(item, "reason")]
    })?;
    let freed = output::size(preview["freed_bytes"].as_u64().unwrap_or(0));
    let least = if preview["complete"] == false { "at least " } else { "" };
    Ok(format!("{table}{least}{freed} would be freed\n"))
}

async fn runs(at: &Remote) -> Result<String, Failure> {
    let runs = management(at)?.list(&filtered("/system/gc", None)).await?;
    let columns = ["ASKED", "WHO", "STATE", "MANIFESTS", "BLOBS", "FREED", "PROBLEM"];
    listed(&runs, at.output.output, &columns, |run| {
        vec![
            moment(run, "creation_time"),
            text(run, "username"),
            text(run, "job_status"),
            text(run, "manifests"),
            text(run, "blobs"),
            output::size(run["freed_bytes"].as_u64().unwrap_or(0)),
            text(run, "problem"),
        ]
    })
}
