//! Issuers with their keys in a file, and moments.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::SystemTime,
};

use longshore_identity::workload::{
    TrustIssuerSettings, TrustRule, TrustSettings, Workload, WorkloadError, Workloads,
};
use longshore_testkit::TokenSigner;
use longshore_types::Timestamp;
use serde_json::{Value, json};

pub(crate) const AUDIENCE: &str = "https://registry.example.org";

/// Now, in seconds, as tokens say it.
pub(crate) fn now_seconds() -> i64 {
    now().unix_millis() / 1000
}

pub(crate) fn now() -> Timestamp {
    SystemTime::now().into()
}

/// An issuer whose keys are in a file, and everything around it.
pub(crate) struct Offline {
    pub(crate) issuer: String,
    pub(crate) signer: TokenSigner,
    pub(crate) workloads: Workloads,
    pub(crate) jwks: PathBuf,
    _folder: tempfile::TempDir,
}

impl Offline {
    pub(crate) fn new(issuer: &str, signer: TokenSigner) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let jwks = folder.path().join("jwks.json");
        write_keys(&jwks, &[signer.jwk()]);
        let settings = TrustSettings {
            issuers: vec![TrustIssuerSettings {
                jwks_file: Some(jwks.clone()),
                ..TrustIssuerSettings::new(issuer)
            }],
            domains: Vec::new(),
        };
        let workloads = Workloads::new(&settings).unwrap();
        Self { issuer: issuer.to_owned(), signer, workloads, jwks, _folder: folder }
    }

    /// Claims that are in order, changed by `change`; null takes one away.
    pub(crate) fn claims(&self, change: &Value) -> Value {
        let mut claims = json!({
            "iss": self.issuer, "aud": AUDIENCE, "sub": "somebody",
            "iat": now_seconds(), "nbf": now_seconds(), "exp": now_seconds() + 300,
        });
        merge(&mut claims, change);
        claims
    }

    pub(crate) async fn verify(&self, token: &str) -> Result<Workload, WorkloadError> {
        self.workloads.verify_token(token, now()).await
    }
}

pub(crate) fn merge(claims: &mut Value, change: &Value) {
    let claims = claims.as_object_mut().unwrap();
    for (name, value) in change.as_object().unwrap() {
        match value {
            Value::Null => claims.remove(name),
            value => claims.insert(name.clone(), value.clone()),
        };
    }
}

pub(crate) fn write_keys(path: &Path, keys: &[Value]) {
    std::fs::write(path, json!({ "keys": keys }).to_string()).unwrap();
}

pub(crate) fn rule(issuer: &str, claims: &[(&str, &str)]) -> TrustRule {
    let claims = claims.iter().map(|(path, pattern)| (path.parse().unwrap(), pattern.parse().unwrap()));
    TrustRule::new(issuer, AUDIENCE, claims.collect::<BTreeMap<_, _>>()).unwrap()
}
