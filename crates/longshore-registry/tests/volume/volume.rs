//! A volume as `registry:2` leaves it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Mutex,
    time::{Duration, SystemTime},
};

use longshore_metadata::{Metadata, MetadataSettings};
use longshore_registry::{Progress, Registry};
use longshore_storage::{BlobStore, DistributionLayout, FilesystemSettings, FilesystemStore};
use longshore_types::{Digest, DigestAlgorithm, Manifest};
use tempfile::TempDir;

use crate::support::{TestImage, name, registry, settings, tag};

pub(crate) struct Volume {
    folder: TempDir,
    pub(crate) store: FilesystemStore,
    pub(crate) layout: DistributionLayout,
}

/// Whatever was noted.
#[derive(Default)]
pub(crate) struct Notes(pub(crate) Mutex<Vec<String>>);

impl Progress for Notes {
    fn phase(&self, _what: &str, _steps: Option<u64>) {}
    fn advance(&self, _steps: u64) {}
    fn note(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

impl Volume {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = FilesystemSettings { root: folder.path().into(), durable: false };
        let store = FilesystemStore::open(&settings).unwrap();
        let layout = DistributionLayout::new(folder.path(), false);
        Self { folder, store, layout }
    }

    pub(crate) async fn index(&self) -> Metadata {
        let url = format!("sqlite://{}/longshore/index.sqlite3", self.folder.path().display());
        Metadata::open(&MetadataSettings { url, connections_max: 4, durable: false }).await.unwrap()
    }

    pub(crate) async fn open(&self) -> Registry {
        registry(self.index().await, self.store.clone(), settings())
    }

    /// As if the database had never been there.
    pub(crate) async fn lose_index(&self, registry: Registry) {
        registry.metadata().close().await;
        for entry in fs::read_dir(self.folder.path().join("longshore")).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_str().unwrap().starts_with("index.sqlite3") {
                fs::remove_file(path).unwrap();
            }
        }
    }

    /// Stores an image as `registry:2` does, under a digest of that algorithm. Returns the digest.
    pub(crate) async fn lay_down(
        &self,
        repository: &str,
        image: &TestImage,
        algorithm: DigestAlgorithm,
        tags: &[&str],
    ) -> Digest {
        for blob in &image.blobs {
            let digest = Digest::sha256(blob);
            self.store.put(&digest, blob.clone().into()).await.unwrap();
            self.layout.write_layer(&name(repository), &digest).unwrap();
        }
        self.lay_down_manifest(repository, &image.manifest, algorithm, tags).await
    }

    pub(crate) async fn lay_down_manifest(
        &self,
        repository: &str,
        manifest: &str,
        algorithm: DigestAlgorithm,
        tags: &[&str],
    ) -> Digest {
        let digest = Digest::of(algorithm, manifest.as_bytes());
        self.store.put(&digest, manifest.to_owned().into()).await.unwrap();
        self.layout.write_repository(&name(repository)).unwrap();
        self.layout.write_revision(&name(repository), &digest).unwrap();
        for text in tags {
            self.layout.write_tag(&name(repository), &tag(text), &digest).unwrap();
        }
        digest
    }

    pub(crate) fn blob_path(&self, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        let algorithm = digest.algorithm();
        self.path(&format!("docker/registry/v2/blobs/{algorithm}/{}/{hex}/data", &hex[..2]))
    }

    pub(crate) fn repository_path(&self, rest: &str) -> PathBuf {
        self.path("docker/registry/v2/repositories").join(rest)
    }

    /// As if the index had agreed with the links an hour ago: a file system may give two moments the same time.
    pub(crate) fn age_mark(&self) -> SystemTime {
        let mark = fs::File::open(self.path("longshore/links-known")).unwrap();
        mark.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
        mark.metadata().unwrap().modified().unwrap()
    }

    pub(crate) fn path(&self, rest: &str) -> PathBuf {
        self.folder.path().join(rest)
    }

    /// Everything that belongs to the other registry: content and times.
    pub(crate) fn snapshot(&self) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
        let mut files = BTreeMap::new();
        collect_files(&self.path("docker"), &mut files);
        files
    }

    /// The link files alone.
    pub(crate) fn links(&self) -> BTreeMap<PathBuf, String> {
        let mut files = BTreeMap::new();
        collect_files(&self.repository_path(""), &mut files);
        files.into_iter().map(|(path, (content, _))| (path, String::from_utf8(content).unwrap())).collect()
    }
}

fn collect_files(directory: &Path, files: &mut BTreeMap<PathBuf, (Vec<u8>, SystemTime)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            collect_files(&entry.path(), files);
        } else {
            let modified = entry.metadata().unwrap().modified().unwrap();
            files.insert(entry.path(), (fs::read(entry.path()).unwrap(), modified));
        }
    }
}

/// What a pull of a whole image needs, as digests: layers and configuration.
pub(crate) fn blobs_of(image: &TestImage) -> Vec<Digest> {
    let manifest = Manifest::parse(None, image.manifest.as_bytes()).unwrap();
    manifest.config().into_iter().chain(manifest.layers()).map(|d| d.digest).collect()
}
