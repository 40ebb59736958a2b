//! Certificates for tests.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

/// A self-signed certificate for `localhost` and 127.0.0.1, with its key, in PEM files.
#[derive(Debug)]
pub struct Certificate {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The certificate's text.
    pub pem: String,
}

impl Certificate {
    /// Makes a new one and writes it to `folder`, over one that is there.
    ///
    /// # Panics
    /// When the folder cannot be written.
    pub fn write(folder: &Path) -> Self {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("the names are valid");
        let (certificate, key) = (folder.join("server.crt"), folder.join("server.key"));
        let pem = made.cert.pem();
        std::fs::write(&key, made.signing_key.serialize_pem()).expect("the folder can be written");
        std::fs::write(&certificate, &pem).expect("the folder can be written");
        Self { certificate, key, pem }
    }

    /// A client that trusts this certificate and no other.
    ///
    /// # Panics
    /// Never: the text was made as PEM.
    pub fn client(&self) -> reqwest::ClientBuilder {
        let root = reqwest::Certificate::from_pem(self.pem.as_bytes()).expect("made as PEM");
        crate::client_builder().tls_certs_only([root])
    }
}

/// An authority that signs certificates of clients.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate's text.
    pub pem: String,
}

impl Authority {
    /// A new one with a key of its own.
    ///
    /// # Panics
    /// Never: nothing in it comes from outside.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().expect("there is randomness");
        let pem = params.self_signed(&key).expect("the parameters are valid").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Writes its certificate to a folder.
    ///
    /// # Panics
    /// When the folder cannot be written.
    pub fn write(&self, folder: &Path, file: &str) -> PathBuf {
        let path = folder.join(file);
        std::fs::write(&path, &self.pem).expect("the folder can be written");
        path
    }

    /// What a client shows: a certificate with changes, for a key of its own.
    ///
    /// # Panics
    /// When the changed parameters make no certificate.
    pub fn client(&self, change: impl FnOnce(&mut CertificateParams)) -> reqwest::Identity {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.is_ca = IsCa::ExplicitNoCa;
        change(&mut params);
        let key = KeyPair::generate().expect("there is randomness");
        let certificate = params.signed_by(&key, &self.issuer).expect("the parameters are valid");
        let pem = [certificate.pem(), key.serialize_pem()].concat();
        reqwest::Identity::from_pem(pem.as_bytes()).expect("made as PEM")
    }
}
