//! Queues events: changes in their own transaction, pulls in batches beside the hot path.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use longshore_metadata::{Metadata, MetadataError, WriteTx};
use longshore_types::{Digest, MediaType, RepositoryName, Tag, Timestamp, UploadId};
use tokio::sync::mpsc;

use crate::{
    Call, Event, EventAction, NOTIFICATION_JOB, Registry,
    task::{Running, Tasks},
};

/// Most pulls that wait to be written as events; beyond that they are dropped, counted and logged.
const PULLS_MAX: usize = 4096;
/// Most pulls written in one transaction.
const PULL_BATCH: usize = 256;

impl Event {
    /// An event by `call` about `repository`, still without saying what it is about.
    pub(crate) fn new(call: &Call, action: EventAction, repository: &RepositoryName) -> Self {
        Self {
            id: UploadId::random().to_string(),
            at_unix_millis: call.now.unix_millis(),
            action,
            repository: repository.to_string(),
            tag: None,
            digest: None,
            media_type: None,
            size_bytes: None,
            from_repository: None,
            references: Vec::new(),
            actor: call.caller.name.clone(),
            request: call.request.clone(),
        }
    }

    pub(crate) fn content(mut self, digest: Digest, media_type: MediaType, size_bytes: u64) -> Self {
        self.digest = Some(digest);
        self.media_type = Some(media_type);
        self.size_bytes = Some(size_bytes);
        self
    }

    pub(crate) fn blob(self, digest: Digest, size_bytes: u64) -> Self {
        self.content(digest, MediaType::OCTET_STREAM, size_bytes)
    }

    pub(crate) fn tag(mut self, tag: Option<&Tag>) -> Self {
        self.tag = tag.map(Tag::to_string);
        self
    }
}

impl Registry {
    /// Queues an event, if the settings want events, in the transaction of the change it tells of.
    pub(crate) async fn notify(
        &self,
        tx: &mut WriteTx,
        event: impl FnOnce() -> Event,
    ) -> Result<(), MetadataError> {
        if self.inner.settings.notify { enqueue(tx, &event()).await } else { Ok(()) }
    }

    /// Tells of a pull, if the settings want events: soon, and without keeping the pull waiting.
    pub(crate) fn notify_pull(&self, event: impl FnOnce() -> Event) {
        if self.inner.settings.notify {
            self.inner.pull_events.send(event());
        }
    }
}

async fn enqueue(tx: &mut WriteTx, event: &Event) -> Result<(), MetadataError> {
    let payload = serde_json::to_string(event).expect("an event is plain data");
    let at = Timestamp::from_unix_millis(event.at_unix_millis);
    tx.enqueue_job(NOTIFICATION_JOB, &payload, at, at).await.map(drop)
}

/// Pulls on their way into the queue of events.
pub(crate) struct PullEvents {
    metadata: Metadata,
    tasks: Tasks,
    /// Begun with the first pull, so that a registry that tells nobody has no task.
    sender: OnceLock<mpsc::Sender<(Event, Running)>>,
    dropped: AtomicU64,
}

impl PullEvents {
    pub(crate) fn new(metadata: Metadata, tasks: Tasks) -> Self {
        Self { metadata, tasks, sender: OnceLock::new(), dropped: AtomicU64::new(0) }
    }

    fn send(&self, event: Event) {
        let sender = self.sender.get_or_init(|| {
            let (sender, receiver) = mpsc::channel(PULLS_MAX);
            tokio::spawn(write_pulls(self.metadata.clone(), receiver));
            sender
        });
        if sender.try_send((event, self.tasks.begin())).is_err() {
            let dropped = self.dropped.fetch_add(1, Ordering::Relaxed) + 1;
            if dropped.is_power_of_two() {
                tracing::warn!(dropped, "the index is too slow for the events of pulls: some are dropped");
            }
        }
    }
}

async fn write_pulls(metadata: Metadata, mut receiver: mpsc::Receiver<(Event, Running)>) {
    let mut batch = Vec::with_capacity(PULL_BATCH);
    while receiver.recv_many(&mut batch, PULL_BATCH).await > 0 {
        let written = crate::retry::retry_on_conflict(|| write_batch(&metadata, &batch)).await;
        if let Err(error) = written {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                dropped = batch.len(),
                "could not queue events of pulls"
            );
        }
        batch.clear();
    }
}

async fn write_batch(metadata: &Metadata, batch: &[(Event, Running)]) -> Result<(), MetadataError> {
    let mut tx = metadata.write().await?;
    for (event, _) in batch {
        enqueue(&mut tx, event).await?;
    }
    tx.commit().await
}
