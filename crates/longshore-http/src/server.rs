//! Listeners and their end: bind, accept, drain.

use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue, Uri, Version};
use longshore_accounts::ClientChain;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::{JoinError, JoinSet},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    HttpSettings, ListenAddr, Metrics,
    activity::InFlight,
    connection,
    context::{Context, Parts, RawRequest},
    debug,
    drain::{Draining, drain},
    health::Readiness,
    listener::{Listener, Stream},
    rate_limits::Gate,
    request_id::RequestIds,
    sendfile::{FileIo, FileSender},
    service::{self, Peer},
    tls::{Tls, TlsError},
    urls::UrlSettings,
};

/// How often certificate files are looked at.
const TLS_POLL_INTERVAL: Duration = Duration::from_secs(5);
/// How long accepting rests when the process is out of something, usually file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Most connections to the debug listener at a time.
const DEBUG_CONNECTIONS_MAX: usize = 64;

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A setting that cannot work.
    #[error("{0}")]
    Settings(String),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Bind {
        /// Which.
        address: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A server that listens: connections are kept waiting until [`Server::run`].
pub struct Server {
    main: Listener,
    debug: Option<(Listener, Option<String>)>,
    tls: Option<Arc<Tls>>,
    http2: bool,
    drain_timeout: Duration,
    cx: Arc<Context>,
}

/// What can be asked of a server that runs.
#[derive(Clone)]
pub struct ServerHandle {
    tls: Option<Arc<Tls>>,
}

impl ServerHandle {
    /// Reads certificate, key and authorities again, as SIGHUP asks for; they are also read when they change. If that
    /// fails, what was in force stays so. Blocks for as long as reading small files takes.
    ///
    /// # Errors
    /// Which file is not usable.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.tls.as_ref().map_or(Ok(()), |tls| tls.reload())
    }
}

impl Server {
    /// Checks the settings and listens.
    ///
    /// # Errors
    /// A setting that cannot work, an address that is taken, a certificate that is not usable.
    pub async fn bind(settings: HttpSettings, parts: Parts) -> Result<Self, ServeError> {
        let headers = reply_headers(&settings.headers)?;
        let urls = url_settings(&settings)?;
        let tls = match settings.tls {
            Some(tls) => Some(Arc::new(Tls::load(tls, settings.http2)?)),
            None => None,
        };
        let debug = match settings.debug {
            Some(debug) => Some((bind(&debug.listen).await?, debug.metrics_path)),
            None => None,
        };
        let cx = Context {
            gate: Gate::new(parts.rate_limits, Arc::clone(&parts.metrics)),
            registry: parts.registry,
            authenticator: parts.authenticator,
            metrics: parts.metrics,
            api: parts.api,
            tokens: parts.tokens,
            readiness: Readiness::default(),
            limits: settings.limits,
            proxies: settings.trusted_proxies,
            urls,
            request_ids: RequestIds::new(),
            headers,
            metrics_on_main: settings.metrics_on_main,
        };
        Ok(Self {
            main: bind(&settings.listen).await?,
            debug,
            tls,
            http2: settings.http2,
            drain_timeout: settings.drain_timeout,
            cx: Arc::new(cx),
        })
    }

    /// The TCP address of the main listener; with the port that was taken for port 0.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.main.local_addr()
    }

    /// The same for the debug listener.
    pub fn debug_addr(&self) -> Option<SocketAddr> {
        self.debug.as_ref().and_then(|(listener, _)| listener.local_addr())
    }

    /// For what is asked while the server runs.
    pub fn handle(&self) -> ServerHandle {
        ServerHandle { tls: self.tls.clone() }
    }

    /// Serves until `shutdown` ends. Then nobody is let in any more, requests under way go on for the drain timeout,
    /// and what is not done by then is cut off.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let (drain, draining) = drain();
        let tls = self.tls.clone();
        let drain_timeout = self.drain_timeout;
        let api = self.cx.api.clone();
        let mut listeners = pin!(self.listen(draining));
        tokio::select! {
            () = &mut listeners => return,
            () = watch_files(tls) => return,
            () = shutdown => {}
        }
        drain.begin();
        // Those who listen would do so until they are cut off.
        if let Some(api) = api {
            api.followers().end();
        }
        if tokio::time::timeout(drain_timeout, listeners).await.is_err() {
            // Dropping the listeners' connections cuts them off.
            tracing::warn!(timeout_seconds = drain_timeout.as_secs(), "requests under way were cut off");
        }
    }

    /// Runs all listeners until they are drained.
    async fn listen(self, draining: Draining) {
        let Self { main, debug, tls, http2, cx, .. } = self;
        let face = Arc::new(MainFace { cx: Arc::clone(&cx), tls, http2, draining: draining.clone() });
        let main = accept(main, cx.limits.connections_max, draining.clone(), move |stream, address| {
            Arc::clone(&face).serve(stream, address)
        });
        let debug = async {
            let Some((listener, metrics_path)) = debug else { return };
            let face = Arc::new(DebugFace { cx: Arc::clone(&cx), metrics_path, draining: draining.clone() });
            let serve = move |stream, _| Arc::clone(&face).serve(stream);
            accept(listener, DEBUG_CONNECTIONS_MAX, draining.clone(), serve).await;
        };
        tokio::join!(main, debug);
    }
}

/// Takes connections until draining begins, and ends when the last of them has.
async fn accept<F>(
    listener: Listener,
    connections_max: usize,
    mut draining: Draining,
    serve: impl Fn(Stream, Option<SocketAddr>) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(connections_max));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // Dropped between a place and a connection, the place is free again and the connection still waits.
            accepted = next(&listener, &places) => match accepted {
                Ok((stream, address, place)) => {
                    let serving = serve(stream, address);
                    connections.spawn(async move {
                        serving.await;
                        drop(place);
                    });
                }
                Err(error) => rest_after(&error).await,
            },
            Some(ended) = connections.join_next() => log_panic(ended),
            () = draining.begun() => break,
        }
    }
    drop(listener);
    while let Some(ended) = connections.join_next().await {
        log_panic(ended);
    }
}

/// The next connection, as soon as there is a place for it; until then it waits in the kernel's queue.
async fn next(
    listener: &Listener,
    places: &Arc<Semaphore>,
) -> io::Result<(Stream, Option<SocketAddr>, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, address) = listener.accept().await?;
    Ok((stream, address, place))
}

async fn rest_after(error: &io::Error) {
    // These are over already; others (no file descriptors left) would come again at once.
    if !matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        tracing::warn!(error = longshore_types::error_chain(error), "cannot accept connections");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

fn log_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(error = error.to_string(), "a connection ended by a bug of ours");
    }
}

async fn watch_files(tls: Option<Arc<Tls>>) {
    let Some(tls) = tls else { return std::future::pending().await };
    loop {
        tokio::time::sleep(TLS_POLL_INTERVAL).await;
        let tls = Arc::clone(&tls);
        // It only fails by a panic, which must not end the server.
        let _ = tokio::task::spawn_blocking(move || tls.reload_if_changed()).await;
    }
}

/// What connections to the main listener find.
struct MainFace {
    cx: Arc<Context>,
    tls: Option<Arc<Tls>>,
    http2: bool,
    draining: Draining,
}

impl MainFace {
    async fn serve(self: Arc<Self>, stream: Stream, address: Option<SocketAddr>) {
        let _open = OpenConnection::new(&self.cx.metrics);
        let Some(tls) = &self.tls else {
            let io = FileIo::new(stream);
            let sender = io.sender();
            return self.speak(io, Peer { address, tls: false, certificate: None }, Some(sender)).await;
        };
        let handshake = TlsAcceptor::from(tls.current()).accept(stream);
        match tokio::time::timeout(self.cx.limits.handshake_timeout, handshake).await {
            Ok(Ok(stream)) => {
                let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
                let certificate = ClientChain::new(shown, tls.vouches_for_clients()).map(Arc::new);
                self.speak(stream, Peer { address, tls: true, certificate }, None).await;
            }
            Ok(Err(error)) => {
                self.cx.metrics.handshake_failures.inc();
                tracing::debug!(
                    ?address,
                    error = longshore_types::error_chain(&error),
                    "TLS handshake failed"
                );
            }
            Err(_) => {
                self.cx.metrics.handshake_failures.inc();
                tracing::debug!(?address, "TLS handshake took too long");
            }
        }
    }

    async fn speak<S: AsyncRead + AsyncWrite + Unpin + 'static>(
        &self,
        stream: S,
        peer: Peer,
        sender: Option<FileSender>,
    ) {
        let respond = |request: RawRequest, in_flight: InFlight| {
            // HTTP/2 cuts bodies into frames: it would not pass on what stands for a file as a whole.
            let sender = sender.clone().filter(|_| request.version() < Version::HTTP_2);
            service::serve(Arc::clone(&self.cx), peer.clone(), request, in_flight, sender)
        };
        connection::drive(stream, &self.cx.limits, self.http2, self.draining.clone(), respond).await;
    }
}

/// What connections to the debug listener find.
struct DebugFace {
    cx: Arc<Context>,
    metrics_path: Option<String>,
    draining: Draining,
}

impl DebugFace {
    async fn serve(self: Arc<Self>, stream: Stream) {
        let respond = |request: RawRequest, in_flight: InFlight| {
            let face = Arc::clone(&self);
            async move {
                let _in_flight = in_flight;
                debug::respond(&face.cx, face.metrics_path.as_deref(), request).await
            }
        };
        connection::drive(stream, &self.cx.limits, true, self.draining.clone(), respond).await;
    }
}

/// Counts a connection while it is open.
struct OpenConnection(Arc<Metrics>);

impl OpenConnection {
    fn new(metrics: &Arc<Metrics>) -> Self {
        metrics.connections.inc();
        Self(Arc::clone(metrics))
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections.dec();
    }
}

async fn bind(address: &ListenAddr) -> Result<Listener, ServeError> {
    Listener::bind(address).await.map_err(|source| ServeError::Bind { address: address.to_string(), source })
}

fn reply_headers(headers: &[(String, String)]) -> Result<HeaderMap, ServeError> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let unusable = || ServeError::Settings(format!("http.headers: {name} is not a usable header"));
        let key = HeaderName::try_from(name.as_str()).map_err(|_| unusable())?;
        map.append(key, HeaderValue::from_str(value).map_err(|_| unusable())?);
    }
    Ok(map)
}

fn url_settings(settings: &HttpSettings) -> Result<UrlSettings, ServeError> {
    let prefix = settings.prefix.trim_matches('/');
    let prefix = if prefix.is_empty() { String::new() } else { format!("/{prefix}") };
    let host = settings.host.as_deref().map(|host| host.trim_end_matches('/').to_owned());
    let usable = |url: &str| url.parse::<Uri>().is_ok() && url.is_ascii();
    if !prefix.is_empty() && !usable(&prefix) {
        return Err(ServeError::Settings(format!("http.prefix: {prefix} is not a path")));
    }
    if let Some(host) = &host {
        let parsed =
            host.parse::<Uri>().ok().filter(|uri| uri.scheme().is_some() && uri.authority().is_some());
        if parsed.is_none() || !host.is_ascii() {
            return Err(ServeError::Settings(format!("http.host: {host} is not a scheme and a host")));
        }
    }
    Ok(UrlSettings { prefix, host, relative: settings.relative_urls })
}
