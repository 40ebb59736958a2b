//! In place over registry:2, and back: Debian's docker-registry fills a volume, Longshore takes it over, and after
//! `longshore links` docker-registry serves it again.

use std::{collections::BTreeMap, path::PathBuf};

use longshore_testkit::{Api, Content, Distribution, TestRegistry, artifact, checksums, image, index};
use longshore_types::Digest;
use tempfile::TempDir;

/// What a volume of the reference registry holds.
struct Volume {
    folder: TempDir,
    tags: Vec<(String, String, Content)>,
    by_digest: Vec<(String, Content)>,
}

/// Says so and gives `None` where docker-registry is not installed.
async fn volume(images: usize) -> Option<Volume> {
    if !Distribution::is_installed() {
        eprintln!("skipped: {} is not installed", Distribution::PROGRAM);
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let registry = Distribution::serve(folder.path()).await;
    let shared = longshore_testkit::Blob::random(50_000);
    let both = index(vec![image().docker().build(), image().docker().build()]).docker().build();
    let subject = image().layers(2).build();
    let signature = artifact("application/vnd.example.sig").subject(subject.top().descriptor()).build();
    let mut tags = vec![
        ("library-like".to_owned(), "latest".to_owned(), image().docker().layer(shared.clone()).build()),
        ("team/multi".to_owned(), "v1".to_owned(), both),
        ("team/sub/deep_er/app".to_owned(), "v1".to_owned(), index(vec![subject.clone()]).build()),
        ("team/sub/deep_er/app".to_owned(), "signature".to_owned(), signature),
        ("team/sub/deep_er/app".to_owned(), "subject".to_owned(), subject),
    ];
    for nth in 0..images {
        let content = image().layers(0).layer(shared.clone()).build();
        tags.push((format!("many/app{}", nth % 7), format!("v{nth}"), content));
    }
    for (repository, tag, content) in &tags {
        registry.push_image(repository, tag, content).await;
    }
    // A tag that moved, one that was deleted with its manifest, and an upload that never ended.
    let (old, new, gone) = (image().build(), image().build(), image().build());
    registry.push_image("team/moved", "v1", &old).await;
    registry.push_image("team/moved", "v1", &new).await;
    registry.push_image("team/moved", "gone", &gone).await;
    registry.delete(&format!("/v2/team/moved/manifests/{}", gone.digest())).await.assert_status(202);
    registry.start_upload("team/moved").await;
    tags.push(("team/moved".to_owned(), "v1".to_owned(), new));
    Some(Volume { folder, tags, by_digest: vec![("team/moved".to_owned(), old)] })
}

impl Volume {
    async fn is_served_by(&self, api: &Api) {
        for (repository, tag, content) in &self.tags {
            assert_eq!(api.pull_image(repository, tag).await, content.top().bytes);
        }
        for (repository, content) in &self.by_digest {
            let bytes = api.pull_image(repository, &content.digest().to_string()).await;
            assert_eq!(bytes, content.top().bytes);
        }
        api.get("/v2/team/moved/manifests/gone").await.assert_error(404, "MANIFEST_UNKNOWN");
    }

    /// The files of the reference registry; ours lie in `longshore/`.
    fn theirs(&self) -> BTreeMap<PathBuf, Digest> {
        let mut files = checksums(self.folder.path());
        files.retain(|path, _| !path.starts_with("longshore"));
        files
    }
}

#[tokio::test]
async fn a_volume_of_the_reference_registry_is_taken_over_in_place() {
    let Some(mut volume) = volume(0).await else { return };
    let before = volume.theirs();
    let mut registry = TestRegistry::builder().data(volume.folder.path()).spawn().await;
    volume.is_served_by(&registry).await;
    assert_eq!(volume.theirs(), before, "nothing was rewritten");

    let subject = volume.tags.iter().find(|(_, tag, _)| tag == "subject").unwrap().2.digest();
    let listed =
        registry.get(&format!("/v2/team/sub/deep_er/app/referrers/{subject}")).await.assert_status(200);
    assert_eq!(listed.json()["manifests"].as_array().unwrap().len(), 1, "subjects were read");
    let catalog = registry.get("/v2/_catalog").await.assert_status(200).json();
    assert_eq!(
        catalog["repositories"],
        serde_json::json!(["library-like", "team/moved", "team/multi", "team/sub/deep_er/app"])
    );

    // A push to it: shared layers are mounted, old files stay as they were.
    let layer = volume.tags[0].2.blobs.iter().find(|blob| blob.bytes.len() == 50_000).unwrap().clone();
    let path = format!("/v2/team/new/blobs/uploads/?mount={}&from=library-like", layer.digest);
    registry.post(&path).await.assert_status(201);
    let new = image().layer(layer).build();
    registry.push_image("team/new", "v1", &new).await;
    volume.tags.push(("team/new".to_owned(), "v1".to_owned(), new));
    registry.restart().await;
    volume.is_served_by(&registry).await;
    let after = volume.theirs();
    for (path, digest) in &before {
        assert_eq!(after.get(path), Some(digest), "{} changed", path.display());
    }
    registry.run(&["verify"]).await.assert_success();

    // And back.
    registry.stop().await;
    registry.run(&["links"]).await.assert_success();
    let reference = Distribution::serve(volume.folder.path()).await;
    volume.is_served_by(&reference).await;
    assert_eq!(reference.get("/v2/team/new/tags/list").await.json()["tags"], serde_json::json!(["v1"]));
    reference.push_image("team/again", "v1", &image().build()).await;
}

#[tokio::test]
async fn an_interrupted_takeover_goes_on() {
    let Some(volume) = volume(100).await else { return };
    let before = volume.theirs();
    // Crashes, each when the index has grown a little more, or at the latest when everything is there.
    let index = volume.folder.path().join("longshore/index.sqlite3-wal");
    let size = || index.metadata().map_or(0, |file| file.len());
    for _ in 0..6 {
        let begun = size();
        TestRegistry::builder()
            .data(volume.folder.path())
            .crash_when("the import to get on", |log| {
                let importing = log.iter().any(|line| line.contains("taking over repositories"));
                let done = log.iter().any(|line| line.contains("listening"));
                done || (importing && size().abs_diff(begun) > 100_000)
            })
            .await;
    }
    assert_eq!(volume.theirs(), before, "nothing was rewritten");
    let registry = TestRegistry::builder().data(volume.folder.path()).spawn().await;
    volume.is_served_by(&registry).await;
    let tags = registry.get("/v2/many/app0/tags/list").await.assert_status(200).json();
    assert_eq!(tags["tags"].as_array().unwrap().len(), 15);
    registry.run(&["verify"]).await.assert_success();
}

#[tokio::test]
async fn debians_configuration_file_starts_longshore_unchanged() {
    let Ok(text) = std::fs::read_to_string("/etc/docker/registry/config.yml") else {
        eprintln!("skipped: Debian's docker-registry is not installed");
        return;
    };
    assert!(text.contains("rootdirectory"));
    let registry = TestRegistry::builder()
        .text(text)
        .environment("REGISTRY_HTTP_ADDR", "127.0.0.1:0")
        .environment("REGISTRY_LOG_FORMATTER", "json")
        .spawn()
        .await;
    // Its htpasswd section names a folder, in which there are no users: nobody gets in.
    registry.get("/livez").await.assert_status(200);
    let reply = registry.get("/v2/").await;
    assert!([401, 503].contains(&reply.status), "{reply:?}");
}
