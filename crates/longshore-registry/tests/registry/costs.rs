//! What a push costs, in waits for the disk and calls to the index. Counts, not times: they are the same on every machine.

use longshore_metadata::FaultPlan;
use longshore_storage::{FilesystemSettings, FilesystemStore};
use longshore_types::{Digest, DigestAlgorithm};

use crate::support::{TestImage, body, call, index, name, push_manifest, registry, settings};

/// Pushes images of three small blobs each as most clients do: `POST` and `PUT` for a blob, `PUT` for the manifest.
struct Pushes {
    registry: longshore_registry::Registry,
    store: FilesystemStore,
    plan: FaultPlan,
    _folder: tempfile::TempDir,
}

impl Pushes {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let of = FilesystemSettings { root: folder.path().join("volume"), durable: true };
        let store = FilesystemStore::open(&of).unwrap();
        let plan = FaultPlan::counting();
        let registry = registry(index().await.with_faults(&plan), store.clone(), settings());
        Self { registry, store, plan, _folder: folder }
    }

    /// How often `push` waited for the disk, and how many calls to the index it made.
    async fn counted(&self, push: impl AsyncFnOnce()) -> (u64, u64) {
        let (syncs, calls) = (self.store.syncs_count(), self.plan.calls());
        push().await;
        (self.store.syncs_count() - syncs, self.plan.calls() - calls)
    }

    async fn blob(&self, content: &[u8]) {
        let (call, repository) = (call(), name("team/app"));
        let upload = self.registry.start_upload(&call, &repository, DigestAlgorithm::Sha256).await.unwrap();
        let digest = Digest::sha256(content);
        let finish =
            self.registry.finish_upload(&call, &repository, &upload.id, &digest, None, None, body(content));
        finish.await.unwrap();
    }

    async fn manifest(&self, tag: &str, image: &TestImage) {
        push_manifest(&self.registry, &call(), &name("team/app"), Some(tag), &image.manifest).await.unwrap();
    }
}

/// Two contents whose blobs lie below one `<aa>`.
fn neighbours() -> [Vec<u8>; 2] {
    let first = b"0".to_vec();
    let prefix = |content: &[u8]| Digest::sha256(content).hex()[..2].to_owned();
    let second = (1u32..).map(|n| n.to_string().into_bytes()).find(|other| prefix(other) == prefix(&first));
    [first, second.unwrap()]
}

#[tokio::test]
async fn a_small_blob_waits_for_its_data_and_two_directories() {
    let pushes = Pushes::new().await;
    let [first, second] = neighbours();
    // The first below `<aa>` also makes durable what leads there.
    let (syncs, _) = pushes.counted(async || pushes.blob(&first).await).await;
    assert!((4..=12).contains(&syncs), "{syncs}");
    let (syncs, calls) = pushes.counted(async || pushes.blob(&second).await).await;
    assert_eq!(syncs, 3);
    assert!(calls <= 18, "{calls} calls to the index");
    // Content that is here already: its data and names may be somebody else's, a moment old.
    let (syncs, calls) = pushes.counted(async || pushes.blob(&second).await).await;
    assert_eq!(syncs, 4);
    assert!(calls <= 18, "{calls} calls to the index");
}

#[tokio::test]
async fn a_manifest_costs_the_same_whatever_the_repository_holds() {
    let pushes = Pushes::new().await;
    let blobs = ["config", "layer one", "layer two"];
    let image = |n: u32| TestImage::with(&blobs, &format!(r#","annotations":{{"n":"{n}"}}"#));
    for blob in blobs {
        pushes.blob(blob.as_bytes()).await;
    }
    let push =
        async |n: u32| pushes.counted(async || pushes.manifest(&format!("v{n}"), &image(n)).await).await;
    let first = push(0).await;
    assert_eq!(first.0, 0, "a manifest lies in the index alone");
    assert!(first.1 <= 14, "{} calls to the index", first.1);
    for n in 1..200 {
        assert_eq!(push(n).await, first, "push {n}");
    }
}
