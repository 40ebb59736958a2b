//! Where a server listens.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr, TcpListener},
};

use anyhow::{Context as _, Result};
use http::Uri;

use super::Authorization;
use crate::tls::{Identity, Tls};

/// Where a server listens, and what every request to it says.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// Where to connect to.
    pub(crate) address: SocketAddr,
    /// The name in `Host` headers and certificates.
    pub(crate) host: String,
    /// How to speak TLS, if it is spoken.
    pub(crate) tls: Option<Tls>,
    /// What stands before `/v2/` in every path; mostly nothing.
    pub(crate) prefix: String,
    /// Who asks.
    pub(crate) authorization: Option<Authorization>,
}

impl Endpoint {
    /// A free port on 127.0.0.1, over TLS if there is an identity.
    ///
    /// # Errors
    /// When no port is free.
    pub(crate) fn local(identity: Option<&Identity>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
        Ok(Self {
            address: listener.local_addr()?,
            host: Ipv4Addr::LOCALHOST.to_string(),
            tls: identity.map(|identity| identity.tls.clone()),
            prefix: String::new(),
            authorization: None,
        })
    }

    /// Host and port, as in a `Host` header.
    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.address.port())
    }

    /// The address of a path, or of what a `Location` header said.
    ///
    /// # Errors
    /// When it is neither.
    pub(crate) fn uri(&self, target: &str) -> Result<Uri> {
        let full = if target.starts_with("http://") || target.starts_with("https://") {
            target.to_owned()
        } else {
            let prefix = if target.starts_with("/v2/") { self.prefix.as_str() } else { "" };
            format!("{}://{}{prefix}{target}", self.scheme(), self.authority())
        };
        full.parse().with_context(|| format!("{target:?} is no path"))
    }

    /// The path that an address has without the prefix.
    pub(crate) fn path_of<'a>(&self, uri: &'a Uri) -> &'a str {
        uri.path().strip_prefix(self.prefix.as_str()).unwrap_or(uri.path())
    }

    fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme(), self.authority(), self.prefix)
    }
}
