//! What a pull is answered with.

use longshore_storage::{FaultStore, MemoryStore};
use longshore_testkit::{Blob, image};
use reqwest::Method;

use crate::server::TestServer;

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

async fn with_blob(size_bytes: usize) -> (TestServer, Blob, String) {
    let server = TestServer::start().await;
    let blob = Blob::random(size_bytes);
    server.api.push_blob("app", &blob).await;
    let path = format!("/v2/app/blobs/{}", blob.digest);
    (server, blob, path)
}

#[tokio::test]
async fn manifests_carry_their_digest_and_answer_conditions() {
    let server = TestServer::start().await;
    let content = image().build();
    server.api.push_image("team/app", "v1", &content).await;
    let digest = content.digest().to_string();
    let etag = format!("\"{digest}\"");
    for reference in ["v1", &digest] {
        let path = format!("/v2/team/app/manifests/{reference}");
        let got = server.api.call(Method::GET, &path).header("Accept", "text/plain").send().await;
        let got = got.assert_status(200).assert_body(&content.top().bytes);
        for reply in [&got, &server.api.head(&path).await] {
            assert_eq!(reply.status, 200);
            assert_eq!(reply.header("docker-content-digest"), digest);
            assert_eq!(reply.header("etag"), etag);
            assert_eq!(reply.header("content-type"), OCI_MANIFEST);
            assert_eq!(reply.header("content-length"), content.top().bytes.len().to_string());
            assert_eq!(reply.header("docker-distribution-api-version"), "registry/2.0");
        }
        for (condition, status) in [(etag.as_str(), 304), ("\"other\"", 200), ("*", 304)] {
            let reply = server.api.call(Method::GET, &path).header("If-None-Match", condition).send().await;
            assert_eq!(reply.assert_status(status).body.is_empty(), status == 304);
        }
    }
    server.api.get("/v2/team/app/manifests/v2").await.assert_error(404, "MANIFEST_UNKNOWN");
    server.api.head("/v2/team/app/manifests/v2").await.assert_error(404, "MANIFEST_UNKNOWN");
    server.api.get("/v2/team/none/manifests/v1").await.assert_error(404, "NAME_UNKNOWN");
}

#[tokio::test]
async fn the_namespace_is_echoed() {
    let server = TestServer::start().await;
    let reply = server.api.get("/v2/app/manifests/v1?ns=docker.io").await;
    reply.assert_status(404).assert_header("oci-namespace", "docker.io");
    let reply = server.api.get("/v2/app/manifests/v1?ns=a%0d%0aX:y").await;
    reply.assert_status(404).assert_header("oci-namespace", "");
}

#[tokio::test]
async fn blobs_come_whole() {
    let (server, blob, path) = with_blob(200_000).await;
    let got = server.api.get(&path).await.assert_status(200).assert_body(&blob.bytes);
    for reply in [&got, &server.api.head(&path).await] {
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("docker-content-digest"), blob.digest.to_string());
        assert_eq!(reply.header("content-length"), "200000");
        assert_eq!(reply.header("accept-ranges"), "bytes");
    }
    let etag = format!("W/\"{}\"", blob.digest);
    let cached = server.api.call(Method::GET, &path).header("If-None-Match", &etag).send().await;
    cached.assert_status(304).assert_body(b"");
    let unknown = format!("/v2/app/blobs/{}", Blob::random(1).digest);
    server.api.get(&unknown).await.assert_error(404, "BLOB_UNKNOWN");
    server.api.get("/v2/app/blobs/sha256:abc").await.assert_error(400, "DIGEST_INVALID");
}

#[tokio::test]
async fn an_empty_blob_is_a_blob() {
    let (server, _, path) = with_blob(0).await;
    server.api.get(&path).await.assert_status(200).assert_header("content-length", "0").assert_body(b"");
    let ranged = server.api.call(Method::GET, &path).header("Range", "bytes=0-").send().await;
    ranged.assert_status(416).assert_header("content-range", "bytes */0");
}

#[tokio::test]
async fn one_range() {
    let (server, blob, path) = with_blob(200_000).await;
    let get = |range: &str| server.api.call(Method::GET, &path).header("Range", range).send();
    let reply = get("bytes=70000-150000").await.assert_status(206).assert_body(&blob.bytes[70000..=150_000]);
    reply
        .assert_header("content-range", "bytes 70000-150000/200000")
        .assert_header("content-length", "80001");
    let reply = get("bytes=-5").await.assert_status(206).assert_body(&blob.bytes[199_995..]);
    reply.assert_header("content-range", "bytes 199995-199999/200000");
    for range in ["bytes=1-2", "bytes=200000-"] {
        let reply = server.api.call(Method::HEAD, &path).header("Range", range).send().await;
        reply.assert_status(200).assert_header("content-length", "200000").assert_body(b"");
    }

    let reply = get("bytes=200000-").await.assert_status(416).assert_body(b"");
    reply.assert_header("content-range", "bytes */200000").assert_header("content-length", "0");
    get("bytes=500-0").await.assert_status(416);
    get("lines=1-2").await.assert_status(200);
    get(&format!("bytes={}", vec!["0-0"; 1025].join(","))).await.assert_error(400, "UNSUPPORTED");

    let stale = server.api.call(Method::GET, &path).header("Range", "bytes=0-0").header("If-Range", "\"x\"");
    stale.send().await.assert_status(200).assert_body(&blob.bytes);
}

/// podman asks for up to 1,024 ranges at once and reads the parts by position.
#[tokio::test]
async fn many_ranges_come_as_asked() {
    let (server, blob, path) = with_blob(300_000).await;
    let ranges: Vec<_> = (0..1024).map(|i| (299_000 - 290 * i, 299_000 - 290 * i + 200)).collect();
    let header: Vec<_> = ranges.iter().map(|(first, last)| format!("{first}-{last}")).collect();
    let header = format!("bytes={},5-9,5-9", header[..1022].join(", "));
    let reply = server.api.call(Method::GET, &path).header("Range", &header).send().await.assert_status(206);
    let boundary = reply.header("content-type").strip_prefix("multipart/byteranges; boundary=").unwrap();

    let mut rest = &reply.body[..];
    let mut take = |wanted: &[u8]| {
        assert!(rest.starts_with(wanted), "{:?}", String::from_utf8_lossy(wanted));
        rest = &rest[wanted.len()..];
    };
    for (first, last) in ranges[..1022].iter().copied().chain([(5, 9), (5, 9)]) {
        take(format!("\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\n").as_bytes());
        take(format!("Content-Range: bytes {first}-{last}/300000\r\n\r\n").as_bytes());
        take(&blob.bytes[first..=last]);
    }
    take(format!("\r\n--{boundary}--\r\n").as_bytes());
    assert!(rest.is_empty());
}

#[tokio::test]
async fn a_reply_cut_short_never_looks_whole() {
    // What fails before the first bytes is answered: nothing has been sent.
    sweep(10, false).await;
    sweep(300_000, true).await;
}

async fn sweep(size_bytes: usize, may_cut: bool) {
    for nth in 0.. {
        let store = FaultStore::failing_call(nth, MemoryStore::new());
        let server = TestServer::start_over(store.clone(), |_| {}).await;
        let blob = Blob::random(size_bytes);
        if server.api.try_push_blob("app", &blob).await.is_ok() {
            let call = server.api.call(Method::GET, &format!("/v2/app/blobs/{}", blob.digest));
            match call.try_send().await {
                Ok(reply) if reply.status == 200 => assert!(reply.body == blob.bytes, "call {nth}"),
                Ok(reply) => assert!(reply.status == 404 || reply.status >= 500, "call {nth}: {reply:?}"),
                // The connection was cut, which nobody can take for the end of the blob.
                Err(error) => assert!(may_cut, "call {nth}: {error}"),
            }
        }
        if !store.fired() {
            assert!(nth > 4, "the sweep reached nothing");
            break;
        }
    }
}
