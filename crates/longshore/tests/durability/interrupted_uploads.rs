//! Clients that hang up in the middle, and registries that go away: an upload goes on where it stood.

use longshore_testkit::{Api, Blob, Random, RawConnection, TestRegistry, eventually, with_query};

/// How many bytes of an upload the registry says it has (spec "Pushing a blob in chunks", end-13).
async fn stands_at(api: &Api, location: &str) -> usize {
    let status = api.get(location).await.assert_status(204);
    let end: usize = status.header("range").strip_prefix("0-").and_then(|end| end.parse().ok()).expect("0-N");
    if end == 0 { 0 } else { end + 1 }
}

/// Waits until the registry has noticed that the upload's last writer is gone: before that it answers 429.
async fn noticed(api: &Api, location: &str) {
    eventually("the hang-up to be noticed", || async {
        let reply = api.patch(location, 1 << 40, b"x").await;
        assert!([416, 429].contains(&reply.status), "{reply:?}");
        (reply.status == 416).then_some(())
    })
    .await;
}

async fn finish(api: &Api, location: &str, blob: &Blob, from: usize) {
    let closing = with_query(location, &format!("digest={}", blob.digest));
    let call = api.call(reqwest::Method::PUT, &closing);
    let call = if from == blob.bytes.len() { call.octets("") } else { call.piece(from, &blob.bytes[from..]) };
    call.send().await.assert_status(201);
    let path = format!("/v2/resume/app/blobs/{}", blob.digest);
    api.get(&path).await.assert_status(200).assert_body(&blob.bytes);
}

#[tokio::test]
async fn a_client_that_hangs_up_after_each_piece_gets_there() {
    let registry = TestRegistry::start().await;
    let mut random = Random::new(11);
    for chunked in [false, true] {
        let blob = Blob::random(300_000);
        let location = registry.start_upload("resume/app").await;
        let mut at = 0;
        for _ in 0..8 {
            let sent = (at + 10_000 + random.below(30_000)).min(blob.bytes.len() - 1);
            let piece = &blob.bytes[at..sent];
            let mut raw = RawConnection::open(registry.address()).await;
            if chunked {
                let head =
                    format!("PATCH {location} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
                let size = format!("{:x}\r\n", piece.len());
                raw.write([head.as_bytes(), size.as_bytes(), piece, b"\r\n"].concat()).await.unwrap();
            } else {
                // It announces all the rest and sends a part.
                let range = format!("Content-Range: {at}-{}\r\n", blob.bytes.len() - 1);
                raw.write_part("PATCH", &location, &range, blob.bytes.len() - at, piece).await.unwrap();
            }
            drop(raw);
            at = eventually("the sent bytes in the upload's status", || async {
                let now = stands_at(&registry, &location).await;
                (now == sent).then_some(now)
            })
            .await;
            noticed(&registry, &location).await;
        }
        finish(&registry, &location, &blob, at).await;
    }
    registry.run(&["verify"]).await.assert_success();
}

#[tokio::test]
async fn an_upload_goes_on_after_a_restart_and_after_a_crash() {
    let mut registry = TestRegistry::start().await;
    for crash in [false, true] {
        let blob = Blob::random(500_000);
        let mut location = registry.start_upload("resume/app").await;
        let mut at = 0;
        for piece in blob.bytes.chunks(150_000) {
            location = registry.patch(&location, at, piece).await.assert_status(202).location();
            if crash {
                registry.kill_9().await;
                registry.start_again().await;
            } else {
                registry.restart().await;
            }
            at += piece.len();
            assert_eq!(stands_at(&registry, &location).await, at, "what was acknowledged is there");
        }
        finish(&registry, &location, &blob, at).await;
    }
}

#[tokio::test]
async fn a_crash_in_the_middle_of_a_piece_keeps_a_beginning_of_it() {
    let mut registry = TestRegistry::start().await;
    let blob = Blob::random(400_000);
    let location = registry.start_upload("resume/app").await;
    let location = registry.patch(&location, 0, &blob.bytes[..100_000]).await.assert_status(202).location();
    let mut raw = RawConnection::open(registry.address()).await;
    let range = "Content-Range: 100000-399999\r\n";
    raw.write_part("PATCH", &location, range, 300_000, &blob.bytes[100_000..250_000]).await.unwrap();
    registry.kill_9().await;
    registry.start_again().await;
    let at = stands_at(&registry, &location).await;
    assert!((100_000..=250_000).contains(&at), "{at}");
    finish(&registry, &location, &blob, at).await;
}

#[tokio::test]
async fn half_a_whole_blob_leaves_nothing_behind() {
    let registry = TestRegistry::start().await;
    let blob = Blob::random(200_000);
    let path = format!("/v2/resume/app/blobs/uploads/?digest={}", blob.digest);
    let mut raw = RawConnection::open(registry.address()).await;
    raw.write_part("POST", &path, "", blob.bytes.len(), &blob.bytes[..100_000]).await.unwrap();
    drop(raw);
    let uploads = registry.data().join("longshore/uploads");
    eventually("the end of the unfinished upload's files", || async {
        longshore_testkit::files(&uploads).is_empty().then_some(())
    })
    .await;
    registry.get(&format!("/v2/resume/app/blobs/{}", blob.digest)).await.assert_status(404);
    registry.push_blob("resume/app", &blob).await;
}

#[tokio::test]
async fn two_writers_of_one_upload_do_not_mix() {
    let registry = TestRegistry::start().await;
    let blob = Blob::random(300_000);
    let location = registry.start_upload("resume/app").await;
    let piece = &blob.bytes[..];
    let replies = tokio::join!(registry.patch(&location, 0, piece), registry.patch(&location, 0, piece),);
    let statuses = [replies.0.status, replies.1.status];
    assert!(statuses.contains(&202), "{replies:?}");
    let at = stands_at(&registry, &location).await;
    assert_eq!(at, piece.len(), "one of the two got in: {replies:?}");
    finish(&registry, &location, &blob, at).await;
}
