//! The events of pulls for other systems, written in batches beside them.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use longshore_metadata::{Metadata, MetadataError};
use tokio::sync::mpsc;

use crate::{
    Event,
    notify::enqueue,
    task::{Running, Tasks},
};

/// Most that waits to be written; beyond that it is dropped, counted and logged.
const WAITING_MAX: usize = 4096;
/// Most that is written in one transaction.
const BATCH: usize = 256;

/// Events on their way into the index.
pub(crate) struct Beside {
    metadata: Metadata,
    tasks: Tasks,
    /// Begun with the first event, so that a registry that has none has no task.
    sender: OnceLock<mpsc::Sender<(Box<Event>, Running)>>,
    dropped: AtomicU64,
}

impl Beside {
    pub(crate) fn new(metadata: Metadata, tasks: Tasks) -> Self {
        Self { metadata, tasks, sender: OnceLock::new(), dropped: AtomicU64::default() }
    }

    /// Queues an event.
    pub(crate) fn notify(&self, event: Event) {
        if !self.send(Box::new(event)) {
            let dropped = self.dropped.fetch_add(1, Ordering::Relaxed) + 1;
            if dropped.is_power_of_two() {
                tracing::warn!(dropped, "the index is too slow for the events of pulls: some are dropped");
            }
        }
    }

    fn send(&self, event: Box<Event>) -> bool {
        let sender = self.sender.get_or_init(|| {
            let (sender, receiver) = mpsc::channel(WAITING_MAX);
            tokio::spawn(write_events(self.metadata.clone(), receiver));
            sender
        });
        sender.try_send((event, self.tasks.begin())).is_ok()
    }
}

async fn write_events(metadata: Metadata, mut receiver: mpsc::Receiver<(Box<Event>, Running)>) {
    let mut batch = Vec::with_capacity(BATCH);
    while receiver.recv_many(&mut batch, BATCH).await > 0 {
        let written = crate::retry::retry_on_conflict(|| write_batch(&metadata, &batch)).await;
        if let Err(error) = written {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                dropped = batch.len(),
                "could not queue the events of pulls"
            );
        }
        batch.clear();
    }
}

async fn write_batch(metadata: &Metadata, batch: &[(Box<Event>, Running)]) -> Result<(), MetadataError> {
    let mut tx = metadata.write().await?;
    for (event, _) in batch {
        enqueue(&mut tx, event).await?;
    }
    tx.commit().await
}
