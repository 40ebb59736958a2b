//! Collection works many reviews in a transaction: what fails in one of them must not touch the others.

use longshore_metadata::FaultPlan;
use longshore_storage::{BlobStore, FaultMoment, FaultStore, MemoryStore};
use longshore_types::Digest;

use crate::support::*;

/// More than one transaction takes.
const GARBAGE: usize = 18;

fn garbage(n: usize) -> Vec<u8> {
    format!("garbage {n}").into_bytes()
}

/// Garbage in one repository, some of it linked by another too; and an image that stays.
async fn filled() -> TestRegistry {
    let registry = TestRegistry::new(settings()).await;
    TestImage::new(&["config", "layer"]).push(&registry, &call(), &name("kept"), Some("v1")).await;
    for n in 0..GARBAGE {
        let (content, digest) = (garbage(n), Digest::sha256(&garbage(n)));
        let repositories = if n % 5 == 0 { &["app", "other"][..] } else { &["app"] };
        for repository in repositories {
            registry.push_blob(&call(), &name(repository), &digest, None, body(&content)).await.unwrap();
        }
    }
    registry
}

/// Whatever failed before: sound, and gone in the end.
async fn assert_collected_in_the_end(registry: &TestRegistry, what: &str) {
    registry.assert_sound().await;
    registry.collect(start().after(2 * HOUR)).await;
    registry.assert_sound().await;
    let mut tx = registry.metadata.read().await.unwrap();
    for n in 0..GARBAGE {
        let digest = Digest::sha256(&garbage(n));
        assert!(registry.store.stat(&digest).await.is_err(), "{what}: {n} is still stored");
        assert!(tx.blob(&digest).await.unwrap().is_none(), "{what}: {n} still has a row");
    }
    assert_eq!(tx.reviews_count().await.unwrap(), (0, 0), "{what}");
    drop(tx);
    assert_pulls(registry, &name("kept"), &by_tag("v1")).await;
}

#[tokio::test]
async fn everything_due_goes_at_once() {
    let registry = filled().await;
    let told = registry.collect(start().after(HOUR)).await;
    let of = |what: &str| told.iter().filter(|told| told.starts_with(what)).count();
    assert_eq!((of("link"), of("blob")), (GARBAGE + GARBAGE.div_ceil(5), GARBAGE));
    assert_collected_in_the_end(&registry, "no fault").await;
}

#[tokio::test]
async fn any_call_to_the_index_may_fail() {
    for nth in 0.. {
        let calm = filled().await;
        let plan = FaultPlan::failing_call(nth);
        let failing = registry(calm.metadata.clone().with_faults(&plan), calm.store.clone(), settings());
        // An error only where the queue cannot be read.
        let _ = failing.collect(start().after(HOUR), false, &|_| ()).await;
        assert_collected_in_the_end(&calm, &format!("call {nth}")).await;
        if !plan.fired() {
            break;
        }
    }
}

#[tokio::test]
async fn any_call_to_the_store_may_fail() {
    for moment in [FaultMoment::Before, FaultMoment::After] {
        for nth in 0.. {
            let calm = filled().await;
            let store: FaultStore<MemoryStore> = FaultStore::failing(nth, moment, calm.store.clone());
            let failing = registry(calm.metadata.clone(), store.clone(), settings());
            let told = collect(&failing, start().after(HOUR), false).await;
            if store.fired() {
                // Nothing but that one, unless the call was one about uploads.
                let blobs = told.iter().filter(|told| told.starts_with("blob")).count();
                assert!(blobs >= GARBAGE - 1, "{moment:?} {nth}: {told:?}");
            }
            assert_collected_in_the_end(&calm, &format!("{moment:?} {nth}")).await;
            if !store.fired() {
                break;
            }
        }
    }
}

/// Whoever pushes the same content meanwhile has it when that was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pushes_of_the_same_content_win() {
    for _ in 0..10 {
        let calm = filled().await;
        let now = start().after(HOUR);
        let app = name("app");
        let pushes = async {
            for n in (0..GARBAGE).rev() {
                push_blob(&calm, &at(now), &app, &garbage(n)).await.unwrap();
                assert_eq!(pull_blob(&calm, &app, &Digest::sha256(&garbage(n))).await.unwrap(), garbage(n));
            }
        };
        let collector = calm.registry.clone();
        let collecting = tokio::spawn(async move { collector.collect(now, false, &|_| ()).await });
        pushes.await;
        collecting.await.unwrap().unwrap();
        calm.assert_sound().await;
        for n in 0..GARBAGE {
            assert_eq!(pull_blob(&calm, &app, &Digest::sha256(&garbage(n))).await.unwrap(), garbage(n));
        }
    }
}
