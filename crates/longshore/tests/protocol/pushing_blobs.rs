//! Spec "Pushing blobs": every way, algorithm and kind of content.

use longshore_testkit::{Api, Blob, Random, Reply, TestRegistry, with_query};
use longshore_types::DigestAlgorithm;
use reqwest::Method;

/// How a blob gets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// "Single POST".
    PostOnly,
    /// "POST then PUT".
    PostThenPut,
    /// "Pushing a blob in chunks", in one.
    OneChunk,
    /// In three.
    Chunks,
    /// In three, the last in the closing `PUT`.
    ChunksAndPut,
    /// One `PATCH` of a length that is not announced.
    Stream,
}

impl Way {
    const ALL: [Self; 6] =
        [Self::PostOnly, Self::PostThenPut, Self::OneChunk, Self::Chunks, Self::ChunksAndPut, Self::Stream];
}

const REPOSITORY: &str = "spec/blobs";

/// Pushes `bytes` as `digest` and gives the answer that closes the push.
async fn push(api: &Api, way: Way, session: &str, digest: &str, bytes: &[u8]) -> Reply {
    let uploads = format!("/v2/{REPOSITORY}/blobs/uploads/");
    if way == Way::PostOnly {
        let path = with_query(&uploads, &format!("digest={digest}"));
        return api.call(Method::POST, &path).octets(bytes.to_vec()).send().await;
    }
    let mut location = api.post(&with_query(&uploads, session)).await.assert_status(202).location();
    let piece = match way {
        Way::Chunks | Way::ChunksAndPut => bytes.len() / 3 + 1,
        _ => bytes.len().max(1),
    };
    let mut offset = 0;
    let mut last = Vec::new();
    if way == Way::PostThenPut {
        last = bytes.to_vec();
    } else if way == Way::Stream {
        let chunks = bytes.chunks(100).map(<[u8]>::to_vec).collect();
        location =
            api.call(Method::PATCH, &location).stream(chunks).send().await.assert_status(202).location();
    } else {
        for chunk in bytes.chunks(piece) {
            if way == Way::ChunksAndPut && offset + chunk.len() == bytes.len() {
                last = chunk.to_vec();
                break;
            }
            let reply = api.patch(&location, offset, chunk).await.assert_status(202);
            offset += chunk.len();
            location = reply.assert_header("range", &format!("0-{}", offset - 1)).location();
        }
    }
    let closing = with_query(&location, &format!("digest={digest}"));
    let call = api.call(Method::PUT, &closing);
    let call = if last.is_empty() { call.octets(last) } else { call.piece(offset, &last) };
    call.send().await
}

fn blob(algorithm: DigestAlgorithm, size: usize) -> Blob {
    Blob::new(algorithm, "application/octet-stream", Random::unique().bytes(size))
}

#[tokio::test]
async fn pushing_blobs() {
    let registry = TestRegistry::start().await;
    for algorithm in DigestAlgorithm::ALL {
        // The session should say by which algorithm it hashes, but clients forget.
        for session in [String::new(), format!("digest-algorithm={algorithm}")] {
            for way in Way::ALL {
                for content in ["", "{}", "512", "3067"] {
                    let blob = match content.parse() {
                        Ok(size) => blob(algorithm, size),
                        Err(_) => Blob::new(algorithm, "application/octet-stream", content),
                    };
                    let case = format!("{way:?} of {content:?} by {algorithm} with {session:?}");
                    let digest = blob.digest.to_string();
                    let reply = push(&registry, way, &session, &digest, &blob.bytes).await;
                    assert_eq!(reply.status, 201, "{case}: {reply:?}");
                    assert_eq!(reply.header("docker-content-digest"), digest, "{case}: {reply:?}");
                    let pulled = registry.get(&reply.location()).await;
                    assert_eq!((pulled.status, &pulled.body), (200, &blob.bytes), "{case}: {pulled:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn content_of_another_digest_is_refused() {
    let registry = TestRegistry::start().await;
    registry.push_blob(REPOSITORY, &blob(DigestAlgorithm::Sha256, 8)).await;
    for algorithm in DigestAlgorithm::ALL {
        for way in Way::ALL {
            let blob = blob(algorithm, 3067);
            let bytes = [&blob.bytes[..], b"oh no"].concat();
            let digest = blob.digest.to_string();
            push(&registry, way, "", &digest, &bytes).await.assert_error(400, "DIGEST_INVALID");
            let path = format!("/v2/{REPOSITORY}/blobs/{digest}");
            registry.get(&path).await.assert_error(404, "BLOB_UNKNOWN");
        }
    }
}

#[tokio::test]
async fn a_digest_that_is_none_is_refused() {
    let registry = TestRegistry::start().await;
    let uploads = format!("/v2/{REPOSITORY}/blobs/uploads/");
    let hex = "0".repeat(32);
    for digest in ["", "sha256:abc", "sha256", &format!("md5:{hex}"), "sha256:..%2F..%2Fetc"] {
        let path = with_query(&uploads, &format!("digest={digest}"));
        registry.call(Method::POST, &path).octets("x").send().await.assert_error(400, "DIGEST_INVALID");
        let location = registry.start_upload(REPOSITORY).await;
        let closing = with_query(&location, &format!("digest={digest}"));
        registry.put(&closing, "x").await.assert_error(400, "DIGEST_INVALID");
    }
    let location = registry.start_upload(REPOSITORY).await;
    registry.put(&location, "x").await.assert_error(400, "DIGEST_INVALID");
    registry.post(&with_query(&uploads, "digest-algorithm=md5")).await.assert_error(400, "DIGEST_INVALID");
}

#[tokio::test]
async fn pushing_a_blob_in_chunks_out_of_order() {
    let registry = TestRegistry::start().await;
    for (algorithm, last_in_put) in [
        (DigestAlgorithm::Sha256, false),
        (DigestAlgorithm::Sha256, true),
        (DigestAlgorithm::Sha512, false),
        (DigestAlgorithm::Sha512, true),
    ] {
        let blob = blob(algorithm, 3067);
        let query = format!("digest={}", blob.digest);
        let mut location = registry.start_upload(REPOSITORY).await;
        let mut done = 0;
        for chunk in blob.bytes.chunks(1023) {
            // Beyond the end, and before it.
            for wrong in [done + chunk.len(), done.saturating_sub(1)] {
                if wrong == done {
                    continue;
                }
                registry.patch(&location, wrong, chunk).await.assert_error(416, "BLOB_UPLOAD_INVALID");
                let closing = with_query(&location, &query);
                let call = registry.call(Method::PUT, &closing).piece(wrong, chunk);
                call.send().await.assert_error(416, "BLOB_UPLOAD_INVALID");
            }
            let status = registry.get(&location).await.assert_status(204);
            let range = status.header("range");
            let end: usize = range.strip_prefix("0-").and_then(|end| end.parse().ok()).expect("Range: 0-N");
            assert_eq!(end, done.saturating_sub(1), "{status:?}");
            location = status.location();
            if last_in_put && done + chunk.len() == blob.bytes.len() {
                let call = registry.call(Method::PUT, &with_query(&location, &query)).piece(done, chunk);
                call.send().await.assert_status(201);
            } else {
                location = registry.patch(&location, done, chunk).await.assert_status(202).location();
            }
            done += chunk.len();
        }
        if !last_in_put {
            registry.put(&with_query(&location, &query), "").await.assert_status(201);
        }
        let path = format!("/v2/{REPOSITORY}/blobs/{}", blob.digest);
        registry.get(&path).await.assert_status(200).assert_body(&blob.bytes);
    }
}

#[tokio::test]
async fn a_chunk_of_another_length_than_it_says_is_refused() {
    let registry = TestRegistry::start().await;
    let location = registry.start_upload(REPOSITORY).await;
    let call = registry.call(Method::PATCH, &location).octets("12345").header("Content-Range", "0-3");
    call.send().await.assert_error(400, "SIZE_INVALID");
    for broken in ["bytes 0-4/5", "0-", "-4", "4-0", "0-99999999999999999999", "a-b"] {
        let call = registry.call(Method::PATCH, &location).octets("12345").header("Content-Range", broken);
        let reply = call.send().await;
        assert!([400, 416].contains(&reply.status), "{broken}: {reply:?}");
    }
    let blob = Blob::new(DigestAlgorithm::Sha256, "", "12345");
    registry.patch(&location, 0, &blob.bytes).await.assert_status(202);
    registry.put(&with_query(&location, &format!("digest={}", blob.digest)), "").await.assert_status(201);
}

#[tokio::test]
async fn cancel_a_blob_upload() {
    let registry = TestRegistry::start().await;
    let location = registry.start_upload(REPOSITORY).await;
    let location = registry.patch(&location, 0, b"begun").await.assert_status(202).location();
    registry.delete(&location).await.assert_status(204);
    registry.get(&location).await.assert_error(404, "BLOB_UPLOAD_UNKNOWN");
    registry.patch(&location, 5, b"more").await.assert_error(404, "BLOB_UPLOAD_UNKNOWN");
    registry.delete(&location).await.assert_error(404, "BLOB_UPLOAD_UNKNOWN");
    let closing = with_query(&location, &format!("digest={}", blob(DigestAlgorithm::Sha256, 1).digest));
    registry.put(&closing, "").await.assert_error(404, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn an_upload_belongs_to_its_repository() {
    let registry = TestRegistry::start().await;
    let location = registry.start_upload(REPOSITORY).await;
    let elsewhere = location.replace(REPOSITORY, "spec/other");
    assert_ne!(location, elsewhere);
    registry.get(&elsewhere).await.assert_error(404, "BLOB_UPLOAD_UNKNOWN");
    registry.patch(&elsewhere, 0, b"x").await.assert_error(404, "BLOB_UPLOAD_UNKNOWN");
    registry.delete(&elsewhere).await.assert_error(404, "BLOB_UPLOAD_UNKNOWN");
    registry.get(&location).await.assert_status(204);
    let unknown = format!("/v2/{REPOSITORY}/blobs/uploads/no-such-upload");
    registry.get(&unknown).await.assert_error(404, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn mounting_a_blob_from_another_repository() {
    let registry = TestRegistry::start().await;
    let mount = |digest: &str, from: &str| {
        let from = if from.is_empty() { String::new() } else { format!("&from={from}") };
        format!("/v2/{REPOSITORY}/blobs/uploads/?mount={digest}{from}")
    };
    for algorithm in DigestAlgorithm::ALL {
        for from in ["spec/source", ""] {
            let blob = blob(algorithm, 512);
            registry.push_blob("spec/source", &blob).await;
            let digest = blob.digest.to_string();
            let here = format!("/v2/{REPOSITORY}/blobs/{digest}");
            registry.get(&here).await.assert_status(404);
            let reply = registry.post(&mount(&digest, from)).await.assert_status(201);
            let reply = reply.assert_header("docker-content-digest", &digest);
            registry.get(&reply.location()).await.assert_status(200).assert_body(&blob.bytes);
            registry.get(&here).await.assert_status(200);
        }
    }
    // What is nowhere, or not where the client says, becomes an upload.
    for (pushed, from) in [(false, "spec/source"), (false, ""), (true, "spec/third")] {
        let blob = blob(DigestAlgorithm::Sha256, 512);
        if pushed {
            registry.push_blob("spec/source", &blob).await;
        }
        let reply = registry.post(&mount(&blob.digest.to_string(), from)).await.assert_status(202);
        let closing = with_query(&reply.location(), &format!("digest={}", blob.digest));
        registry.put(&closing, blob.bytes.clone()).await.assert_status(201);
    }
    registry.post(&mount("sha256:abc", "spec/source")).await.assert_error(400, "DIGEST_INVALID");
}
