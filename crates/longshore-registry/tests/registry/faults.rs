//! One call to the storage or the index fails, or the process ends at any await: what is left must be sound, what was
//! acknowledged must be there, and the whole must succeed when it is done again.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU64, Ordering},
};

use longshore_metadata::{FaultPlan, Metadata, MetadataSettings};
use longshore_registry::Registry;
use longshore_storage::{FaultMoment, FaultStore, MemoryStore};
use longshore_types::{Digest, Reference, RepositoryName};

use crate::support::*;

/// What the registry said it has, and nobody asked it to take away since.
#[derive(Default)]
struct Acknowledged {
    blobs: BTreeSet<(RepositoryName, Vec<u8>)>,
    /// Where `v1` is the image of the scenario.
    images: BTreeSet<RepositoryName>,
}

impl Acknowledged {
    fn blob(&mut self, repository: &RepositoryName, content: &[u8]) {
        self.blobs.insert((repository.clone(), content.to_vec()));
    }

    fn image(&mut self, repository: &RepositoryName) {
        self.images.insert(repository.clone());
    }

    /// Collection takes what no manifest names.
    fn only_images(&mut self) {
        let images = &self.images;
        self.blobs.retain(|(repository, content)| images.contains(repository) && content != b"lonely");
    }

    /// Nothing dangles, and all of this can be pulled.
    async fn assert_kept(&self, registry: &TestRegistry) {
        registry.assert_sound().await;
        for (repository, content) in &self.blobs {
            let pulled = pull_blob(registry, repository, &Digest::sha256(content)).await;
            assert_eq!(pulled.unwrap(), *content, "{repository}");
        }
        for repository in &self.images {
            assert_pulls(registry, repository, &by_tag("v1")).await;
        }
    }
}

/// Everything that touches the store and the index, as far as it gets. Collection goes on after most failures, and
/// could mend what it broke before anybody looks: so `sane`, a registry over the same without faults, looks at once.
async fn scenario(
    registry: &Registry,
    sane: &TestRegistry,
    acknowledged: &mut Acknowledged,
) -> Result<(), Box<dyn std::error::Error>> {
    let (app, other) = (name("app"), name("other"));
    let image = TestImage::new(&["config", "layer"]);
    push_blob(registry, &call(), &app, b"config").await?;
    acknowledged.blob(&app, b"config");
    let layer = Digest::sha256(b"layer");
    registry.push_blob(&call(), &app, &layer, Some(5), body(b"layer")).await?;
    acknowledged.blob(&app, b"layer");
    push_manifest(registry, &call(), &app, Some("v1"), &image.manifest).await?;
    acknowledged.image(&app);
    registry.mount_blob(&call(), &other, &layer, Some(&app)).await?;
    acknowledged.blob(&other, b"layer");
    push_blob(registry, &call(), &other, b"config").await?;
    acknowledged.blob(&other, b"config");
    push_manifest(registry, &call(), &other, Some("v1"), &image.manifest).await?;
    acknowledged.image(&other);
    push_blob(registry, &call(), &app, b"lonely").await?;
    acknowledged.blob(&app, b"lonely");
    acknowledged.images.remove(&other);
    registry.delete_manifest(&call(), &other, &Reference::Digest(image.digest())).await?;
    let now = start().after(HOUR);
    acknowledged.only_images();
    for _ in 0..2 {
        let collected = registry.collect(now, false, &|_| ()).await;
        acknowledged.assert_kept(sane).await;
        collected?;
    }
    push_blob(registry, &at(now), &app, b"lonely").await?;
    acknowledged.blob(&app, b"lonely");
    registry.sweep(start(), false, &(), &|_| ()).await?;
    Ok(())
}

/// After whatever happened: nothing dangles, what was acknowledged is there, and everything works.
async fn assert_recovers(registry: TestRegistry, acknowledged: &Acknowledged) {
    acknowledged.assert_kept(&registry).await;
    let mut again = Acknowledged::default();
    scenario(&registry, &registry, &mut again).await.unwrap();
    again.assert_kept(&registry).await;
}

#[test]
fn a_failing_storage_call_leaves_nothing_dangling() {
    for moment in [FaultMoment::Before, FaultMoment::After] {
        let tried = sweep(async |nth| {
            let sane = TestRegistry::counting(hasty_settings()).await;
            let store = FaultStore::failing(nth, moment, sane.store.clone());
            let registry = registry(sane.metadata.clone(), store.clone(), hasty_settings());
            assert_survives(&registry, sane, || store.fired()).await
        });
        assert!(tried > 30, "only {tried} storage calls were tried");
    }
}

#[test]
fn a_failing_database_call_leaves_nothing_dangling() {
    let tried = sweep(async |nth| {
        let sane = TestRegistry::counting(hasty_settings()).await;
        let plan = FaultPlan::failing_call(nth);
        let failing = sane.metadata.clone().with_faults(&plan);
        let registry = registry(failing, sane.store.clone(), hasty_settings());
        assert_survives(&registry, sane, || plan.fired()).await
    });
    assert!(tried > 200, "only {tried} database calls were tried");
}

/// Calls `try_nth` with 0, 1, 2, … until it says that nothing was left to fail. Returns how often something did. On a
/// few threads, for each waits for the disk most of the time.
fn sweep(try_nth: impl AsyncFn(u64) -> bool + Sync) -> u64 {
    let (next, fired) = (AtomicU64::new(0), AtomicU64::new(0));
    let until_none_is_left = || {
        while in_new_runtime(try_nth(next.fetch_add(1, Ordering::SeqCst))) {
            fired.fetch_add(1, Ordering::SeqCst);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(until_none_is_left);
        }
    });
    fired.into_inner()
}

/// Runs the scenario on a registry in which a call may fail, and recovers on what is behind it. Returns whether one
/// did.
async fn assert_survives(registry: &Registry, sane: TestRegistry, fired: impl Fn() -> bool) -> bool {
    let mut acknowledged = Acknowledged::default();
    let result = scenario(registry, &sane, &mut acknowledged).await;
    registry.idle().await;
    let fired = fired();
    assert_recovers(sane, &acknowledged).await;
    if !fired {
        result.unwrap();
    }
    fired
}

/// The process ends: its runtime is dropped after so many turns, and every task in it at the await it had reached.
#[test]
fn a_process_that_ends_anywhere_leaves_nothing_dangling() {
    // How far a run comes in so many turns depends on the threads beside it; so many runs end in all kinds of places.
    let mut interrupted = 0;
    for turns in (0..60).chain((60..600).step_by(20)) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/index.sqlite3", folder.path().display());
        let settings = MetadataSettings { url, connections_max: 2, durable: false };
        let (memory, mut acknowledged) = (MemoryStore::new(), Acknowledged::default());
        in_new_runtime(async {
            let metadata = Metadata::open_cached(&settings, 8 << 20).await.unwrap();
            begin_counting(&metadata).await;
            let registry = TestRegistry::over(metadata, memory.clone(), hasty_settings());
            tokio::select! {
                biased;
                result = scenario(&registry, &registry, &mut acknowledged) => result.unwrap(),
                () = pass_turns(turns) => interrupted += 1,
            }
        });
        in_new_runtime(async {
            let metadata = Metadata::open(&settings).await.unwrap();
            assert_recovers(TestRegistry::over(metadata, memory, hasty_settings()), &acknowledged).await;
        });
    }
    assert!(interrupted > 10, "only {interrupted} runs were interrupted");
}

fn in_new_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

async fn pass_turns(turns: usize) {
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}
