use std::fs;

use longshore_metadata::TagEventAction;
use longshore_registry::{ImportReport, Registry};
use longshore_storage::{FaultStore, FilesystemStore};
use longshore_types::{Digest, DigestAlgorithm, MediaType, Reference, Timestamp};

use crate::{
    support::{
        HOUR, TestImage, assert_pulls, by_tag, call, collect, descriptor, image_index, name, pull_blob,
        registry, settings, start, tag,
    },
    volume::{Notes, Volume, blobs_of},
};

const SHA256: DigestAlgorithm = DigestAlgorithm::Sha256;
const SHA512: DigestAlgorithm = DigestAlgorithm::Sha512;
const SCHEMA1: &str = r#"{"schemaVersion":1,"name":"old","fsLayers":[]}"#;

async fn import(volume: &Volume, registry: &Registry) -> ImportReport {
    let report = registry.import(&volume.layout, start(), &()).await.unwrap();
    assert_eq!(report.problems_count, report.problems.len() as u64);
    report
}

fn image(seed: &str) -> TestImage {
    TestImage::new(&[&format!("config {seed}"), &format!("layer {seed}"), "a layer that all share"])
}

/// Repositories at several depths, a multi-platform image, both algorithms, several tags.
async fn filled() -> Volume {
    let volume = Volume::new();
    let (arm, intel) = (image("arm"), image("intel"));
    volume.lay_down("multi", &arm, SHA256, &[]).await;
    volume.lay_down("multi", &intel, SHA256, &[]).await;
    let index = image_index(&[arm.descriptor(), intel.descriptor()]);
    volume.lay_down_manifest("multi", &index, SHA256, &["latest"]).await;
    volume.lay_down("team/sub/app", &image("app"), SHA256, &["v1", "v1.0"]).await;
    volume.lay_down("team/sub", &image("sub"), SHA512, &["v1"]).await;
    volume.lay_down("team/sub", &image("untagged"), SHA256, &[]).await;
    volume
}

async fn assert_filled(registry: &Registry) {
    for (repository, reference) in [("team/sub/app", "v1"), ("team/sub/app", "v1.0"), ("team/sub", "v1")] {
        assert_pulls(registry, &name(repository), &by_tag(reference)).await;
    }
    for image in [image("arm"), image("intel")] {
        assert_pulls(registry, &name("multi"), &Reference::Digest(image.digest())).await;
    }
    assert_pulls(registry, &name("team/sub"), &Reference::Digest(image("untagged").digest())).await;
    let list = registry.manifest(&call(), &name("multi"), &by_tag("latest")).await.unwrap();
    assert_eq!(list.media_type, MediaType::OCI_INDEX);
    let sha512 = registry.manifest(&call(), &name("team/sub"), &by_tag("v1")).await.unwrap();
    assert_eq!(sha512.digest.algorithm(), SHA512);
    assert_eq!(sha512.payload, image("sub").manifest);
}

async fn history(registry: &Registry, repository: &str) -> Vec<(String, TagEventAction)> {
    let mut tx = registry.metadata().read().await.unwrap();
    let id = tx.repository(&name(repository)).await.unwrap().unwrap().id;
    let events = tx.tag_events(id, None, None, 100).await.unwrap().entries;
    let mut events: Vec<_> = events.into_iter().map(|event| (event.tag.to_string(), event.action)).collect();
    events.sort_by(|a, b| a.0.cmp(&b.0));
    events
}

#[tokio::test]
async fn everything_is_taken_over_and_nothing_is_changed() {
    let volume = filled().await;
    let before = volume.snapshot();
    let registry = volume.open().await;
    assert!(registry.import_is_due().await.unwrap());
    let report = import(&volume, &registry).await;
    assert_eq!(report.problems, [] as [&str; 0]);
    assert_eq!((report.repositories, report.manifests, report.tags, report.links), (3, 6, 4, 13));
    assert!(!registry.import_is_due().await.unwrap());
    assert_eq!(volume.snapshot(), before);
    assert_filled(&registry).await;
    let imported = ["v1", "v1.0"].map(|tag| (tag.to_owned(), TagEventAction::Import));
    assert_eq!(history(&registry, "team/sub/app").await, imported);

    // Nothing is due for collection, whatever it has no tag.
    let later = Timestamp::from_unix_millis(i64::MAX / 2);
    assert_eq!(collect(&registry, later, false).await, [] as [&str; 0]);

    import(&volume, &registry).await;
    assert_eq!(history(&registry, "team/sub/app").await.len(), 2, "a second import repeats no history");
}

#[tokio::test]
async fn blobs_are_readable_only_where_they_were_linked() {
    let volume = filled().await;
    let registry = volume.open().await;
    import(&volume, &registry).await;
    let [config, ..] = blobs_of(&image("app"))[..] else { panic!("an image has blobs") };
    assert!(pull_blob(&registry, &name("team/sub/app"), &config).await.is_ok());
    assert!(pull_blob(&registry, &name("team/sub"), &config).await.is_err());
    assert!(pull_blob(&registry, &name("multi"), &image("app").digest()).await.is_err());
}

#[tokio::test]
async fn an_empty_volume_is_imported_once_and_for_all() {
    let volume = Volume::new();
    let registry = volume.open().await;
    assert!(registry.import_is_due().await.unwrap());
    assert_eq!(import(&volume, &registry).await, ImportReport::default());
    assert!(!registry.import_is_due().await.unwrap());
    assert!(!volume.path("docker").exists());
}

#[tokio::test]
async fn what_is_broken_is_named_and_the_rest_is_served() {
    let volume = filled().await;
    let broken = "broken/app";
    let missing_layer = image("missing layer");
    volume.lay_down(broken, &missing_layer, SHA256, &["no-layer"]).await;
    let layer = blobs_of(&missing_layer)[1];
    fs::remove_file(volume.blob_path(&layer)).unwrap();
    let old = volume.lay_down_manifest(broken, SCHEMA1, SHA256, &["old"]).await;
    let gone = volume.lay_down_manifest(broken, r#"{"gone":1}"#, SHA256, &["gone"]).await;
    fs::remove_file(volume.blob_path(&gone)).unwrap();
    let flipped = volume.lay_down_manifest(broken, &image("flipped").manifest, SHA256, &[]).await;
    let mut bytes = fs::read(volume.blob_path(&flipped)).unwrap();
    bytes[3] ^= 1;
    fs::write(volume.blob_path(&flipped), bytes).unwrap();
    let nothing = Digest::sha256(b"never pushed");
    volume.layout.write_tag(&name(broken), &tag("nowhere"), &nothing).unwrap();
    fs::write(volume.repository_path("broken/app/_manifests/tags/nowhere/current/link"), "rubbish").unwrap();
    fs::create_dir_all(volume.repository_path("UPPER/_layers")).unwrap();

    let registry = volume.open().await;
    let notes = Notes::default();
    let report = registry.import(&volume.layout, start(), &notes).await.unwrap();
    let wanted = [
        format!("blob {layer}: its content is missing"),
        format!("manifest {old}: manifest invalid: docker image manifest schema 1"),
        format!("manifest {gone}: its content is missing"),
        format!("manifest {flipped}: its content is damaged"),
        format!("names 1 blobs that are not here, as {layer}"),
        format!("tag old: its manifest {old} is not here"),
        format!("tag gone: its manifest {gone} is not here"),
        "tags/nowhere/current/link: not a digest".to_owned(),
        "UPPER: no repository may have this name".to_owned(),
    ];
    for wanted in &wanted {
        assert!(report.problems.iter().any(|problem| problem.contains(wanted)), "{wanted}: {report:?}");
    }
    assert_eq!(report.problems.len(), wanted.len(), "{report:?}");
    assert_eq!(*notes.0.lock().unwrap(), report.problems);
    assert_filled(&registry).await;
    let sparse = registry.manifest(&call(), &name(broken), &by_tag("no-layer")).await.unwrap();
    assert_eq!(sparse.payload, missing_layer.manifest, "registry:2 served the manifest too");
}

#[tokio::test]
async fn media_types_come_from_the_body() {
    let volume = Volume::new();
    let blob = descriptor("application/octet-stream", b"x");
    let body =
        |media_type: &str| format!(r#"{{"schemaVersion":2,{media_type}"config":{blob},"layers":[{blob}]}}"#);
    let docker = body(&format!(r#""mediaType":"{}","#, MediaType::DOCKER_MANIFEST));
    for (tag, manifest) in [("docker", docker), ("silent", body(""))] {
        volume.lay_down_manifest("a", &manifest, SHA256, &[tag]).await;
    }
    volume.lay_down_manifest("a", r#"{"schemaVersion":2,"manifests":[]}"#, SHA256, &["index"]).await;
    let registry = volume.open().await;
    import(&volume, &registry).await;
    for (tag, wanted) in [
        ("docker", MediaType::DOCKER_MANIFEST),
        ("silent", MediaType::OCI_MANIFEST),
        ("index", MediaType::OCI_INDEX),
    ] {
        let pulled = registry.manifest(&call(), &name("a"), &by_tag(tag)).await.unwrap();
        assert_eq!(pulled.media_type, wanted);
    }
}

#[tokio::test]
async fn blobs_that_no_manifest_names_are_collected_after_the_delay() {
    let volume = filled().await;
    let orphan = b"a push that never ended".to_vec();
    let orphans = TestImage { blobs: vec![orphan.clone()], manifest: image("orphans").manifest };
    volume.lay_down("multi", &orphans, SHA256, &[]).await;
    fs::remove_file(
        volume.repository_path(&format!("multi/_manifests/revisions/sha256/{}/link", orphans.digest().hex())),
    )
    .unwrap();
    let digest = Digest::sha256(&orphan);
    let registry = volume.open().await;
    assert_eq!(import(&volume, &registry).await.problems, [] as [&str; 0]);
    assert_eq!(collect(&registry, start(), false).await, [] as [&str; 0]);
    assert_eq!(pull_blob(&registry, &name("multi"), &digest).await.unwrap(), orphan);
    let collected = collect(&registry, start().after(2 * HOUR), false).await;
    assert!(!collected.is_empty() && collected.iter().all(|what| what.ends_with(&digest.to_string())));
    assert_filled(&registry).await;
}

#[tokio::test]
async fn where_a_manifest_cannot_be_read_all_blobs_stay() {
    let volume = Volume::new();
    volume.lay_down("a", &image("readable"), SHA256, &["v1"]).await;
    let old = TestImage { blobs: vec![b"layer of schema 1".to_vec()], manifest: SCHEMA1.to_owned() };
    volume.lay_down("a", &old, SHA256, &["old"]).await;
    let registry = volume.open().await;
    assert_eq!(import(&volume, &registry).await.problems_count, 2);
    assert_eq!(collect(&registry, start().after(1000 * HOUR), false).await, [] as [&str; 0]);
}

#[tokio::test]
async fn an_import_that_was_interrupted_anywhere_goes_on() {
    let volume = filled().await;
    for nth in 0.. {
        let store = FaultStore::failing_call(nth, volume.store.clone());
        let faulty: FaultStore<FilesystemStore> = store.clone();
        let first = registry(volume.index().await, faulty, settings());
        let result = first.import(&volume.layout, start(), &()).await;
        assert_eq!(result.is_err(), store.fired(), "call {nth}");
        assert_eq!(first.import_is_due().await.unwrap(), store.fired());
        let registry = volume.open().await;
        import(&volume, &registry).await;
        assert_filled(&registry).await;
        assert_eq!(history(&registry, "team/sub/app").await.len(), 2);
        first.metadata().close().await;
        volume.lose_index(registry).await;
        if !store.fired() {
            assert!(nth > 10, "only {nth} calls were tried");
            break;
        }
    }
}

#[tokio::test]
async fn a_repository_larger_than_one_transaction() {
    let volume = Volume::new();
    let image = image("one");
    let tags: Vec<_> = (0..300).map(|i| format!("v{i}")).collect();
    volume.lay_down("a", &image, SHA256, &tags.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let registry = volume.open().await;
    assert_eq!(import(&volume, &registry).await.tags, 300);
    for tag in [&tags[0], &tags[299]] {
        assert_pulls(&registry, &name("a"), &by_tag(tag)).await;
    }
}

#[tokio::test]
async fn what_the_index_knows_better_stays() {
    let volume = filled().await;
    let registry = volume.open().await;
    import(&volume, &registry).await;
    let newer = image("newer");
    newer.push(&registry, &call(), &name("team/sub/app"), Some("v1")).await;
    let deleted = Reference::Digest(image("untagged").digest());
    registry.delete_manifest(&call(), &name("team/sub"), &deleted).await.unwrap();
    registry.delete_manifest(&call(), &name("team/sub/app"), &by_tag("v1.0")).await.unwrap();
    import(&volume, &registry).await;
    let v1 = registry.manifest(&call(), &name("team/sub/app"), &by_tag("v1")).await.unwrap();
    assert_eq!(v1.digest, newer.digest());
    assert!(registry.manifest(&call(), &name("team/sub"), &deleted).await.is_err());
    assert!(registry.manifest(&call(), &name("team/sub/app"), &by_tag("v1.0")).await.is_err());
}

#[tokio::test]
async fn what_another_registry_wrote_while_an_import_was_interrupted_is_left() {
    let volume = Volume::new();
    for repository in ["a", "m"] {
        volume.lay_down(repository, &image(repository), SHA256, &["v1"]).await;
    }
    volume.layout.mark_known().unwrap(); // by an index that was lost
    let after = async |registry: &Registry| {
        registry.metadata().read().await.unwrap().setting("import.after").await.unwrap()
    };
    for nth in 0.. {
        let failing = FaultStore::failing_call(nth, volume.store.clone());
        let interrupted = registry(volume.index().await, failing, settings());
        interrupted.import(&volume.layout, start(), &()).await.unwrap_err();
        let done = after(&interrupted).await.as_deref() == Some("a");
        interrupted.metadata().close().await;
        if done {
            break;
        }
    }
    volume.age_mark();
    let foreign = volume.lay_down("a", &image("foreign"), SHA256, &["v1"]).await;
    let registry = volume.open().await;
    registry.import(&volume.layout, start(), &()).await.unwrap();
    assert!(!volume.layout.knew_revision(&name("a"), &foreign), "the import never read it");

    // Longshore never saw where the tag points now.
    registry.delete_manifest(&call(), &name("a"), &by_tag("v1")).await.unwrap();
    for _ in 0..2 {
        let report = registry.write_links(&volume.layout, &()).await.unwrap();
        assert_eq!((report.removed, report.foreign.len()), (0, 2), "{report:?}");
        assert_eq!(volume.layout.tags(&name("a")).entries, [(tag("v1"), foreign)]);
        assert!(volume.layout.revisions(&name("a")).entries.contains(&foreign));
    }
}
