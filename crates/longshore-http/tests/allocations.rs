//! What a pull takes from the allocator, counted in a real server: a bound that no clock can blur.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::{
    alloc::System,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use longshore_auth::Authenticator;
use longshore_http::{HttpSettings, ListenAddr, Metrics, Parts, Server};
use longshore_metadata::{Metadata, MetadataSettings};
use longshore_registry::{CollectionSettings, Registry, RegistrySettings, UploadSettings};
use longshore_storage::{FilesystemSettings, FilesystemStore, SmallBlobs};
use longshore_testkit::{Api, Blob, image};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const CACHE_BYTES: u64 = 1 << 20;
/// How many requests are counted.
const COUNT: usize = 400;

fn registry_settings() -> RegistrySettings {
    let day = Duration::from_secs(24 * 60 * 60);
    RegistrySettings {
        collection: CollectionSettings { delay: day, untagged: None },
        uploads: UploadSettings { expire_after: day, count_max: 100, blob_bytes_max: None },
        undelete_window: day,
        delete_enabled: true,
        readonly: false,
        sparse_images: false,
        notify: false,
        notify_references: false,
        audit: false,
        audit_pulls: false,
        redirect_lifetime: None,
    }
}

/// A server as `longshore serve` puts it together.
async fn serve(root: &std::path::Path) -> SocketAddr {
    let settings = MetadataSettings { url: "sqlite::memory:".to_owned(), connections_max: 2, durable: false };
    let metadata = Metadata::open_cached(&settings, CACHE_BYTES).await.unwrap();
    let settings = FilesystemSettings { root: root.to_owned(), durable: false };
    let store = Arc::new(FilesystemStore::open(&settings).unwrap());
    let blobs = Arc::new(SmallBlobs::new(store.clone(), CACHE_BYTES));
    let registry = Registry::new(metadata, blobs, store, registry_settings());
    let parts = Parts {
        registry,
        authenticator: Arc::new(Authenticator::Open),
        metrics: Arc::new(Metrics::default()),
        api: None,
    };
    let listen = ListenAddr::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)));
    let server = Server::bind(HttpSettings { listen, ..HttpSettings::default() }, parts).await.unwrap();
    let address = server.local_addr().unwrap();
    tokio::spawn(server.run(std::future::pending()));
    address
}

/// Reads a reply into `buffer`, without allocating; the length of its body comes from its head.
fn read_reply(connection: &mut TcpStream, buffer: &mut [u8], has_body: bool) {
    let mut filled = 0;
    loop {
        filled += connection.read(&mut buffer[filled..]).unwrap();
        let Some(head_bytes) = buffer[..filled].windows(4).position(|end| end == b"\r\n\r\n") else {
            continue;
        };
        let head = std::str::from_utf8(&buffer[..head_bytes]).unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let body_bytes: usize = if has_body { length.parse().unwrap() } else { 0 };
        if filled >= head_bytes + 4 + body_bytes {
            return;
        }
    }
}

/// How many allocations (growing included) and bytes a request takes, on average.
fn cost(address: SocketAddr, method: &str, path: &str) -> (f64, f64) {
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n");
    let mut connection = TcpStream::connect(address).unwrap();
    let mut buffer = vec![0; 64 * 1024];
    let mut ask = |count: usize| {
        for _ in 0..count {
            connection.write_all(request.as_bytes()).unwrap();
            read_reply(&mut connection, &mut buffer, method != "HEAD");
        }
    };
    // The first requests fill caches and grow buffers.
    ask(20);
    let region = Region::new(ALLOCATOR);
    ask(COUNT);
    let change = region.change();
    let count = COUNT as f64;
    ((change.allocations + change.reallocations) as f64 / count, change.bytes_allocated as f64 / count)
}

#[test]
fn warm_pulls_allocate_little() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let blob = Blob::random(10_000);
    let address = runtime.block_on(async {
        let address = serve(folder.path()).await;
        let api = Api::new(format!("http://{address}"));
        api.push_image("team/app", "v1", &image().layers(2).build()).await;
        api.push_blob("team/app", &blob).await;
        address
    });
    for (method, path, allocations_max, bytes_max) in [
        ("GET", "/v2/team/app/manifests/v1".to_owned(), 12.0, 10_000.0),
        ("HEAD", "/v2/team/app/manifests/v1".to_owned(), 14.0, 10_000.0),
        ("GET", format!("/v2/team/app/blobs/{}", blob.digest), 18.0, 13_500.0),
    ] {
        let (allocations, bytes) = cost(address, method, &path);
        assert!(
            allocations <= allocations_max && bytes <= bytes_max,
            "{method} {path}: {allocations}, {bytes}"
        );
    }
    runtime.shutdown_background();
}
