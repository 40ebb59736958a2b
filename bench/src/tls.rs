//! A certificate for the servers, and clients that trust it.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Result};
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    version::TLS13,
};

/// What is agreed on with the server beneath HTTP.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Alpn {
    /// `http/1.1`
    Http1,
    /// `h2`
    Http2,
}

/// Settings of TLS clients, for either protocol.
#[derive(Clone)]
pub(crate) struct Tls {
    http1: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
}

impl Tls {
    /// Clients that trust `roots`.
    ///
    /// # Errors
    /// Never with the provider that is built in.
    pub(crate) fn new(roots: RootCertStore) -> Result<Self> {
        let config = |alpn: &[u8]| -> Result<_> {
            // One suite, so that every server works with the same.
            let provider = CryptoProvider {
                cipher_suites: vec![aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256],
                ..aws_lc_rs::default_provider()
            };
            let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
                .with_protocol_versions(&[&TLS13])?
                .with_root_certificates(roots.clone())
                .with_no_client_auth();
            config.alpn_protocols = vec![alpn.to_vec()];
            Ok(Arc::new(config))
        };
        Ok(Self { http1: config(b"http/1.1")?, http2: config(b"h2")? })
    }

    /// Clients of servers that are not ours: any suite, TLS 1.2 too. They trust whom this machine trusts, or, if
    /// `insecure`, anybody.
    ///
    /// # Errors
    /// When this machine trusts nobody.
    pub(crate) fn of_others(insecure: bool) -> Result<Self> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = |alpn: &[u8]| -> Result<_> {
            let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
                .with_safe_default_protocol_versions()?;
            let mut config = if insecure {
                let anybody = Arc::new(Anybody(Arc::clone(&provider)));
                builder.dangerous().with_custom_certificate_verifier(anybody).with_no_client_auth()
            } else {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                builder.with_root_certificates(roots).with_no_client_auth()
            };
            config.alpn_protocols = vec![alpn.to_vec()];
            Ok(Arc::new(config))
        };
        Ok(Self { http1: config(b"http/1.1")?, http2: config(b"h2")? })
    }

    /// The settings for a protocol.
    pub(crate) fn client(&self, alpn: Alpn) -> &Arc<ClientConfig> {
        match alpn {
            Alpn::Http1 => &self.http1,
            Alpn::Http2 => &self.http2,
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

/// Takes any certificate, for --insecure; signatures are still checked.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// A certificate for 127.0.0.1 with its key, in PEM files, and clients that trust it.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// The certificate.
    pub(crate) certificate: PathBuf,
    /// Its key.
    pub(crate) key: PathBuf,
    /// Clients that trust it alone.
    pub(crate) tls: Tls,
}

impl Identity {
    /// Makes a new one (ECDSA P-256, signed by an authority that is forgotten at once) and writes it to `folder`.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(crate) fn write(folder: &Path) -> Result<Self> {
        let mut authority = rcgen::CertificateParams::new(Vec::new())?;
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority_key = rcgen::KeyPair::generate()?;
        let authority = rcgen::CertifiedIssuer::self_signed(authority, authority_key)?;
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let key = rcgen::KeyPair::generate()?;
        let certificate = rcgen::CertificateParams::new(names)?.signed_by(&key, &authority)?;
        let (certificate_path, key_path) = (folder.join("server.crt"), folder.join("server.key"));
        fs::write(&certificate_path, certificate.pem())
            .and_then(|()| fs::write(&key_path, key.serialize_pem()))
            .with_context(|| format!("could not write a certificate to {}", folder.display()))?;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(authority.der().to_vec()))?;
        Ok(Self { certificate: certificate_path, key: key_path, tls: Tls::new(roots)? })
    }
}
