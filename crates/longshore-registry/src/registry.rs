//! The parts that every use case works with.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use longshore_metadata::{Metadata, MetadataError, RepositoryId, WriteTx};
use longshore_storage::{BlobStore, PieceBuffers, Space, StoreError, UploadStore};
use longshore_types::{RepositoryName, Timestamp, error_chain};

use crate::{
    ContentsSettings,
    beside::Beside,
    contents::Contents,
    gather::Gatherer,
    pull_rows::PullRows,
    pulls::PullCounts,
    task::Tasks,
    uploads::{UploadBudget, UploadLocks},
};

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
    /// Most unfinished uploads at a time, over all repositories; each caller may have a fifth of them. From
    /// `limits.uploads_max`.
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
    /// Whether somebody makes, removes and limits projects. Then a push makes none, and an upload that its project has no
    /// room for is refused while it arrives.
    pub managed_projects: bool,
    /// Whether an image manifest may name blobs that the repository does not have (specification v1.1.1, "Push": a
    /// registry MAY refuse it). `false` refuses what a client forgot to push; `true` accepts it with a warning, as the
    /// conformance suite's sparse manifests want. From `validation.manifests.sparse`.
    pub sparse_images: bool,
    /// Whether events are queued as jobs of kind [`crate::NOTIFICATION_JOB`].
    pub notify: bool,
    /// Whether the event of a pushed manifest lists what it refers to ([`crate::Event::references`]). From `notifications.events.includereferences`.
    pub notify_references: bool,
    /// Whether pushes, deletions and restorations are rows of the audit record.
    pub audit: bool,
    /// Whether pulls of manifests are, too. From `accounts.audit.pulls`.
    pub audit_pulls: bool,
    /// Where blobs are fetched by redirect, how long the address holds; `None` never redirects.
    pub redirect_lifetime: Option<Duration>,
    /// How far the files of images are read.
    pub contents: ContentsSettings,
}

/// As a server without a configuration has them, and without accounts.
impl Default for RegistrySettings {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            collection: CollectionSettings { delay: DAY, untagged: None },
            uploads: UploadSettings { expire_after: 7 * DAY, count_max: 10_000, blob_bytes_max: None },
            undelete_window: 7 * DAY,
            delete_enabled: true,
            readonly: false,
            managed_projects: false,
            sparse_images: false,
            notify: false,
            notify_references: false,
            audit: false,
            audit_pulls: false,
            redirect_lifetime: None,
            contents: ContentsSettings::default(),
        }
    }
}

impl RegistrySettings {
    /// When a manifest that has no tag (any more) is to be reviewed.
    pub(crate) fn untagged_review_after(&self, now: Timestamp) -> Timestamp {
        now.after(self.collection.delay.max(self.collection.untagged.unwrap_or_default()))
    }

    /// When what was deleted is to be reviewed: not before it can no longer be restored.
    pub(crate) fn deleted_review_after(&self, now: Timestamp) -> Timestamp {
        now.after(self.collection.delay.max(self.undelete_window))
    }

    /// Whether what was deleted then can still be restored.
    pub(crate) fn is_restorable(&self, deleted_at: Timestamp, now: Timestamp) -> bool {
        now < deleted_at.after(self.undelete_window)
    }
}

/// Settings that may change while the registry runs; they begin as [`RegistrySettings`] says.
pub(crate) struct Switches {
    pub(crate) read_only: AtomicBool,
    pub(crate) audit_pulls: AtomicBool,
}

impl Switches {
    fn of(settings: &RegistrySettings) -> Self {
        Self {
            read_only: AtomicBool::new(settings.readonly),
            audit_pulls: AtomicBool::new(settings.audit_pulls),
        }
    }
}

/// What works, and what does not: each with a sentence for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The index.
    pub index: Result<(), String>,
    /// Blobs and uploads.
    pub storage: Result<(), String>,
}

impl Health {
    /// Whether everything works; else a sentence saying which part fails.
    pub fn overall(&self) -> Result<(), &str> {
        self.index.as_ref().and(self.storage.as_ref()).map(drop).map_err(String::as_str)
    }
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
    pub(crate) switches: Switches,
    pub(crate) tasks: Tasks,
    pub(crate) upload_locks: UploadLocks,
    pub(crate) upload_budget: UploadBudget,
    pub(crate) piece_buffers: PieceBuffers,
    pub(crate) beside: Beside,
    pub(crate) pull_counts: Gatherer<PullCounts>,
    pub(crate) pull_rows: Gatherer<PullRows>,
    pub(crate) contents: Contents,
}

impl Registry {
    /// Puts the parts together.
    pub fn new(
        metadata: Metadata,
        blobs: Arc<dyn BlobStore>,
        uploads: Arc<dyn UploadStore>,
        settings: RegistrySettings,
    ) -> Self {
        let switches = Switches::of(&settings);
        let contents = Contents::new(&settings.contents);
        let tasks = Tasks::default();
        let beside = Beside::new(metadata.clone(), tasks.clone());
        let pull_counts = Gatherer::new(metadata.clone(), tasks.clone());
        let pull_rows = Gatherer::new(metadata.clone(), tasks.clone());
        Self {
            inner: Arc::new(Inner {
                metadata,
                blobs,
                uploads,
                settings,
                switches,
                tasks,
                upload_locks: UploadLocks::default(),
                upload_budget: UploadBudget::default(),
                piece_buffers: PieceBuffers::default(),
                beside,
                pull_counts,
                pull_rows,
                contents,
            }),
        }
    }

    /// The index, for the jobs of other parts.
    pub fn metadata(&self) -> &Metadata {
        &self.inner.metadata
    }

    /// Whether events are queued or recorded, so that calls must say by which request they came
    /// ([`crate::Call::request`]).
    pub fn tells_of_events(&self) -> bool {
        let settings = &self.inner.settings;
        settings.notify || settings.audit || settings.audit_pulls
    }

    /// Whether events are queued also of what is only read, other than manifests.
    pub fn tells_of_reads(&self) -> bool {
        self.inner.settings.notify
    }

    /// Begins to change a repository, and keeps others from it; `None` when there is no such repository.
    pub(crate) async fn begin_change(
        &self,
        repository: &RepositoryName,
    ) -> Result<Option<(WriteTx, RepositoryId)>, MetadataError> {
        let mut tx = self.inner.metadata.write().await?;
        let Some(record) = tx.repository(repository).await? else { return Ok(None) };
        tx.lock_repository(record.id).await?;
        Ok(Some((tx, record.id)))
    }

    /// Tries index and storage for real. A part that takes longer than `within` does not work.
    pub async fn check(&self, within: Duration) -> Health {
        let late = |part: &str| format!("{part}: no answer within {} s", within.as_secs());
        let (index, store) = tokio::join!(
            tokio::time::timeout(within, self.inner.metadata.check()),
            tokio::time::timeout(within, self.inner.blobs.check()),
        );
        let index = index.map(|answer| answer.map_err(|error| format!("index: {}", error_chain(&error))));
        let storage = store.map(|answer| answer.map_err(|error| format!("storage: {}", error_chain(&error))));
        Health {
            index: index.unwrap_or_else(|_| Err(late("index"))),
            storage: storage.unwrap_or_else(|_| Err(late("storage"))),
        }
    }

    /// How much room the storage has; none where it has no bounds of its own.
    pub async fn space(&self) -> Result<Option<Space>, StoreError> {
        self.inner.blobs.space().await
    }

    /// Waits until nothing that was begun here is under way: changes whose caller went away, and what pulls leave behind
    /// that is not written yet. For the end of a process, when no new calls come.
    pub async fn idle(&self) {
        self.inner.pull_counts.hurry();
        self.inner.pull_rows.hurry();
        self.inner.tasks.idle().await;
    }
}
