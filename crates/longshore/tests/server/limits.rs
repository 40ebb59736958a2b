//! Limits against bad clients: each is switched low and then exceeded.

use longshore_testkit::{Blob, RawConnection, TestRegistry, eventually, image, with_query};
use reqwest::Method;

#[tokio::test]
async fn a_header_that_does_not_end_is_cut_off() {
    let registry = TestRegistry::builder().set("limits.header_timeout", "300ms").spawn().await;
    let mut silent = RawConnection::open(registry.address()).await;
    let mut slow = RawConnection::open(registry.address()).await;
    slow.write("GET /v2/ HTTP/1.1\r\nHost: te").await.unwrap();
    // Both return only because the server hangs up.
    slow.read_to_end().await;
    silent.read_to_end().await;
    registry.get("/v2/").await.assert_status(200);
}

#[tokio::test]
async fn a_body_that_stalls_is_cut_off_and_what_came_counts() {
    let registry = TestRegistry::builder().set("limits.body_timeout", "300ms").spawn().await;
    let blob = Blob::random(100_000);
    let location = registry.start_upload("limits/app").await;
    let mut raw = RawConnection::open(registry.address()).await;
    let range = "Content-Range: 0-99999\r\n";
    raw.write_part("PATCH", &location, range, 100_000, &blob.bytes[..60_000]).await.unwrap();
    raw.read_to_end().await;
    eventually("the bytes that came", || async {
        let status = registry.get(&location).await.assert_status(204);
        (status.header("range") == "0-59999").then_some(())
    })
    .await;
    let finish = with_query(&location, &format!("digest={}", blob.digest));
    registry.call(Method::PUT, &finish).piece(60_000, &blob.bytes[60_000..]).send().await.assert_status(201);

    // A manifest that stalls as well.
    let mut raw = RawConnection::open(registry.address()).await;
    raw.write_part("PUT", "/v2/limits/app/manifests/v1", "", 1000, b"{").await.unwrap();
    raw.read_to_end().await;
    registry.get("/v2/limits/app/manifests/v1").await.assert_error(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn a_header_of_any_size_is_not_read() {
    let registry = TestRegistry::start().await;
    let mut raw = RawConnection::open(registry.address()).await;
    let head = format!("GET /v2/ HTTP/1.1\r\nHost: test\r\nX-Big: {}\r\n\r\n", "x".repeat(1 << 20));
    // The server may hang up before it has read all of it.
    let _ = raw.write(head).await;
    let answer = String::from_utf8_lossy(&raw.read_to_end().await).into_owned();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    // One that is large but within 64 KiB, as many ranges make it, is.
    let mut raw = RawConnection::open(registry.address()).await;
    raw.write(format!("GET /v2/ HTTP/1.1\r\nHost: test\r\nX-Big: {}\r\n\r\n", "x".repeat(50_000)))
        .await
        .unwrap();
    assert_eq!(raw.read_reply().await.unwrap().status, 200);
}

#[tokio::test]
async fn connections_are_counted() {
    let registry = TestRegistry::builder().set("limits.connections_max", 2).spawn().await;
    let request = "GET /v2/ HTTP/1.1\r\nHost: test\r\n\r\n";
    let mut first = RawConnection::open(registry.address()).await;
    let mut second = RawConnection::open(registry.address()).await;
    for raw in [&mut first, &mut second] {
        raw.write(request).await.unwrap();
        assert_eq!(raw.read_reply().await.unwrap().status, 200);
    }
    let mut third = RawConnection::open(registry.address()).await;
    third.write(request).await.unwrap();
    let waiting = tokio::spawn(async move { third.read_reply().await });
    for _ in 0..50 {
        first.write(request).await.unwrap();
        assert_eq!(first.read_reply().await.unwrap().status, 200);
    }
    assert!(!waiting.is_finished(), "a third connection was served beside two");
    drop(second);
    assert_eq!(waiting.await.unwrap().unwrap().status, 200);
}

#[tokio::test]
async fn open_uploads_are_counted() {
    let registry = TestRegistry::builder().set("limits.uploads_max", 3).spawn().await;
    let mut locations = Vec::new();
    for _ in 0..3 {
        locations.push(registry.start_upload("limits/app").await);
    }
    let reply = registry.post("/v2/limits/app/blobs/uploads/").await.assert_error(429, "TOOMANYREQUESTS");
    assert!(reply.header("retry-after").parse::<u32>().is_ok(), "{reply:?}");
    registry.delete(&locations[0]).await.assert_status(204);
    registry.push_blob("limits/app", &Blob::random(10)).await;
}

#[tokio::test]
async fn blobs_have_a_size_limit_if_told_so() {
    let registry = TestRegistry::builder().set("limits.blob_bytes_max", 10_000).spawn().await;
    let (large, right) = (Blob::random(10_001), Blob::random(10_000));
    let uploads = "/v2/limits/app/blobs/uploads/";
    let once = with_query(uploads, &format!("digest={}", large.digest));
    registry.call(Method::POST, &once).octets(large.bytes.clone()).send().await.assert_status(413);
    // By pieces, and by a stream that does not say how long it is.
    let location = registry.start_upload("limits/app").await;
    let location = registry.patch(&location, 0, &large.bytes[..9_000]).await.assert_status(202).location();
    registry.patch(&location, 9_000, &large.bytes[9_000..]).await.assert_status(413);
    let location = registry.start_upload("limits/app").await;
    let chunks = large.bytes.chunks(1000).map(<[u8]>::to_vec).collect();
    registry.call(Method::PATCH, &location).stream(chunks).send().await.assert_status(413);
    registry.push_blob("limits/app", &right).await;
    registry.get(&format!("/v2/limits/app/blobs/{}", large.digest)).await.assert_status(404);
}

#[tokio::test]
async fn memory_does_not_grow_with_blobs() {
    let registry = TestRegistry::start().await;
    registry.push_image("limits/small", "v1", &image().build()).await;
    let before = registry.memory_peak_bytes().await;
    let blob = Blob::random(96 << 20);
    registry.push_blob("limits/large", &blob).await;
    let reply = registry.get(&format!("/v2/limits/large/blobs/{}", blob.digest)).await.assert_status(200);
    assert!(reply.body == blob.bytes);
    let grown = registry.memory_peak_bytes().await.saturating_sub(before);
    assert!(grown < 48 << 20, "{grown} bytes more after a blob of {} bytes", blob.bytes.len());
}
