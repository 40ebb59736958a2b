//! Delivery of events to `notifications.endpoints`.
//!
//! The registry queues each event once, in the transaction of the change. Here it is copied into a queue of its own
//! for every endpoint that wants it, so that one endpoint that is down holds up no other, and from there posted, in
//! order, until the endpoint takes it. All queues are rows of the index: they survive a restart, and replicas share them.
//! An event may arrive twice (a crash between answer and commit); its id tells.

mod endpoint;
mod envelope;

use std::{sync::Arc, time::Duration};

use longshore_metadata::{JobRecord, Metadata, MetadataError};
use longshore_registry::{Event, NOTIFICATION_JOB};
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::sleep,
};

pub(crate) use self::endpoint::headers;
use self::{endpoint::Endpoint, envelope::Source};
use crate::{background::now, config::Config};
use longshore_types::error_chain;

/// How often queues are looked at; a look is one read of an index.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Events copied in one transaction.
const BATCH: usize = 100;
/// How long a process that copies events may take before another one may do it.
const LEASE: Duration = Duration::from_secs(30);

/// Everybody who is told.
pub(crate) struct Notifier {
    metadata: Metadata,
    endpoints: Vec<Arc<Endpoint>>,
}

impl Notifier {
    /// Prepares the endpoints of the configuration.
    pub(crate) fn new(config: &Config, metadata: Metadata) -> anyhow::Result<Self> {
        let source = Arc::new(Source::new(config));
        let endpoints = config.notifications.endpoints.iter();
        let endpoints = endpoints
            .map(|endpoint| Endpoint::new(endpoint.clone(), source.clone(), metadata.clone()).map(Arc::new))
            .collect::<anyhow::Result<_>>()?;
        Ok(Self { metadata, endpoints })
    }

    /// Runs until the server ends: one task that copies, and one for each endpoint.
    pub(crate) fn start(self, tasks: &mut JoinSet<()>, stopping: &watch::Receiver<bool>) {
        for endpoint in &self.endpoints {
            tasks.spawn(endpoint.clone().run(stopping.clone()));
        }
        tasks.spawn(self.fan_out(stopping.clone()));
    }

    async fn fan_out(self, mut stopping: watch::Receiver<bool>) {
        loop {
            let copied = self.copy_batch().await.unwrap_or_else(|error| {
                tracing::warn!(error = %error_chain(&error), "could not queue notifications, trying again");
                0
            });
            if copied == BATCH {
                continue;
            }
            tokio::select! {
                // A sleep may be dropped.
                () = sleep(LOOK_EVERY) => {}
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
        }
    }

    /// Copies what waits to the queues of those who want it; returns how many there were.
    async fn copy_batch(&self) -> Result<usize, MetadataError> {
        // Most looks find nothing; those take no turn from the writers.
        if self.metadata.read().await?.jobs_count(NOTIFICATION_JOB).await? == 0 {
            return Ok(0);
        }
        let now = now();
        let mut tx = self.metadata.write().await?;
        let jobs = tx.lease_jobs(NOTIFICATION_JOB, now, now.after(LEASE), BATCH).await?;
        for job in &jobs {
            for endpoint in self.wanted_by(job) {
                // In the order of the events, whenever they are copied.
                tx.enqueue_job(endpoint.queue(), &job.payload, job.created_at, job.created_at).await?;
            }
            tx.complete_job(job.id).await?;
        }
        tx.commit().await?;
        for endpoint in &self.endpoints {
            endpoint.wake();
        }
        Ok(jobs.len())
    }

    fn wanted_by(&self, job: &JobRecord) -> Vec<&Endpoint> {
        match serde_json::from_str::<Event>(&job.payload) {
            Ok(event) => {
                self.endpoints.iter().map(AsRef::as_ref).filter(|endpoint| endpoint.wants(&event)).collect()
            }
            Err(error) => {
                tracing::error!(%error, "dropped a notification that cannot be read");
                Vec::new()
            }
        }
    }
}

/// Sleeps for `pause` or until woken; `true` when the server ends.
pub(crate) async fn rest(
    pause: Duration,
    wake: Option<&Notify>,
    stopping: &mut watch::Receiver<bool>,
) -> bool {
    let woken = async {
        match wake {
            Some(wake) => wake.notified().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        // Each of these may be dropped: a wake-up that is missed is made up for by the next look.
        () = sleep(pause) => false,
        () = woken => false,
        _ = stopping.wait_for(|stopping| *stopping) => true,
    }
}

#[cfg(test)]
mod tests;
