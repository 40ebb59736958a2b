//! What collection takes, and what it must not take.

use std::time::Duration;

use longshore_registry::{CollectionSettings, MountOutcome, RegistrySettings};
use longshore_storage::{BlobStore, UploadStore};
use longshore_types::{Digest, DigestAlgorithm, Reference, Timestamp, UploadId};

use crate::support::*;

fn after(duration: Duration) -> Timestamp {
    start().after(duration)
}

fn expiring() -> RegistrySettings {
    RegistrySettings { collection: CollectionSettings { delay: HOUR, untagged: Some(DAY) }, ..settings() }
}

async fn has(registry: &TestRegistry, content: &[u8]) -> bool {
    registry.store.stat(&Digest::sha256(content)).await.is_ok()
}

#[tokio::test]
async fn a_blob_that_no_manifest_follows_goes_after_the_delay() {
    let registry = TestRegistry::new(settings()).await;
    let app = name("app");
    push_blob(&registry, &call(), &app, b"lonely").await.unwrap();
    TestImage::new(&["used"]).push(&registry, &call(), &app, Some("v1")).await;
    assert!(registry.collect(after(HOUR - MINUTE)).await.is_empty());
    // Pushed again, it waits again.
    push_blob(&registry, &at(after(HOUR - MINUTE)), &app, b"lonely").await.unwrap();
    assert!(registry.collect(after(HOUR)).await.is_empty());
    let digest = Digest::sha256(b"lonely");
    let told = [format!("link {digest}"), format!("blob {digest}")];
    assert_eq!(collect(&registry, after(2 * HOUR), true).await, told);
    assert!(has(&registry, b"lonely").await);
    assert_eq!(registry.collect(after(2 * HOUR)).await, told);
    assert!(!has(&registry, b"lonely").await && has(&registry, b"used").await);
    assert!(registry.collect(after(9 * DAY)).await.is_empty());
    registry.assert_sound().await;
}

#[tokio::test]
async fn a_preview_is_bounded_says_why_and_takes_nothing() {
    let registry = TestRegistry::new(settings()).await;
    let app = name("app");
    for content in [b"one", b"two"] {
        push_blob(&registry, &call(), &app, content).await.unwrap();
    }
    let seen = registry.preview_collection(after(HOUR), 9).await.unwrap();
    assert_eq!(
        (seen.complete, seen.report.reviewed, seen.report.blobs, seen.report.freed_bytes),
        (true, 2, 2, 6)
    );
    let whys: Vec<_> = seen.taken.iter().map(|one| (one.what, one.why.as_str())).collect();
    let (link, blob) =
        (("link", "no manifest of the repository names it"), ("blob", "no repository links it"));
    assert_eq!(whys, [link, blob, link, blob]);
    let first = registry.preview_collection(after(HOUR), 1).await.unwrap();
    assert_eq!((first.complete, first.report.reviewed), (false, 1));
    assert!(registry.preview_collection(after(MINUTE), 9).await.unwrap().taken.is_empty(), "nothing is due");
    assert!(has(&registry, b"one").await && has(&registry, b"two").await);
    assert_eq!(registry.collect(after(HOUR)).await.len(), 4, "what was told goes");
}

#[tokio::test]
async fn content_stays_while_another_repository_links_it() {
    let registry = TestRegistry::new(settings()).await;
    let image = TestImage::new(&["shared"]);
    image.push(&registry, &call(), &name("a"), Some("v1")).await;
    let digest = Digest::sha256(b"shared");
    let mounted = registry.mount_blob(&call(), &name("b"), &digest, Some(&name("a"))).await.unwrap();
    assert!(matches!(mounted, MountOutcome::Mounted(_)));
    assert_eq!(registry.collect(after(HOUR)).await, [format!("link {digest}")]);
    assert!(pull_blob(&registry, &name("b"), &digest).await.is_err());
    assert_pulls(&registry, &name("a"), &by_tag("v1")).await;
}

#[tokio::test]
async fn a_deleted_image_goes_when_it_cannot_be_restored() {
    let registry = TestRegistry::new(settings()).await;
    let (image, app) = (TestImage::new(&["config", "layer"]), name("app"));
    image.push(&registry, &call(), &app, Some("v1")).await;
    registry.delete_manifest(&call(), &app, &Reference::Digest(image.digest())).await.unwrap();
    assert!(registry.collect(after(7 * DAY - MINUTE)).await.is_empty());
    assert_eq!(registry.collect(after(7 * DAY)).await, [format!("manifest {}", image.digest())]);
    assert!(has(&registry, b"layer").await, "blobs wait out the delay");
    assert_eq!(registry.collect(after(7 * DAY + HOUR)).await.len(), 4);
    assert!(!has(&registry, b"layer").await && !has(&registry, b"config").await);
}

#[tokio::test]
async fn a_blob_deleted_after_its_manifest_goes_though_the_manifest_can_be_restored() {
    let registry = TestRegistry::new(settings()).await;
    let (image, app) = (TestImage::new(&["config"]), name("app"));
    image.push(&registry, &call(), &app, None).await;
    registry.delete_manifest(&call(), &app, &Reference::Digest(image.digest())).await.unwrap();
    let digest = Digest::sha256(b"config");
    registry.delete_blob(&call(), &app, &digest).await.unwrap();
    assert_eq!(collect(&registry, after(HOUR), true).await, [format!("blob {digest}")]);
    assert_eq!(registry.collect(after(HOUR)).await, [format!("blob {digest}")]);
    assert!(!has(&registry, b"config").await);
    registry.assert_sound().await;
}

#[tokio::test]
async fn an_index_takes_its_children_and_referrers_with_it() {
    let registry = TestRegistry::new(settings()).await;
    let (app, children) = (name("app"), [TestImage::new(&["a"]), TestImage::new(&["b"])]);
    for child in &children {
        child.push(&registry, &call(), &app, None).await;
    }
    let index = image_index(&children.clone().map(|child| child.descriptor()));
    push_manifest(&registry, &call(), &app, Some("v1"), &index).await.unwrap();
    push_manifest(&registry, &call(), &app, Some("kept"), &children[1].manifest).await.unwrap();
    let signature = TestImage::with(&["s"], &subject_of(&children[0]));
    signature.push(&registry, &call(), &app, None).await;
    // Nothing without a tag goes by itself, however long it waits.
    assert!(registry.collect(after(99 * DAY)).await.is_empty());
    let deleted = after(100 * DAY);
    let digest = Digest::sha256(index.as_bytes());
    registry.delete_manifest(&at(deleted), &app, &Reference::Digest(digest)).await.unwrap();
    let gone = deleted.after(7 * DAY);
    assert_eq!(registry.collect(gone).await, [format!("manifest {digest}")]);
    assert_eq!(registry.collect(gone.after(HOUR)).await, [format!("manifest {}", children[0].digest())]);
    let rest = registry.collect(gone.after(2 * HOUR)).await;
    assert_eq!(rest[0], format!("manifest {}", signature.digest()));
    registry.collect(gone.after(3 * HOUR)).await;
    assert!(!has(&registry, b"a").await && !has(&registry, b"s").await);
    assert_pulls(&registry, &app, &by_tag("kept")).await;
}

#[tokio::test]
async fn an_untagged_manifest_goes_by_the_policy() {
    let registry = TestRegistry::new(expiring()).await;
    let (old, new, app) = (TestImage::new(&["old"]), TestImage::new(&["new"]), name("app"));
    old.push(&registry, &call(), &app, Some("v1")).await;
    new.push(&registry, &at(after(3 * DAY)), &app, Some("v1")).await;
    assert!(registry.collect(after(4 * DAY - MINUTE)).await.is_empty());
    assert_eq!(registry.collect(after(4 * DAY)).await, [format!("manifest {}", old.digest())]);
    assert_pulls(&registry, &app, &by_tag("v1")).await;
    // One pushed by digest, for a tag or index that never came.
    let lone = TestImage::new(&["lone"]);
    lone.push(&registry, &at(after(5 * DAY)), &app, None).await;
    assert_eq!(registry.collect(after(6 * DAY)).await[0], format!("manifest {}", lone.digest()));
}

#[tokio::test]
async fn a_deleted_tag_keeps_its_manifest_while_it_can_be_restored() {
    let registry = TestRegistry::new(expiring()).await;
    let (image, other, app) = (TestImage::new(&["image"]), TestImage::new(&["other"]), name("app"));
    for tag in ["a", "b"] {
        image.push(&registry, &call(), &app, Some(tag)).await;
    }
    registry.delete_manifest(&at(after(DAY)), &app, &by_tag("a")).await.unwrap();
    // The other tag moves on: alone that would let the manifest go a day later.
    other.push(&registry, &at(after(2 * DAY)), &app, Some("b")).await;
    for day in 2..8 {
        assert!(registry.collect(after(day * DAY)).await.is_empty(), "day {day}");
    }
    registry.restore_tag(&at(after(8 * DAY - MINUTE)), &app, &tag("a")).await.unwrap();
    assert!(registry.collect(after(9 * DAY)).await.is_empty());
    registry.delete_manifest(&at(after(10 * DAY)), &app, &by_tag("a")).await.unwrap();
    assert_eq!(registry.collect(after(17 * DAY)).await, [format!("manifest {}", image.digest())]);
}

#[tokio::test]
async fn the_blobs_of_a_build_cache_stay() {
    let registry = TestRegistry::new(expiring()).await;
    let app = name("app");
    push_blob(&registry, &call(), &app, b"cache").await.unwrap();
    let index = image_index(&[descriptor("application/vnd.oci.image.layer.v1.tar", b"cache")]);
    push_manifest(&registry, &call(), &app, Some("cache"), &index).await.unwrap();
    assert!(registry.collect(after(9 * DAY)).await.is_empty());
    let deletion = at(after(10 * DAY));
    let digest = Digest::sha256(index.as_bytes());
    registry.delete_manifest(&deletion, &app, &Reference::Digest(digest)).await.unwrap();
    registry.collect(after(17 * DAY)).await;
    registry.collect(after(18 * DAY)).await;
    assert!(!has(&registry, b"cache").await);
}

#[tokio::test]
async fn uploads_that_do_not_grow_are_given_up() {
    let registry = TestRegistry::new(settings()).await;
    let app = name("app");
    let old = registry.start_upload(&call(), &app, DigestAlgorithm::Sha256).await.unwrap().id;
    let grown = registry.start_upload(&call(), &app, DigestAlgorithm::Sha256).await.unwrap().id;
    let later = at(after(DAY));
    registry.append_upload(&later, &app, &grown, None, None, body(b"abc")).await.unwrap();
    assert!(registry.collect(after(7 * DAY)).await.is_empty());
    let late = after(7 * DAY + MINUTE);
    assert_eq!(collect(&registry, late, true).await, [format!("upload {old}")]);
    assert_eq!(registry.collect(late).await, [format!("upload {old}")]);
    assert!(registry.upload_status(&call(), &app, &old).await.is_err());
    assert_eq!(registry.upload_status(&call(), &app, &grown).await.unwrap().size_bytes, 3);
    // By themselves, too.
    let lone = registry.start_upload(&later, &app, DigestAlgorithm::Sha256).await.unwrap().id;
    let report = registry.expire_uploads(after(9 * DAY), &|_| ()).await.unwrap();
    assert_eq!((report.uploads, report.reviewed), (2, 0));
    assert!(registry.upload_status(&call(), &app, &lone).await.is_err());
    // Bytes that the index knows nothing of.
    let orphan = UploadId::random();
    registry.store.create(&orphan).await.unwrap();
    let told = registry.collect(Timestamp::from_unix_millis(i64::MAX)).await;
    assert!(told.contains(&format!("upload {orphan}")), "{told:?}");
}

#[tokio::test]
async fn content_that_no_row_speaks_of_is_swept() {
    let registry = TestRegistry::new(settings()).await;
    TestImage::new(&["used"]).push(&registry, &call(), &name("app"), Some("v1")).await;
    let digest = Digest::sha256(b"garbage");
    registry.store.put(&digest, "garbage".into()).await.unwrap();
    let manifest = TestImage::new(&["used"]);
    registry.store.put(&manifest.digest(), manifest.manifest.clone().into()).await.unwrap();
    let end = Timestamp::from_unix_millis(i64::MAX);
    let report = registry.sweep(Timestamp::from_unix_millis(0), false, &(), &|_| ()).await.unwrap();
    assert_eq!((report.reviewed, report.blobs), (3, 0), "too young");
    let report = registry.sweep(end, true, &(), &|_| ()).await.unwrap();
    assert_eq!((report.blobs, report.freed_bytes), (1, 7));
    assert!(has(&registry, b"garbage").await);
    let report = registry.sweep(end, false, &(), &|_| ()).await.unwrap();
    assert_eq!(report.blobs, 1);
    assert!(!has(&registry, b"garbage").await && has(&registry, b"used").await);
    assert!(has(&registry, manifest.manifest.as_bytes()).await, "the way back needs it");
    registry.assert_sound().await;
}

#[tokio::test]
async fn one_that_cannot_be_worked_does_not_stop_the_run() {
    use longshore_storage::{FaultStore, MemoryStore};
    let (metadata, memory) = (index().await, MemoryStore::new());
    let calm = TestRegistry::over(metadata.clone(), memory.clone(), settings());
    for n in 0..5 {
        push_blob(&calm, &call(), &name("app"), format!("blob {n}").as_bytes()).await.unwrap();
    }
    let failing = FaultStore::failing_call(2, memory);
    let registry = registry(metadata, failing.clone(), settings());
    let told = collect(&registry, after(HOUR), false).await;
    assert!(failing.fired());
    assert_eq!(told.iter().filter(|t| t.starts_with("blob")).count(), 4);
    calm.assert_sound().await;
    assert_eq!(calm.collect(after(9 * HOUR)).await.len(), 1, "the one that failed");
}
