//! Certificates for tests.

use std::path::{Path, PathBuf};

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
