//! The keys that tokens may be signed with, and how a token names its key.

use std::{collections::HashMap, time::Duration};

use jsonwebtoken::{
    DecodingKey, Header,
    jwk::{AlgorithmParameters, Jwk, JwkSet, ThumbprintHash},
};
use longshore_types::Timestamp;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime, pem::PemObject as _};
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, anchor_from_trusted_cert};

use super::{
    certificate::{Certificate, from_base64},
    signing::SigningKeys,
};

/// Longest chain of certificates in a token.
const CHAIN_MAX: usize = 8;

/// Keys by their names, and certificates that vouch for keys which tokens bring along.
#[derive(Default)]
pub(super) struct TrustedKeys {
    by_id: HashMap<String, DecodingKey>,
    anchors: Vec<TrustAnchor<'static>>,
    certificates: Vec<CertificateDer<'static>>,
}

impl TrustedKeys {
    /// Our own keys and nothing else.
    pub(super) fn own(keys: &SigningKeys) -> Self {
        let named = keys.iter().map(|key| (key.id().to_owned(), key.decoding.clone()));
        Self { by_id: named.collect(), ..Self::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    #[cfg(test)]
    pub(super) fn has(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    /// Trusts the certificates of a PEM file: their keys by libtrust's fingerprint (distribution 2) and by RFC 7638
    /// thumbprint (distribution 3), and what they signed.
    pub(super) fn add_certificates(&mut self, pem: &[u8]) -> Result<(), String> {
        for der in CertificateDer::pem_slice_iter(pem) {
            let der = der.map_err(|error| format!("not PEM: {error}"))?;
            let certificate = Certificate::parse(&der)?;
            if let Ok(thumbprint) = thumbprint(&certificate.key) {
                self.by_id.insert(thumbprint, certificate.key.clone());
            }
            self.by_id.insert(certificate.fingerprint, certificate.key);
            // Whoever has its key may sign any token anyway, so a certificate that is no authority may vouch as well.
            if let Ok(anchor) = anchor_from_trusted_cert(&der) {
                self.anchors.push(anchor.to_owned());
            }
            self.certificates.push(der);
        }
        if self.certificates.is_empty() { Err("no certificate in it".to_owned()) } else { Ok(()) }
    }

    /// Trusts the keys of a JSON Web Key Set (RFC 7517), by their `kid` and their thumbprint.
    pub(super) fn add_jwks(&mut self, json: &[u8]) -> Result<(), String> {
        let set: JwkSet = serde_json::from_slice(json).map_err(|error| format!("not a key set: {error}"))?;
        if set.keys.is_empty() {
            return Err("no key in it".to_owned());
        }
        for jwk in set.keys {
            if matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_)) {
                return Err("it holds a shared secret (oct), which cannot verify tokens".to_owned());
            }
            let key = DecodingKey::from_jwk(&jwk).map_err(|error| error.to_string())?;
            let thumbprint = jwk.thumbprint(ThumbprintHash::SHA256).map_err(|error| error.to_string())?;
            if let Some(id) = jwk.common.key_id {
                self.by_id.insert(id, key.clone());
            }
            self.by_id.insert(thumbprint, key);
        }
        Ok(())
    }

    /// The key that a token must be signed with: by chain (`x5c`), as a key (`jwk`) or by name (`kid`), in
    /// distribution's order. A key that a token brings along counts only if it is one of the trusted.
    pub(super) fn select(&self, header: &Header, now: Timestamp) -> Result<DecodingKey, String> {
        if let Some(chain) = &header.x5c {
            return self.verify_chain(chain, now);
        }
        let id = match (&header.jwk, &header.kid) {
            (Some(jwk), _) => jwk.thumbprint(ThumbprintHash::SHA256).map_err(|error| error.to_string())?,
            (None, Some(id)) => id.clone(),
            (None, None) => return Err("the token does not say which key signed it".to_owned()),
        };
        self.by_id.get(&id).cloned().ok_or_else(|| format!("signed by an unknown key, {id:?}"))
    }

    /// The key of the first certificate, if the chain leads to a trusted one.
    fn verify_chain(&self, chain: &[String], now: Timestamp) -> Result<DecodingKey, String> {
        if chain.is_empty() || chain.len() > CHAIN_MAX {
            return Err(format!("a chain of {} certificates", chain.len()));
        }
        let chain = chain.iter().map(|text| from_base64(text)).collect::<Result<Vec<_>, _>>()?;
        let (leaf, intermediates) = (&chain[0], &chain[1..]);
        let certificate = Certificate::parse(leaf)?;
        if now < certificate.not_before || certificate.not_after < now {
            return Err("its certificate is expired or not valid yet".to_owned());
        }
        // As in Go: a certificate that is itself trusted needs no chain, and may be an authority.
        if !self.certificates.contains(leaf) {
            let millis = u64::try_from(now.unix_millis()).unwrap_or_default();
            EndEntityCert::try_from(leaf)
                .and_then(|end_entity| {
                    end_entity
                        .verify_for_usage(
                            webpki::ALL_VERIFICATION_ALGS,
                            &self.anchors,
                            intermediates,
                            UnixTime::since_unix_epoch(Duration::from_millis(millis)),
                            AnyUsage,
                            None,
                            None,
                        )
                        .map(drop)
                })
                .map_err(|error| format!("its certificate is not trusted: {error}"))?;
        }
        Ok(certificate.key)
    }
}

/// Certificates of token services are not made for TLS: distribution accepts any extended key usage.
struct AnyUsage;

impl ExtendedKeyUsageValidator for AnyUsage {
    fn validate(&self, _usages: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}

/// RFC 7638.
fn thumbprint(key: &DecodingKey) -> Result<String, jsonwebtoken::errors::Error> {
    Jwk::from_decoding_key(key, None)?.thumbprint(ThumbprintHash::SHA256)
}
