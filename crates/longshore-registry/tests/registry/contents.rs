//! What images hold: configurations, layers, files and comparisons; and what of it is kept.

use std::{fs, path::Path};

use longshore_auth::Action;
use longshore_image::{Change, LookUpError, MergedFile, Platform};
use longshore_registry::{ContentsError, ContentsSettings, ImagePlace, Registry, RegistrySettings};
use longshore_storage::BlobStore as _;
use longshore_testkit::{Archive, files, on_both_databases};
use longshore_types::{Digest, Reference, RepositoryName};
use serde_json::json;

use crate::support::*;

on_both_databases! {
    files_of_an_image_are_listed_and_read,
    an_index_needs_a_platform,
    two_images_are_compared,
    nobody_reads_layers_through_another_repository,
}

fn text(archive: Archive) -> String {
    String::from_utf8(archive.end()).unwrap()
}

fn config(user: &str) -> String {
    json!({
        "os": "linux", "architecture": "amd64", "config": {"User": user, "Cmd": ["app"]},
        "history": [
            {"created_by": "/bin/sh -c #(nop) ADD file:1 in / "},
            {"created_by": "RUN /bin/sh -c make # buildkit"},
        ],
    })
    .to_string()
}

fn base() -> String {
    text(
        Archive::new()
            .folder("etc/")
            .file("etc/motd", b"hello")
            .file("usr/bin/app", &[7; 3000])
            .symlink("bin", "usr/bin"),
    )
}

fn image() -> TestImage {
    let upper = text(
        Archive::new().file("etc/.wh.motd", b"").file("usr/bin/app", b"new").file("etc/passwd", b"root"),
    );
    TestImage::new(&[&config("7"), &base(), &upper])
}

fn at<'a>(repository: &'a RepositoryName, reference: &'a Reference) -> ImagePlace<'a> {
    ImagePlace { repository, reference, platform: None }
}

async fn paths(registry: &Registry, place: ImagePlace<'_>) -> Result<Vec<String>, ContentsError> {
    let there = |file: &MergedFile<'_>| file.is_there() && !file.path().is_empty();
    registry
        .ask_image(&call(), place, move |_, files| {
            files.iter().filter(there).map(|file| file.path().to_owned()).collect()
        })
        .await
}

async fn files_of_an_image_are_listed_and_read(registry: TestRegistry) {
    let (app, v1) = (name("team/app"), by_tag("v1"));
    image().push(&registry, &call(), &app, Some("v1")).await;
    let place = at(&app, &v1);
    let opened = registry.open_image(&call(), place).await.unwrap();
    assert_eq!((opened.config.config.user.as_deref(), opened.layers().len()), (Some("7"), 2));
    assert_eq!(
        paths(&registry, place).await.unwrap(),
        ["bin", "etc", "usr", "etc/passwd", "usr/bin", "usr/bin/app"]
    );
    let asking = call();
    let touched = registry.ask_image(&asking, place, |image, files| {
        let touches = files.get("usr/bin/app").unwrap().touches();
        let changed = touches.iter().find(|touch| touch.change == Change::Changed).unwrap();
        image.layers()[changed.layer].digest
    });
    assert_eq!(touched.await.unwrap(), opened.layers()[1].digest);
    let file = registry.image_file(&call(), place, "/bin/app", 100).await.unwrap();
    assert_eq!(
        (&file.bytes[..], file.layer, &*file.entry.path),
        (&b"new"[..], opened.layers()[1].digest, "usr/bin/app")
    );
    let refused = registry.image_file(&call(), place, "/bin/app", 2).await;
    assert!(matches!(refused, Err(ContentsError::FileTooLarge { size_bytes: 3, bytes_max: 2 })));
    let refused = registry.image_file(&call(), place, "/etc/motd", 100).await;
    assert!(matches!(refused, Err(ContentsError::File(LookUpError::NotFound(_)))));
    let nowhere = by_tag("v2");
    let refused = registry.open_image(&call(), at(&app, &nowhere)).await;
    assert!(matches!(refused, Err(ContentsError::ManifestUnknown { .. })));
}

async fn an_index_needs_a_platform(registry: TestRegistry) {
    let (app, all, one) = (name("team/app"), by_tag("all"), by_tag("one"));
    let (amd, arm) = (TestImage::new(&[&config("1")]), TestImage::new(&[&config("2")]));
    let child = |image: &TestImage, os: &str, architecture: &str| {
        let platform = json!({"os": os, "architecture": architecture});
        image.descriptor().replacen('{', &format!("{{\"platform\":{platform},"), 1)
    };
    for image in [&amd, &arm] {
        image.push(&registry, &call(), &app, None).await;
    }
    let attestation = child(&arm, "unknown", "unknown");
    let index =
        image_index(&[child(&amd, "linux", "amd64"), child(&arm, "linux", "arm64"), attestation.clone()]);
    push_manifest(&registry, &call(), &app, Some("all"), &index).await.unwrap();
    let refused = registry.open_image(&call(), at(&app, &all)).await.unwrap_err();
    assert_eq!(refused.to_string(), "there are images for: linux/amd64, linux/arm64");
    let platform: Platform = "linux/arm64".parse().unwrap();
    let place = ImagePlace { platform: Some(&platform), ..at(&app, &all) };
    assert_eq!(registry.open_image(&call(), place).await.unwrap().config.config.user.as_deref(), Some("2"));
    assert_eq!(registry.manifest_at(&call(), place).await.unwrap().digest, arm.digest());
    assert_eq!(registry.manifest_at(&call(), at(&app, &all)).await.unwrap().payload, index);
    let platform: Platform = "linux/mips".parse().unwrap();
    let refused =
        registry.open_image(&call(), ImagePlace { platform: Some(&platform), ..place }).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "there is no image for linux/mips; there are images for: linux/amd64, linux/arm64"
    );
    // Where there is only one, nobody need say which.
    let index = image_index(&[child(&amd, "linux", "amd64"), attestation]);
    push_manifest(&registry, &call(), &app, Some("one"), &index).await.unwrap();
    assert_eq!(registry.open_image(&call(), at(&app, &one)).await.unwrap().digest, amd.digest());
}

async fn two_images_are_compared(registry: TestRegistry) {
    let (app, other, v1, v2) = (name("team/app"), name("team/other"), by_tag("v1"), by_tag("v2"));
    let list = |version: &str| format!("Package: a\nVersion: {version}\nStatus: install ok installed\n");
    let with = |version: &str, user: &str| {
        let upper = Archive::new().file("var/lib/dpkg/status", list(version).as_bytes()).file(user, b"");
        TestImage::new(&[&config(user), &base(), &text(upper)])
    };
    with("1", "7").push(&registry, &call(), &app, Some("v1")).await;
    with("2", "8").push(&registry, &call(), &other, Some("v2")).await;
    let asking = call();
    let compared = registry.compare_images(&asking, at(&app, &v1), at(&other, &v2), |files| {
        let paths = |files: &[MergedFile<'_>]| files.iter().map(|f| f.path().to_owned()).collect::<Vec<_>>();
        (paths(&files.added), paths(&files.removed), files.changed.len())
    });
    let compared = compared.await.unwrap();
    assert_eq!(compared.files, (vec!["8".to_owned()], vec!["7".to_owned()], 1));
    assert_eq!(compared.shared_layers.len(), 1);
    assert_eq!((compared.added_layers.len(), compared.removed_layers.len()), (1, 1));
    assert_eq!(compared.config.len(), 1);
    let packages = compared.packages.unwrap();
    assert_eq!((packages[0].before.as_deref(), packages[0].after.as_deref()), (Some("1"), Some("2")));
}

/// Invariant 5, also where a list was made for somebody else.
async fn nobody_reads_layers_through_another_repository(registry: TestRegistry) {
    let (app, thief, v1) = (name("team/app"), name("evil/app"), by_tag("v1"));
    image().push(&registry, &call(), &app, Some("v1")).await;
    paths(&registry, at(&app, &v1)).await.unwrap();
    let sparse = registry.reopened(RegistrySettings { sparse_images: true, ..settings() });
    let TestImage { blobs, manifest } = image();
    push_blob(&sparse, &call(), &thief, &blobs[0]).await.unwrap();
    push_manifest(&sparse, &call(), &thief, Some("v1"), &manifest).await.unwrap();
    for _ in 0..2 {
        let refused = paths(&sparse, at(&thief, &v1)).await;
        assert!(matches!(refused, Err(ContentsError::BlobUnknown(_))), "{refused:?}");
        let refused = sparse.image_file(&call(), at(&thief, &v1), "etc/passwd", 99).await;
        assert!(matches!(refused, Err(ContentsError::BlobUnknown(_))));
        // In the same process, with the list at hand.
        let refused = paths(&registry, at(&thief, &v1)).await;
        assert!(matches!(refused, Err(ContentsError::BlobUnknown(_))), "{refused:?}");
        paths(&registry, at(&app, &v1)).await.unwrap();
    }
    let pushing = granted(&[("team/app", Action::Push)]);
    let refused = registry.open_image(&pushing, at(&app, &v1)).await;
    assert!(matches!(refused, Err(ContentsError::Denied(_))));
}

fn kept_in(folder: &Path) -> RegistrySettings {
    let contents = ContentsSettings { cache: Some(folder.to_owned()), ..ContentsSettings::default() };
    RegistrySettings { contents, ..settings() }
}

#[tokio::test]
async fn lists_are_made_once_and_again_when_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let registry = TestRegistry::new(kept_in(folder.path())).await;
    let (app, v1) = (name("team/app"), by_tag("v1"));
    let image = image();
    image.push(&registry, &call(), &app, Some("v1")).await;
    let wanted = paths(&registry, at(&app, &v1)).await.unwrap();
    let kept = files(folder.path());
    assert_eq!(kept.len(), 2, "{kept:?}");
    // Another process needs the layers no more.
    let layer = Digest::sha256(&image.blobs[1]);
    registry.store.remove(&layer).await.unwrap();
    let other = registry.reopened(kept_in(folder.path()));
    assert_eq!(paths(&other, at(&app, &v1)).await.unwrap(), wanted);
    registry.store.put(&layer, image.blobs[1].clone().into()).await.unwrap();
    for damage in [&b""[..], b"junk", &[0; 5000]] {
        for path in &kept {
            fs::write(folder.path().join(path), damage).unwrap();
        }
        let other = registry.reopened(kept_in(folder.path()));
        assert_eq!(paths(&other, at(&app, &v1)).await.unwrap(), wanted);
        assert!(kept.iter().all(|path| fs::read(folder.path().join(path)).unwrap() != damage));
    }
}

#[tokio::test]
async fn many_ask_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let registry = TestRegistry::new(kept_in(folder.path())).await;
    let (app, v1) = (name("team/app"), by_tag("v1"));
    image().push(&registry, &call(), &app, Some("v1")).await;
    let ask = || paths(&registry, at(&app, &v1));
    let asked = futures_util::future::join_all((0..20).map(|_| ask())).await;
    assert!(asked.iter().all(|found| found.as_ref().is_ok_and(|paths| paths.len() == 6)));
    // Who goes away takes nothing from the others.
    let other = registry.reopened(settings());
    let mut first = Box::pin(paths(&other, at(&app, &v1)));
    assert!(futures_util::poll!(&mut first).is_pending());
    drop(first);
    assert_eq!(paths(&other, at(&app, &v1)).await.unwrap().len(), 6);
}

#[tokio::test]
async fn what_is_no_layer_says_so() {
    let registry = TestRegistry::new(settings()).await;
    let (app, v1) = (name("team/app"), by_tag("v1"));
    TestImage::new(&[&config(""), "no archive"]).push(&registry, &call(), &app, Some("v1")).await;
    for _ in 0..2 {
        let refused = paths(&registry, at(&app, &v1)).await.unwrap_err().to_string();
        assert!(refused.ends_with("the layer is no good tar archive: it ends within a header"), "{refused}");
    }
    // What the store lost or damaged is told from what never was an archive.
    let image = image();
    image.push(&registry, &call(), &app, Some("v1")).await;
    let layer = Digest::sha256(&image.blobs[2]);
    registry.store.remove(&layer).await.unwrap();
    let refused = paths(&registry, at(&app, &v1)).await;
    assert!(matches!(refused, Err(ContentsError::BlobUnknown(digest)) if digest == layer), "{refused:?}");
    registry.store.put(&layer, text(Archive::new().file("forged", b"")).into()).await.unwrap();
    let refused = paths(&registry, at(&app, &v1)).await;
    assert!(matches!(refused, Err(ContentsError::Store(_))), "{refused:?}");
    registry.store.remove(&layer).await.unwrap();
    registry.store.put(&layer, image.blobs[2].clone().into()).await.unwrap();
    assert_eq!(paths(&registry, at(&app, &v1)).await.unwrap().len(), 6);
}

#[tokio::test]
async fn artifacts_of_other_kinds_hold_no_image() {
    let registry = TestRegistry::new(settings()).await;
    let (app, v1) = (name("team/app"), by_tag("v1"));
    let chart = TestImage::with(&["{}", "chart"], "");
    let manifest = chart.manifest.replace("vnd.oci.image.config.v1", "vnd.cncf.helm.config.v1");
    chart.push_blobs(&registry, &call(), &app).await;
    push_manifest(&registry, &call(), &app, Some("v1"), &manifest).await.unwrap();
    assert!(matches!(registry.open_image(&call(), at(&app, &v1)).await, Err(ContentsError::NoImage(_))));
    TestImage::new(&["[]", "layer"]).push(&registry, &call(), &app, Some("v1")).await;
    let refused = registry.open_image(&call(), at(&app, &v1)).await;
    assert!(matches!(refused, Err(ContentsError::Configuration(_))));
}
