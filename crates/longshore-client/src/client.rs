//! What all registries share: connections, trust, credentials.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use reqwest::redirect::Policy;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use crate::{
    ClientError, CredentialStore, Credentials, Registry, RegistryHost, RegistryRules, Repository,
    RepositoryReference,
};

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a registry may say nothing in the middle of an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// How often a registry may send us elsewhere: to the store behind it.
const REDIRECTS_MAX: usize = 5;

/// What is allowed, and whom to be.
#[derive(Clone, Debug, Default)]
pub struct ClientSettings {
    /// Plain HTTP and certificates that nobody vouches for are taken from every registry. From those on this machine they
    /// always are.
    pub insecure: bool,
    /// Mirrors, other places, and registries that need no certificate or are forbidden.
    pub rules: RegistryRules,
    /// Files of certificates that are trusted beside those of the system.
    pub ca_files: Vec<PathBuf>,
    /// Where credentials are kept.
    pub credentials: CredentialStore,
    /// Those to use instead, for every registry.
    pub given: Option<Credentials>,
}

impl ClientSettings {
    /// Whether plain HTTP and any certificate will do for a registry.
    pub(crate) fn is_insecure(&self, host: &RegistryHost) -> bool {
        self.insecure || self.rules.is_insecure(host)
    }
}

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file of certificates cannot be read.
    #[error("{}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It holds no certificates.
    #[error("{} holds no certificates in PEM form", path.display())]
    NoCertificates {
        /// Which.
        path: PathBuf,
    },
    /// The library refuses.
    #[error("cannot set up TLS")]
    Tls(#[source] reqwest::Error),
}

/// A client of any number of registries. Clones share connections and tokens.
#[derive(Clone, Debug)]
pub struct Client(Arc<Shared>);

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: ClientSettings,
    pub(crate) strict: reqwest::Client,
    pub(crate) trusting: reqwest::Client,
    registries: Mutex<HashMap<RegistryHost, Registry>>,
}

impl Client {
    /// A client with those settings.
    ///
    /// # Errors
    /// If a file of certificates cannot be read.
    pub fn new(settings: ClientSettings) -> Result<Self, SettingsError> {
        let trust = ClientConfig::builder()
            .with_root_certificates(authorities(&settings.ca_files)?)
            .with_no_client_auth();
        let strict = builder().tls_backend_preconfigured(trust).build().map_err(SettingsError::Tls)?;
        let trusting = builder().tls_danger_accept_invalid_certs(true).build().map_err(SettingsError::Tls)?;
        Ok(Self(Arc::new(Shared { settings, strict, trusting, registries: Mutex::default() })))
    }

    /// The registry of that name. Nothing is sent yet.
    pub fn registry(&self, host: &RegistryHost) -> Registry {
        let mut registries = self.0.registries.lock().unwrap_or_else(PoisonError::into_inner);
        let registry = registries
            .entry(host.clone())
            .or_insert_with(|| Registry::new(Arc::clone(&self.0), host.clone()));
        registry.clone()
    }

    /// A repository, as the one that is meant: what is pushed goes there.
    ///
    /// # Errors
    /// [`ClientError::Blocked`] where the rules say so.
    pub fn repository(&self, place: &RepositoryReference) -> Result<Repository, ClientError> {
        if self.0.settings.rules.is_blocked(place) {
            return Err(ClientError::Blocked(place.clone()));
        }
        Ok(self.at(place))
    }

    /// A repository to pull from: its mirrors are asked first, and one that is elsewhere in truth is asked there.
    ///
    /// # Errors
    /// As for [`Client::repository`].
    pub fn source(&self, place: &RepositoryReference) -> Result<Repository, ClientError> {
        let itself = self.repository(place)?;
        let rules = &self.0.settings.rules;
        let mut places = rules.places(place);
        let last = if rules.is_moved(place) { places.pop().map(|place| self.at(&place.at)) } else { None };
        let mirrors = places.into_iter().map(|place| {
            let repository = self.at(&place.at);
            (place, repository)
        });
        Ok(last.unwrap_or(itself).behind(mirrors.collect()))
    }

    fn at(&self, place: &RepositoryReference) -> Repository {
        self.registry(&place.host).repository(&place.repository)
    }
}

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("longshore/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .tcp_nodelay(true)
        .redirect(redirects())
        .referer(false)
}

/// To the store behind a registry, but never from TLS to without.
fn redirects() -> Policy {
    Policy::custom(|attempt| {
        let was_secure = attempt.previous().last().is_some_and(|url| url.scheme() == "https");
        if attempt.previous().len() > REDIRECTS_MAX {
            attempt.error("too many redirections")
        } else if was_secure && attempt.url().scheme() != "https" {
            attempt.error("a redirection from HTTPS to plain HTTP is not followed")
        } else {
            attempt.follow()
        }
    })
}

/// Those of the system, where it has any, and those of the files.
fn authorities(files: &[PathBuf]) -> Result<RootCertStore, SettingsError> {
    let mut authorities = RootCertStore::empty();
    authorities.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for path in files {
        let pem = std::fs::read(path).map_err(|source| SettingsError::File { path: path.clone(), source })?;
        let found: Vec<_> = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).collect();
        if authorities.add_parsable_certificates(found).0 == 0 {
            return Err(SettingsError::NoCertificates { path: path.clone() });
        }
    }
    Ok(authorities)
}
