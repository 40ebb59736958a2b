//! A token service of our own, without the service: tokens for a Longshore that was started for it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde_json::json;

use super::authorization::Token;

const ISSUER: &str = "longshore-bench";
const SERVICE: &str = "longshore";
const KEY_ID: &str = "bench";
/// As long as Docker's own service has them.
const LIFETIME: Duration = Duration::from_secs(300);

/// Signs tokens with a key that one server knows (ES256).
pub(super) struct TokenIssuer {
    key: EncodingKey,
    /// The public key, for the server.
    key_set: PathBuf,
}

impl TokenIssuer {
    /// Makes a key and writes its public part to `folder`.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(super) fn write(folder: &Path) -> Result<Self> {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let key = EncodingKey::from_ec_der(&pair.serialize_der());
        let mut public = Jwk::from_encoding_key(&key, Algorithm::ES256)?;
        public.common.key_id = Some(KEY_ID.to_owned());
        let key_set = folder.join("keys.json");
        fs::write(&key_set, json!({ "keys": [public] }).to_string())
            .with_context(|| format!("could not write {}", key_set.display()))?;
        Ok(Self { key, key_set })
    }

    /// What the server's configuration says of it.
    pub(super) fn section(&self) -> String {
        format!(
            "auth:\n  token:\n    realm: http://127.0.0.1/token\n    service: {SERVICE}\n    issuer: {ISSUER}\n    jwks: {}\n",
            self.key_set.display()
        )
    }

    /// A token for a scope, such as `repository:a/b:pull,push`; for an empty one it allows nothing.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub(super) fn token(&self, scope: &str) -> Result<Token> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let access: Vec<_> = access(scope).into_iter().collect();
        let claims = json!({
            "iss": ISSUER, "aud": SERVICE, "sub": "bench", "jti": scope,
            "nbf": now.as_secs(), "iat": now.as_secs(), "exp": (now + LIFETIME).as_secs(),
            "access": access,
        });
        let header = Header { kid: Some(KEY_ID.to_owned()), ..Header::new(Algorithm::ES256) };
        Ok(Token::new(jsonwebtoken::encode(&header, &claims, &self.key)?, LIFETIME))
    }
}

/// A scope as tokens have it. The name may hold colons no more than a repository's does.
fn access(scope: &str) -> Option<serde_json::Value> {
    let (kind, rest) = scope.split_once(':')?;
    let (name, actions) = rest.rsplit_once(':')?;
    Some(json!({ "type": kind, "name": name, "actions": actions.split(',').collect::<Vec<_>>() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_become_access() {
        let expected = json!({ "type": "repository", "name": "a/b", "actions": ["pull", "push"] });
        assert_eq!(access("repository:a/b:pull,push"), Some(expected));
        assert_eq!(access(""), None);
    }
}
