//! A registry in memory, and images to push to it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use longshore_auth::{Action, Caller, Permissions, RepositoryGrant};
use longshore_metadata::{Metadata, MetadataSettings};
use longshore_registry::{
    BlobPullError, BodyError, Call, CollectionSettings, ManifestPushError, ManifestTarget, PushedBlob,
    PushedManifest, Registry, RegistrySettings, RequestInfo, UploadBody, UploadError, UploadSettings,
};
use longshore_storage::{BlobStore, MemoryStore, UploadStore};
use longshore_testkit::Postgres;
use longshore_types::{
    ByteRange, Digest, DigestAlgorithm, MediaType, Reference, RepositoryName, Tag, Timestamp,
};

pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

pub(crate) fn settings() -> RegistrySettings {
    RegistrySettings {
        collection: CollectionSettings { delay: HOUR, untagged: None },
        uploads: UploadSettings { expire_after: 7 * DAY, count_max: 100, blob_bytes_max: None },
        ..RegistrySettings::default()
    }
}

/// Nothing waits: whatever may go goes at once.
pub(crate) fn hasty_settings() -> RegistrySettings {
    RegistrySettings {
        collection: CollectionSettings { delay: Duration::ZERO, untagged: Some(Duration::ZERO) },
        undelete_window: Duration::ZERO,
        ..settings()
    }
}

pub(crate) async fn index() -> Metadata {
    open("sqlite::memory:").await
}

async fn open(url: &str) -> Metadata {
    let settings = MetadataSettings { url: url.to_owned(), connections_max: 4, durable: false };
    Metadata::open_cached(&settings, 8 << 20).await.unwrap()
}

pub(crate) async fn sqlite() -> TestRegistry {
    TestRegistry::new(settings()).await
}

pub(crate) async fn postgres() -> TestRegistry {
    let url = Postgres::shared().fresh_database().unwrap();
    TestRegistry::over(open(&url).await, MemoryStore::new(), settings())
}

/// From here on the index counts what projects hold.
pub(crate) async fn begin_counting(metadata: &Metadata) {
    let mut tx = metadata.write().await.unwrap();
    tx.begin_counting_usage().await.unwrap();
    tx.commit().await.unwrap();
}

/// A registry and what it works on.
pub(crate) struct TestRegistry {
    pub(crate) registry: Registry,
    pub(crate) metadata: Metadata,
    pub(crate) store: MemoryStore,
}

impl std::ops::Deref for TestRegistry {
    type Target = Registry;
    fn deref(&self) -> &Registry {
        &self.registry
    }
}

impl TestRegistry {
    pub(crate) async fn new(settings: RegistrySettings) -> Self {
        Self::over(index().await, MemoryStore::new(), settings)
    }

    /// One whose index counts what projects hold.
    pub(crate) async fn counting(settings: RegistrySettings) -> Self {
        let registry = Self::new(settings).await;
        begin_counting(&registry.metadata).await;
        registry
    }

    pub(crate) fn over(metadata: Metadata, store: MemoryStore, settings: RegistrySettings) -> Self {
        let registry = registry(metadata.clone(), store.clone(), settings);
        Self { registry, metadata, store }
    }

    /// Another process on the same index and store.
    pub(crate) fn reopened(&self, settings: RegistrySettings) -> Self {
        Self::over(self.metadata.clone(), self.store.clone(), settings)
    }

    pub(crate) async fn collect(&self, now: Timestamp) -> Vec<String> {
        collect(self, now, false).await
    }

    pub(crate) async fn assert_sound(&self) {
        assert_sound(&self.metadata, &self.store).await;
    }
}

pub(crate) fn registry<S>(metadata: Metadata, store: S, settings: RegistrySettings) -> Registry
where
    S: BlobStore + UploadStore + Clone + 'static,
{
    Registry::new(metadata, Arc::new(store.clone()), Arc::new(store), settings)
}

/// What a run of collection tells, as "what which".
pub(crate) async fn collect(registry: &Registry, now: Timestamp, dry_run: bool) -> Vec<String> {
    let told = std::sync::Mutex::new(Vec::new());
    let report = registry
        .collect(now, dry_run, &|c| told.lock().unwrap().push(format!("{} {}", c.what, c.which)))
        .await
        .unwrap();
    let told = told.into_inner().unwrap();
    assert_eq!(told.len() as u64, report.manifests + report.links + report.blobs + report.uploads);
    told
}

pub(crate) fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

pub(crate) fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

pub(crate) fn by_tag(text: &str) -> Reference {
    Reference::Tag(tag(text))
}

pub(crate) fn start() -> Timestamp {
    Timestamp::from_unix_millis(1_800_000_000_000)
}

pub(crate) fn at(now: Timestamp) -> Call {
    Call { caller: Caller::anonymous(), now, request: RequestInfo::default() }
}

pub(crate) fn call() -> Call {
    at(start())
}

/// A caller who may do these things and nothing else.
pub(crate) fn granted(rights: &[(&str, Action)]) -> Call {
    let repositories = rights.iter().map(|&(n, action)| RepositoryGrant::new(name(n), vec![action]));
    let permissions = Permissions::Granted { repositories: repositories.collect(), catalog: false };
    Call { caller: Caller { name: Some("someone".into()), permissions, ..Caller::anonymous() }, ..call() }
}

pub(crate) fn body(bytes: &[u8]) -> UploadBody {
    let chunks: Vec<_> = bytes.chunks(1000).map(|c| Ok(Bytes::copy_from_slice(c))).collect();
    stream::iter(chunks).boxed()
}

/// A body whose client goes away after these bytes.
pub(crate) fn broken_body(bytes: &[u8]) -> UploadBody {
    let lost = Err(BodyError::Disconnected("reset".to_owned()));
    body(bytes).chain(stream::iter([lost])).boxed()
}

pub(crate) async fn push_blob(
    registry: &Registry,
    call: &Call,
    repository: &RepositoryName,
    content: &[u8],
) -> Result<PushedBlob, UploadError> {
    let upload = registry.start_upload(call, repository, DigestAlgorithm::Sha256).await?;
    let half = content.len() / 2;
    registry.append_upload(call, repository, &upload.id, Some(0), None, body(&content[..half])).await?;
    let digest = Digest::sha256(content);
    registry.finish_upload(call, repository, &upload.id, &digest, None, None, body(&content[half..])).await
}

/// An image of one configuration and some layers.
#[derive(Clone, Debug)]
pub(crate) struct TestImage {
    pub(crate) blobs: Vec<Vec<u8>>,
    pub(crate) manifest: String,
}

impl TestImage {
    pub(crate) fn new(blobs: &[&str]) -> Self {
        Self::with(blobs, "")
    }

    pub(crate) fn with(blobs: &[&str], extra: &str) -> Self {
        let config = descriptor("application/vnd.oci.image.config.v1+json", blobs[0].as_bytes());
        let layers: Vec<_> = blobs[1..]
            .iter()
            .map(|layer| descriptor("application/vnd.oci.image.layer.v1.tar", layer.as_bytes()))
            .collect();
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"{}","config":{config},"layers":[{}]{extra}}}"#,
            MediaType::OCI_MANIFEST,
            layers.join(",")
        );
        Self { blobs: blobs.iter().map(|b| b.as_bytes().to_vec()).collect(), manifest }
    }

    pub(crate) fn digest(&self) -> Digest {
        Digest::sha256(self.manifest.as_bytes())
    }

    pub(crate) fn descriptor(&self) -> String {
        descriptor(MediaType::OCI_MANIFEST.as_str(), self.manifest.as_bytes())
    }

    pub(crate) async fn push_blobs(&self, registry: &Registry, call: &Call, repository: &RepositoryName) {
        for blob in &self.blobs {
            push_blob(registry, call, repository, blob).await.unwrap();
        }
    }

    /// Pushes blobs and manifest, to a tag if there is one.
    pub(crate) async fn push(
        &self,
        registry: &Registry,
        call: &Call,
        repository: &RepositoryName,
        tag: Option<&str>,
    ) -> PushedManifest {
        self.push_blobs(registry, call, repository).await;
        push_manifest(registry, call, repository, tag, &self.manifest).await.unwrap()
    }
}

pub(crate) fn subject_of(image: &TestImage) -> String {
    format!(r#","subject":{}"#, image.descriptor())
}

pub(crate) fn image_index(children: &[String]) -> String {
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{}]}}"#,
        MediaType::OCI_INDEX,
        children.join(",")
    )
}

pub(crate) fn descriptor(media_type: &str, content: &[u8]) -> String {
    let digest = Digest::sha256(content);
    format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{}}}"#, content.len())
}

pub(crate) fn target(tag: Option<&str>, manifest: &str) -> ManifestTarget {
    let reference = match tag {
        Some(tag) => by_tag(tag),
        None => Reference::Digest(Digest::sha256(manifest.as_bytes())),
    };
    ManifestTarget { reference, tags: Vec::new() }
}

pub(crate) async fn push_manifest(
    registry: &Registry,
    call: &Call,
    repository: &RepositoryName,
    tag: Option<&str>,
    manifest: &str,
) -> Result<PushedManifest, ManifestPushError> {
    let payload = Bytes::copy_from_slice(manifest.as_bytes());
    registry.push_manifest(call, repository, &target(tag, manifest), None, payload).await
}

pub(crate) async fn pull_blob(
    registry: &Registry,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Vec<u8>, BlobPullError> {
    let blob = registry.blob(&call(), repository, digest).await?.blob;
    let Some(range) = ByteRange::whole(blob.size_bytes()) else { return Ok(Vec::new()) };
    let mut stream = blob.stream(range);
    let mut bytes = Vec::new();
    while let Some(piece) = stream.next().await {
        bytes.extend_from_slice(&piece.unwrap());
    }
    Ok(bytes)
}

/// The image under a reference, pulled as a client does: manifest, then every blob of it.
pub(crate) async fn assert_pulls(registry: &Registry, repository: &RepositoryName, reference: &Reference) {
    let pulled = registry.manifest(&call(), repository, reference).await.unwrap();
    assert_eq!(Digest::of(pulled.digest.algorithm(), &pulled.payload), pulled.digest);
    let manifest = longshore_types::Manifest::parse(Some(&pulled.media_type), &pulled.payload).unwrap();
    for descriptor in manifest.config().into_iter().chain(manifest.layers()) {
        let content = pull_blob(registry, repository, &descriptor.digest).await.unwrap();
        assert_eq!(Digest::of(descriptor.digest.algorithm(), &content), descriptor.digest);
    }
}

/// Invariants 1 and 2: whatever a repository links is in the store and hashes to its digest; and every blob that a live
/// manifest needs is linked.
pub(crate) async fn assert_sound(metadata: &Metadata, store: &MemoryStore) {
    let mut tx = metadata.read().await.unwrap();
    let repositories = tx.all_repositories_page(None, 10_000).await.unwrap().entries;
    for repository in repositories {
        for blob in tx.repository_blobs_page(repository.id, None, 10_000).await.unwrap().entries {
            let opened = store.open(&blob.digest).await;
            let opened =
                opened.unwrap_or_else(|e| panic!("{} links missing {}: {e}", repository.name, blob.digest));
            assert_eq!(opened.size_bytes(), blob.size_bytes);
        }
        for stored in tx.manifests_page(repository.id, None, 10_000).await.unwrap().entries {
            let manifest =
                longshore_types::Manifest::parse(Some(&stored.record.media_type), &stored.payload).unwrap();
            let needed: Vec<_> =
                manifest.config().into_iter().chain(manifest.layers()).map(|d| d.digest).collect();
            let missing = tx.unlinked_blobs(repository.id, &needed).await.unwrap();
            assert!(missing.is_empty(), "{} lacks {missing:?} of {}", repository.name, stored.record.digest);
        }
    }
    drop(tx);
    assert_counted(metadata).await;
}

/// What projects hold by the count that was kept, and by one that is made anew.
async fn assert_counted(metadata: &Metadata) {
    let used = async || -> BTreeMap<String, u64> {
        let mut tx = metadata.read().await.unwrap();
        let quotas = tx.quotas_page(None, 0, 1000).await.unwrap().entries;
        quotas.into_iter().map(|quota| (quota.name.to_string(), quota.used_bytes)).collect()
    };
    let kept = used().await;
    let mut tx = metadata.write().await.unwrap();
    let repositories = tx.all_repositories_page(None, 10_000).await.unwrap().entries;
    let mut counted = Vec::new();
    for repository in &repositories {
        if tx.uncount_repository(repository.id).await.unwrap() {
            counted.push(repository.id);
        }
    }
    for repository in counted {
        tx.count_repository(repository).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(kept, used().await);
}
