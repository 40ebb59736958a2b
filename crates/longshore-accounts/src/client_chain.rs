//! The certificates that a client showed on its connection.

use std::{fmt, sync::Arc};

use longshore_auth::ClientCertificate;
use longshore_identity::{CertificateDer, certificate::Leaf};

/// The certificates that a client showed on its connection, its own first. It proved that it has the key; whom they stand
/// for, if for anybody, is asked at each login.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientChain {
    certificates: Vec<CertificateDer<'static>>,
    trusted: Option<Arc<ClientCertificate>>,
}

impl ClientChain {
    /// None if it showed none. `trusted`: whether the handshake found that an authority of the listener vouches for it.
    pub fn new(certificates: &[CertificateDer<'_>], trusted: bool) -> Option<Self> {
        let leaf = certificates.first().filter(|_| trusted).and_then(Leaf::parse);
        let trusted = leaf.map(|leaf| {
            let Leaf { subject, uris, dns_names, fingerprint, .. } = leaf;
            Arc::new(ClientCertificate { subject, uris, dns_names, fingerprint })
        });
        let certificates: Vec<_> = certificates.iter().map(|der| der.clone().into_owned()).collect();
        (!certificates.is_empty()).then_some(Self { certificates, trusted })
    }

    /// What the client's own says, if the handshake found that somebody vouches for it: for policies.
    pub fn trusted(&self) -> Option<&Arc<ClientCertificate>> {
        self.trusted.as_ref()
    }

    pub(crate) fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }
}

impl fmt::Debug for ClientChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientChain({} certificates)", self.certificates.len())
    }
}
