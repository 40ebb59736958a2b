//! One endpoint and its queue.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use longshore_metadata::{JobId, JobRecord, Metadata, MetadataError};
use longshore_registry::{Event, EventAction};
use longshore_types::{Timestamp, error_chain};
use reqwest::{
    Client, StatusCode,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
    redirect::Policy,
};
use tokio::sync::{Notify, watch};

use super::{
    LOOK_EVERY,
    envelope::{CONTENT_TYPE as ENVELOPE_TYPE, Source},
    rest,
};
use crate::{
    background::now,
    config::{EndpointConfig, Secret},
};

/// The pause after the first failure; it doubles until `backoff`.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// How much longer than the endpoint's timeout an event belongs to the process that posts it.
const LEASE_SLACK: Duration = Duration::from_secs(5);
/// What an endpoint did not take for so long is dropped, so that a dead one does not fill the index.
const KEEP: Duration = Duration::from_secs(7 * 24 * 3600);

/// Someone who is told.
pub(super) struct Endpoint {
    config: EndpointConfig,
    queue: String,
    source: Arc<Source>,
    metadata: Metadata,
    client: Client,
    wake: Notify,
}

/// Why an event did not arrive.
#[derive(Debug)]
struct Undelivered {
    why: String,
    /// The endpoint answered, and will answer so again: the others need not wait for this event.
    refused: bool,
}

impl Endpoint {
    pub(super) fn new(
        config: EndpointConfig,
        source: Arc<Source>,
        metadata: Metadata,
    ) -> anyhow::Result<Self> {
        let name = || format!("notifications.endpoints: {}", config.name);
        let client = Client::builder()
            .default_headers(headers(&config.headers).with_context(name)?)
            .timeout(config.timeout)
            .redirect(Policy::none())
            .user_agent(concat!("longshore/", env!("CARGO_PKG_VERSION")))
            .build()
            .with_context(name)?;
        let queue = format!("{}:{}", longshore_registry::NOTIFICATION_JOB, config.name);
        Ok(Self { config, queue, source, metadata, client, wake: Notify::new() })
    }

    /// The kind of its jobs.
    pub(super) fn queue(&self) -> &str {
        &self.queue
    }

    /// Something may be in the queue.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Whether an event is to be told here.
    pub(super) fn wants(&self, event: &Event) -> bool {
        let action = match event.action {
            EventAction::Push => "push",
            EventAction::Pull => "pull",
            EventAction::Mount => "mount",
            EventAction::Delete => "delete",
        };
        let media_type = event.media_type.as_ref().map_or("", |media_type| media_type.as_str());
        !self.config.ignored_actions.iter().any(|ignored| ignored == action)
            && !self.config.ignored_media_types.iter().any(|ignored| ignored == media_type)
    }

    /// Posts what is queued, one event after the other, until the server ends.
    pub(super) async fn run(self: Arc<Self>, mut stopping: watch::Receiver<bool>) {
        let mut failures = 0;
        loop {
            let pause = match self.next().await {
                Ok(Some(job)) => match self.deliver(&job, &mut failures).await {
                    Ok(pause) => pause,
                    Err(error) => self.index_failed(&error),
                },
                Ok(None) => Some((LOOK_EVERY, true)),
                Err(error) => self.index_failed(&error),
            };
            match pause {
                None if *stopping.borrow() => return,
                None => {}
                Some((pause, may_wake)) => {
                    let wake = may_wake.then_some(&self.wake);
                    if rest(pause, wake, &mut stopping).await {
                        return;
                    }
                }
            }
        }
    }

    fn index_failed(&self, error: &MetadataError) -> Option<(Duration, bool)> {
        tracing::warn!(endpoint = self.config.name, error = %error_chain(error), "cannot use the queue of notifications");
        Some((self.config.backoff, false))
    }

    /// Takes the oldest event for itself.
    async fn next(&self) -> Result<Option<JobRecord>, MetadataError> {
        if self.metadata.read().await?.jobs_count(&self.queue).await? == 0 {
            return Ok(None);
        }
        let now = now();
        let mut tx = self.metadata.write().await?;
        let until = now.after(self.config.timeout + LEASE_SLACK);
        let jobs = tx.lease_jobs(&self.queue, now, until, 1).await?;
        tx.commit().await?;
        Ok(jobs.into_iter().next())
    }

    /// Posts one event; returns how long to rest, and whether new events may shorten that.
    async fn deliver(
        &self,
        job: &JobRecord,
        failures: &mut u64,
    ) -> Result<Option<(Duration, bool)>, MetadataError> {
        let name = self.config.name.as_str();
        let Err(undelivered) = self.post(job).await else {
            *failures = 0;
            self.forget(job.id).await?;
            return Ok(None);
        };
        let why = undelivered.why;
        let now = now();
        if job.created_at.after(KEEP) < now {
            tracing::error!(endpoint = name, why, "dropped a notification that was not taken for a week");
            self.forget(job.id).await?;
            return Ok(None);
        }
        tracing::warn!(endpoint = name, why, attempts = job.attempts + 1, "notification not delivered");
        if undelivered.refused {
            // Events behind it go first; it comes again later, ever more rarely.
            *failures = 0;
            self.put_back(job.id, now.after(pause(u64::from(job.attempts) + 1, &self.config)), &why).await?;
            return Ok(None);
        }
        // It keeps its place before all that is newer.
        self.put_back(job.id, job.created_at, &why).await?;
        *failures += 1;
        Ok(Some((pause(*failures, &self.config), false)))
    }

    async fn post(&self, job: &JobRecord) -> Result<(), Undelivered> {
        let event = serde_json::from_str::<Event>(&job.payload)
            .map_err(|error| Undelivered { why: error.to_string(), refused: true })?;
        let body = self.source.envelope(&event).to_string();
        let request =
            self.client.post(self.config.url.reveal()).header(CONTENT_TYPE, ENVELOPE_TYPE).body(body);
        // Without the address, which may hold a password.
        let answer = request
            .send()
            .await
            .map_err(|error| Undelivered { why: error_chain(&error.without_url()), refused: false })?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        Err(Undelivered { why: format!("answered {status}"), refused: is_refusal(status) })
    }

    async fn forget(&self, id: JobId) -> Result<(), MetadataError> {
        let mut tx = self.metadata.write().await?;
        tx.complete_job(id).await?;
        tx.commit().await
    }

    async fn put_back(&self, id: JobId, run_after: Timestamp, why: &str) -> Result<(), MetadataError> {
        let mut tx = self.metadata.write().await?;
        tx.retry_job(id, run_after, why).await?;
        tx.commit().await
    }
}

/// Whether an answer is about this event. Wrong credentials or a wrong address are about all of them.
fn is_refusal(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST
            | StatusCode::CONFLICT
            | StatusCode::GONE
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNPROCESSABLE_ENTITY
    )
}

/// The rest after so many failures in a row: short at first, `backoff` from `threshold` on.
fn pause(failures: u64, config: &EndpointConfig) -> Duration {
    if failures >= config.threshold {
        return config.backoff;
    }
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(u32::MAX).min(20);
    FIRST_PAUSE.saturating_mul(1 << doublings).min(config.backoff)
}

/// Headers of requests, none of whose values is ever shown.
pub(crate) fn headers(named: &[(String, Vec<Secret>)]) -> anyhow::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, values) in named {
        let name: HeaderName = name.parse().with_context(|| format!("headers: {name:?}"))?;
        for value in values {
            let mut value = HeaderValue::from_str(value.reveal())
                .with_context(|| format!("headers: the value of {name}"))?;
            value.set_sensitive(true);
            headers.append(&name, value);
        }
    }
    Ok(headers)
}
