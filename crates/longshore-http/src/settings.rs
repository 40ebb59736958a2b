//! What an operator may set about the server.

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use crate::TrustedProxies;

/// Where a listener waits for connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddr {
    /// A TCP address; port 0 takes any free one. From `http.addr`, `http.net: tcp`.
    Tcp(SocketAddr),
    /// A socket in the file system, made anew at the start. From `http.addr`, `http.net: unix`.
    Unix(PathBuf),
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// The server's settings.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// The main listener. From `http.addr` and `http.net`.
    pub listen: ListenAddr,
    /// What stands before `/v2/` in paths: empty, or `/prefix`. From `http.prefix`.
    pub prefix: String,
    /// Scheme and host that clients know the registry by, `https://registry.example`; it makes URLs in replies
    /// absolute. From `http.host`.
    pub host: Option<String>,
    /// Whether URLs in replies are relative. `None`: unless `host` is set. `Some(false)`: absolute also by what trusted
    /// proxies say the client asked for. Whatever cannot be known from either stays relative, because a scheme that
    /// is guessed wrong breaks pushes behind proxies. From `http.relativeurls`.
    pub relative_urls: Option<bool>,
    /// How long requests may go on after the server was told to end. From `http.draintimeout`.
    pub drain_timeout: Duration,
    /// Headers of every reply. From `http.headers`.
    pub headers: Vec<(String, String)>,
    /// TLS on the main listener. From `http.tls`.
    pub tls: Option<TlsSettings>,
    /// Whether HTTP/2 is spoken: over TLS when the client chooses it, without TLS to clients that begin with it.
    /// From `http.http2.disabled` and `http.h2c.enabled`.
    pub http2: bool,
    /// A second listener, without TLS, for operators. From `http.debug`.
    pub debug: Option<DebugSettings>,
    /// Whether `/metrics` is also served on the main listener, where whoever reaches the registry can then watch how
    /// much everybody does. From `http.metrics`, which is on unless the debug listener serves them.
    pub metrics_on_main: bool,
    /// Whose `Forwarded` and `X-Forwarded-*` headers count. From `http.trusted_proxies`.
    pub trusted_proxies: TrustedProxies,
    /// Limits.
    pub limits: HttpLimits,
}

/// The listener for operators.
#[derive(Clone, Debug)]
pub struct DebugSettings {
    /// Where it listens. From `http.debug.addr`.
    pub listen: ListenAddr,
    /// The path of the metrics; `None` serves none. From `http.debug.prometheus.enabled` and `.path`.
    pub metrics_path: Option<String>,
}

/// TLS of a listener.
#[derive(Clone, Debug)]
pub struct TlsSettings {
    /// PEM file with the certificate and its chain. Read again when it changes. From `http.tls.certificate`.
    pub certificate: PathBuf,
    /// PEM file with its key. Read again when it changes. From `http.tls.key`.
    pub key: PathBuf,
    /// Lowest version.
    pub minimum_version: TlsVersion,
    /// Cipher suites by their IANA names, in order of preference; empty for the library's choice. TLS 1.3 needs at
    /// least one `TLS_AES_…` or `TLS_CHACHA20_…` here. From `http.tls.ciphersuites`.
    pub cipher_suites: Vec<String>,
    /// PEM files with the authorities that sign clients' certificates. From `http.tls.clientcas`.
    pub client_cas: Vec<PathBuf>,
    /// What is asked of clients.
    pub client_auth: ClientAuth,
}

/// Lowest TLS version. 1.0 and 1.1, which distribution still knows, are deprecated (RFC 8996) and not built in.
/// From `http.tls.minimumtls`: `tls1.2` or `tls1.3`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[default]
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// What clients' certificates must be. From `http.tls.clientauth`, with distribution's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// Nothing is asked for.
    #[default]
    None,
    /// `request-client-cert`: one may be sent, whoever signed it.
    Request,
    /// `require-any-client-cert`: one must be sent, whoever signed it.
    RequireAny,
    /// `verify-client-cert-if-given`: if one is sent, one of the authorities signed it.
    VerifyIfGiven,
    /// `require-and-verify-client-cert`: one must be sent, and one of the authorities signed it.
    RequireAndVerify,
}

/// Limits against clients that are slow, large or many.
#[derive(Clone, Debug)]
pub struct HttpLimits {
    /// Most connections at a time; more wait to be accepted. From `limits.connections_max`.
    pub connections_max: usize,
    /// Longest TLS handshake. From `limits.handshake_timeout`.
    pub handshake_timeout: Duration,
    /// Longest time from the first byte of a request to the end of its headers, and from the beginning of a connection
    /// to its first request. From `limits.header_timeout`.
    pub header_timeout: Duration,
    /// How long a connection may wait for its next request. From `limits.idle_timeout`.
    pub idle_timeout: Duration,
    /// Longest silence within the body of a request, or while a reply is not taken. From `limits.body_timeout`.
    pub stall_timeout: Duration,
    /// Most bytes of a request's target and headers; 1,024 ranges need about 40 KiB. From `limits.header_bytes_max`.
    pub header_bytes_max: usize,
    /// Most requests at a time on one HTTP/2 connection. From `limits.streams_max`.
    pub streams_max: u32,
    /// Largest manifest; the specification asks for 4 MB. From `limits.manifest_bytes_max`.
    pub manifest_bytes_max: usize,
    /// Most entries on a page of tags, also when none are asked for. From `tags.maxtags`.
    pub tags_max: usize,
    /// Most entries on a page of the catalog, also when none are asked for. From `catalog.maxentries`.
    pub catalog_max: usize,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            listen: ListenAddr::Tcp(SocketAddr::from(([127, 0, 0, 1], 5000))),
            prefix: String::new(),
            host: None,
            relative_urls: None,
            drain_timeout: Duration::from_secs(30),
            headers: Vec::new(),
            tls: None,
            http2: true,
            debug: None,
            metrics_on_main: false,
            trusted_proxies: TrustedProxies::default(),
            limits: HttpLimits::default(),
        }
    }
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connections_max: 4096,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(20),
            idle_timeout: Duration::from_secs(120),
            stall_timeout: Duration::from_secs(60),
            header_bytes_max: 64 * 1024,
            streams_max: 128,
            manifest_bytes_max: 4 * 1024 * 1024,
            tags_max: 10_000,
            catalog_max: 1000,
        }
    }
}
