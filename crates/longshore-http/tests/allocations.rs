//! What a pull takes from the allocator, counted in a real server: a bound that no clock can blur.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::{
    alloc::System,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::{Duration, SystemTime},
};

use longshore_accounts::{Accounts, AccountsSettings, Credentials, TokenService, Workloads};
use longshore_auth::{
    Authenticator, BySource, Circumstances, RateLimitSettings, RateLimiter, Scope, SecretKey,
};
use longshore_http::{HttpSettings, ListenAddr, Metrics, Parts, Server};
use longshore_metadata::{Metadata, MetadataSettings};
use longshore_registry::{Registry, RegistrySettings};
use longshore_storage::{FilesystemSettings, FilesystemStore, SmallBlobs};
use longshore_testkit::{Api, Blob, image};
use longshore_types::Timestamp;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const CACHE_BYTES: u64 = 1 << 20;
/// How many requests are counted.
const COUNT: usize = 400;

/// A server as `longshore serve` puts it together, and who may do everything there: with accounts the bearer of a token.
async fn serve(root: &std::path::Path, with_accounts: bool) -> (SocketAddr, String) {
    let settings = MetadataSettings { url: "sqlite::memory:".to_owned(), connections_max: 2, durable: false };
    let metadata = Metadata::open_cached(&settings, CACHE_BYTES).await.unwrap();
    let settings = FilesystemSettings { root: root.to_owned(), durable: false };
    let store = Arc::new(FilesystemStore::open(&settings).unwrap());
    let blobs = Arc::new(SmallBlobs::new(store.clone(), CACHE_BYTES));
    let tokens = if with_accounts { Some(token_service(&metadata).await) } else { None };
    let authorization = match &tokens {
        Some((_, token)) => format!("Bearer {token}"),
        None => String::new(),
    };
    // With accounts there is a record, also of pulls.
    let settings =
        RegistrySettings { audit: with_accounts, audit_pulls: with_accounts, ..RegistrySettings::default() };
    let registry = Registry::new(metadata, blobs, store, settings);
    let many = Some(1_000_000_000);
    let requests = BySource { address: many, user: many, robot: many, project: many };
    let rate_limits = RateLimiter::new(RateLimitSettings { requests, ..RateLimitSettings::default() });
    let parts = Parts {
        registry,
        authenticator: Arc::new(Authenticator::Open),
        metrics: Arc::new(Metrics::default()),
        api: None,
        tokens: tokens.map(|(service, _)| Arc::new(service)),
        rate_limits: Some(Arc::new(rate_limits)),
    };
    let listen = ListenAddr::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)));
    let server = Server::bind(HttpSettings { listen, ..HttpSettings::default() }, parts).await.unwrap();
    let address = server.local_addr().unwrap();
    tokio::spawn(server.run(std::future::pending()));
    (address, authorization)
}

/// A token service, and a token of the administrator's for the repository of the test.
async fn token_service(metadata: &Metadata) -> (TokenService, String) {
    let now = Timestamp::from(SystemTime::now());
    let accounts = Accounts::new(metadata.clone(), AccountsSettings::default(), Vec::new());
    let password = accounts.first_start(now).await.unwrap().unwrap();
    let workloads = Workloads::new(&Default::default()).unwrap();
    let secret = SecretKey::parse(SecretKey::generate().reveal()).unwrap();
    let day = Duration::from_secs(24 * 60 * 60);
    let service = TokenService::open(accounts, workloads, secret, day, "", now).await.unwrap();
    let credentials = Credentials::Basic { name: "admin".to_owned(), secret: password.reveal().to_owned() };
    let circumstances = Circumstances::at(now);
    let login = service.login(&credentials, &[], &circumstances, "").await.unwrap();
    let scopes = Scope::requested(["repository:team/app:pull,push"]).unwrap();
    let granted = service.issue(&login, &scopes, &circumstances).await.unwrap();
    let token = granted.token.token.reveal().to_owned();
    (service, token)
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
fn cost(address: SocketAddr, authorization: &str, method: &str, path: &str) -> (f64, f64) {
    let authorization = match authorization {
        "" => String::new(),
        value => format!("Authorization: {value}\r\n"),
    };
    let headers = "Host: localhost\r\nUser-Agent: test\r\nAccept: */*\r\n";
    let request = format!("{method} {path} HTTP/1.1\r\n{headers}{authorization}\r\n");
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

/// What each of these requests may take at most.
fn check(with_accounts: bool, bounds: [(f64, f64); 3]) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let blob = Blob::random(10_000);
    let (address, authorization) = runtime.block_on(async {
        let (address, authorization) = serve(folder.path(), with_accounts).await;
        let mut api = Api::new(format!("http://{address}"));
        if with_accounts {
            api = api.authorized(authorization.as_str());
        }
        api.push_image("team/app", "v1", &image().layers(2).build()).await;
        api.push_blob("team/app", &blob).await;
        (address, authorization)
    });
    let requests = [
        ("GET", "/v2/team/app/manifests/v1".to_owned()),
        ("HEAD", "/v2/team/app/manifests/v1".to_owned()),
        ("GET", format!("/v2/team/app/blobs/{}", blob.digest)),
    ];
    for ((method, path), (allocations_max, bytes_max)) in requests.into_iter().zip(bounds) {
        let (allocations, bytes) = cost(address, &authorization, method, &path);
        assert!(
            allocations <= allocations_max && bytes <= bytes_max,
            "{method} {path}: {allocations}, {bytes}"
        );
    }
    runtime.shutdown_background();
}

/// One test, because another one beside it would be counted too.
#[test]
fn warm_pulls_allocate_little() {
    check(false, [(10.0, 9_500.0), (12.0, 9_500.0), (18.0, 13_500.0)]);
    // What a token allows, where to get a better one, and of manifests by which request they were asked for.
    check(true, [(18.0, 10_500.0), (20.0, 10_500.0), (20.5, 14_000.0)]);
}
