//! Spec "Pulling blobs", which sends to RFC 9110 section 14 for ranges.

use longshore_testkit::{Blob, Reply, TestRegistry};
use longshore_types::DigestAlgorithm;
use reqwest::Method;

const SIZE: usize = 2048;

async fn ranged(registry: &TestRegistry, blob: &Blob, range: &str) -> Reply {
    let path = format!("/v2/spec/ranges/blobs/{}", blob.digest);
    registry.call(Method::GET, &path).header("Range", range).send().await
}

#[tokio::test]
async fn one_range() {
    let registry = TestRegistry::start().await;
    for algorithm in DigestAlgorithm::ALL {
        let blob = Blob::new(algorithm, "", longshore_testkit::Random::unique().bytes(SIZE));
        registry.push_blob("spec/ranges", &blob).await;
        for (range, from, to) in [
            ("bytes=500-1499", 500, 1500),
            ("bytes=500-", 500, SIZE),
            ("bytes=-500", SIZE - 500, SIZE),
            ("bytes=2000-5000", 2000, SIZE),
            ("bytes=0-0", 0, 1),
            ("bytes=2047-2047", SIZE - 1, SIZE),
            ("bytes=0-", 0, SIZE),
            ("bytes=-5000", 0, SIZE),
            ("bytes=-1", SIZE - 1, SIZE),
        ] {
            let reply = ranged(&registry, &blob, range).await.assert_status(206);
            let reply = reply.assert_header("content-range", &format!("bytes {from}-{}/{SIZE}", to - 1));
            let reply = reply.assert_header("content-length", &(to - from).to_string());
            reply.assert_body(&blob.bytes[from..to]);
        }
    }
}

#[tokio::test]
async fn a_range_that_cannot_be_answered() {
    let registry = TestRegistry::start().await;
    let blob = Blob::random(SIZE);
    registry.push_blob("spec/ranges", &blob).await;
    for range in ["bytes=5000-10000", "bytes=2048-", "bytes=-0", "bytes=500-0"] {
        let reply = ranged(&registry, &blob, range).await.assert_status(416);
        // A length without the bytes makes clients hang, as those of distribution do.
        reply.assert_header("content-range", &format!("bytes */{SIZE}")).assert_body(b"");
    }
    // Units that nobody knows are ignored.
    ranged(&registry, &blob, "lines=0-1").await.assert_status(200).assert_body(&blob.bytes);
    // A range of nothing at all.
    let empty = Blob::new(DigestAlgorithm::Sha256, "", "");
    registry.push_blob("spec/ranges", &empty).await;
    ranged(&registry, &empty, "bytes=0-0")
        .await
        .assert_status(416)
        .assert_header("content-range", "bytes */0");
}

#[tokio::test]
async fn several_ranges() {
    let registry = TestRegistry::start().await;
    let blob = Blob::random(SIZE);
    registry.push_blob("spec/ranges", &blob).await;
    for ranges in [
        vec![(0, 10), (1000, 1010)],
        vec![(100, 200), (150, 250)],
        vec![(2000, 2048), (0, 1)],
        (0..1000).map(|nth| (nth, nth + 2)).collect(),
    ] {
        let header: Vec<String> = ranges.iter().map(|(from, to)| format!("{from}-{}", to - 1)).collect();
        let reply = ranged(&registry, &blob, &format!("bytes={}", header.join(","))).await.assert_status(206);
        let parts = parts(&reply);
        assert_eq!(parts.len(), ranges.len(), "ranges are answered one by one, never merged");
        for ((from, to), (content_range, body)) in ranges.into_iter().zip(parts) {
            assert_eq!(content_range, format!("bytes {from}-{}/{SIZE}", to - 1));
            assert_eq!(body, blob.bytes[from..to]);
        }
    }
    // One that can be answered among others that cannot.
    let reply = ranged(&registry, &blob, "bytes=5000-6000,7-9").await.assert_status(206);
    let body = if reply.header("content-type").starts_with("multipart/") {
        parts(&reply).remove(0).1
    } else {
        reply.body.to_vec()
    };
    assert_eq!(body, blob.bytes[7..10]);
}

/// The parts of a multipart/byteranges body (RFC 9110 section 14.6): `Content-Range` and bytes of each.
fn parts(reply: &Reply) -> Vec<(String, Vec<u8>)> {
    let kind = reply.header("content-type");
    let boundary =
        kind.strip_prefix("multipart/byteranges; boundary=").unwrap_or_else(|| panic!("{reply:?}"));
    let delimiter = format!("--{}", boundary.trim_matches('"')).into_bytes();
    let mut found = Vec::new();
    let mut rest = &reply.body[find(&reply.body, &delimiter).expect("a first delimiter")..];
    loop {
        rest = &rest[delimiter.len()..];
        if rest.starts_with(b"--") {
            return found;
        }
        let head_length = find(rest, b"\r\n\r\n").expect("each part has a head") + 4;
        let head = String::from_utf8(rest[..head_length].to_vec()).expect("heads are text").to_lowercase();
        let range = head.lines().find_map(|line| line.strip_prefix("content-range:")).expect("a range");
        let (from, to) = bounds(range.trim());
        let body = rest[head_length..head_length + to + 1 - from].to_vec();
        found.push((range.trim().to_owned(), body));
        rest = &rest[head_length + to + 1 - from..];
        assert!(rest.starts_with(b"\r\n"), "a part ends where its range says");
        rest = &rest[2..];
        assert!(rest.starts_with(&delimiter), "parts follow each other");
    }
}

fn bounds(range: &str) -> (usize, usize) {
    let range = range.strip_prefix("bytes ").and_then(|range| range.split('/').next()).expect("bytes a-b/n");
    let (from, to) = range.split_once('-').expect("a-b");
    (from.parse().expect("a number"), to.parse().expect("a number"))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
