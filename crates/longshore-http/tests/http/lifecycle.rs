//! Start, drain, end; limits of connections; unix sockets; HTTP/2 without TLS.

use std::time::Duration;

use longshore_auth::Authenticator;
use longshore_http::{HttpSettings, ListenAddr, Metrics, Parts, ServeError, Server};
use longshore_metadata::{Metadata, MetadataSettings};
use longshore_registry::{Registry, RegistrySettings};
use longshore_storage::MemoryStore;
use longshore_testkit::{Api, Blob, RawConnection, client_builder, eventually, image, within};
use reqwest::{Method, Version};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UnixStream},
};

use crate::server::TestServer;

#[tokio::test]
async fn requests_under_way_may_end_after_the_call_to_stop() {
    let server = TestServer::start_with(|setup| setup.http.metrics_on_main = true).await;
    let address = server.address;
    let location = server.api.start_upload("app").await;
    let mut busy = server.connect().await;
    busy.write_part("PATCH", &location, "", 6, b"abc").await.unwrap();
    server.an_upload_under_way().await;
    let mut idle = server.connect().await;
    idle.write("GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    idle.read_reply().await.unwrap();

    let running = server.shut_down();
    assert_eq!(idle.read_to_end().await, b"", "an idle connection is closed at once");
    eventually("a closed door", async || TcpStream::connect(address).await.err()).await;
    busy.write("def").await.unwrap();
    let reply = busy.read_reply().await.unwrap();
    assert_eq!((reply.status, reply.header("range")), (202, Some("0-5")));
    within("the server's end", running).await.unwrap();
}

#[tokio::test]
async fn what_does_not_end_is_cut_off() {
    let server = TestServer::start_with(|setup| {
        setup.http.drain_timeout = Duration::from_millis(200);
        setup.http.metrics_on_main = true;
    })
    .await;
    let location = server.api.start_upload("app").await;
    let mut busy = server.connect().await;
    busy.write_part("PATCH", &location, "", 6, b"abc").await.unwrap();
    server.an_upload_under_way().await;
    server.end().await;
    busy.read_to_end().await;
}

#[tokio::test]
async fn connections_beyond_the_limit_wait() {
    let server = TestServer::start_with(|setup| setup.http.limits.connections_max = 1).await;
    let ask = "GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut first = server.connect().await;
    first.write(ask).await.unwrap();
    assert_eq!(first.read_reply().await.unwrap().status, 200);
    let mut second = RawConnection::open(server.address).await;
    second.write(ask).await.unwrap();
    first.write(ask).await.unwrap();
    assert_eq!(first.read_reply().await.unwrap().status, 200);
    drop(first);
    assert_eq!(second.read_reply().await.unwrap().status, 200);
}

#[tokio::test]
async fn http2_without_tls() {
    let server = TestServer::start().await;
    let api = Api::with_client(server.api.base(), client_builder().http2_prior_knowledge());
    let content = image().layer_bytes(3 << 20).build();
    api.push_image("app", "v1", &content).await;
    api.pull_image("app", "v1").await;
    assert_eq!(api.call(Method::GET, "/v2/").start().await.version(), Version::HTTP_2);
    // A refused body ends its stream, not the connection.
    let refused = api.call(Method::PUT, "/v2/app/manifests/v2").octets(vec![b'x'; 5 << 20]).send().await;
    refused.assert_error(413, "MANIFEST_INVALID");

    let server = TestServer::start_with(|setup| setup.http.http2 = false).await;
    let api = Api::with_client(server.api.base(), client_builder().http2_prior_knowledge());
    assert!(api.call(Method::GET, "/v2/").try_send().await.is_err());
}

#[tokio::test]
async fn a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.sock");
    // Left over by a process that was killed.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let server = TestServer::start_with(|setup| setup.http.listen = ListenAddr::Unix(path.clone())).await;
    let mut stream = UnixStream::connect(&path).await.unwrap();
    stream.write_all(b"GET /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut said = String::new();
    within("the reply", stream.read_to_string(&mut said)).await.unwrap();
    assert!(said.starts_with("HTTP/1.1 200") && said.ends_with("{}"), "{said}");
    server.end().await;
    assert!(!path.exists());
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused() {
    let bind = async |settings: HttpSettings| {
        let index =
            MetadataSettings { url: "sqlite::memory:".to_owned(), connections_max: 1, durable: false };
        let metadata = Metadata::open(&index).await.unwrap();
        let store = std::sync::Arc::new(MemoryStore::new());
        let parts = Parts {
            registry: Registry::new(metadata, store.clone(), store, RegistrySettings::default()),
            authenticator: Authenticator::Open.into(),
            metrics: Metrics::default().into(),
            api: None,
            tokens: None,
            rate_limits: None,
        };
        Server::bind(settings, parts).await.err().expect("refused")
    };
    let taken = TestServer::start().await;
    let listen = ListenAddr::Tcp(taken.address);
    assert!(matches!(bind(HttpSettings { listen, ..Default::default() }).await, ServeError::Bind { .. }));
    let header = ("a b".to_owned(), "c".to_owned());
    for settings in [
        HttpSettings { headers: vec![header], ..Default::default() },
        HttpSettings { host: Some("registry.example".to_owned()), ..Default::default() },
        HttpSettings { prefix: "/a b/".to_owned(), ..Default::default() },
    ] {
        assert!(matches!(bind(settings).await, ServeError::Settings(_)));
    }
}

#[tokio::test]
async fn every_reply_has_the_set_headers() {
    let server = TestServer::start_with(|setup| {
        setup.http.headers = vec![("X-Content-Type-Options".to_owned(), "nosniff".to_owned())];
    })
    .await;
    server.api.push_blob("app", &Blob::random(5)).await;
    for path in ["/v2/", "/v2/none/tags/list", "/livez"] {
        server.api.get(path).await.assert_header("x-content-type-options", "nosniff");
    }
}
