//! `longshore admin` over the management API of a registry: a file for each kind of thing.

mod background;
mod members;
mod projects;
mod quota;
mod robots;
mod users;

use longshore_client::{Management, segment};
use reqwest::Method;
use serde_json::Value;

use super::{Failure, client, output, terminal};
use crate::cli::{Form, Remote, RemoteCommand};

pub(super) async fn run(command: RemoteCommand) -> Result<String, Failure> {
    match command {
        RemoteCommand::Projects { command } => projects::run(command).await,
        RemoteCommand::Users { command } => users::run(command).await,
        RemoteCommand::Members { command } => members::run(command).await,
        RemoteCommand::Robots { command } => robots::run(command).await,
        RemoteCommand::Quota { command } => quota::run(command).await,
        RemoteCommand::Jobs { command } => background::jobs(command).await,
        RemoteCommand::Gc { command } => background::gc(command).await,
    }
}

fn management(at: &Remote) -> Result<Management, Failure> {
    Ok(client(&at.connection, None)?.registry(&at.host).management())
}

fn project_path(project: &str) -> String {
    format!("/projects/{}", segment(project))
}

/// `path?q=key=value`, encoded; all, where there is no value.
fn filtered(path: &str, filter: Option<(&str, &str)>) -> String {
    match filter {
        Some((key, value)) => format!("{path}?page_size=100&q={}", segment(&format!("{key}={value}"))),
        None => format!("{path}?page_size=100"),
    }
}

/// Calls an operation of which nothing but its success is to be told.
async fn done(
    management: &Management,
    method: Method,
    path: &str,
    body: Option<&Value>,
    told: String,
) -> Result<String, Failure> {
    management.call(method, path, body).await?;
    Ok(told + "\n")
}

/// A list: as it came for programs, and by some columns for people.
fn listed(
    values: &[Value],
    form: Form,
    columns: &[&str],
    row: impl Fn(&Value) -> Vec<String>,
) -> Result<String, Failure> {
    if form == Form::Json {
        return output::json(&values);
    }
    if values.is_empty() {
        return Ok(String::new());
    }
    let heading = columns.iter().map(|column| (*column).to_owned()).collect();
    let rows: Vec<Vec<String>> = std::iter::once(heading).chain(values.iter().map(row)).collect();
    Ok(output::table(&rows))
}

/// A field as people read it.
fn text(value: &Value, field: &str) -> String {
    match &value[field] {
        Value::Null => "-".to_owned(),
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A moment to the second.
fn moment(value: &Value, field: &str) -> String {
    value[field]
        .as_str()
        .and_then(|text| text.split('.').next())
        .map_or("-".to_owned(), |text| if text.ends_with('Z') { text.to_owned() } else { format!("{text}Z") })
}

fn number(value: &Value, field: &str) -> Result<i64, Failure> {
    let found = value[field].as_i64();
    found.ok_or_else(|| Failure::Other(format!("the registry's answer has no number {field}")))
}

/// The one of a list that has this name.
fn find<'a>(values: &'a [Value], field: &str, name: &str, what: &str) -> Result<&'a Value, Failure> {
    let found = values.iter().find(|value| value[field] == name);
    found.ok_or_else(|| Failure::Missing(format!("there is no {what} {name}, or you may not see it")))
}

/// A password from standard input, or from somebody who types it twice.
fn new_password(from_stdin: bool) -> Result<String, Failure> {
    let broken = |error: std::io::Error| Failure::Other(format!("cannot read the password: {error}"));
    let no_terminal = || Failure::Usage("there is no terminal to ask on: give --password-stdin".to_owned());
    let password = if from_stdin {
        terminal::piped().map_err(broken)?
    } else {
        let first = terminal::ask_secret("New password").map_err(broken)?.ok_or_else(no_terminal)?;
        let second = terminal::ask_secret("Once more").map_err(broken)?.ok_or_else(no_terminal)?;
        if first != second {
            return Err(Failure::Usage("these are two different passwords".to_owned()));
        }
        first
    };
    if password.is_empty() {
        return Err(Failure::Usage("a password must not be empty".to_owned()));
    }
    Ok(password)
}
