use longshore_registry::MaintenanceError;
use longshore_storage::{BlobStore, FaultStore};
use longshore_types::{Digest, DigestAlgorithm, RepositoryName};

use crate::{
    support::{TestImage, assert_pulls, by_tag, call, name, registry, settings, start},
    volume::Volume,
};

fn image(seed: &str) -> TestImage {
    TestImage::new(&[&format!("config {seed}"), &format!("layer {seed}")])
}

#[tokio::test]
async fn says_what_it_could_not_recover() {
    let volume = Volume::new();
    let registry = volume.open().await;
    registry.import(&volume.layout, start(), &()).await.unwrap();
    let app: RepositoryName = name("team/app");
    image("linked").push(&registry, &call(), &app, Some("v1")).await;
    registry.write_links(&volume.layout, &()).await.unwrap();
    image("after the links").push(&registry, &call(), &app, Some("v2")).await;
    let forgotten = image("a manifest that only the volume has");
    volume.store.put(&forgotten.digest(), forgotten.manifest.clone().into()).await.unwrap();
    registry.start_upload(&call(), &app, DigestAlgorithm::Sha256).await.unwrap();
    volume.lose_index(registry).await;

    let registry = volume.open().await;
    let report = registry.rebuild(&volume.layout, start(), &()).await.unwrap();
    assert_eq!((report.imported.manifests, report.imported.tags, report.imported.links), (1, 1, 2));
    assert_pulls(&registry, &app, &by_tag("v1")).await;
    assert!(registry.manifest(&call(), &app, &by_tag("v2")).await.is_err());
    let size = "config after the links".len() + "layer after the links".len() + forgotten.manifest.len();
    for wanted in [
        "history: ".to_owned(),
        "undelete: ".to_owned(),
        "pushes and deletions after link files were last written".to_owned(),
        format!("3 blobs ({size} bytes) that no repository links, 1 of them manifests"),
        format!("manifest {}: in no repository", forgotten.digest()),
        "1 unfinished uploads".to_owned(),
    ] {
        assert!(report.lost.iter().any(|line| line.starts_with(&wanted)), "{wanted}: {report:?}");
    }
    assert_eq!(report.lost.len(), 6, "{report:?}");
    assert!(volume.store.stat(&Digest::sha256(b"layer after the links")).await.is_ok(), "nothing is removed");
}

#[tokio::test]
async fn an_index_that_is_there_is_not_overwritten() {
    let volume = Volume::new();
    let registry = volume.open().await;
    image("pushed").push(&registry, &call(), &name("a"), Some("v1")).await;
    let refused = registry.rebuild(&volume.layout, start(), &()).await;
    assert!(matches!(refused, Err(MaintenanceError::IndexNotEmpty)));
}

#[tokio::test]
async fn one_that_was_interrupted_in_its_first_repository_goes_on() {
    let volume = Volume::new();
    let layers: Vec<String> = (0..299).map(|n| format!("layer {n}")).collect();
    let blobs: Vec<&str> = std::iter::once("config").chain(layers.iter().map(String::as_str)).collect();
    volume.lay_down("a", &TestImage::new(&blobs), DigestAlgorithm::Sha256, &["v1"]).await;
    // After the first transaction, which takes 256 of the links.
    let failing = FaultStore::failing_call(280, volume.store.clone());
    let interrupted = registry(volume.index().await, failing, settings());
    interrupted.rebuild(&volume.layout, start(), &()).await.unwrap_err();
    interrupted.metadata().close().await;

    let registry = volume.open().await;
    assert!(registry.metadata().read().await.unwrap().repository(&name("a")).await.unwrap().is_some());
    registry.rebuild(&volume.layout, start(), &()).await.unwrap();
    assert_pulls(&registry, &name("a"), &by_tag("v1")).await;
}
