//! Clients that show a certificate on their connection: whom it names, if an authority that we trust for that signed it.
//!
//! [`Certificates`] verifies anew for each answer: neither the connection nor the TLS handshake says that a certificate still
//! holds, nor for whom its authority may speak.

mod leaf;
mod settings;

use longshore_types::Timestamp;
use rustls_pki_types::CertificateDer;

pub use self::{
    leaf::Leaf,
    settings::{CertificateOwner, CertificatePart, CertificateRule},
};
use crate::{
    SettingsError,
    watched::Watched,
    workload::{Authorities, SvidError, TrustSettings, Workload, WorkloadError, Workloads},
};

const SPIFFE: &str = "spiffe://";

/// Whom a certificate stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Owner {
    /// A user of that name, whom that source vouches for.
    User {
        /// The name.
        name: String,
        /// The mark of users.
        source: String,
    },
    /// A robot of that name.
    Robot(String),
    /// A workload of a trust domain. What that is worth, trust rules say.
    Workload(Box<Workload>),
}

/// A certificate that was verified.
#[derive(Clone, Debug, PartialEq)]
pub struct Owned {
    /// Whom it stands for.
    pub owner: Owner,
    /// When it expires: what is made from it should not hold longer.
    pub expires: Timestamp,
}

/// Why a certificate stands for nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// It is not accepted.
    #[error(transparent)]
    Untrusted(#[from] SvidError),
    /// Its authority is trusted, but it has not exactly one name of the kind that counts.
    #[error("the certificate has not exactly one {0} that is a name here")]
    Name(&'static str),
}

/// Who signs certificates that name users, robots and workloads.
#[derive(Debug)]
pub struct Certificates {
    rules: Vec<(CertificateRule, Watched<Authorities>)>,
    /// Of these only the trust domains count.
    workloads: Option<Workloads>,
}

impl Certificates {
    /// Reads the files.
    ///
    /// # Errors
    /// When a setting cannot work.
    pub fn new(rules: &[CertificateRule], trust: &TrustSettings) -> Result<Self, SettingsError> {
        let read = |rule: &CertificateRule| {
            rule.check()?;
            Ok((rule.clone(), Watched::new("ca_file", rule.ca_file.clone(), Authorities::parse_pem)?))
        };
        let domains = TrustSettings { issuers: Vec::new(), domains: trust.domains.clone() };
        let workloads = (!domains.domains.is_empty()).then(|| Workloads::new(&domains)).transpose()?;
        Ok(Self { rules: rules.iter().map(read).collect::<Result<_, SettingsError>>()?, workloads })
    }

    /// Whom the chain of a client's certificate stands for (the client's own first, as TLS has it). None if there is no
    /// certificate, or nobody says that certificates of its kind stand for anybody.
    ///
    /// # Errors
    /// When it is one that should, and is not accepted.
    pub async fn owner(
        &self,
        chain: &[CertificateDer<'_>],
        now: Timestamp,
    ) -> Result<Option<Owned>, CertificateError> {
        let Some(first) = chain.first() else { return Ok(None) };
        if self.rules.is_empty() && self.workloads.is_none() {
            return Ok(None);
        }
        let leaf = Leaf::parse(first).ok_or(SvidError::Malformed)?;
        let mut failed = None;
        if let Some(workloads) = &self.workloads
            && leaf.uris.iter().any(|uri| uri.starts_with(SPIFFE))
        {
            match workloads.verify_certificate(chain, now).await {
                Ok(workload) => {
                    let owner = Owner::Workload(Box::new(workload));
                    return Ok(Some(Owned { owner, expires: leaf.not_after }));
                }
                Err(WorkloadError::Certificate(error)) => failed = Some(CertificateError::from(error)),
                // Certificates need nobody's word but the files'.
                Err(WorkloadError::Token(_) | WorkloadError::Unavailable(_)) => {}
            }
        }
        for (rule, authorities) in &self.rules {
            match authorities.current().await.verify(chain, now) {
                Ok(()) => match rule.name(&leaf) {
                    Some(name) => {
                        let owner = match &rule.owner {
                            CertificateOwner::User { source } => Owner::User { name, source: source.clone() },
                            CertificateOwner::Robot => Owner::Robot(name),
                        };
                        return Ok(Some(Owned { owner, expires: leaf.not_after }));
                    }
                    None => failed = Some(CertificateError::Name(rule.part.words())),
                },
                Err(error) => failed = failed.or(Some(error.into())),
            }
        }
        failed.map_or(Ok(None), Err)
    }
}
