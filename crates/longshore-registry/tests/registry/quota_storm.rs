//! Many pushes into one project at its limit, with mounts, deletions and collection beside them: the limit holds at every
//! moment, nobody gets stuck, and in the end the count is what is there.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use longshore_metadata::{Metadata, MetadataError, MetadataSettings, QuotaLimit};
use longshore_registry::{
    ManifestPushError, MountError, MountOutcome, Registry, RegistrySettings, UploadError,
};
use longshore_storage::MemoryStore;
use longshore_testkit::Postgres;
use longshore_types::{Digest, Reference};

use crate::support::*;

const PUSHERS: u64 = 32;
const ROUNDS: u64 = 12;
/// Some forty images, of the hundreds that are pushed.
const LIMIT: u64 = 200_000;
const REPOSITORIES: u64 = 6;

#[derive(Default)]
struct Outcomes {
    stored: AtomicU64,
    refused: AtomicU64,
}

impl Outcomes {
    /// Whether it was done, refused for want of room, or met collection, which waits for nothing here.
    fn of<T>(&self, result: Result<T, MetadataError>) -> bool {
        match result {
            Ok(_) => true,
            Err(MetadataError::QuotaExceeded(exceeded)) => {
                assert!(exceeded.used_bytes + exceeded.needed_bytes > LIMIT, "{exceeded}");
                self.refused.fetch_add(1, Ordering::Relaxed);
                false
            }
            Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error)),
        }
    }
}

/// Content that is one pusher's own, or shared by all.
fn layer(pusher: u64, round: u64) -> String {
    let owner = if round.is_multiple_of(3) { 99 } else { pusher };
    let length = usize::try_from(1000 + (owner * 7919 + round * 104_729) % 4000).unwrap();
    format!("layer {owner} {round} ").repeat(length / 10)
}

async fn pusher(registry: Registry, pusher: u64, outcomes: Arc<Outcomes>) {
    let app = name(&format!("team/app{}", pusher % REPOSITORIES));
    let neighbour = name(&format!("team/app{}", (pusher + 1) % REPOSITORIES));
    for round in 0..ROUNDS {
        let (config, layer) = (format!("config {pusher} {round}"), layer(pusher, round));
        let image = TestImage::new(&[&config, &layer]);
        let digest = Digest::sha256(layer.as_bytes());
        let mounted = match registry.mount_blob(&call(), &app, &digest, Some(&neighbour)).await {
            Ok(outcome) => Ok(matches!(outcome, MountOutcome::Mounted(_))),
            Err(MountError::Metadata(error)) => Err(error),
            Err(error) => panic!("{error}"),
        };
        let mut blobs = image.blobs.iter();
        if let Ok(true) = mounted {
            blobs.next_back();
        } else if !outcomes.of(mounted) {
            continue;
        }
        let mut all = true;
        for blob in blobs {
            let pushed = push_blob(&registry, &call(), &app, blob).await;
            all &= outcomes.of(pushed.map_err(|error| match error {
                UploadError::Metadata(error) => error,
                error => panic!("{error}"),
            }));
        }
        let tag = format!("t{pusher}");
        match push_manifest(&registry, &call(), &app, Some(&tag), &image.manifest).await {
            Ok(_) => {
                outcomes.stored.fetch_add(1, Ordering::Relaxed);
            }
            Err(ManifestPushError::BlobsUnknown { .. }) => {}
            Err(ManifestPushError::Metadata(error)) => all &= outcomes.of::<()>(Err(error)),
            Err(error) => panic!("{error}"),
        }
        if all && round % 4 == 3 {
            // Somebody may have moved the tag on, or collection took it.
            let _ = registry.delete_manifest(&call(), &app, &Reference::Digest(image.digest())).await;
        }
    }
}

async fn used(metadata: &Metadata) -> u64 {
    let mut tx = metadata.read().await.unwrap();
    let team = tx.project(&"team".parse().unwrap()).await.unwrap().unwrap().id;
    tx.quota_of(team).await.unwrap().unwrap().used_bytes
}

/// What the project holds by its links and manifests.
async fn held(metadata: &Metadata) -> u64 {
    let mut tx = metadata.read().await.unwrap();
    let mut sizes = std::collections::BTreeMap::new();
    for repository in tx.all_repositories_page(None, 1000).await.unwrap().entries {
        for blob in tx.repository_blobs_page(repository.id, None, 10_000).await.unwrap().entries {
            sizes.insert(blob.digest, blob.size_bytes);
        }
        for manifest in tx.manifests_page(repository.id, None, 10_000).await.unwrap().entries {
            sizes.insert(manifest.record.digest, manifest.record.size_bytes);
        }
    }
    sizes.into_values().sum()
}

async fn storm(metadata: Metadata) {
    begin_counting(&metadata).await;
    let settings = RegistrySettings { audit: true, ..hasty_settings() };
    let registry = TestRegistry::over(metadata.clone(), MemoryStore::new(), settings);
    push_blob(&registry, &call(), &name("team/app0"), b"first").await.unwrap();
    let mut tx = metadata.write().await.unwrap();
    let team = tx.project(&"team".parse().unwrap()).await.unwrap().unwrap().id;
    tx.set_quota(team, QuotaLimit::Bytes(LIMIT), start()).await.unwrap();
    tx.commit().await.unwrap();

    let (outcomes, over) = (Arc::new(Outcomes::default()), Arc::new(AtomicBool::new(false)));
    let beside = tokio::spawn({
        let (registry, metadata, over) = (registry.registry.clone(), metadata.clone(), over.clone());
        async move {
            while !over.load(Ordering::Relaxed) {
                let used = used(&metadata).await;
                assert!(used <= LIMIT, "{used}");
                registry.collect(start(), false, &|_| ()).await.unwrap();
                tokio::task::yield_now().await;
            }
        }
    });
    let pushers: Vec<_> = (0..PUSHERS)
        .map(|number| tokio::spawn(pusher(registry.registry.clone(), number, outcomes.clone())))
        .collect();
    for pusher in pushers {
        pusher.await.unwrap();
    }
    over.store(true, Ordering::Relaxed);
    beside.await.unwrap();
    registry.idle().await;
    // Whatever was deleted is gone for good then, so that what is listed is all there is.
    for _ in 0..3 {
        registry.collect(start()).await;
    }
    let (used, held) = (used(&metadata).await, held(&metadata).await);
    assert_eq!(used, held);
    assert!(used <= LIMIT);
    registry.assert_sound().await;

    let (stored, refused) =
        (outcomes.stored.load(Ordering::Relaxed), outcomes.refused.load(Ordering::Relaxed));
    assert!(stored > 20 && refused > 20, "{stored} stored, {refused} refused: no storm");
    let mut tx = metadata.write().await.unwrap();
    while tx.seal_audit(1000).await.unwrap() > 0 {}
    tx.commit().await.unwrap();
    let report = metadata.verify_audit().await.unwrap();
    assert_eq!((report.unsealed, report.damage), (0, None));
    assert!(report.rows >= stored, "{} rows of {stored} pushes", report.rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_storm_of_pushes_keeps_the_limit_on_sqlite() {
    storm(index().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_storm_of_pushes_keeps_the_limit_on_postgres() {
    let url = Postgres::shared().fresh_database().unwrap();
    // A connection for every pusher, and for those beside them.
    let settings = MetadataSettings { url, connections_max: 40, durable: true };
    storm(Metadata::open(&settings).await.unwrap()).await;
}
