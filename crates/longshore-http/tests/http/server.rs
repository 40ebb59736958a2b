//! A server to test against.

use std::{net::SocketAddr, sync::Arc};

use longshore_auth::Authenticator;
use longshore_http::{HttpSettings, ListenAddr, Metrics, Parts, Server, ServerHandle};
use longshore_metadata::{Metadata, MetadataSettings};
use longshore_registry::{Registry, RegistrySettings};
use longshore_storage::{BlobStore, MemoryStore, UploadStore};
use longshore_testkit::{Api, RawConnection, eventually, within};
use tokio::{sync::oneshot, task::JoinHandle};

/// What a test may choose.
pub(crate) struct Setup {
    pub(crate) http: HttpSettings,
    pub(crate) registry: RegistrySettings,
    pub(crate) authenticator: Authenticator,
}

/// A server that runs.
pub(crate) struct TestServer {
    /// Requests to it.
    pub(crate) api: Api,
    pub(crate) address: SocketAddr,
    pub(crate) debug_address: Option<SocketAddr>,
    pub(crate) handle: ServerHandle,
    shutdown: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

/// Any free port.
pub(crate) fn free_port() -> ListenAddr {
    ListenAddr::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)))
}

impl TestServer {
    /// As it comes.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(choose: impl FnOnce(&mut Setup)) -> Self {
        Self::start_over(MemoryStore::new(), choose).await
    }

    pub(crate) async fn start_over<S>(store: S, choose: impl FnOnce(&mut Setup)) -> Self
    where
        S: BlobStore + UploadStore + 'static,
    {
        let http = HttpSettings { listen: free_port(), ..HttpSettings::default() };
        let mut setup =
            Setup { http, registry: RegistrySettings::default(), authenticator: Authenticator::Open };
        choose(&mut setup);
        let settings =
            MetadataSettings { url: "sqlite::memory:".to_owned(), connections_max: 2, durable: false };
        let metadata = Metadata::open(&settings).await.unwrap();
        let store = Arc::new(store);
        let blobs: Arc<dyn BlobStore> = Arc::<S>::clone(&store);
        let parts = Parts {
            registry: Registry::new(metadata, blobs, store, setup.registry),
            authenticator: Arc::new(setup.authenticator),
            metrics: Arc::new(Metrics::default()),
            api: None,
            tokens: None,
            rate_limits: None,
        };
        let scheme = if setup.http.tls.is_some() { "https" } else { "http" };
        let server = Server::bind(setup.http, parts).await.unwrap();
        let address = server.local_addr().unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)));
        let debug_address = server.debug_addr();
        let handle = server.handle();
        let (shutdown, told) = oneshot::channel::<()>();
        // A test that just ends drops the sender, which ends the server too.
        let running = tokio::spawn(server.run(async {
            let _ = told.await;
        }));
        let api = Api::new(format!("{scheme}://localhost:{}", address.port()));
        Self { api, address, debug_address, handle, shutdown, running }
    }

    /// A bare connection to it.
    pub(crate) async fn connect(&self) -> RawConnection {
        RawConnection::open(self.address).await
    }

    /// Waits until a request that carries a blob is under way. Needs the metrics on the main listener.
    pub(crate) async fn an_upload_under_way(&self) {
        eventually("an upload under way", async || {
            let metrics = self.api.get("/metrics").await.assert_status(200).body;
            let text = String::from_utf8_lossy(&metrics).into_owned();
            text.contains("\nlongshore_http_uploads_in_flight 1\n").then_some(())
        })
        .await;
    }

    /// Tells it to end; the task ends when it has.
    pub(crate) fn shut_down(self) -> JoinHandle<()> {
        let _ = self.shutdown.send(());
        self.running
    }

    /// Ends it and waits for that.
    pub(crate) async fn end(self) {
        within("the server's end", self.shut_down()).await.unwrap();
    }
}
