//! Copies of the record for somebody else: sealed rows in the order of the chain, from where the target was.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use longshore_metadata::{AuditEvent, Metadata, MetadataError};
use longshore_types::{Digest, error_chain};
use tokio::sync::watch;

use super::{
    http::{Http, Refusal},
    syslog::Syslog,
};
use crate::{
    background::now,
    config::{ForwardConfig, ForwardTo},
    notifications::rest,
};

/// How often an idle target is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Rows sent at a time, at most.
const BATCH: usize = 500;
/// The pause after the first failure; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How much longer than a sending may take the target belongs to the process that sends.
const LEASE_SLACK: Duration = Duration::from_secs(10);

enum Receiver {
    Syslog(Syslog),
    Http(Http),
}

/// Somebody who gets copies.
pub(super) struct Target {
    /// Under which the index knows how far it is.
    name: String,
    /// For the log: no secrets.
    shown: String,
    receiver: Receiver,
    timeout: Duration,
    metadata: Metadata,
    batch: AtomicUsize,
}

/// Why nothing was sent.
#[derive(Debug)]
pub(super) enum Undelivered {
    Index(MetadataError),
    Target(String),
}

impl From<MetadataError> for Undelivered {
    fn from(error: MetadataError) -> Self {
        Self::Index(error)
    }
}

impl Target {
    pub(super) fn new(config: &ForwardConfig, metadata: Metadata) -> anyhow::Result<Self> {
        let (name, shown, receiver) = match &config.to {
            ForwardTo::Syslog(syslog) => {
                let scheme = if syslog.tls { "tls" } else { "tcp" };
                let shown = format!("syslog {scheme}://{}:{}", syslog.host, syslog.port);
                let receiver = Syslog::new(syslog, config.timeout)
                    .with_context(|| format!("accounts.audit.forward: {shown}"))?;
                (shown.clone(), shown, Receiver::Syslog(receiver))
            }
            ForwardTo::Http(http) => {
                // The address may hold a password: its hash tells it from others.
                let name = format!("http {}", Digest::sha256(http.url.reveal().as_bytes()).hex());
                let receiver = Http::new(http, config.timeout).context("accounts.audit.forward: http")?;
                let shown = format!("http {}", host_of(http.url.reveal()));
                (name, shown, Receiver::Http(receiver))
            }
        };
        let batch = AtomicUsize::new(BATCH);
        Ok(Self { name, shown, receiver, timeout: config.timeout, metadata, batch })
    }

    /// Sends what there is, batch after batch, until the server ends.
    pub(super) async fn run(self: Arc<Self>, mut stopping: watch::Receiver<bool>) {
        let mut failures: u32 = 0;
        loop {
            let pause = match self.send_batch().await {
                Ok(sent) => {
                    if failures > 0 && sent > 0 {
                        tracing::info!(receiver = self.shown, "the audit record is forwarded again");
                    }
                    failures = if sent > 0 { 0 } else { failures };
                    if sent > 0 { Duration::ZERO } else { LOOK_EVERY }
                }
                Err(error) => {
                    failures = failures.saturating_add(1);
                    self.tell(&error, failures);
                    pause(failures)
                }
            };
            if rest(pause, None, &mut stopping).await {
                return;
            }
        }
    }

    fn tell(&self, error: &Undelivered, failures: u32) {
        if !failures.is_power_of_two() {
            return;
        }
        let why = match error {
            Undelivered::Index(error) => error_chain(error),
            Undelivered::Target(why) => why.clone(),
        };
        tracing::warn!(
            receiver = self.shown,
            why,
            failures,
            "cannot forward the audit record; it waits in the index"
        );
    }

    /// Sends the next rows and notes that the target has them. Returns how many; 0 also while another process sends.
    pub(super) async fn send_batch(&self) -> Result<usize, Undelivered> {
        let mut tx = self.metadata.read().await?;
        let (head, known) = (tx.audit_head().await?.sequence, tx.audit_target(&self.name).await?);
        drop(tx);
        if known.is_some_and(|sequence| sequence >= head) {
            return Ok(0);
        }
        let Some(after) = self.lease(known.is_none()).await? else { return Ok(0) };
        let sent = self.send_after(after).await;
        let upto = match &sent {
            Ok(rows) => rows.last().and_then(|row| row.sequence).unwrap_or(after),
            Err(_) => after,
        };
        let mut tx = self.metadata.write().await?;
        tx.advance_audit_target(&self.name, upto).await?;
        tx.commit().await?;
        sent.map(|rows| rows.len())
    }

    async fn lease(&self, is_new: bool) -> Result<Option<u64>, MetadataError> {
        let mut tx = self.metadata.write().await?;
        if is_new {
            tx.ensure_audit_target(&self.name).await?;
        }
        let now = now();
        let leased = tx.lease_audit_target(&self.name, now, now.after(self.timeout + LEASE_SLACK)).await?;
        tx.commit().await?;
        Ok(leased)
    }

    async fn send_after(&self, after: u64) -> Result<Vec<AuditEvent>, Undelivered> {
        let limit = self.batch.load(Ordering::Relaxed);
        let rows = self.metadata.read().await?.sealed_audit(after, limit).await?;
        let Some(first) = rows.first().and_then(|row| row.sequence) else { return Ok(rows) };
        if first > after + 1 {
            let (from, to) = (after + 1, first - 1);
            tracing::error!(receiver = self.shown, from, to, "retention took rows that the target never had");
        }
        match &self.receiver {
            Receiver::Syslog(syslog) => syslog.send(&rows).await.map_err(Undelivered::Target)?,
            Receiver::Http(http) => {
                http.send(&rows).await.map_err(|refusal| self.refused(refusal, rows.len()))?
            }
        }
        Ok(rows)
    }

    /// Whoever finds so many rows too large gets half as many from now on.
    fn refused(&self, refusal: Refusal, rows: usize) -> Undelivered {
        Undelivered::Target(match refusal {
            Refusal::TooLarge => {
                self.batch.store((rows / 2).max(1), Ordering::Relaxed);
                format!("it finds {rows} rows too large")
            }
            Refusal::Other(why) => why,
        })
    }
}

/// The rest after so many failures in a row.
fn pause(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST_PAUSE)
}

/// The part of an address that names a host.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_minute() {
        assert_eq!(pause(1), FIRST_PAUSE);
        assert_eq!(pause(3), FIRST_PAUSE * 4);
        assert_eq!(pause(u32::MAX), LONGEST_PAUSE);
    }

    #[test]
    fn the_log_shows_no_password() {
        assert_eq!(host_of("https://user:secret@siem.example:8088/services?token=hush"), "siem.example:8088");
        assert_eq!(host_of("http://siem.example"), "siem.example");
    }
}
