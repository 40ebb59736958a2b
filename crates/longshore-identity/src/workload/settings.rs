//! What the configuration says of issuers and trust domains.

use std::{path::PathBuf, time::Duration};

/// Whose word counts: `accounts.trust`. Rules that say what it is worth are kept in the index.
#[derive(Clone, Debug, Default)]
pub struct TrustSettings {
    /// From `accounts.trust.issuers`.
    pub issuers: Vec<TrustIssuerSettings>,
    /// From `accounts.trust.domains`.
    pub domains: Vec<TrustDomainSettings>,
}

impl TrustSettings {
    /// As trust rules name those whose word counts: the addresses of issuers, and `spiffe://` with trust domains.
    pub fn issuers_of_rules(&self) -> Vec<String> {
        let issuers = self.issuers.iter().map(|issuer| issuer.issuer.clone());
        let domains = self.domains.iter().map(|domain| format!("spiffe://{}", domain.name));
        issuers.chain(domains).collect()
    }
}

/// An issuer of tokens: `accounts.trust.issuers[]`. The keys have the names of the fields.
#[derive(Clone, Debug)]
pub struct TrustIssuerSettings {
    /// Exactly as tokens name it (`iss`): `https://token.actions.githubusercontent.com`. From `issuer`.
    pub issuer: String,
    /// A file with its keys (JSON Web Key Set), for an issuer that cannot be reached. Read again when it changes. From
    /// `jwks_file`.
    pub jwks_file: Option<PathBuf>,
    /// Where its keys are, for an issuer that has no discovery. From `jwks_url`.
    pub jwks_url: Option<String>,
    /// A PEM file of the authorities to trust instead of the system's, when it is asked. From `ca_file`.
    pub ca_file: Option<PathBuf>,
    /// Hosts besides the issuer's own at which its keys may be: `host` or `host:port`. From `endpoint_hosts`.
    pub endpoint_hosts: Vec<String>,
    /// How long it may take to answer. From `timeout`.
    pub timeout: Duration,
    /// How often it may be asked for keys because a token has an unknown key id. From `keys_pause`.
    pub keys_pause: Duration,
}

impl TrustIssuerSettings {
    /// An issuer that is found by discovery, with everything else as it is unless set.
    pub fn new(issuer: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            jwks_file: None,
            jwks_url: None,
            ca_file: None,
            endpoint_hosts: Vec::new(),
            timeout: Duration::from_secs(10),
            keys_pause: Duration::from_secs(10),
        }
    }
}

/// A SPIFFE trust domain: `accounts.trust.domains[]`. The keys have the names of the fields.
#[derive(Clone, Debug)]
pub struct TrustDomainSettings {
    /// Its name, without `spiffe://`. From `name`.
    pub name: String,
    /// Its bundle: a JSON Web Key Set with keys for JWT-SVIDs (`use: jwt-svid`) and certificates for X.509-SVIDs (`use:
    /// x509-svid`), as `spire-server bundle show -format spiffe` writes it. Read again when it changes. From
    /// `bundle_file`.
    pub bundle_file: Option<PathBuf>,
    /// Certificates of its authorities for X.509-SVIDs in PEM. Read again when it changes. From `x509_bundle_file`.
    pub x509_bundle_file: Option<PathBuf>,
}
