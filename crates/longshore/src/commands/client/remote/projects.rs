//! `longshore admin projects`.

use reqwest::Method;
use serde_json::{Value, json};

use super::{done, filtered, listed, management, moment, project_path, text};
use crate::{
    cli::{Form, ProjectsCommand, Remote},
    commands::client::{Failure, output},
};

pub(super) async fn run(command: ProjectsCommand) -> Result<String, Failure> {
    match command {
        ProjectsCommand::List { name, at } => list(name.as_deref(), &at).await,
        ProjectsCommand::Show { project, at } => show(&project, &at).await,
        ProjectsCommand::Create { project, public, at } => {
            let body = json!({ "project_name": project, "metadata": { "public": public.to_string() } });
            let told = format!("made the {} project {project}", word(public));
            done(&management(&at)?, Method::POST, "/projects", Some(&body), told).await
        }
        ProjectsCommand::Set { project, public, at } => {
            let body = json!({ "metadata": { "public": public.to_string() } });
            let told = format!("project {project} is {}", word(public));
            done(&management(&at)?, Method::PUT, &project_path(&project), Some(&body), told).await
        }
        ProjectsCommand::Delete { project, at } => {
            let told = format!("removed project {project}");
            done(&management(&at)?, Method::DELETE, &project_path(&project), None, told).await
        }
    }
}

fn word(public: bool) -> &'static str {
    if public { "public" } else { "private" }
}

fn is_public(project: &Value) -> bool {
    project["metadata"]["public"] == "true"
}

async fn list(name: Option<&str>, at: &Remote) -> Result<String, Failure> {
    let part = name.map(|part| format!("~{part}"));
    let path = filtered("/projects", part.as_deref().map(|part| ("name", part)));
    let projects = management(at)?.list(&path).await?;
    listed(&projects, at.output.output, &["PROJECT", "ACCESS", "REPOSITORIES", "OWNER", "MADE"], |project| {
        vec![
            text(project, "name"),
            word(is_public(project)).to_owned(),
            text(project, "repo_count"),
            text(project, "owner_name"),
            moment(project, "creation_time"),
        ]
    })
}

async fn show(project: &str, at: &Remote) -> Result<String, Failure> {
    let (management, path) = (management(at)?, project_path(project));
    let mut shown = management.get(&path).await?;
    let summary = management.get(&format!("{path}/summary")).await?;
    if at.output.output == Form::Json {
        shown["quota"] = summary["quota"].clone();
        return output::json(&shown);
    }
    let mut rows = vec![
        vec!["project".to_owned(), text(&shown, "name")],
        vec!["access".to_owned(), word(is_public(&shown)).to_owned()],
        vec!["repositories".to_owned(), text(&shown, "repo_count")],
        vec!["owner".to_owned(), text(&shown, "owner_name")],
        vec!["made".to_owned(), moment(&shown, "creation_time")],
    ];
    if let Some(used) = summary["quota"]["used"]["storage"].as_u64() {
        let hard = summary["quota"]["hard"]["storage"].as_i64().unwrap_or(-1);
        rows.push(vec!["holds".to_owned(), super::quota::of(used, hard)]);
    }
    for (key, value) in
        shown["metadata"].as_object().into_iter().flatten().filter(|(key, _)| *key != "public")
    {
        rows.push(vec!["setting".to_owned(), format!("{key}={}", value.as_str().unwrap_or_default())]);
    }
    Ok(output::table(&rows))
}
