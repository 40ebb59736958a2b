//! `auth.token`.
use std::path::PathBuf;

use longshore_types::Timestamp;

use crate::{AuthError, Caller, SettingsError};

/// What `auth.token` says.
#[derive(Clone, Debug, Default)]
pub struct TokenSettings {
    /// Where clients get tokens. From `auth.token.realm`.
    pub realm: String,
    /// What tokens must name as audience. From `auth.token.service`.
    pub service: String,
    /// Who must have issued them. From `auth.token.issuer`.
    pub issuer: String,
    /// A PEM file of certificates. From `auth.token.rootcertbundle`.
    pub root_certificates: Option<PathBuf>,
    /// A JSON file of keys. From `auth.token.jwks`.
    pub jwks: Option<PathBuf>,
    /// Signature algorithms accepted; empty for all that use a public key. From `auth.token.signingalgorithms`.
    pub algorithms: Vec<String>,
    /// A path on this very host instead of the realm. From `auth.token.autoredirect` and `autoredirectpath`.
    pub redirect_path: Option<String>,
}

/// Checks tokens of an external token service.
#[derive(Debug)]
pub struct TokenVerifier {
    settings: TokenSettings,
}

impl TokenVerifier {
    /// Reads the keys.
    ///
    /// # Errors
    /// When a setting is missing or a file cannot be used.
    pub fn new(settings: TokenSettings) -> Result<Self, SettingsError> {
        Ok(Self { settings })
    }

    pub(crate) fn realm(&self, origin: &str) -> String {
        match &self.settings.redirect_path {
            Some(path) => format!("{origin}{path}"),
            None => self.settings.realm.clone(),
        }
    }

    pub(crate) fn service(&self) -> &str {
        &self.settings.service
    }

    pub(crate) fn authenticate(
        &self,
        _authorization: Option<&str>,
        _now: Timestamp,
    ) -> Result<Caller, AuthError> {
        Err(AuthError::Missing)
    }
}
