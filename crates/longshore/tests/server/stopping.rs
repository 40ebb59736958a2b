//! SIGTERM: what is under way ends well, nothing new begins.

use std::time::Duration;

use longshore_testkit::{Blob, RawConnection, TestRegistry, eventually, files, with_query};
use longshore_types::{DigestAlgorithm, Digester};
use reqwest::Method;

#[tokio::test]
async fn a_pull_under_way_is_finished() {
    let mut registry = TestRegistry::start().await;
    let blob = Blob::random(32 << 20);
    registry.push_blob("drain/app", &blob).await;
    let path = format!("/v2/drain/app/blobs/{}", blob.digest);
    let mut response = registry.call(Method::GET, &path).start().await;
    let mut digester = Digester::new(DigestAlgorithm::Sha256);
    digester.update(&response.chunk().await.unwrap().expect("a first piece"));
    registry.terminate();
    // The listener is gone while the pull still runs.
    eventually("the end of the listener", || async {
        tokio::net::TcpStream::connect(registry.address()).await.is_err().then_some(())
    })
    .await;
    assert!(registry.runs());
    while let Some(piece) = response.chunk().await.unwrap() {
        digester.update(&piece);
    }
    assert_eq!(digester.finish(), blob.digest);
    assert!(registry.ended().await.success());
}

#[tokio::test]
async fn a_push_under_way_is_finished() {
    let mut registry = TestRegistry::start().await;
    let blob = Blob::random(16 << 20);
    let (first, second) = blob.bytes.split_at(8 << 20);
    let location = registry.start_upload("drain/app").await;
    let finish = with_query(&location, &format!("digest={}", blob.digest));
    let mut raw = RawConnection::open(registry.address()).await;
    raw.write_part("PUT", &finish, "", blob.bytes.len(), first).await.unwrap();
    let uploads = registry.data().join("longshore/uploads");
    eventually("the first half at the registry", || async {
        files(&uploads).iter().any(|file| file.metadata().is_ok_and(|file| file.len() > 0)).then_some(())
    })
    .await;
    registry.terminate();
    raw.write(second).await.unwrap();
    assert_eq!(raw.read_reply().await.unwrap().status, 201);
    assert!(registry.ended().await.success());
    registry.start_again().await;
    let path = format!("/v2/drain/app/blobs/{}", blob.digest);
    registry.get(&path).await.assert_status(200).assert_body(&blob.bytes);
}

#[tokio::test]
async fn a_client_that_never_ends_does_not_hold_up_the_end() {
    let mut registry = TestRegistry::builder().set("http.draintimeout", "500ms").spawn().await;
    let mut idle = RawConnection::open(registry.address()).await;
    idle.write("GET /v2/ HTTP/1.1\r\nHost: test\r\n\r\n").await.unwrap();
    assert_eq!(idle.read_reply().await.unwrap().status, 200);
    let location = registry.start_upload("drain/app").await;
    let mut stuck = RawConnection::open(registry.address()).await;
    stuck.write_part("PATCH", &location, "", 1000, b"half").await.unwrap();
    registry.terminate();
    // Far below the deadline of the tests, far above the drain time.
    let ended = tokio::time::timeout(Duration::from_secs(30), registry.ended()).await;
    ended.expect("the drain time ends the wait");
}
