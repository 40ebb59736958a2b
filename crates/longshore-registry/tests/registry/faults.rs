//! One storage call fails, or the process ends at any await: what is left must be sound, and the push must succeed
//! when it is made again.

use longshore_metadata::{Metadata, MetadataSettings};
use longshore_registry::Registry;
use longshore_storage::{FaultMoment, FaultStore, MemoryStore};
use longshore_types::{Digest, Reference};

use crate::support::*;

/// Everything that touches the store, as far as it gets.
async fn scenario(registry: &Registry) -> Result<(), Box<dyn std::error::Error>> {
    let (app, other) = (name("app"), name("other"));
    let image = TestImage::new(&["config", "layer"]);
    push_blob(registry, &call(), &app, b"config").await?;
    let layer = Digest::sha256(b"layer");
    registry.push_blob(&call(), &app, &layer, Some(5), body(b"layer")).await?;
    push_manifest(registry, &call(), &app, Some("v1"), &image.manifest).await?;
    registry.mount_blob(&call(), &other, &layer, Some(&app)).await?;
    push_blob(registry, &call(), &other, b"config").await?;
    push_manifest(registry, &call(), &other, Some("v1"), &image.manifest).await?;
    push_blob(registry, &call(), &app, b"lonely").await?;
    registry.delete_manifest(&call(), &other, &Reference::Digest(image.digest())).await?;
    let now = start().after(HOUR);
    for _ in 0..2 {
        registry.collect(now, false, &|_| ()).await?;
    }
    push_blob(registry, &at(now), &app, b"lonely").await?;
    registry.sweep(start(), false, &(), &|_| ()).await?;
    Ok(())
}

/// After whatever happened: nothing dangles, and everything works.
async fn assert_recovers(metadata: Metadata, store: MemoryStore) {
    let registry = TestRegistry::over(metadata, store, hasty_settings());
    registry.assert_sound().await;
    scenario(&registry).await.unwrap();
    assert_pulls(&registry, &name("app"), &by_tag("v1")).await;
    registry.assert_sound().await;
}

#[tokio::test]
async fn a_failing_storage_call_leaves_nothing_dangling() {
    for moment in [FaultMoment::Before, FaultMoment::After] {
        let mut fired = 0;
        for nth in 0.. {
            let (metadata, memory) = (index().await, MemoryStore::new());
            let store = FaultStore::failing(nth, moment, memory.clone());
            let registry = registry(metadata.clone(), store.clone(), hasty_settings());
            let result = scenario(&registry).await;
            registry.idle().await;
            assert_recovers(metadata, memory).await;
            if !store.fired() {
                result.unwrap();
                break;
            }
            fired += 1;
        }
        assert!(fired > 30, "only {fired} storage calls were tried");
    }
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
        let memory = MemoryStore::new();
        in_new_runtime(async {
            let metadata = Metadata::open(&settings).await.unwrap();
            let registry = registry(metadata, memory.clone(), hasty_settings());
            tokio::select! {
                biased;
                result = scenario(&registry) => result.unwrap(),
                () = pass_turns(turns) => interrupted += 1,
            }
        });
        in_new_runtime(async {
            assert_recovers(Metadata::open(&settings).await.unwrap(), memory).await;
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
