use std::{
    fs,
    time::{Duration, SystemTime},
};

use longshore_registry::{LinksReport, Registry};
use longshore_storage::BlobStore;
use longshore_types::{Digest, DigestAlgorithm, Reference};

use crate::{
    support::{
        HOUR, TestImage, assert_pulls, at, by_tag, call, collect, image_index, name, push_manifest, start,
        subject_of,
    },
    volume::{Notes, Volume, blobs_of},
};

const SCHEMA1: &str = r#"{"schemaVersion":1,"name":"old","fsLayers":[]}"#;

async fn write_links(volume: &Volume, registry: &Registry) -> LinksReport {
    registry.write_links(&volume.layout, &()).await.unwrap()
}

fn image(seed: &str) -> TestImage {
    TestImage::new(&[&format!("config {seed}"), &format!("layer {seed}")])
}

async fn filled() -> (Volume, Registry) {
    let volume = Volume::new();
    let registry = volume.open().await;
    registry.import(&volume.layout, start(), &()).await.unwrap();
    let app = image("app");
    app.push(&registry, &call(), &name("team/app"), Some("v1")).await;
    image("other").push(&registry, &call(), &name("team/app"), Some("v2")).await;
    let signature = TestImage::with(&["signature config", "signature"], &subject_of(&app));
    signature.push(&registry, &call(), &name("team/app"), None).await;
    let index = image_index(&[app.descriptor()]);
    push_manifest(&registry, &call(), &name("lists"), Some("all"), &index).await.unwrap();
    (volume, registry)
}

#[tokio::test]
async fn links_bring_a_lost_index_back_whole() {
    let (volume, registry) = filled().await;
    let report = write_links(&volume, &registry).await;
    assert_eq!((report.repositories, report.manifests, report.tags, report.links), (2, 4, 3, 6));
    assert_eq!((report.removed, report.foreign), (0, vec![]));
    volume.lose_index(registry).await;

    let registry = volume.open().await;
    let rebuilt = registry.rebuild(&volume.layout, start(), &()).await.unwrap();
    assert_eq!(rebuilt.imported.problems, [] as [&str; 0]);
    for tag in ["v1", "v2"] {
        assert_pulls(&registry, &name("team/app"), &by_tag(tag)).await;
    }
    let list = registry.manifest(&call(), &name("lists"), &by_tag("all")).await.unwrap();
    assert_eq!(list.payload, image_index(&[image("app").descriptor()]));
    let mut tx = registry.metadata().read().await.unwrap();
    let id = tx.repository(&name("team/app")).await.unwrap().unwrap().id;
    let referrers = tx.referrers_page(id, &image("app").digest(), None, None, 10).await.unwrap();
    assert_eq!(referrers.entries.len(), 1);
}

#[tokio::test]
async fn a_second_run_writes_nothing() {
    let (volume, registry) = filled().await;
    let first = write_links(&volume, &registry).await;
    let snapshot = volume.snapshot();
    assert_eq!(write_links(&volume, &registry).await, first);
    assert_eq!(volume.snapshot(), snapshot);
}

#[tokio::test]
async fn a_repository_without_blobs_is_in_the_catalog_of_the_other_registry() {
    let (volume, registry) = filled().await;
    write_links(&volume, &registry).await;
    assert!(volume.repository_path("lists/_layers").is_dir());
}

#[tokio::test]
async fn what_was_deleted_does_not_come_back() {
    let (volume, registry) = filled().await;
    write_links(&volume, &registry).await;
    let (app, other) = (image("app"), image("other"));
    registry.delete_manifest(&call(), &name("team/app"), &by_tag("v1")).await.unwrap();
    registry.delete_manifest(&call(), &name("team/app"), &Reference::Digest(other.digest())).await.unwrap();
    image("third").push(&registry, &call(), &name("team/app"), Some("v3")).await;
    let report = write_links(&volume, &registry).await;
    assert_eq!((report.removed, report.foreign), (3, vec![]), "two tags and a manifest");
    let tags: Vec<_> = volume.layout.tags(&name("team/app")).entries;
    assert_eq!(tags.iter().map(|(tag, _)| tag.as_str()).collect::<Vec<_>>(), ["v3"]);
    let revisions = volume.layout.revisions(&name("team/app")).entries;
    assert!(revisions.contains(&app.digest()), "only its tag was deleted");
    assert!(!revisions.contains(&other.digest()));

    // Once it is collected, its layers are no longer linked either.
    let later = start().after(1000 * HOUR);
    for now in [later, later.after(1000 * HOUR)] {
        assert!(!collect(&registry, now, false).await.is_empty(), "the manifest, then its blobs");
    }
    image("fourth").push(&registry, &at(later), &name("team/app"), Some("v4")).await;
    write_links(&volume, &registry).await;
    let layers = volume.layout.layers(&name("team/app")).entries;
    assert!(blobs_of(&other).iter().all(|digest| !layers.contains(digest)));
    assert!(blobs_of(&app).iter().all(|digest| layers.contains(digest)));
}

#[tokio::test]
async fn a_moved_tag_is_moved() {
    let (volume, registry) = filled().await;
    write_links(&volume, &registry).await;
    let third = image("third");
    third.push(&registry, &call(), &name("team/app"), Some("v1")).await;
    write_links(&volume, &registry).await;
    let tags = volume.layout.tags(&name("team/app")).entries;
    assert!(tags.iter().any(|(tag, digest)| tag.as_str() == "v1" && *digest == third.digest()));
}

#[tokio::test]
async fn what_no_import_could_read_is_left_for_the_other_registry() {
    let volume = Volume::new();
    let old = TestImage { blobs: vec![b"layer of schema 1".to_vec()], manifest: SCHEMA1.to_owned() };
    volume.lay_down("a", &old, DigestAlgorithm::Sha256, &["old"]).await;
    volume.lay_down("a", &image("new"), DigestAlgorithm::Sha256, &["new"]).await;
    let before = volume.links();
    let registry = volume.open().await;
    registry.import(&volume.layout, start(), &()).await.unwrap();
    let notes = Notes::default();
    let report = registry.write_links(&volume.layout, &notes).await.unwrap();
    assert_eq!((report.removed, report.foreign.len()), (0, 2), "{report:?}");
    assert_eq!(*notes.0.lock().unwrap(), report.foreign);
    assert_eq!(volume.links(), before);
    // Also when more is deleted here.
    registry.delete_manifest(&call(), &name("a"), &by_tag("new")).await.unwrap();
    write_links(&volume, &registry).await;
    let tags = volume.layout.tags(&name("a")).entries;
    assert_eq!(tags.iter().map(|(tag, _)| tag.as_str()).collect::<Vec<_>>(), ["old"]);
}

#[tokio::test]
async fn what_another_registry_wrote_later_is_left() {
    let (volume, registry) = filled().await;
    write_links(&volume, &registry).await;
    let foreign = image("foreign");
    let digest = volume.lay_down("team/app", &foreign, DigestAlgorithm::Sha256, &["foreign"]).await;
    let later = SystemTime::now() + Duration::from_secs(60);
    for path in volume.links().keys() {
        let content = fs::read_to_string(path).unwrap();
        if foreign.digest().to_string() == content
            || blobs_of(&foreign).iter().any(|d| d.to_string() == content)
        {
            fs::File::open(path).unwrap().set_modified(later).unwrap();
        }
    }
    let before = volume.links();
    let report = write_links(&volume, &registry).await;
    assert_eq!((report.removed, report.foreign.len()), (0, 2), "{report:?}");
    assert_eq!(volume.links(), before);
    assert!(volume.store.stat(&digest).await.is_ok());
}

#[tokio::test]
async fn what_another_registry_wrote_is_left_by_every_run() {
    let (volume, registry) = filled().await;
    write_links(&volume, &registry).await;
    // As if the other registry had come an hour later.
    volume.age_mark();
    volume.lay_down("team/app", &image("foreign"), DigestAlgorithm::Sha256, &[]).await;
    let before = volume.links();
    for _ in 0..2 {
        let report = write_links(&volume, &registry).await;
        assert_eq!((report.removed, report.foreign.len()), (0, 1), "{report:?}");
        assert_eq!(volume.links(), before);
    }
}

#[tokio::test]
async fn what_was_collected_between_two_runs_does_not_come_back() {
    let (volume, registry) = filled().await;
    write_links(&volume, &registry).await;
    let other = image("other");
    registry.delete_manifest(&call(), &name("team/app"), &Reference::Digest(other.digest())).await.unwrap();
    let later = start().after(1000 * HOUR);
    for now in [later, later.after(1000 * HOUR)] {
        assert!(!collect(&registry, now, false).await.is_empty(), "the manifest, then its blobs");
    }
    let report = write_links(&volume, &registry).await;
    assert_eq!((report.removed, report.foreign), (4, vec![]), "a tag, its manifest and two blobs");
    assert!(!volume.layout.revisions(&name("team/app")).entries.contains(&other.digest()));
}

#[tokio::test]
async fn repositories_that_another_registry_made_are_left() {
    let (volume, registry) = filled().await;
    write_links(&volume, &registry).await;
    let mark = volume.age_mark();
    let foreign = volume.lay_down("made/there", &image("foreign"), DigestAlgorithm::Sha256, &[]).await;
    fs::create_dir_all(volume.repository_path("empty/_layers")).unwrap();
    let before = volume.links();
    let report = write_links(&volume, &registry).await;
    assert_eq!(report.foreign, ["made/there: the index has no such repository; left as it is"]);
    assert_eq!((report.foreign_count, report.removed), (1, 0));
    assert_eq!(volume.links(), before);
    let known = fs::metadata(volume.path("longshore/links-known")).unwrap().modified().unwrap();
    assert_eq!(known, mark, "the index does not know these links");

    image("ours").push(&registry, &call(), &name("made/there"), Some("v1")).await;
    let report = write_links(&volume, &registry).await;
    assert_eq!((report.foreign_count, report.removed), (1, 0), "{report:?}");
    assert!(volume.layout.revisions(&name("made/there")).entries.contains(&foreign));
    let layers = volume.layout.layers(&name("made/there")).entries;
    assert!(blobs_of(&image("foreign")).iter().all(|digest| layers.contains(digest)));
}

#[tokio::test]
async fn what_was_restored_after_the_import_is_left() {
    let volume = Volume::new();
    let (sparse, torn) = (image("sparse"), image("torn"));
    volume.lay_down("sparse", &sparse, DigestAlgorithm::Sha256, &["v1"]).await;
    volume.lay_down("torn", &torn, DigestAlgorithm::Sha256, &[]).await;
    let layer = blobs_of(&sparse)[1];
    fs::remove_file(volume.blob_path(&layer)).unwrap();
    fs::remove_file(volume.blob_path(&torn.digest())).unwrap();
    let registry = volume.open().await;
    assert_eq!(registry.import(&volume.layout, start(), &()).await.unwrap().problems_count, 3);
    volume.lay_down("sparse", &sparse, DigestAlgorithm::Sha256, &["v1"]).await;
    volume.lay_down("torn", &torn, DigestAlgorithm::Sha256, &[]).await;
    // Links that were there already keep their time, so they are older than the mark.
    assert!(volume.layout.knew_revision(&name("torn"), &torn.digest()));
    let before = volume.links();
    let report = write_links(&volume, &registry).await;
    assert_eq!((report.removed, report.foreign_count), (0, 1), "{report:?}");
    assert_eq!(volume.links(), before);
}

#[tokio::test]
async fn a_report_names_only_the_first_of_much_that_was_left() {
    let (volume, registry) = filled().await;
    write_links(&volume, &registry).await;
    for nth in 0..=LinksReport::FOREIGN_MAX {
        let digest = Digest::sha256(nth.to_string().as_bytes());
        volume.layout.write_revision(&name("lists"), &digest).unwrap();
    }
    let notes = Notes::default();
    let report = registry.write_links(&volume.layout, &notes).await.unwrap();
    assert_eq!((report.foreign.len(), report.foreign_count), (1000, 1001));
    assert_eq!(notes.0.lock().unwrap().len(), 1001);
}
