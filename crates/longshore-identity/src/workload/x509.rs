//! X.509-SVIDs: certificates with a SPIFFE ID (the X509-SVID specification).

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use longshore_types::Timestamp;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime, pem::PemObject as _};
use serde_json::Value;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::{extensions::GeneralName, prelude::X509Certificate};

use super::SpiffeId;

/// Longest chain considered.
const CHAIN_MAX: usize = 8;

/// Why a certificate is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SvidError {
    /// No certificate, or more than any client sends.
    #[error("a chain of {0} certificates")]
    Chain(usize),
    /// It cannot be read.
    #[error("the certificate cannot be read")]
    Malformed,
    /// It names no workload, or several, or something else besides (section 2).
    #[error("the certificate has not exactly one URI, which must be a SPIFFE ID of a workload")]
    Id,
    /// It is one that signs others, or may not sign at all (section 5.2).
    #[error("the certificate is not one of a workload: it may sign others, or not sign at all")]
    Use,
    /// Nobody configured vouches for it.
    #[error("of the trust domain {0}, which is not trusted here")]
    Domain(String),
    /// Expired, not valid yet, or signed by somebody else.
    #[error("the certificate is not trusted: {0}")]
    Untrusted(String),
}

/// The authorities of a trust domain.
#[derive(Clone, Debug, Default)]
pub(crate) struct Authorities(Vec<TrustAnchor<'static>>);

impl Authorities {
    /// From PEM.
    pub(crate) fn parse_pem(pem: &[u8]) -> Result<Self, String> {
        let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
        let found = found.map_err(|error| format!("not PEM: {error}"))?;
        match found.is_empty() {
            true => Err("no certificate in it".to_owned()),
            false => Self::of(found),
        }
    }

    /// From a SPIFFE bundle: keys whose use is `x509-svid`, with one certificate each.
    pub(super) fn parse_bundle(json: &[u8]) -> Result<Self, String> {
        let bundle: Value = serde_json::from_slice(json).map_err(|error| format!("not a bundle: {error}"))?;
        let keys = bundle.get("keys").and_then(Value::as_array).ok_or("not a bundle: it has no keys")?;
        let certificate = |key: &Value| {
            let text = key.get("x5c")?.get(0)?.as_str()?;
            STANDARD.decode(text).ok().map(CertificateDer::from)
        };
        let found = keys.iter().filter(|key| key.get("use").and_then(Value::as_str) == Some("x509-svid"));
        let found: Option<Vec<_>> = found.map(certificate).collect();
        Self::of(found.ok_or("an x509-svid key without a certificate (x5c)")?)
    }

    fn of(certificates: Vec<CertificateDer<'static>>) -> Result<Self, String> {
        let anchor = |der: &CertificateDer<'_>| {
            anchor_from_trusted_cert(der).map(|anchor| anchor.to_owned()).map_err(|error| error.to_string())
        };
        certificates.iter().map(anchor).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of these vouches for the first certificate of a chain.
    pub(crate) fn verify(&self, chain: &[CertificateDer<'_>], now: Timestamp) -> Result<(), SvidError> {
        let count = chain.len();
        let (leaf, intermediates) =
            chain.split_first().filter(|_| count <= CHAIN_MAX).ok_or(SvidError::Chain(count))?;
        let millis = u64::try_from(now.unix_millis()).unwrap_or_default();
        let time = UnixTime::since_unix_epoch(Duration::from_millis(millis));
        EndEntityCert::try_from(leaf)
            .and_then(|leaf| {
                let algorithms = webpki::ALL_VERIFICATION_ALGS;
                leaf.verify_for_usage(
                    algorithms,
                    &self.0,
                    intermediates,
                    time,
                    KeyUsage::client_auth(),
                    None,
                    None,
                )
                .map(drop)
            })
            .map_err(|error| SvidError::Untrusted(error.to_string()))
    }
}

/// Whom a certificate names, before anybody has vouched for it.
pub(super) fn claimed_id(chain: &[CertificateDer<'_>]) -> Result<SpiffeId, SvidError> {
    let leaf = chain.first().filter(|_| chain.len() <= CHAIN_MAX).ok_or(SvidError::Chain(chain.len()))?;
    let (rest, certificate) = x509_parser::parse_x509_certificate(leaf).map_err(|_| SvidError::Malformed)?;
    if !rest.is_empty() {
        return Err(SvidError::Malformed);
    }
    check_use(&certificate)?;
    let names =
        certificate.subject_alternative_name().map_err(|_| SvidError::Malformed)?.ok_or(SvidError::Id)?;
    let uris = names.value.general_names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    });
    // Other names may be there; another URI may not (section 2).
    match uris.collect::<Vec<_>>()[..] {
        [uri] => uri.parse().map_err(|_| SvidError::Id),
        _ => Err(SvidError::Id),
    }
}

/// Sections 4.1, 4.3 and 5.2: no authority, and a key that signs (webpki looks at the extended usage).
fn check_use(certificate: &X509Certificate<'_>) -> Result<(), SvidError> {
    let constraints = certificate.basic_constraints().map_err(|_| SvidError::Malformed)?;
    let usage = certificate.key_usage().map_err(|_| SvidError::Malformed)?.ok_or(SvidError::Use)?.value;
    let authority = constraints.is_some_and(|constraints| constraints.value.ca);
    match usage.digital_signature() && !usage.key_cert_sign() && !usage.crl_sign() && !authority {
        true => Ok(()),
        false => Err(SvidError::Use),
    }
}
