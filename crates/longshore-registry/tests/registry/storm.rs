//! Pushes, mounts, tag moves and deletes of the same few blobs while collection waits for nothing: whatever was
//! acknowledged pulls until its owner deletes it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use longshore_registry::{ManifestPushError, Registry};
use longshore_types::{Digest, Reference, RepositoryName};

use crate::support::*;

const PUSHERS: u64 = 6;
/// Each pusher goes on for so many rounds, and then until collection took enough to speak of a storm.
const ROUNDS: u64 = 25;
const ROUNDS_MAX: u64 = 1000;
const TAKEN_MIN: u64 = 20;
/// Every image is made of two of so many blobs.
const BLOBS: u64 = 16;

/// A small generator of its own for each pusher, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// A manifest that is nobody else's, of blobs that are everybody's.
fn image(random: &mut Random, owner: u64, round: u64) -> TestImage {
    let blobs = [random.below(BLOBS), random.below(BLOBS)].map(|n| format!("blob {n}"));
    let extra = format!(r#","annotations":{{"owner":"{owner}-{round}"}}"#);
    TestImage::with(&[&blobs[0], &blobs[1]], &extra)
}

/// Pushes until collection did not take a blob between its push and the manifest's.
async fn push(
    registry: &Registry,
    random: &mut Random,
    app: &RepositoryName,
    image: &TestImage,
    tag: &str,
) -> bool {
    for _ in 0..200 {
        for blob in &image.blobs {
            let digest = Digest::sha256(blob);
            let mount = random.below(2) == 0;
            if mount {
                registry.mount_blob(&call(), app, &digest, None).await.unwrap();
            } else {
                push_blob(registry, &call(), app, blob).await.unwrap();
            }
        }
        match push_manifest(registry, &call(), app, Some(tag), &image.manifest).await {
            Ok(_) => return true,
            Err(ManifestPushError::BlobsUnknown { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    false
}

async fn pusher(registry: Registry, owner: u64, acknowledged: Arc<AtomicU64>, taken: Arc<AtomicU64>) {
    let mut random = Random(owner * 7919 + 1);
    let app = name(["one", "two"][(owner % 2) as usize]);
    let tag = format!("t{owner}");
    for round in 0..ROUNDS_MAX {
        if round >= ROUNDS && taken.load(Ordering::Relaxed) >= TAKEN_MIN {
            return;
        }
        let image = image(&mut random, owner, round);
        if !push(&registry, &mut random, &app, &image, &tag).await {
            continue;
        }
        acknowledged.fetch_add(1, Ordering::Relaxed);
        // The tag moves on in the next round; until then it holds.
        for _ in 0..3 {
            assert_pulls(&registry, &app, &by_tag(&tag)).await;
            assert_pulls(&registry, &app, &Reference::Digest(image.digest())).await;
        }
        match random.below(3) {
            0 => registry.delete_manifest(&call(), &app, &by_tag(&tag)).await.unwrap(),
            1 => {
                let reference = Reference::Digest(image.digest());
                registry.delete_manifest(&call(), &app, &reference).await.unwrap();
            }
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn collection_takes_nothing_that_was_acknowledged() {
    let registry = TestRegistry::counting(hasty_settings()).await;
    let over = Arc::new(AtomicBool::new(false));
    let (acknowledged, taken) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let collector = tokio::spawn({
        let (registry, over, taken) = (registry.registry.clone(), over.clone(), taken.clone());
        async move {
            while !over.load(Ordering::Relaxed) {
                let report = registry.collect(start(), false, &|_| ()).await.unwrap();
                taken.fetch_add(report.blobs, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        }
    });
    let pushers: Vec<_> = (0..PUSHERS)
        .map(|owner| {
            tokio::spawn(pusher(registry.registry.clone(), owner, acknowledged.clone(), taken.clone()))
        })
        .collect();
    for pusher in pushers {
        pusher.await.unwrap();
    }
    over.store(true, Ordering::Relaxed);
    collector.await.unwrap();
    registry.assert_sound().await;
    let acknowledged = acknowledged.load(Ordering::Relaxed);
    assert!(acknowledged > PUSHERS * ROUNDS / 2, "only {acknowledged} pushes got through");
    let taken = taken.load(Ordering::Relaxed);
    assert!(taken >= TAKEN_MIN, "collection took only {taken} blobs: no storm");
}
