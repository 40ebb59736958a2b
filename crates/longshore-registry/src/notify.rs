//! Queues events: those of changes in their own transaction, those of pulls beside them (`beside`).

use longshore_metadata::{MetadataError, WriteTx};
use longshore_types::{Digest, MediaType, RepositoryName, Tag, Timestamp, UploadId};

use crate::{Call, Event, EventAction, NOTIFICATION_JOB, Registry};

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
            actor: call.caller.name.as_deref().map(str::to_owned),
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
            self.inner.beside.notify(event());
        }
    }
}

pub(crate) async fn enqueue(tx: &mut WriteTx, event: &Event) -> Result<(), MetadataError> {
    let payload = serde_json::to_string(event).expect("an event is plain data");
    let at = Timestamp::from_unix_millis(event.at_unix_millis);
    tx.enqueue_job(NOTIFICATION_JOB, &payload, at, at).await.map(drop)
}
