//! `storage` and `metadata`.

use std::{path::PathBuf, time::Duration};

use super::{section::Section, values::Secret};

/// Where blobs are kept, and what may be done to them.
#[derive(Clone, Debug)]
pub(crate) struct StorageConfig {
    pub(crate) root: PathBuf,
    pub(crate) durable: bool,
    pub(crate) delete_enabled: bool,
    pub(crate) readonly: bool,
    pub(crate) redirect: bool,
    /// `None`: unfinished uploads are kept for ever.
    pub(crate) uploads_expire_after: Option<Duration>,
}

/// Where the index is kept.
#[derive(Clone, Debug)]
pub(crate) struct MetadataConfig {
    /// `None`: SQLite under the storage folder.
    pub(crate) url: Option<Secret>,
    pub(crate) connections_max: usize,
    /// What is kept of it in memory.
    pub(crate) cache_bytes: u64,
}

impl StorageConfig {
    pub(super) fn read(root: &Section<'_>) -> Self {
        let storage = root.section("storage");
        let uploads = storage.section("maintenance.uploadpurging");
        Self {
            root: storage.path("filesystem.rootdirectory").unwrap_or_else(|| {
                storage.refuse("filesystem.rootdirectory", "must not be empty");
                PathBuf::new()
            }),
            durable: storage.boolean("filesystem.durable"),
            delete_enabled: storage.boolean("delete.enabled"),
            readonly: storage.boolean("maintenance.readonly.enabled"),
            redirect: !storage.boolean("redirect.disable"),
            uploads_expire_after: uploads.duration("age").filter(|_| uploads.boolean("enabled")),
        }
    }
}

impl MetadataConfig {
    pub(super) fn read(root: &Section<'_>) -> Self {
        let metadata = root.section("metadata");
        let url = metadata.secret("url");
        let known = ["sqlite:", "postgres://", "postgresql://"];
        if url.as_ref().is_some_and(|url| !known.iter().any(|scheme| url.reveal().starts_with(scheme))) {
            metadata.refuse("url", "must begin with sqlite:// or postgres://");
        }
        let connections_max = metadata.integer("connections");
        if !(1..=10_000).contains(&connections_max) {
            metadata.refuse("connections", "must lie between 1 and 10000");
        }
        Self {
            url,
            connections_max: usize::try_from(connections_max).unwrap_or(usize::MAX),
            cache_bytes: root.size("cache.size").unwrap_or_default(),
        }
    }
}
