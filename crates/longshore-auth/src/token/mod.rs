//! Distribution's scheme of a token service (its "Token Authentication Specification"): an external one (`auth.token`), or
//! our own. Both kinds of tokens are verified by the same code.
//!
//! A token is a JWT that names what its bearer may do. It is good when a key that the operator trusts signed it, for
//! this service, by the expected issuer, and now lies in its time.

mod certificate;
mod claims;
mod issue;
mod keys;
mod signing;
mod verified;

use std::{
    collections::HashSet,
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use longshore_types::Timestamp;

use self::{claims::Claims, keys::TrustedKeys, verified::VerifiedTokens};
pub use self::{
    issue::{IssueError, IssuedToken, IssuerSettings, TokenIssuer, TokenRights},
    signing::{KeyRotation, SigningKey, SigningKeyError, SigningKeys},
};
use crate::{
    AuthError, Caller, ChallengeProblem, Scope, SettingsError, authenticator::credentials, challenge,
};

/// Longest token considered, in bytes.
const TOKEN_BYTES_MAX: usize = 32 * 1024;
/// How far the clocks of token service and registry may be apart; distribution's value.
const LEEWAY: Duration = Duration::from_secs(60);
/// Largest file of certificates or keys read, in bytes.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Signature algorithms that use a public key. Those with a shared secret are never accepted: the public key of one
/// kind must not be taken for the secret of the other.
const ALGORITHMS: [(&str, Algorithm); 9] = [
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("RS512", Algorithm::RS512),
    ("PS256", Algorithm::PS256),
    ("PS384", Algorithm::PS384),
    ("PS512", Algorithm::PS512),
    ("ES256", Algorithm::ES256),
    ("ES384", Algorithm::ES384),
    ("EdDSA", Algorithm::EdDSA),
];

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

/// Checks tokens.
pub struct TokenVerifier {
    settings: TokenSettings,
    algorithms: HashSet<Algorithm>,
    /// Changed under the lock of `verified` only.
    keys: ArcSwap<TrustedKeys>,
    /// All of them verified with the present keys.
    verified: Mutex<VerifiedTokens>,
}

impl fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenVerifier").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl TokenVerifier {
    /// Reads the keys.
    ///
    /// # Errors
    /// When an algorithm is unknown or a file cannot be used.
    pub fn new(settings: TokenSettings) -> Result<Self, SettingsError> {
        let mut keys = TrustedKeys::default();
        if let Some(path) = &settings.root_certificates {
            let refuse = |error: String| refuse("rootcertbundle", path, &error);
            keys.add_certificates(&read(path).map_err(|error| refuse(error.to_string()))?).map_err(refuse)?;
        }
        if let Some(path) = &settings.jwks {
            let refuse = |error: String| refuse("jwks", path, &error);
            keys.add_jwks(&read(path).map_err(|error| refuse(error.to_string()))?).map_err(refuse)?;
        }
        if keys.is_empty() {
            return Err(SettingsError(
                "auth.token.rootcertbundle or auth.token.jwks must be set: without a key no token can be verified"
                    .to_owned(),
            ));
        }
        let algorithms = algorithms(&settings.algorithms)?;
        Ok(Self { settings, algorithms, keys: ArcSwap::from_pointee(keys), verified: Mutex::default() })
    }

    /// For tokens that these keys of our own signed; the files and algorithms of the settings are not used.
    pub fn of_own_keys(settings: TokenSettings, keys: &SigningKeys) -> Self {
        Self {
            settings,
            algorithms: HashSet::from([Algorithm::EdDSA]),
            keys: ArcSwap::from_pointee(TrustedKeys::own(keys)),
            verified: Mutex::default(),
        }
    }

    /// Takes these keys of our own from now on. Every token is looked at again, also those that were found good.
    pub fn swap_keys(&self, keys: &SigningKeys) {
        let keys = Arc::new(TrustedKeys::own(keys));
        let mut verified = self.lock();
        self.keys.store(keys);
        verified.clear();
    }

    /// The `WWW-Authenticate` header that sends a client to the token service, as in
    /// [`Authenticator::challenge`](crate::Authenticator::challenge).
    pub fn challenge(&self, scopes: &[Scope], problem: Option<ChallengeProblem>, origin: &str) -> String {
        challenge::bearer(&self.realm(origin), self.service(), scopes, problem)
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
        authorization: Option<&str>,
        now: Timestamp,
    ) -> Result<Caller, AuthError> {
        self.verify(credentials(authorization, "Bearer")?, now)
    }

    /// Who bears a token.
    ///
    /// # Errors
    /// [`AuthError::Invalid`].
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Caller, AuthError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(AuthError::invalid("the token is too long"));
        }
        if let Some(caller) = self.lock().find(token, now) {
            return Ok(caller);
        }
        let keys = self.keys.load();
        let claims = self.check(token, &keys, now).map_err(AuthError::invalid)?;
        let until = claims.valid_until(LEEWAY);
        let caller = claims.into_caller();
        self.remember(token, caller.clone(), until, &keys);
        Ok(caller)
    }

    /// Checks signature, audience, issuer and time.
    fn check(&self, token: &str, keys: &TrustedKeys, now: Timestamp) -> Result<Claims, String> {
        let header = jsonwebtoken::decode_header(token).map_err(|error| error.to_string())?;
        if !self.algorithms.contains(&header.alg) {
            return Err(format!("signed by {:?}, which is not accepted", header.alg));
        }
        if header.crit.is_some() {
            return Err("the header asks for extensions (crit) that are unknown here".to_owned());
        }
        let key = keys.select(&header, now)?;
        let (message, signature) = token.rsplit_once('.').ok_or("not a token")?;
        // The key's own kind decides, not what the token says of itself: `verify` fails for a key of another kind.
        match jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key, header.alg) {
            Ok(true) => {}
            Ok(false) => return Err("the signature does not match".to_owned()),
            Err(error) => return Err(error.to_string()),
        }
        let (_, payload) = message.split_once('.').ok_or("not a token")?;
        let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|error| error.to_string())?;
        let claims: Claims = serde_json::from_slice(&payload).map_err(|error| error.to_string())?;
        claims.check(&self.settings.issuer, &self.settings.service, now, LEEWAY)?;
        Ok(claims)
    }

    fn remember(&self, token: &str, caller: Caller, until: Timestamp, keys: &Arc<TrustedKeys>) {
        let mut verified = self.lock();
        // Other keys came meanwhile: whether the token is good by them is not known.
        if Arc::ptr_eq(&self.keys.load(), keys) {
            verified.insert(token, caller, until);
        }
    }

    fn lock(&self) -> MutexGuard<'_, VerifiedTokens> {
        // Nothing that panics happens under the lock; were it so, the map would still be whole.
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn algorithms(names: &[String]) -> Result<HashSet<Algorithm>, SettingsError> {
    if names.is_empty() {
        return Ok(ALGORITHMS.iter().map(|(_, algorithm)| *algorithm).collect());
    }
    let find = |name: &String| {
        let known = ALGORITHMS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        known.map(|(_, algorithm)| *algorithm).ok_or_else(|| {
            let known: Vec<_> = ALGORITHMS.iter().map(|(name, _)| *name).collect();
            SettingsError(format!(
                "auth.token.signingalgorithms: {name:?} is not supported; known are {}",
                known.join(", ")
            ))
        })
    };
    names.iter().map(find).collect()
}

fn refuse(key: &str, path: &Path, error: &str) -> SettingsError {
    SettingsError(format!("auth.token.{key}: {}: {error}", path.display()))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    use io::Read as _;
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 4 MiB"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
