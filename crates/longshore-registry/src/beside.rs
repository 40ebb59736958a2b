//! What pulls leave behind, written in batches beside them: events for other systems, rows of the audit record.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use longshore_metadata::{Metadata, MetadataError};
use tokio::sync::mpsc;

use crate::{
    Event,
    audit::AuditRow,
    notify::enqueue,
    task::{Running, Tasks},
};

/// Most that waits to be written; beyond that it is dropped, counted and logged.
const WAITING_MAX: usize = 4096;
/// Most that is written in one transaction.
const BATCH: usize = 256;

/// Something to be written.
enum Note {
    Event(Box<Event>),
    Row(AuditRow),
}

/// Notes on their way into the index.
pub(crate) struct Beside {
    metadata: Metadata,
    tasks: Tasks,
    /// Begun with the first note, so that a registry that leaves none has no task.
    sender: OnceLock<mpsc::Sender<(Note, Running)>>,
    events_dropped: AtomicU64,
    /// Rows dropped since the last one that says how many.
    rows_dropped: AtomicU64,
}

impl Beside {
    pub(crate) fn new(metadata: Metadata, tasks: Tasks) -> Self {
        let (events_dropped, rows_dropped) = Default::default();
        Self { metadata, tasks, sender: OnceLock::new(), events_dropped, rows_dropped }
    }

    /// Queues an event.
    pub(crate) fn notify(&self, event: Event) {
        if !self.send(Note::Event(Box::new(event))) {
            let dropped = self.events_dropped.fetch_add(1, Ordering::Relaxed) + 1;
            if dropped.is_power_of_two() {
                tracing::warn!(dropped, "the index is too slow for the events of pulls: some are dropped");
            }
        }
    }

    /// Queues a row. Where rows were dropped, the next one that is not says so in the record itself.
    pub(crate) fn record(&self, row: AuditRow) {
        let dropped = self.rows_dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 && !self.send(Note::Row(row.clone().instead_of(dropped))) {
            self.rows_dropped.fetch_add(dropped, Ordering::Relaxed);
        }
        if !self.send(Note::Row(row)) {
            let dropped = self.rows_dropped.fetch_add(1, Ordering::Relaxed) + 1;
            if dropped.is_power_of_two() {
                tracing::warn!(dropped, "the index is too slow to record every pull: some are dropped");
            }
        }
    }

    fn send(&self, note: Note) -> bool {
        let sender = self.sender.get_or_init(|| {
            let (sender, receiver) = mpsc::channel(WAITING_MAX);
            tokio::spawn(write_notes(self.metadata.clone(), receiver));
            sender
        });
        sender.try_send((note, self.tasks.begin())).is_ok()
    }
}

async fn write_notes(metadata: Metadata, mut receiver: mpsc::Receiver<(Note, Running)>) {
    let mut batch = Vec::with_capacity(BATCH);
    while receiver.recv_many(&mut batch, BATCH).await > 0 {
        let written = crate::retry::retry_on_conflict(|| write_batch(&metadata, &batch)).await;
        if let Err(error) = written {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                dropped = batch.len(),
                "could not write what pulls leave behind"
            );
        }
        batch.clear();
    }
}

async fn write_batch(metadata: &Metadata, batch: &[(Note, Running)]) -> Result<(), MetadataError> {
    // Rows need not wait for the disk: whoever seals them does, a moment later.
    let mut tx = match batch.iter().all(|(note, _)| matches!(note, Note::Row(_))) {
        true => metadata.write_relaxed().await?,
        false => metadata.write().await?,
    };
    for (note, _) in batch {
        match note {
            Note::Event(event) => enqueue(&mut tx, event).await?,
            Note::Row(row) => row.write(&mut tx).await?,
        }
    }
    tx.commit().await
}
