//! Online collection through the front door: it takes what nothing needs, and nothing else, even in a storm.

use longshore_testkit::{
    Api, Blob, Builder, Content, Random, TestRegistry, artifact, blob_path, eventually, files, image, index,
};

/// Collection that waits only so long that a push of a few blobs has a chance.
pub(crate) fn eager() -> Builder {
    TestRegistry::builder()
        .set("collection.delay", "400ms")
        .set("collection.interval", "20ms")
        .set("undelete.window", "0s")
}

pub(crate) async fn all_blobs_gone(registry: &TestRegistry) {
    let blobs = registry.data().join("docker/registry/v2/blobs");
    eventually("the end of every blob", || async { files(&blobs).is_empty().then_some(()) }).await;
}

#[tokio::test]
async fn what_was_deleted_is_collected_and_what_is_shared_stays() {
    let registry = eager().spawn().await;
    push_pull_delete_collect(&registry).await;
    all_blobs_gone(&registry).await;
    registry.run(&["verify"]).await.assert_success();
}

/// Push, pull, delete, collect; it leaves nothing behind.
pub(crate) async fn push_pull_delete_collect(registry: &TestRegistry) {
    let (first, mut second) = (image().layers(2).build(), image().build());
    push_in_spite_of_collection(registry, "gc/one", "v1", &first).await;
    push_in_spite_of_collection(registry, "gc/two", "v1", &first).await;
    push_in_spite_of_collection(registry, "gc/two", "v2", &second).await;
    registry.push_blob("gc/two", &Blob::random(100)).await;
    for (repository, content) in [("gc/one", &first), ("gc/two", &second)] {
        registry.delete(&format!("/v2/{repository}/manifests/{}", content.digest())).await.assert_status(202);
    }
    let only = second.blobs.remove(0);
    let file = blob_path(registry.data(), &only.digest);
    eventually("the collection of what nothing needs", || async { (!file.exists()).then_some(()) }).await;
    registry.get(&format!("/v2/gc/two/blobs/{}", only.digest)).await.assert_status(404);
    registry.pull_image("gc/two", "v1").await;
    registry.delete(&format!("/v2/gc/two/manifests/{}", first.digest())).await.assert_status(202);
}

/// Pushes until nothing was collected between the first blob and the manifest.
pub(crate) async fn push_in_spite_of_collection(api: &Api, repository: &str, tag: &str, content: &Content) {
    eventually("a push faster than collection", || async {
        match api.try_push_image(repository, tag, content).await {
            Ok(()) => Some(()),
            Err(error) if error.to_string().contains("MANIFEST_BLOB_UNKNOWN") => None,
            Err(error) => panic!("{error:?}"),
        }
    })
    .await;
}

#[tokio::test]
async fn a_dry_run_says_what_and_takes_nothing() {
    let registry = eager().set("collection.enabled", false).set("collection.delay", "0s").spawn().await;
    let content = image().build();
    registry.push_image("gc/dry", "v1", &content).await;
    registry.delete(&format!("/v2/gc/dry/manifests/{}", content.digest())).await.assert_status(202);
    let before = longshore_testkit::checksums(&registry.data().join("docker"));
    let said = registry.run(&["gc", "--dry-run"]).await.assert_success();
    assert!(said.contains(&content.digest().to_string()), "{said}");
    assert_eq!(longshore_testkit::checksums(&registry.data().join("docker")), before);
    // What a run takes may make more due: it needs a few.
    eventually("an empty store", || async {
        registry.run(&["gc"]).await.assert_success();
        files(&registry.data().join("docker/registry/v2/blobs")).is_empty().then_some(())
    })
    .await;
}

/// Runs `longshore gc` until a run takes nothing more.
async fn collect_all(registry: &TestRegistry) {
    let blobs = registry.data().join("docker/registry/v2/blobs");
    let mut before = None;
    for _ in 0..20 {
        registry.run(&["gc"]).await.assert_success();
        let now = files(&blobs).len();
        if before.replace(now) == Some(now) {
            return;
        }
    }
    panic!("collection never ends");
}

#[tokio::test]
async fn what_something_still_needs_is_kept() {
    let registry = TestRegistry::builder()
        .set("collection.enabled", false)
        .set("collection.delay", "0s")
        .set("collection.untagged", "1ms")
        .set("undelete.window", "0s")
        .spawn()
        .await;
    let (child, other, lone) = (image().build(), image().build(), image().build());
    let parent = index(vec![child.clone(), other]).build();
    let signature = artifact("application/vnd.example.sig").subject(child.top().descriptor()).build();
    let of_signature = artifact("application/vnd.example.sig").subject(signature.top().descriptor()).build();
    registry.push_image("gc/needed", "v1", &parent).await;
    for content in [&signature, &of_signature, &lone] {
        // By digest alone.
        registry.push_image("gc/needed", &content.digest().to_string(), content).await;
    }
    collect_all(&registry).await;
    registry.pull_image("gc/needed", "v1").await;
    for content in [&child, &signature, &of_signature] {
        registry.pull_image("gc/needed", &content.digest().to_string()).await;
    }
    let path = format!("/v2/gc/needed/manifests/{}", lone.digest());
    registry.get(&path).await.assert_error(404, "MANIFEST_UNKNOWN");
    assert!(!blob_path(registry.data(), &lone.blobs[0].digest).exists());
}

#[tokio::test]
async fn what_can_be_restored_is_kept() {
    let registry = TestRegistry::builder()
        .set("collection.enabled", false)
        .set("collection.delay", "0s")
        .set("undelete.window", "1h")
        .spawn()
        .await;
    let content = image().build();
    registry.push_image("gc/undelete", "v1", &content).await;
    registry.delete(&format!("/v2/gc/undelete/manifests/{}", content.digest())).await.assert_status(202);
    collect_all(&registry).await;
    for blob in &content.blobs {
        assert!(blob_path(registry.data(), &blob.digest).exists(), "the window is open");
    }
}

#[tokio::test]
async fn pushes_against_collection() {
    let registry = eager().spawn().await;
    storm(&[Api::clone(&registry)]).await;
    all_blobs_gone(&registry).await;
    registry.run(&["verify"]).await.assert_success();
}

/// Four clients, spread over the replicas, push, mount, move and delete the same layers. They leave nothing behind.
pub(crate) async fn storm(replicas: &[Api]) {
    let layers: Vec<Blob> = (0..6).map(|_| Blob::random(20_000)).collect();
    let clients: Vec<_> = (0..4)
        .map(|client| {
            let api = replicas[client % replicas.len()].clone();
            tokio::spawn(push_pull_delete(api, layers.clone(), client as u64))
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
}

/// Pushes images of shared layers, by upload, by mount and by trusting `HEAD`; pulls and deletes them.
async fn push_pull_delete(api: Api, layers: Vec<Blob>, client: u64) {
    let mut random = Random::new(client);
    let repository = format!("storm/c{client}");
    let mut pushed = Vec::new();
    for _ in 0..12 {
        let content = image()
            .seed(random.next_u64())
            .layers(0)
            .layer(random.pick(&layers).clone())
            .layer(random.pick(&layers).clone())
            .build();
        push_through(&api, &mut random, &repository, &content).await;
        pushed.push(content.digest());
        assert_eq!(api.pull_image(&repository, "now").await, content.top().bytes, "just acknowledged");
        match random.below(3) {
            0 => drop(api.delete(&format!("/v2/{repository}/manifests/now")).await.assert_status(202)),
            1 => {
                let path = format!("/v2/{repository}/manifests/{}", content.digest());
                api.delete(&path).await.assert_status(202);
            }
            _ => {}
        }
    }
    // What only lost its tag stays until it is deleted itself.
    for digest in pushed {
        let reply = api.delete(&format!("/v2/{repository}/manifests/{digest}")).await;
        assert!([202, 404].contains(&reply.status), "{reply:?}");
    }
}

/// Gets everything in, however often collection takes a layer away between its arrival and the manifest's.
async fn push_through(api: &Api, random: &mut Random, repository: &str, content: &Content) {
    for _ in 0..100 {
        for blob in &content.blobs {
            let known = api.head(&format!("/v2/{repository}/blobs/{}", blob.digest)).await.status == 200;
            if known && random.below(2) == 0 {
                continue;
            }
            if random.below(2) == 0 {
                let from = format!("storm/c{}", random.below(4));
                let path = format!("/v2/{repository}/blobs/uploads/?mount={}&from={from}", blob.digest);
                let reply = api.post(&path).await;
                if reply.status == 201 {
                    continue;
                }
                api.delete(&reply.assert_status(202).location()).await.assert_status(204);
            }
            api.push_blob(repository, blob).await;
        }
        let reply = api.put_manifest(repository, "now", content.top()).await;
        if reply.status == 201 {
            return;
        }
        reply.assert_error(404, "MANIFEST_BLOB_UNKNOWN");
    }
    panic!("collection took the layers away a hundred times");
}
