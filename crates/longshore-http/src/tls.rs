//! TLS: certificate and key from files, read again when they change, without touching open connections.

use std::{
    error::Error,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use arc_swap::ArcSwap;
use rustls::{
    RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};

use crate::{ClientAuth, TlsSettings, TlsVersion, any_client_cert::AnyClientCert};

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or holds not what it should.
    #[error("{}: {wanted}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
        /// Why it does not.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The name is none of a cipher suite that is built in.
    #[error("http.tls.ciphersuites: {0} is not built in; there are {1}")]
    CipherSuite(String, String),
    /// What was set does not go together.
    #[error("http.tls: {0}")]
    Settings(#[from] rustls::Error),
    /// The authorities cannot judge clients.
    #[error("http.tls.clientcas: no usable authority")]
    ClientCas(#[from] rustls::server::VerifierBuilderError),
}

/// Reads all files, to say early what is wrong with them.
///
/// # Errors
/// Which file is not usable, or what does not go together.
pub fn check_tls(settings: &TlsSettings) -> Result<(), TlsError> {
    server_config(settings, false).map(drop)
}

/// The TLS configuration in force.
pub(crate) struct Tls {
    settings: TlsSettings,
    http2: bool,
    current: ArcSwap<ServerConfig>,
    /// When the files were last changed, as of the last attempt to read them.
    seen: Mutex<Vec<Option<SystemTime>>>,
}

impl Tls {
    /// Reads all files.
    pub(crate) fn load(settings: TlsSettings, http2: bool) -> Result<Self, TlsError> {
        let seen = Mutex::new(modification_times(&settings));
        let current = ArcSwap::from_pointee(server_config(&settings, http2)?);
        Ok(Self { settings, http2, current, seen })
    }

    /// What new connections use.
    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }

    /// Whether clients get in only with certificates of the named authorities, if with any.
    pub(crate) fn vouches_for_clients(&self) -> bool {
        matches!(self.settings.client_auth, ClientAuth::VerifyIfGiven | ClientAuth::RequireAndVerify)
    }

    /// Reads all files again. If that fails, what was in force stays so.
    pub(crate) fn reload(&self) -> Result<(), TlsError> {
        let times = modification_times(&self.settings);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = times;
        self.current.store(Arc::new(server_config(&self.settings, self.http2)?));
        Ok(())
    }

    /// Reads all files again if one of them has changed since the last attempt. A certificate and its key are seldom
    /// replaced at the same moment: the attempt between fails, and the second change makes another.
    pub(crate) fn reload_if_changed(&self) {
        let times = modification_times(&self.settings);
        if *self.seen.lock().unwrap_or_else(PoisonError::into_inner) == times {
            return;
        }
        match self.reload() {
            Ok(()) => tracing::info!("read changed TLS files"),
            Err(error) => {
                let error = longshore_types::error_chain(&error);
                tracing::error!(
                    error,
                    "changed TLS files are not usable, going on with what was read before"
                );
            }
        }
    }
}

fn modification_times(settings: &TlsSettings) -> Vec<Option<SystemTime>> {
    let files = [&settings.certificate, &settings.key].into_iter().chain(&settings.client_cas);
    files.map(|path| std::fs::metadata(path).and_then(|found| found.modified()).ok()).collect()
}

fn server_config(settings: &TlsSettings, http2: bool) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(provider(&settings.cipher_suites)?);
    let certificates = certificates(&settings.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&settings.key).map_err(|error| TlsError::File {
        path: settings.key.clone(),
        wanted: "not a private key in PEM form",
        source: error.into(),
    })?;
    let mut config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions(settings.minimum_version))?
        .with_client_cert_verifier(client_verifier(settings, &provider)?)
        .with_single_cert(certificates, key)?;
    // Clients come back by what they were given, however many they are; the default remembers 256 sessions. Sealed by
    // keys of this configuration: who was let in by other settings does not come back by it.
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    if http2 {
        config.alpn_protocols.push(b"h2".to_vec());
    }
    config.alpn_protocols.push(b"http/1.1".to_vec());
    Ok(config)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed =
        |source| TlsError::File { path: path.to_owned(), wanted: "not certificates in PEM form", source };
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| failed(error.into()))?;
    if found.is_empty() { Err(failed("there is none in it".into())) } else { Ok(found) }
}

fn versions(minimum: TlsVersion) -> Vec<&'static SupportedProtocolVersion> {
    let all = [(TlsVersion::Tls13, &rustls::version::TLS13), (TlsVersion::Tls12, &rustls::version::TLS12)];
    all.into_iter().filter(|(version, _)| *version >= minimum).map(|(_, supported)| supported).collect()
}

/// The cryptography, cut down to the named cipher suites.
fn provider(names: &[String]) -> Result<CryptoProvider, TlsError> {
    let mut provider = aws_lc_rs::default_provider();
    if names.is_empty() {
        return Ok(provider);
    }
    // Go, and so distribution, writes TLS_AES_… for what rustls calls TLS13_AES_….
    let name_of =
        |suite: &rustls::SupportedCipherSuite| format!("{:?}", suite.suite()).replacen("TLS13_", "TLS_", 1);
    let built_in = std::mem::take(&mut provider.cipher_suites);
    for name in names {
        let found = built_in.iter().find(|suite| name_of(suite) == *name);
        let suite = found.ok_or_else(|| {
            let known: Vec<_> = built_in.iter().map(name_of).collect();
            TlsError::CipherSuite(name.clone(), known.join(", "))
        })?;
        provider.cipher_suites.push(*suite);
    }
    Ok(provider)
}

fn client_verifier(
    settings: &TlsSettings,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let authorities = || -> Result<_, TlsError> {
        let mut roots = RootCertStore::empty();
        for path in &settings.client_cas {
            for certificate in certificates(path)? {
                roots.add(certificate)?;
            }
        }
        Ok(WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)))
    };
    Ok(match settings.client_auth {
        ClientAuth::None => WebPkiClientVerifier::no_client_auth(),
        ClientAuth::Request => Arc::new(AnyClientCert::new(provider, false)),
        ClientAuth::RequireAny => Arc::new(AnyClientCert::new(provider, true)),
        ClientAuth::VerifyIfGiven => authorities()?.allow_unauthenticated().build()?,
        ClientAuth::RequireAndVerify => authorities()?.build()?,
    })
}
