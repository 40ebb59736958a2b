//! `longshore admin users`.

use longshore_client::Management;
use reqwest::Method;
use serde_json::{Value, json};

use super::{done, filtered, find, listed, management, moment, new_password, number, text};
use crate::{
    cli::{Remote, UsersCommand},
    commands::client::Failure,
};

pub(super) async fn run(command: UsersCommand) -> Result<String, Failure> {
    match command {
        UsersCommand::List { name, at } => list(name.as_deref(), &at).await,
        UsersCommand::Create { name, email, full_name, password_stdin, at } => {
            let password = new_password(password_stdin)?;
            let body =
                json!({ "username": name, "email": email, "realname": full_name, "password": password });
            let told = format!("made the user {name}");
            done(&management(&at)?, Method::POST, "/users", Some(&body), told).await
        }
        UsersCommand::Disable { name, at } => {
            change(&name, &at, "disabled", &json!({ "disabled": true }), "is not let in any more").await
        }
        UsersCommand::Enable { name, at } => {
            change(&name, &at, "disabled", &json!({ "disabled": false }), "is let in again").await
        }
        UsersCommand::ResetPassword { name, password_stdin, at } => {
            let body = json!({ "new_password": new_password(password_stdin)? });
            change(&name, &at, "password", &body, "has a new password").await
        }
    }
}

async fn list(name: Option<&str>, at: &Remote) -> Result<String, Failure> {
    let part = name.map(|part| format!("~{part}"));
    let path = filtered("/users", part.as_deref().map(|part| ("username", part)));
    let users = management(at)?.list(&path).await?;
    let columns = ["NAME", "FULL NAME", "ROLE", "SOURCE", "STATE", "LAST LOGIN"];
    listed(&users, at.output.output, &columns, |user| {
        vec![
            text(user, "username"),
            text(user, "realname"),
            text(user, "system_role"),
            text(user, "source"),
            if user["disabled"] == true { "disabled" } else { "active" }.to_owned(),
            moment(user, "last_login_time"),
        ]
    })
}

/// Changes something of a user, whom the API knows by number.
async fn change(name: &str, at: &Remote, what: &str, body: &Value, told: &str) -> Result<String, Failure> {
    let management = management(at)?;
    let id = id_of(&management, name).await?;
    let path = format!("/users/{id}/{what}");
    done(&management, Method::PUT, &path, Some(body), format!("user {name} {told}")).await
}

async fn id_of(management: &Management, name: &str) -> Result<i64, Failure> {
    let found = management.list(&filtered("/users", Some(("username", name)))).await?;
    number(find(&found, "username", name, "user")?, "user_id")
}
