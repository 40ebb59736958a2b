//! What other systems are told: queued in the same transaction as the change.

use longshore_types::{Descriptor, Digest, MediaType};
use serde::{Deserialize, Serialize};

use crate::RequestInfo;

/// The kind of the jobs that carry an [`Event`] as JSON. Whoever delivers them leases this kind.
pub const NOTIFICATION_JOB: &str = "notification";

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventAction {
    /// A manifest or blob was pushed.
    Push,
    /// A manifest or blob was pulled.
    Pull,
    /// A blob was mounted.
    Mount,
    /// A tag, manifest or blob was deleted.
    Delete,
}

/// Something that happened in a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Unique.
    pub id: String,
    /// When, in milliseconds since the Unix epoch.
    pub at_unix_millis: i64,
    /// What.
    pub action: EventAction,
    /// Where.
    pub repository: String,
    /// The tag, when one was named.
    pub tag: Option<String>,
    /// To which content; `None` when a tag was deleted.
    pub digest: Option<Digest>,
    /// Its type; blobs have `application/octet-stream`.
    pub media_type: Option<MediaType>,
    /// Its length.
    pub size_bytes: Option<u64>,
    /// Where a mount took the blob from.
    pub from_repository: Option<String>,
    /// What a pushed manifest refers to, if the settings want it told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Descriptor>,
    /// Who.
    pub actor: Option<String>,
    /// By which request.
    pub request: RequestInfo,
}
