//! Puts storage, index and use cases together, as a configuration says.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use longshore_metadata::{Metadata, MetadataSettings};
use longshore_registry::{CollectionSettings, ContentsSettings, Registry, RegistrySettings, UploadSettings};
use longshore_storage::{BlobStore, DistributionLayout, FilesystemSettings, FilesystemStore, SmallBlobs};

use crate::{
    config::Config,
    lock::{FolderLock, Use},
};

/// How long an address to which a client is redirected holds, where the store has such addresses.
const REDIRECT_LIFETIME: Duration = Duration::from_secs(20 * 60);

/// The part of the memory for caches that small blobs have.
const SMALL_BLOBS_SHARE: u64 = 4;

/// Some three hundred years: the age of uploads that are never given up.
const FOR_EVER: Duration = Duration::from_nanos(i64::MAX as u64);

/// A registry with its parts, not served yet.
pub(crate) struct Opened {
    pub(crate) registry: Registry,
    /// The link files of `registry:2` on the same volume.
    pub(crate) layout: DistributionLayout,
    /// Our own folder in the storage folder.
    pub(crate) folder: PathBuf,
    /// Held until the end of the process.
    _lock: Option<FolderLock>,
}

/// Opens everything. Makes the storage folder if it is missing.
pub(crate) async fn open(config: &Config, purpose: Use) -> anyhow::Result<Opened> {
    let storage = &config.storage;
    let root = storage.root.display();
    fs::create_dir_all(&storage.root)
        .with_context(|| format!("cannot make the storage folder {root}; choose another with --data"))?;
    let root =
        fs::canonicalize(&storage.root).with_context(|| format!("cannot use the storage folder {root}"))?;
    let store = FilesystemStore::open(&FilesystemSettings { root: root.clone(), durable: storage.durable })?;
    let metadata = metadata_settings(config, &root)?;
    let lock = FolderLock::take(&root, purpose, metadata.url.starts_with("sqlite:"))?;
    // What runs beside a server pulls nothing.
    let cache_bytes = if purpose == Use::Serve { config.metadata.cache_bytes } else { 0 };
    let index_cache_bytes = cache_bytes - cache_bytes / SMALL_BLOBS_SHARE;
    let index = Metadata::open_cached(&metadata, index_cache_bytes).await;
    let index = index.with_context(|| match &config.metadata.url {
        Some(_) => "cannot open the index that metadata.url names".to_owned(),
        None => format!("cannot open the index in {}", root.join("longshore").display()),
    })?;
    let folder = root.join("longshore");
    let store = Arc::new(store);
    // What checks the store must read the store: it has no caches either.
    let blobs: Arc<dyn BlobStore> = match cache_bytes / SMALL_BLOBS_SHARE {
        0 => store.clone(),
        share => Arc::new(SmallBlobs::new(store.clone(), share)),
    };
    let registry = Registry::new(index, blobs, store, registry_settings(config, &folder));
    Ok(Opened { registry, layout: DistributionLayout::new(root, storage.durable), folder, _lock: lock })
}

fn metadata_settings(config: &Config, root: &Path) -> anyhow::Result<MetadataSettings> {
    let url = match &config.metadata.url {
        Some(url) => url.reveal().to_owned(),
        None => {
            let path = root.join("longshore").join("index.sqlite3");
            let path = path.to_str().with_context(|| format!("{} is not UTF-8", root.display()))?;
            format!("sqlite://{path}")
        }
    };
    Ok(MetadataSettings {
        url,
        connections_max: config.metadata.connections_max,
        durable: config.storage.durable,
    })
}

/// Whether what is done is recorded.
pub(crate) fn records(config: &Config) -> bool {
    config.audit.enabled.unwrap_or(config.accounts.is_some())
}

fn registry_settings(config: &Config, folder: &Path) -> RegistrySettings {
    RegistrySettings {
        collection: CollectionSettings {
            delay: config.collection.delay,
            untagged: config.collection.untagged,
        },
        uploads: UploadSettings {
            expire_after: config.storage.uploads_expire_after.unwrap_or(FOR_EVER),
            count_max: config.limits.uploads_max,
            blob_bytes_max: config.limits.blob_bytes_max,
        },
        undelete_window: config.collection.undelete_window,
        delete_enabled: config.storage.delete_enabled,
        readonly: config.storage.readonly,
        managed_projects: config.accounts.is_some(),
        sparse_images: config.limits.sparse_images,
        notify: !config.notifications.endpoints.is_empty(),
        notify_references: config.notifications.include_references,
        audit: records(config),
        audit_pulls: records(config) && config.audit.pulls,
        redirect_lifetime: config.storage.redirect.then_some(REDIRECT_LIFETIME),
        contents: ContentsSettings {
            cache: Some(folder.join("cache").join("layers")),
            ..ContentsSettings::default()
        },
    }
}
