//! `longshore admin members`.

use longshore_client::Management;
use reqwest::Method;
use serde_json::{Value, json};

use super::{done, filtered, find, listed, management, number, project_path, text};
use crate::{
    cli::{MembersCommand, Remote},
    commands::client::Failure,
};

pub(super) async fn run(command: MembersCommand) -> Result<String, Failure> {
    match command {
        MembersCommand::List { project, at } => list(&project, &at).await,
        MembersCommand::Add { project, name, role, at } => add(&project, &name, &role, &at).await,
        MembersCommand::Remove { project, name, at } => {
            let management = management(&at)?;
            let members = members(&management, &project).await?;
            let id = number(user(&members, &name)?, "id")?;
            let path = format!("{}/members/{id}", project_path(&project));
            done(
                &management,
                Method::DELETE,
                &path,
                None,
                format!("{name} is no member of {project} any more"),
            )
            .await
        }
    }
}

async fn members(management: &Management, project: &str) -> Result<Vec<Value>, Failure> {
    Ok(management.list(&filtered(&format!("{}/members", project_path(project)), None)).await?)
}

/// Of all members: groups may be called as users are.
fn user<'a>(members: &'a [Value], name: &str) -> Result<&'a Value, Failure> {
    let found = members.iter().find(|member| member["entity_type"] == "u" && member["entity_name"] == name);
    found.ok_or_else(|| Failure::Missing(format!("{name} is no member")))
}

async fn list(project: &str, at: &Remote) -> Result<String, Failure> {
    let members = members(&management(at)?, project).await?;
    listed(&members, at.output.output, &["NAME", "KIND", "ROLE", "REPOSITORIES", "CONDITION"], |member| {
        let kind = if member["entity_type"] == "g" { "group" } else { "user" };
        let repositories = member["repositories"].as_str().unwrap_or("all").to_owned();
        vec![
            text(member, "entity_name"),
            kind.to_owned(),
            text(member, "role_name"),
            repositories,
            text(member, "condition"),
        ]
    })
}

/// Who is a member already gets the other role.
async fn add(project: &str, name: &str, role: &str, at: &Remote) -> Result<String, Failure> {
    let management = management(at)?;
    let roles = management.list(&filtered("/roles", None)).await?;
    let role = number(find(&roles, "role_name", role, "role")?, "role_id")?;
    let path = format!("{}/members", project_path(project));
    let told = format!("{name} is a member of {project}");
    let members = members(&management, project).await?;
    if let Ok(member) = user(&members, name) {
        let path = format!("{path}/{}", number(member, "id")?);
        // The rest of the membership stays as it is.
        let mut body = json!({ "role_id": role });
        for field in ["repositories", "condition"] {
            if let Some(text) = member[field].as_str() {
                body[field] = json!(text);
            }
        }
        return done(&management, Method::PUT, &path, Some(&body), told).await;
    }
    let body = json!({ "role_id": role, "member_user": { "username": name } });
    done(&management, Method::POST, &path, Some(&body), told).await
}
