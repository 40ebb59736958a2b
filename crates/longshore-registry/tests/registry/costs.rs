//! What a push costs, in waits for the disk and calls to the index. Counts, not times: they are the same on every machine.

use longshore_metadata::{FaultPlan, Metadata, MetadataSettings};
use longshore_storage::{FilesystemSettings, FilesystemStore};
use longshore_types::{Digest, DigestAlgorithm};

use crate::support::{TestImage, begin_counting, body, call, name, push_manifest, registry, settings};

/// Pushes images of three small blobs each as most clients do: `POST` and `PUT` for a blob, `PUT` for the manifest.
struct Pushes {
    registry: longshore_registry::Registry,
    store: FilesystemStore,
    metadata: Metadata,
    plan: FaultPlan,
    _folder: tempfile::TempDir,
}

#[derive(Debug, PartialEq, Eq)]
struct Cost {
    syncs: u64,
    commits: u64,
    calls: u64,
}

impl Pushes {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let of = FilesystemSettings { root: folder.path().join("volume"), durable: true };
        let store = FilesystemStore::open(&of).unwrap();
        let url = format!("sqlite://{}", folder.path().join("index.sqlite3").display());
        let of = MetadataSettings { url, connections_max: 2, durable: true };
        let plan = FaultPlan::counting();
        let metadata = Metadata::open(&of).await.unwrap().with_faults(&plan);
        let registry = registry(metadata.clone(), store.clone(), settings());
        Self { registry, store, metadata, plan, _folder: folder }
    }

    /// How often `push` synced in the store, how many commits to the index waited for the disk, and how many calls to
    /// the index there were.
    async fn counted(&self, push: impl AsyncFnOnce()) -> Cost {
        let before = self.total().await;
        push().await;
        let after = self.total().await;
        Cost {
            syncs: after.syncs - before.syncs,
            commits: after.commits - before.commits,
            calls: after.calls - before.calls,
        }
    }

    async fn total(&self) -> Cost {
        let commits = self.metadata.durable_commits().await.unwrap();
        Cost { syncs: self.store.syncs_count(), commits, calls: self.plan.calls() }
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
async fn a_small_blob_waits_for_its_data_two_directories_and_one_commit() {
    let pushes = Pushes::new().await;
    let [first, second] = neighbours();
    // The first below `<aa>` also makes durable what leads there.
    let cost = pushes.counted(async || pushes.blob(&first).await).await;
    assert!((4..=12).contains(&cost.syncs), "{cost:?}");
    let cost = pushes.counted(async || pushes.blob(&second).await).await;
    assert_eq!((cost.syncs, cost.commits), (3, 1), "the session's row waits for nothing");
    assert!(cost.calls <= 18, "{cost:?}");
    // Content that is here already: its data and names may be somebody else's, a moment old.
    let cost = pushes.counted(async || pushes.blob(&second).await).await;
    assert_eq!((cost.syncs, cost.commits), (4, 1));
    assert!(cost.calls <= 18, "{cost:?}");
}

#[tokio::test]
async fn a_manifest_costs_the_same_whatever_the_repository_holds() {
    let pushes = Pushes::new().await;
    let blobs = ["config", "layer one", "layer two"];
    let image = |n: u32| TestImage::with(&blobs, &format!(r#","annotations":{{"n":"{n}"}}"#));
    for blob in blobs {
        pushes.blob(blob.as_bytes()).await;
    }
    let push = async |n: u32| {
        let (tag, image) = (format!("v{n}"), image(n));
        pushes.counted(async || pushes.manifest(&tag, &image).await).await
    };
    let first = push(0).await;
    assert_eq!((first.syncs, first.commits), (0, 1), "a manifest lies in the index alone");
    assert!(first.calls <= 14, "{first:?}");
    for n in 1..200 {
        assert_eq!(push(n).await, first, "push {n}");
    }
}

#[tokio::test]
async fn counting_costs_a_blob_one_call_more_and_one_for_new_content() {
    let (plain, counting) = (Pushes::new().await, Pushes::new().await);
    begin_counting(&counting.metadata).await;
    let calls = async |pushes: &Pushes, content: &[u8]| {
        pushes.counted(async || pushes.blob(content).await).await.calls
    };
    // The first of all also make the repository, and the rows of its project.
    calls(&plain, b"first").await;
    calls(&counting, b"first").await;
    assert_eq!(calls(&counting, b"new").await, calls(&plain, b"new").await + 2);
    assert_eq!(calls(&counting, b"new").await, calls(&plain, b"new").await, "linked already");

    let other = name("team/other");
    let mount = async |pushes: &Pushes| {
        let digest = Digest::sha256(b"new");
        let mount = async || {
            pushes.registry.mount_blob(&call(), &other, &digest, Some(&name("team/app"))).await.unwrap();
        };
        mount().await;
        let mut tx = pushes.metadata.write().await.unwrap();
        let (id, blob) =
            (tx.repository(&other).await.unwrap().unwrap().id, tx.blob(&digest).await.unwrap().unwrap().id);
        tx.unlink_blob(id, blob).await.unwrap();
        tx.commit().await.unwrap();
        pushes.counted(mount).await.calls
    };
    assert_eq!(mount(&counting).await, mount(&plain).await + 1, "content that the project has");
    let image = TestImage::new(&["first", "new"]);
    let push =
        async |pushes: &Pushes| pushes.counted(async || pushes.manifest("v1", &image).await).await.calls;
    assert_eq!(push(&counting).await, push(&plain).await + 2);
}
