//! `longshore admin quota`.

use reqwest::Method;
use serde_json::{Value, json};

use super::{done, filtered, listed, management, number, project_path};
use crate::{
    cli::{Form, QuotaCommand},
    commands::client::{Failure, output},
};

pub(super) async fn run(command: QuotaCommand) -> Result<String, Failure> {
    match command {
        QuotaCommand::List { at } => {
            let quotas = management(&at)?.list(&filtered("/quotas", None)).await?;
            listed(&quotas, at.output.output, &["PROJECT", "HOLDS", "MAY HOLD"], |quota| {
                let name = quota["ref"]["name"].as_str().unwrap_or("-").to_owned();
                let (used, hard) = amounts(quota);
                vec![name, output::size(used), limit(hard)]
            })
        }
        QuotaCommand::Show { project, at } => {
            let summary = management(&at)?.get(&format!("{}/summary", project_path(&project))).await?;
            let quota = &summary["quota"];
            if at.output.output == Form::Json {
                return output::json(quota);
            }
            let (used, hard) = amounts(quota);
            Ok(of(used, hard) + "\n")
        }
        QuotaCommand::Set { project, size, at } => {
            let management = management(&at)?;
            let id = number(&management.get(&project_path(&project)).await?, "project_id")?;
            let bytes = size.0.and_then(|bytes| i64::try_from(bytes).ok()).unwrap_or(-1);
            let body = json!({ "hard": { "storage": bytes } });
            let told = format!("project {project} may hold {}", limit(bytes));
            done(&management, Method::PUT, &format!("/quotas/{id}"), Some(&body), told).await
        }
    }
}

fn amounts(quota: &Value) -> (u64, i64) {
    let used = quota["used"]["storage"].as_u64().unwrap_or(0);
    (used, quota["hard"]["storage"].as_i64().unwrap_or(-1))
}

fn limit(hard: i64) -> String {
    u64::try_from(hard).map_or_else(|_| "any amount".to_owned(), output::size)
}

/// `12 MB of 20 GB`.
pub(super) fn of(used: u64, hard: i64) -> String {
    format!("{} of {}", output::size(used), limit(hard))
}
