//! `http`.

use std::{path::PathBuf, time::Duration};

use longshore_http::TrustedProxies;

use super::section::Section;

/// The listener and what it says.
#[derive(Clone, Debug)]
pub(crate) struct HttpConfig {
    /// `host:port`, or a path for a unix socket.
    pub(crate) addr: String,
    pub(crate) unix: bool,
    /// Empty, or `/registry`.
    pub(crate) prefix: String,
    /// Scheme and host, without a slash at the end.
    pub(crate) host: Option<String>,
    pub(crate) relative_urls: Option<bool>,
    pub(crate) drain_timeout: Duration,
    pub(crate) headers: Vec<(String, Vec<String>)>,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) metrics: bool,
    pub(crate) tls: Option<TlsConfig>,
    pub(crate) http2: bool,
    pub(crate) debug: Option<DebugConfig>,
}

/// HTTPS.
#[derive(Clone, Debug)]
pub(crate) struct TlsConfig {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) client_cas: Vec<PathBuf>,
    pub(crate) client_auth: &'static str,
    pub(crate) cipher_suites: Vec<String>,
    /// Not below 1.3.
    pub(crate) tls13_only: bool,
}

/// The second listener.
#[derive(Clone, Debug)]
pub(crate) struct DebugConfig {
    pub(crate) addr: String,
    /// Where metrics are, if they are.
    pub(crate) metrics_path: Option<String>,
}

impl HttpConfig {
    pub(super) fn read(http: &Section<'_>) -> Self {
        let unix = http.word("net") == Some("unix");
        let addr = http.text("addr").unwrap_or_default();
        if !unix && !is_host_and_port(&addr) {
            http.refuse("addr", format!("{addr:?} is not host:port, such as 127.0.0.1:5000 or :5000"));
        }
        let debug = debug(&http.section("debug"));
        let metrics_elsewhere = debug.as_ref().is_some_and(|debug| debug.metrics_path.is_some());
        let drain_timeout = http.duration("draintimeout").filter(|timeout| !timeout.is_zero());
        Self {
            addr,
            unix,
            prefix: prefix(http),
            host: host(http),
            relative_urls: http.is_given("relativeurls").then(|| http.boolean("relativeurls")),
            drain_timeout: drain_timeout.unwrap_or(Duration::from_secs(30)),
            headers: http.headers("headers"),
            trusted_proxies: trusted_proxies(http),
            metrics: if http.is_given("metrics") { http.boolean("metrics") } else { !metrics_elsewhere },
            tls: tls(&http.section("tls")),
            http2: !http.boolean("http2.disabled"),
            debug,
        }
    }
}

/// `host:port` with a number for the port; the host may be empty.
fn is_host_and_port(addr: &str) -> bool {
    addr.rsplit_once(':').is_some_and(|(host, port)| {
        port.parse::<u16>().is_ok() && (!host.contains(':') || host.starts_with('[') && host.ends_with(']'))
    })
}

fn prefix(http: &Section<'_>) -> String {
    let given = http.text("prefix").unwrap_or_default();
    let inner = given.trim_matches('/');
    if inner.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#')) {
        http.refuse("prefix", "must be a path, such as /registry/");
    }
    if inner.is_empty() { String::new() } else { format!("/{inner}") }
}

fn trusted_proxies(http: &Section<'_>) -> TrustedProxies {
    let entries = http.texts("trusted_proxies");
    TrustedProxies::parse(entries.iter().map(String::as_str)).unwrap_or_else(|error| {
        http.refuse("trusted_proxies", error.to_string());
        TrustedProxies::default()
    })
}

fn host(http: &Section<'_>) -> Option<String> {
    let host = http.text("host")?.trim_end_matches('/').to_owned();
    let authority = host.strip_prefix("https://").or_else(|| host.strip_prefix("http://"));
    if !authority
        .is_some_and(|rest| !rest.is_empty() && !rest.chars().any(|c| c.is_whitespace() || c.is_control()))
    {
        http.refuse("host", "must be scheme and host, such as https://registry.example");
    }
    Some(host)
}

fn tls(tls: &Section<'_>) -> Option<TlsConfig> {
    let client_cas: Vec<_> = tls.texts("clientcas").into_iter().map(PathBuf::from).collect();
    let unsaid = if client_cas.is_empty() { "none" } else { "require-and-verify-client-cert" };
    let client_auth = tls.word("clientauth").unwrap_or(unsaid);
    let cipher_suites = tls.texts("ciphersuites");
    let minimum = tls.word("minimumtls");
    match (tls.path("certificate"), tls.path("key")) {
        (None, None) => {
            if !client_cas.is_empty() {
                tls.refuse("clientcas", "needs certificate and key");
            } else if client_auth != "none" {
                tls.refuse("clientauth", "needs certificate and key");
            }
            None
        }
        (Some(certificate), Some(key)) => Some(TlsConfig {
            certificate,
            key,
            client_cas,
            client_auth,
            cipher_suites,
            tls13_only: minimum == Some("tls1.3"),
        }),
        (Some(certificate), None) => {
            tls.refuse("key", format!("must be set, since certificate is: {}", certificate.display()));
            None
        }
        (None, Some(key)) => {
            tls.refuse("certificate", format!("must be set, since key is: {}", key.display()));
            None
        }
    }
}

fn debug(debug: &Section<'_>) -> Option<DebugConfig> {
    let addr = debug.text("addr")?;
    if !is_host_and_port(&addr) {
        debug.refuse("addr", format!("{addr:?} is not host:port"));
    }
    let path = debug.text("prometheus.path").filter(|_| debug.boolean("prometheus.enabled"));
    if path.as_ref().is_some_and(|path| !path.starts_with('/')) {
        debug.refuse("prometheus.path", "must begin with /");
    }
    Some(DebugConfig { addr, metrics_path: path })
}
