//! Random operations against a plain model: what can be pulled and restored must be what the model says, and in the
//! end nothing is left that nobody needs.

use std::{collections::BTreeMap, time::Duration};

use futures_util::StreamExt;
use longshore_registry::MountOutcome;
use longshore_storage::BlobStore;
use longshore_types::{Digest, Reference, Timestamp};
use proptest::prelude::*;

use crate::support::*;

const REPOSITORIES: [&str; 2] = ["app", "other"];
const TAGS: [&str; 2] = ["v1", "v2"];
const IMAGES: usize = 3;
const WINDOW: Duration = Duration::from_secs(7 * 86_400);

#[derive(Clone, Debug)]
enum Op {
    Push { repository: usize, image: usize, tag: Option<usize> },
    MountAndPush { repository: usize, image: usize, tag: usize },
    DeleteTag { repository: usize, tag: usize },
    DeleteManifest { repository: usize, image: usize },
    DeleteBlob { repository: usize, blob: usize },
    RestoreTag { repository: usize, tag: usize },
    RestoreManifest { repository: usize, image: usize },
    Collect { hours: u32 },
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let (repository, image, tag) = (0..REPOSITORIES.len(), 0..IMAGES, 0..TAGS.len());
    let (r, i, t) = (|| repository.clone(), || image.clone(), || tag.clone());
    let op = prop_oneof![
        4 => (r(), i(), proptest::option::of(t()))
            .prop_map(|(repository, image, tag)| Op::Push { repository, image, tag }),
        2 => (r(), i(), t()).prop_map(|(repository, image, tag)| Op::MountAndPush { repository, image, tag }),
        2 => (r(), t()).prop_map(|(repository, tag)| Op::DeleteTag { repository, tag }),
        2 => (r(), i()).prop_map(|(repository, image)| Op::DeleteManifest { repository, image }),
        1 => (r(), 0..BLOBS.len()).prop_map(|(repository, blob)| Op::DeleteBlob { repository, blob }),
        2 => (r(), t()).prop_map(|(repository, tag)| Op::RestoreTag { repository, tag }),
        1 => (r(), i()).prop_map(|(repository, image)| Op::RestoreManifest { repository, image }),
        3 => (0u32..100).prop_map(|hours| Op::Collect { hours }),
    ];
    proptest::collection::vec(op, 1..40)
}

/// Images share blobs.
const BLOBS: [&str; 4] = ["config", "base", "top", "extra"];

fn blobs_of(image: usize) -> Vec<&'static str> {
    match image {
        0 => vec![BLOBS[0], BLOBS[1]],
        1 => vec![BLOBS[0], BLOBS[1], BLOBS[2]],
        _ => vec![BLOBS[2], BLOBS[3]],
    }
}

fn image(number: usize) -> TestImage {
    TestImage::new(&blobs_of(number))
}

/// A manifest that is there, perhaps deleted.
#[derive(Clone, Copy, Debug)]
struct Manifest {
    deleted_at: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Model {
    manifests: BTreeMap<(usize, usize), Manifest>,
    tags: BTreeMap<(usize, usize), usize>,
    /// Of tags whose last event is a deletion: image and moment.
    deleted_tags: BTreeMap<(usize, usize), (usize, Timestamp)>,
    /// Blobs that were deleted by hand and not pushed since.
    deleted_blobs: Vec<(usize, &'static str)>,
}

impl Model {
    fn is_live(&self, repository: usize, image: usize) -> bool {
        self.manifests.get(&(repository, image)).is_some_and(|m| m.deleted_at.is_none())
    }

    /// Whether a deleted manifest can be shown again.
    fn is_restorable(&self, repository: usize, image: usize, now: Timestamp) -> bool {
        let manifest = self.manifests.get(&(repository, image));
        let in_window =
            manifest.and_then(|m| m.deleted_at).is_some_and(|deleted_at| now < deleted_at.after(WINDOW));
        in_window && blobs_of(image).iter().all(|blob| !self.deleted_blobs.contains(&(repository, blob)))
    }

    fn push(&mut self, repository: usize, image: usize, tag: Option<usize>) {
        self.manifests.insert((repository, image), Manifest { deleted_at: None });
        self.deleted_blobs.retain(|(r, blob)| *r != repository || !blobs_of(image).contains(blob));
        if let Some(tag) = tag {
            self.tags.insert((repository, tag), image);
            self.deleted_tags.remove(&(repository, tag));
        }
    }

    fn delete_manifest(&mut self, repository: usize, image: usize, now: Timestamp) -> bool {
        if !self.is_live(repository, image) {
            return false;
        }
        self.manifests.insert((repository, image), Manifest { deleted_at: Some(now) });
        for tag in 0..TAGS.len() {
            if self.tags.get(&(repository, tag)) == Some(&image) {
                self.tags.remove(&(repository, tag));
                self.deleted_tags.insert((repository, tag), (image, now));
            }
        }
        true
    }

    fn restore_tag(&mut self, repository: usize, tag: usize, now: Timestamp) -> bool {
        let Some(&(image, at)) = self.deleted_tags.get(&(repository, tag)) else { return false };
        let live = self.is_live(repository, image);
        if now >= at.after(WINDOW) || !(live || self.is_restorable(repository, image, now)) {
            return false;
        }
        self.manifests.insert((repository, image), Manifest { deleted_at: None });
        self.tags.insert((repository, tag), image);
        self.deleted_tags.remove(&(repository, tag));
        true
    }
}

async fn apply(registry: &TestRegistry, model: &mut Model, now: &mut Timestamp, op: &Op) {
    let call = at(*now);
    match *op {
        Op::Push { repository, image: n, tag } => {
            image(n).push(registry, &call, &name(REPOSITORIES[repository]), tag.map(|t| TAGS[t])).await;
            model.push(repository, n, tag);
        }
        Op::MountAndPush { repository, image: n, tag } => {
            let (target, source) = (name(REPOSITORIES[repository]), name(REPOSITORIES[1 - repository]));
            for blob in blobs_of(n) {
                let digest = Digest::sha256(blob.as_bytes());
                let mounted = registry.mount_blob(&call, &target, &digest, Some(&source)).await.unwrap();
                if matches!(mounted, MountOutcome::NotMounted) {
                    assert!(!model.is_live(1 - repository, n), "{blob} is in use in {source}");
                    push_blob(registry, &call, &target, blob.as_bytes()).await.unwrap();
                }
            }
            push_manifest(registry, &call, &target, Some(TAGS[tag]), &image(n).manifest).await.unwrap();
            model.push(repository, n, Some(tag));
        }
        Op::DeleteTag { repository, tag } => {
            let deleted = model.tags.remove(&(repository, tag));
            if let Some(image) = deleted {
                model.deleted_tags.insert((repository, tag), (image, *now));
            }
            let reference = by_tag(TAGS[tag]);
            let result = registry.delete_manifest(&call, &name(REPOSITORIES[repository]), &reference).await;
            assert_eq!(result.is_ok(), deleted.is_some(), "{result:?}");
        }
        Op::DeleteManifest { repository, image: n } => {
            let reference = Reference::Digest(image(n).digest());
            let result = registry.delete_manifest(&call, &name(REPOSITORIES[repository]), &reference).await;
            assert_eq!(result.is_ok(), model.delete_manifest(repository, n, *now), "{result:?}");
        }
        Op::DeleteBlob { repository, blob } => {
            let digest = Digest::sha256(BLOBS[blob].as_bytes());
            let result = registry.delete_blob(&call, &name(REPOSITORIES[repository]), &digest).await;
            if result.is_ok() {
                model.deleted_blobs.push((repository, BLOBS[blob]));
                let used =
                    (0..IMAGES).any(|n| model.is_live(repository, n) && blobs_of(n).contains(&BLOBS[blob]));
                assert!(!used, "a blob in use was deleted");
            }
        }
        Op::RestoreTag { repository, tag: t } => {
            let result = registry.restore_tag(&call, &name(REPOSITORIES[repository]), &tag(TAGS[t])).await;
            assert_eq!(result.is_ok(), model.restore_tag(repository, t, *now), "{result:?}");
        }
        Op::RestoreManifest { repository, image: n } => {
            let wanted = model.is_restorable(repository, n, *now);
            if wanted {
                model.manifests.insert((repository, n), Manifest { deleted_at: None });
            }
            let digest = image(n).digest();
            let result = registry.restore_manifest(&call, &name(REPOSITORIES[repository]), &digest).await;
            assert_eq!(result.is_ok(), wanted, "{result:?}");
        }
        Op::Collect { hours } => {
            *now = now.after(HOUR * hours);
            registry.collect(*now).await;
        }
    }
}

async fn compare(registry: &TestRegistry, model: &Model) {
    for (r, repository) in REPOSITORIES.iter().enumerate() {
        let repository = name(repository);
        for (t, tag) in TAGS.iter().enumerate() {
            let found = registry.manifest(&call(), &repository, &by_tag(tag)).await.ok().map(|m| m.digest);
            let wanted = model.tags.get(&(r, t)).map(|&n| image(n).digest());
            assert_eq!(found, wanted, "{repository}:{tag}");
        }
        for n in 0..IMAGES {
            let reference = Reference::Digest(image(n).digest());
            if model.is_live(r, n) {
                assert_pulls(registry, &repository, &reference).await;
            } else {
                assert!(registry.manifest(&call(), &repository, &reference).await.is_err());
            }
        }
    }
}

/// Long after, exactly what live manifests need is left.
async fn assert_no_garbage(registry: &TestRegistry, model: &Model, now: Timestamp) {
    for days in 1..4 {
        registry.collect(now.after(30 * DAY * days)).await;
    }
    let mut wanted: Vec<Digest> = model
        .manifests
        .keys()
        .filter(|&&(r, n)| model.is_live(r, n))
        .flat_map(|&(_, n)| blobs_of(n))
        .map(|blob| Digest::sha256(blob.as_bytes()))
        .collect();
    wanted.sort();
    wanted.dedup();
    let listed = BlobStore::list(&registry.store).map(|stat| stat.unwrap().digest);
    let mut left: Vec<Digest> = listed.collect().await;
    left.sort();
    assert_eq!(left, wanted);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn what_can_be_pulled_is_what_the_model_says(ops in ops()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let registry = TestRegistry::counting(settings()).await;
            let (mut model, mut now) = (Model::default(), start());
            for op in &ops {
                apply(&registry, &mut model, &mut now, op).await;
                compare(&registry, &model).await;
            }
            registry.assert_sound().await;
            assert_no_garbage(&registry, &model, now).await;
            compare(&registry, &model).await;
        });
    }
}
