//! Blobs that lie in files: what arrives is what was stored, whichever way it takes.

use std::{fs::File, net::SocketAddr, path::PathBuf};

use longshore_storage::{FilesystemSettings, FilesystemStore};
use longshore_testkit::{Api, Blob, RawConnection, RawReply, client_builder};
use proptest::{prelude::*, test_runner::TestRunner};
use reqwest::Method;
use rustix::fs::{Advice, fadvise};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::server::TestServer;

struct Files {
    server: TestServer,
    folder: tempfile::TempDir,
}

impl Files {
    /// A server over a folder on a disk, as `/tmp` need not be.
    async fn start() -> Self {
        let folder = tempfile::tempdir_in("/var/tmp").unwrap();
        let settings = FilesystemSettings { root: folder.path().to_owned(), durable: false };
        let store = FilesystemStore::open(&settings).unwrap();
        Self { server: TestServer::start_over(store, |_| {}).await, folder }
    }

    async fn push(&self, size_bytes: usize) -> Blob {
        let blob = Blob::random(size_bytes);
        self.server.api.push_blob("app", &blob).await;
        blob
    }

    fn file(&self, blob: &Blob) -> PathBuf {
        let hex = blob.digest.hex();
        let path = format!("docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2]);
        self.folder.path().join(path)
    }
}

fn path(blob: &Blob) -> String {
    format!("/v2/app/blobs/{}", blob.digest)
}

fn request(method: &str, blob: &Blob, headers: &str) -> String {
    format!("{method} {} HTTP/1.1\r\nHost: test\r\n{headers}\r\n", path(blob))
}

/// What the body of a reply to these ranges must be.
fn wanted(blob: &Blob, ranges: &[(usize, usize)], reply: &RawReply) -> Vec<u8> {
    let total = blob.bytes.len();
    if let [(first, last)] = ranges {
        assert_eq!(reply.header("content-range").unwrap(), format!("bytes {first}-{last}/{total}"));
        return blob.bytes[*first..=*last].to_vec();
    }
    let boundary = reply.header("content-type").unwrap().split("boundary=").nth(1).unwrap();
    let mut body = Vec::new();
    for &(first, last) in ranges {
        let head = format!(
            "\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes {first}-{last}/{total}\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(&blob.bytes[first..=last]);
    }
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    body
}

fn range_header(ranges: &[(usize, usize)]) -> String {
    let ranges: Vec<_> = ranges.iter().map(|(first, last)| format!("{first}-{last}")).collect();
    format!("Range: bytes={}\r\n", ranges.join(","))
}

#[tokio::test]
async fn replies_follow_each_other_on_one_connection() {
    let files = Files::start().await;
    let (small, large) = (files.push(10_000).await, files.push(3_000_000).await);
    let ranges = [(5, 70_000), (2_999_999, 2_999_999), (0, 1_500_000), (8, 9)];
    let mut raw = files.server.connect().await;
    let all = [
        request("GET", &large, ""),
        request("HEAD", &large, ""),
        request("GET", &small, ""),
        request("GET", &large, &range_header(&ranges)),
        request("GET", &large, "Range: bytes=9000000-\r\n"),
        request("GET", &large, "Connection: close\r\n"),
    ];
    raw.write(all.concat()).await.unwrap();
    assert!(raw.read_reply().await.unwrap().body == large.bytes);
    let head = raw.read_head().await.unwrap();
    assert_eq!(head.header("content-length"), Some("3000000"));
    assert!(raw.read_reply().await.unwrap().body == small.bytes);
    let multiple = raw.read_reply().await.unwrap();
    assert!(multiple.body == wanted(&large, &ranges, &multiple));
    assert_eq!(raw.read_reply().await.unwrap().status, 416);
    assert!(raw.read_reply().await.unwrap().body == large.bytes);
    assert_eq!(raw.read_to_end().await, b"");
}

#[tokio::test]
async fn blobs_that_are_not_in_memory_are_read() {
    let files = Files::start().await;
    for size in [10_000, 3_000_000, 20_000_000] {
        let blob = files.push(size).await;
        let file = File::open(files.file(&blob)).unwrap();
        for dropped_from in [0, 1_500_000] {
            file.sync_all().unwrap();
            fadvise(&file, dropped_from, None, Advice::DontNeed).unwrap();
            files.server.api.get(&path(&blob)).await.assert_status(200).assert_body(&blob.bytes);
        }
    }
}

#[tokio::test]
async fn a_file_cut_short_while_it_is_sent_breaks_the_reply_off() {
    let files = Files::start().await;
    let blob = files.push(64 << 20).await;
    let mut client = TcpStream::connect(files.server.address).await.unwrap();
    client.write_all(request("GET", &blob, "").as_bytes()).await.unwrap();
    let mut read = vec![0; 1000];
    client.read_exact(&mut read).await.unwrap();
    // At the end of a page: cutting one zeroes what is behind, which no reader could tell from content.
    File::options().write(true).open(files.file(&blob)).unwrap().set_len(60 << 20).unwrap();
    let _ = client.read_to_end(&mut read).await;
    let body = read.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let body = &read[body..];
    assert!(body.len() < 64 << 20, "it does not look whole");
    assert!(body == &blob.bytes[..body.len()], "nothing stands in for what was lost");
    files.server.api.get("/v2/").await.assert_status(200);
}

#[tokio::test]
async fn a_client_that_hangs_up_disturbs_nobody() {
    let files = Files::start().await;
    let blob = files.push(20 << 20).await;
    for _ in 0..10 {
        let mut raw = files.server.connect().await;
        raw.write([request("GET", &blob, ""), request("GET", &blob, "")].concat()).await.unwrap();
    }
    files.server.api.get(&path(&blob)).await.assert_status(200).assert_body(&blob.bytes);
    files.server.end().await;
}

#[tokio::test]
async fn http2_has_the_same_bytes() {
    let files = Files::start().await;
    let base = format!("http://{}", files.server.address);
    let api = Api::with_client(base, client_builder().http2_prior_knowledge());
    for size in [1, 10_000, 32_768, 32_769, 65_536, 65_537, 5_000_000] {
        let blob = files.push(size).await;
        api.get(&path(&blob)).await.assert_status(200).assert_body(&blob.bytes);
        let last = api.call(Method::GET, &path(&blob)).header("Range", "bytes=-1").send().await;
        last.assert_status(206).assert_body(&blob.bytes[size - 1..]);
    }
}

/// Numbers near those at which another way is taken.
fn offset() -> impl Strategy<Value = usize> {
    let near = prop::sample::select(vec![0_usize, 16 << 10, 32 << 10, 64 << 10, 256 << 10, 1 << 20, 2 << 20]);
    prop_oneof![0..BLOB_BYTES, (near, 0..5_usize).prop_map(|(near, off)| (near + off).saturating_sub(2))]
}

fn ranges() -> impl Strategy<Value = Vec<(usize, usize)>> {
    let range = (offset(), offset()).prop_map(|(first, size)| {
        let first = first.min(BLOB_BYTES - 1);
        (first, (first + size).min(BLOB_BYTES - 1))
    });
    prop::collection::vec(range, 1..8)
}

const BLOB_BYTES: usize = (2 << 20) + 4321;

#[test]
fn any_ranges_in_any_order_are_what_the_blob_has() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (files, blob) = runtime.block_on(async {
        let files = Files::start().await;
        let blob = files.push(BLOB_BYTES).await;
        (files, blob)
    });
    let address = files.server.address;
    let requests = prop::collection::vec(ranges(), 1..6);
    let mut runner = TestRunner::new(ProptestConfig { cases: 32, ..ProptestConfig::default() });
    runner
        .run(&requests, |requests| {
            runtime.block_on(check(address, &blob, &requests));
            Ok(())
        })
        .unwrap();
}

async fn check(address: SocketAddr, blob: &Blob, requests: &[Vec<(usize, usize)>]) {
    let mut raw = RawConnection::open(address).await;
    let all: String = requests.iter().map(|ranges| request("GET", blob, &range_header(ranges))).collect();
    raw.write(all).await.unwrap();
    for ranges in requests {
        let reply = raw.read_reply().await.unwrap();
        assert_eq!(reply.status, 206);
        assert!(reply.body == wanted(blob, ranges, &reply), "{ranges:?}");
    }
}
