//! A token before anything of it is believed.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;

use super::{Claims, TokenError};

/// Longest token considered. Those with hundreds of groups come to some KiB.
pub(super) const TOKEN_BYTES_MAX: usize = 32 * 1024;

/// Algorithms that use a public key. One with a shared secret is never accepted: a public key must not be taken for the
/// secret.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// A token whose parts were read, and nothing verified.
#[derive(Debug)]
pub(crate) struct SignedToken<'a> {
    pub(super) message: &'a str,
    pub(super) signature: &'a str,
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
    /// What it calls itself (`typ`).
    kind: Option<String>,
    claims: Claims,
}

impl<'a> SignedToken<'a> {
    pub(crate) fn parse(token: &'a str) -> Result<Self, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::TooLong);
        }
        let malformed = |error: &dyn std::fmt::Display| TokenError::Malformed(error.to_string());
        let (message, signature) = token.rsplit_once('.').ok_or_else(|| malformed(&"it has no parts"))?;
        let (head, payload) = message.split_once('.').ok_or_else(|| malformed(&"it has two parts"))?;
        if payload.contains('.') {
            return Err(malformed(&"it has more than three parts"));
        }
        let header = header(head)?;
        let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|error| malformed(&error))?;
        let claims = serde_json::from_slice(&payload).map_err(|error| malformed(&error))?;
        let Header { algorithm, key_id, kind } = header;
        Ok(Self { message, signature, algorithm, key_id, kind, claims: Claims::new(claims) })
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What it calls itself, such as `JWT`.
    pub(crate) fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    /// Who says that they issued it: for choosing with whose keys it is verified, and nothing else.
    pub(crate) fn claimed_issuer(&self) -> Option<&str> {
        self.claims.text("iss")
    }

    /// Whom it says that it is about: for the same.
    pub(crate) fn claimed_subject(&self) -> Option<&str> {
        self.claims.text("sub")
    }

    /// The claims, for [`super::KeySet::verify`] to give out.
    pub(super) fn claims(&self) -> &Claims {
        &self.claims
    }
}

struct Header {
    algorithm: Algorithm,
    key_id: Option<String>,
    kind: Option<String>,
}

/// Keys that a token brings along (`jwk`, `jku`, `x5c`, `x5u`) are not looked at.
fn header(text: &str) -> Result<Header, TokenError> {
    let malformed = |error: String| TokenError::Malformed(error);
    let json = URL_SAFE_NO_PAD.decode(text).map_err(|error| malformed(error.to_string()))?;
    let header: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&json).map_err(|error| malformed(error.to_string()))?;
    if header.contains_key("crit") {
        return Err(malformed("it asks for extensions (crit)".to_owned()));
    }
    if header.contains_key("b64") || header.contains_key("enc") {
        return Err(malformed("its header is that of something else".to_owned()));
    }
    let text = |name: &str| header.get(name).map(|value| value.as_str().map(str::to_owned));
    let Some(Some(algorithm)) = text("alg") else { return Err(TokenError::Algorithm) };
    let algorithm: Algorithm = algorithm.parse().map_err(|_| TokenError::Algorithm)?;
    if !ALGORITHMS.contains(&algorithm) {
        return Err(TokenError::Algorithm);
    }
    match (text("kid"), text("typ")) {
        (Some(None), _) | (_, Some(None)) => Err(malformed("its header is not that of a token".to_owned())),
        (key_id, kind) => Ok(Header { algorithm, key_id: key_id.flatten(), kind: kind.flatten() }),
    }
}

/// Whether an algorithm is one that uses a public key.
pub(super) fn is_accepted(algorithm: Algorithm) -> bool {
    ALGORITHMS.contains(&algorithm)
}
