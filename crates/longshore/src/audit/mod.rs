//! Work on the audit record beside the requests: rows get their place in the chain, old ones go, and copies are forwarded.
//!
//! The record is its own queue: a target that was down gets what it missed from the rows themselves, so nothing is lost as
//! long as retention keeps them. Replicas share the work by locks and leases in the index.

mod forward;
mod http;
mod syslog;

use std::{sync::Arc, time::Duration};

use longshore_metadata::{Metadata, MetadataError};
use tokio::{sync::watch, task::JoinSet};

use self::forward::Target;
use crate::{
    background::{jittered, now},
    config::Config,
    notifications::rest,
};
pub(crate) use longshore_accounts::{CSV_HEADER, csv_line, json_line};
use longshore_types::error_chain;

/// How often rows are sealed; a look is one read of the index.
const SEAL_EVERY: Duration = Duration::from_secs(1);
/// Rows sealed, and taken by retention, in one transaction.
const BATCH: usize = 500;
/// How often retention looks.
const PURGE_EVERY: Duration = Duration::from_secs(24 * 3600);
/// When it looks for the first time, so that servers that are started often do it too.
const FIRST_PURGE_AFTER: Duration = Duration::from_secs(60);

/// Runs until the server ends: one task that seals, one that keeps retention, and one for each target.
pub(crate) fn start(
    config: &Config,
    metadata: &Metadata,
    tasks: &mut JoinSet<()>,
    stopping: &watch::Receiver<bool>,
) -> anyhow::Result<()> {
    for forward in &config.audit.forward {
        let target = Arc::new(Target::new(forward, metadata.clone())?);
        tasks.spawn(target.run(stopping.clone()));
    }
    tasks.spawn(seal(metadata.clone(), stopping.clone()));
    if let Some(retention) = config.audit.retention {
        tasks.spawn(purge(metadata.clone(), retention, stopping.clone()));
    }
    Ok(())
}

async fn seal(metadata: Metadata, mut stopping: watch::Receiver<bool>) {
    loop {
        if let Err(error) = seal_all(&metadata).await {
            tracing::warn!(error = %error_chain(&error), "could not seal the audit record, trying again");
        }
        if rest(SEAL_EVERY, None, &mut stopping).await {
            // What the last requests left behind is sealed with the next start.
            return;
        }
    }
}

/// Seals what is there. Most looks find nothing; those take no turn from the writers.
pub(crate) async fn seal_all(metadata: &Metadata) -> Result<(), MetadataError> {
    while metadata.read().await?.audit_is_unsealed().await? {
        let mut tx = metadata.write().await?;
        let sealed = tx.seal_audit(BATCH).await?;
        tx.commit().await?;
        if sealed < BATCH {
            break;
        }
    }
    Ok(())
}

async fn purge(metadata: Metadata, retention: Duration, mut stopping: watch::Receiver<bool>) {
    let mut pause = FIRST_PURGE_AFTER;
    while !rest(jittered(pause), None, &mut stopping).await {
        pause = PURGE_EVERY;
        match purge_all(&metadata, retention).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(
                rows,
                "removed rows of the audit record that are older than accounts.audit.retention"
            ),
            Err(error) => {
                tracing::warn!(error = %error_chain(&error), "retention of the audit record failed")
            }
        }
    }
}

async fn purge_all(metadata: &Metadata, retention: Duration) -> Result<u64, MetadataError> {
    let before = now().before(retention);
    let mut total = 0;
    loop {
        let mut tx = metadata.write().await?;
        let purged = tx.purge_audit(before, BATCH).await?;
        tx.commit().await?;
        total += purged;
        if purged < BATCH as u64 {
            return Ok(total);
        }
    }
}

#[cfg(test)]
mod tests;
