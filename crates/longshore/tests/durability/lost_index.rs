//! `longshore rebuild`: an index made anew from links and blobs.

use longshore_testkit::{TestRegistry, artifact, image, index};

#[tokio::test]
async fn a_lost_index_is_made_anew_from_links() {
    let mut registry = TestRegistry::start().await;
    let both = index(vec![image().layers(2).build(), image().build()]).build();
    let signature = artifact("application/vnd.example.sig").subject(both.top().descriptor()).build();
    registry.push_image("lost/app", "v1", &both).await;
    registry.push_image("lost/app", "sig", &signature).await;
    registry.push_image("lost/other", "v1", &image().build()).await;
    registry.stop().await;
    registry.run(&["links"]).await.assert_success();
    for name in ["index.sqlite3", "index.sqlite3-wal", "index.sqlite3-shm"] {
        let path = registry.data().join("longshore").join(name);
        if path.exists() {
            std::fs::remove_file(path).unwrap();
        }
    }
    registry.run(&["rebuild"]).await.assert_success();
    registry.start_again().await;
    assert_eq!(registry.pull_image("lost/app", "v1").await, both.top().bytes);
    assert_eq!(registry.pull_image("lost/app", "sig").await, signature.top().bytes);
    registry.pull_image("lost/other", "v1").await;
    let listed = registry.get(&format!("/v2/lost/app/referrers/{}", both.digest())).await.json();
    assert_eq!(listed["manifests"][0]["digest"], signature.digest().to_string());
    registry.run(&["verify"]).await.assert_success();
}

#[tokio::test]
async fn what_cannot_be_recovered_is_named() {
    let mut registry = TestRegistry::start().await;
    let content = image().build();
    registry.push_image("lost/app", "v1", &content).await;
    registry.stop().await;
    registry.run(&["links"]).await.assert_success();
    let manifest = longshore_testkit::blob_path(registry.data(), &content.digest());
    std::fs::remove_file(manifest).unwrap();
    std::fs::remove_file(registry.data().join("longshore/index.sqlite3")).unwrap();
    let finished = registry.run(&["rebuild"]).await;
    let said = format!("{}{}", finished.stdout, finished.stderr);
    assert!(said.contains(&content.digest().hex()), "{finished:?}");
}
