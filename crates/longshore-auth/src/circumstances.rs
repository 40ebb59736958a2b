//! What a decision may depend on besides who asks for what.

use std::{net::IpAddr, sync::Arc};

use longshore_types::{Digest, Tag, Timestamp};

/// What a decision may depend on besides who asks for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Circumstances {
    /// The moment of the request.
    pub now: Timestamp,
    /// Where it comes from, as far as proxies are trusted to say.
    pub address: Option<IpAddr>,
    /// The client's certificate, if it showed one and its chain is trusted.
    pub certificate: Option<Arc<ClientCertificate>>,
    /// The tag that is pulled, pushed, moved or deleted, where there is one.
    pub tag: Option<Tag>,
}

impl Circumstances {
    /// The moment, and nothing else known.
    pub fn at(now: Timestamp) -> Self {
        Self { now, address: None, certificate: None, tag: None }
    }
}

/// A certificate that a client showed and whose chain is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The distinguished name of its subject, as RFC 4514 writes it.
    pub subject: String,
    /// Its subject alternative names that are URIs: `spiffe://example.org/ci`.
    pub uris: Vec<String>,
    /// Its subject alternative names that are names of hosts.
    pub dns_names: Vec<String>,
    /// The SHA-256 of its DER form.
    pub fingerprint: Digest,
}
