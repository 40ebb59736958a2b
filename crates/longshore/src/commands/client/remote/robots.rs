//! `longshore admin robots`.

use longshore_client::Management;
use reqwest::Method;
use serde_json::{Value, json};

use super::{done, filtered, find, listed, management, moment, number, project_path, text};
use crate::{
    cli::{Form, Remote, RobotsCommand},
    commands::client::{Failure, output},
};

pub(super) async fn run(command: RobotsCommand) -> Result<String, Failure> {
    match command {
        RobotsCommand::List { project, at } => list(project.as_deref(), &at).await,
        RobotsCommand::Create { name, project, access, days, description, at } => {
            let access = access.iter().map(|word| permission(word)).collect::<Result<Vec<_>, _>>()?;
            let body = json!({
                "name": name, "level": "project", "description": description, "duration": days.unwrap_or(-1),
                "permissions": [{ "kind": "project", "namespace": project, "access": access }],
            });
            let made = management(&at)?.call(Method::POST, "/robots", Some(&body)).await?.value;
            told(&at, &made["name"], &made["secret"])
        }
        RobotsCommand::Rotate { robot, at } => {
            let management = management(&at)?;
            let path = format!("/robots/{}", id_of(&management, &robot).await?);
            // An empty secret asks for one that the registry makes.
            let made = management.call(Method::PATCH, &path, Some(&json!({ "secret": "" }))).await?.value;
            told(&at, &json!(robot), &made["secret"])
        }
        RobotsCommand::Delete { robot, at } => {
            let management = management(&at)?;
            let path = format!("/robots/{}", id_of(&management, &robot).await?);
            done(&management, Method::DELETE, &path, None, format!("removed {robot}")).await
        }
    }
}

/// `pull` is `repository:pull`.
fn permission(word: &str) -> Result<Value, Failure> {
    let (resource, action) = match (word, word.split_once(':')) {
        ("pull" | "push" | "delete", _) => ("repository", word),
        (_, Some((resource, action))) if !resource.is_empty() && !action.is_empty() => (resource, action),
        _ => {
            return Err(Failure::Usage(format!(
                "--access: {word:?} is none of pull, push, delete, and no permission such as tag:list"
            )));
        }
    };
    Ok(json!({ "resource": resource, "action": action }))
}

/// The secret stands alone on its line, so that it can be piped on.
fn told(at: &Remote, name: &Value, secret: &Value) -> Result<String, Failure> {
    if at.output.output == Form::Json {
        return output::json(&json!({ "name": name, "secret": secret }));
    }
    let strange = || Failure::Other("the registry's answer has no secret".to_owned());
    let (name, secret) = (name.as_str().unwrap_or_default(), secret.as_str().ok_or_else(strange)?);
    Ok(format!("name    {name}\nsecret  {secret}\n"))
}

async fn robots(management: &Management, project: Option<&str>) -> Result<Vec<Value>, Failure> {
    let path = match project {
        Some(project) => {
            let id = number(&management.get(&project_path(project)).await?, "project_id")?;
            format!("/robots?page_size=100&q=Level%3Dproject%2CProjectID%3D{id}")
        }
        None => filtered("/robots", None),
    };
    Ok(management.list(&path).await?)
}

async fn list(project: Option<&str>, at: &Remote) -> Result<String, Failure> {
    let robots = robots(&management(at)?, project).await?;
    listed(&robots, at.output.output, &["NAME", "STATE", "ENDS", "LAST USED", "DESCRIPTION"], |robot| {
        vec![
            text(robot, "name"),
            if robot["disable"] == true { "disabled" } else { "active" }.to_owned(),
            match robot["expires_at"].as_i64().and_then(|at| jiff::Timestamp::from_second(at).ok()) {
                Some(at) if at.as_second() > 0 => format!("{at:.0}"),
                _ => "never".to_owned(),
            },
            moment(robot, "last_used_time"),
            text(robot, "description"),
        ]
    })
}

/// `robot$team+ci` is one of the project `team`, `robot$ci` one of the whole registry.
async fn id_of(management: &Management, robot: &str) -> Result<i64, Failure> {
    let project =
        robot.split_once('+').map(|(before, _)| before.rsplit_once('$').map_or(before, |(_, name)| name));
    let robots = robots(management, project).await?;
    number(find(&robots, "name", robot, "robot")?, "id")
}
