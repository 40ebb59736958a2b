//! The same with PostgreSQL as index, and what only a server can do: go away and come back.

use longshore_testkit::{Api, Blob, Postgres, TestRegistry, eventually, image, with_query};

use crate::collection::{
    all_blobs_gone, eager, push_in_spite_of_collection, push_pull_delete_collect, storm,
};

#[tokio::test]
async fn push_pull_delete_and_collect() {
    let url = Postgres::shared().fresh_database().unwrap();
    let mut registry = eager().set("metadata.url", url).spawn().await;
    push_pull_delete_collect(&registry).await;
    all_blobs_gone(&registry).await;
    push_in_spite_of_collection(&registry, "postgres/app", "v1", &image().build()).await;
    registry.kill_9().await;
    registry.start_again().await;
    registry.pull_image("postgres/app", "v1").await;
    registry.run(&["verify"]).await.assert_success();
    assert!(!registry.data().join("longshore/index.sqlite3").exists(), "there is one index");
}

#[tokio::test]
async fn two_replicas_over_one_database_and_folder() {
    let url = Postgres::shared().fresh_database().unwrap();
    let first = eager().set("metadata.url", url.as_str()).spawn().await;
    let second = eager().set("metadata.url", url).data(first.data()).spawn().await;
    storm(&[Api::clone(&first), Api::clone(&second)]).await;
    all_blobs_gone(&first).await;
    // What one replica acknowledged the other one serves.
    let (old, new) = (image().build(), image().build());
    for content in [&old, &new, &old] {
        push_in_spite_of_collection(&first, "postgres/both", "v1", content).await;
        eventually("the tag at the other replica", || async {
            (second.pull_image("postgres/both", "v1").await == content.top().bytes).then_some(())
        })
        .await;
    }
    // An upload begun here goes on there.
    let blob = Blob::random(10_000);
    let location = first.start_upload("postgres/both").await;
    let location = first.patch(&location, 0, &blob.bytes[..5000]).await.assert_status(202).location();
    let location = second.patch(&location, 5000, &blob.bytes[5000..]).await.assert_status(202).location();
    let finish = with_query(&location, &format!("digest={}", blob.digest));
    first.put(&finish, "").await.assert_status(201);
    first.run(&["verify"]).await.assert_success();
}

#[tokio::test]
async fn a_database_that_goes_away_and_comes_back() {
    let postgres = Postgres::start().unwrap();
    let url = postgres.fresh_database().unwrap();
    let registry = TestRegistry::builder().set("metadata.url", url).spawn().await;
    registry.push_image("postgres/app", "v1", &image().build()).await;
    postgres.stop().unwrap();
    eventually("the notice that the database is gone", || async {
        (registry.get("/readyz").await.status == 503).then_some(())
    })
    .await;
    registry.get("/livez").await.assert_status(200);
    registry.post("/v2/postgres/app/blobs/uploads/").await.assert_error(503, "UNKNOWN");
    postgres.start_again().unwrap();
    eventually("the registry's readiness", || async {
        (registry.get("/readyz").await.status == 200).then_some(())
    })
    .await;
    registry.pull_image("postgres/app", "v1").await;
    registry.push_image("postgres/app", "v2", &image().build()).await;
}
