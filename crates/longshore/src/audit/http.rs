//! Rows posted as lines of JSON.

use std::time::Duration;

use longshore_metadata::AuditEvent;
use longshore_types::error_chain;
use reqwest::{Client, StatusCode, header::CONTENT_TYPE, redirect::Policy};

use super::json_line;
use crate::{
    config::{HttpForwardConfig, Secret},
    notifications::headers,
};

/// A receiver that takes rows by `POST`.
pub(super) struct Http {
    url: Secret,
    client: Client,
}

/// Why rows were not taken.
pub(super) enum Refusal {
    /// So many at a time are too many.
    TooLarge,
    /// Anything else.
    Other(String),
}

impl Http {
    pub(super) fn new(config: &HttpForwardConfig, timeout: Duration) -> anyhow::Result<Self> {
        let client = Client::builder()
            .default_headers(headers(&config.headers)?)
            .timeout(timeout)
            .redirect(Policy::none())
            .user_agent(concat!("longshore/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { url: config.url.clone(), client })
    }

    /// Posts rows; they are taken when the answer says so.
    pub(super) async fn send(&self, rows: &[AuditEvent]) -> Result<(), Refusal> {
        let body: String = rows.iter().map(|row| json_line(row) + "\n").collect();
        let request =
            self.client.post(self.url.reveal()).header(CONTENT_TYPE, "application/x-ndjson").body(body);
        // Without the address, which may hold a password.
        let answer =
            request.send().await.map_err(|error| Refusal::Other(error_chain(&error.without_url())))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            StatusCode::PAYLOAD_TOO_LARGE => Err(Refusal::TooLarge),
            status => Err(Refusal::Other(format!("it answered {status}"))),
        }
    }
}
