//! The parts that every use case works with.

use std::{sync::Arc, time::Duration};

use longshore_metadata::Metadata;
use longshore_storage::{BlobStore, UploadStore};

/// When collection looks, and what it may take.
#[derive(Clone, Debug)]
pub struct CollectionSettings {
    /// How long something rests between losing its last user and its review. From `collection.delay`.
    pub delay: Duration,
    /// How long a manifest without tag, parent or subject is kept; `None` keeps it until it is deleted, because
    /// deployments pin digests. From `collection.untagged`.
    pub untagged: Option<Duration>,
}

/// Limits of uploads.
#[derive(Clone, Debug)]
pub struct UploadSettings {
    /// An upload that has not grown for so long is given up. From `storage.maintenance.uploadpurging.age`.
    pub expire_after: Duration,
    /// Most unfinished uploads at a time, over all repositories. From `limits.uploads_max`.
    pub count_max: u64,
    /// Largest blob, in bytes; `None` for no limit. From `limits.blob_bytes_max`.
    pub blob_bytes_max: Option<u64>,
}

/// What an operator may set about the use cases.
#[derive(Clone, Debug)]
pub struct RegistrySettings {
    /// Collection.
    pub collection: CollectionSettings,
    /// Uploads.
    pub uploads: UploadSettings,
    /// How long deleted tags and manifests can be restored. From `undelete.window`.
    pub undelete_window: Duration,
    /// Whether tags, manifests and blobs may be deleted. From `storage.delete.enabled`.
    pub delete_enabled: bool,
    /// Whether every push and delete is refused. From `storage.maintenance.readonly.enabled`.
    pub readonly: bool,
    /// Whether events are queued as jobs of kind [`crate::NOTIFICATION_JOB`].
    pub notify: bool,
    /// Whether pushes of a manifest also name what it refers to as events. From `notifications.events.includereferences`.
    pub notify_references: bool,
    /// Where blobs are fetched by redirect, how long the address holds; `None` never redirects.
    pub redirect_lifetime: Option<Duration>,
}

/// A registry: the index, the stores and the settings. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) metadata: Metadata,
    pub(crate) blobs: Arc<dyn BlobStore>,
    pub(crate) uploads: Arc<dyn UploadStore>,
    pub(crate) settings: RegistrySettings,
}

impl Registry {
    /// Puts the parts together.
    pub fn new(
        metadata: Metadata,
        blobs: Arc<dyn BlobStore>,
        uploads: Arc<dyn UploadStore>,
        settings: RegistrySettings,
    ) -> Self {
        Self { inner: Arc::new(Inner { metadata, blobs, uploads, settings }) }
    }

    /// The index, for the jobs of other parts.
    pub fn metadata(&self) -> &Metadata {
        &self.inner.metadata
    }

    /// Tries index and storage for real.
    ///
    /// # Errors
    /// A sentence for the operator saying which part fails.
    pub async fn check(&self) -> Result<(), String> {
        todo!()
    }
}
