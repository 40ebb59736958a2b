//! The public keys of an issuer (JSON Web Key Set, RFC 7517).

use jsonwebtoken::{Algorithm, DecodingKey, jwk::Jwk};
use serde_json::{Map, Value};

use super::{Claims, SignedToken, TokenError, token::is_accepted};

/// Most keys of one issuer. The largest publish about twenty.
const KEYS_MAX: usize = 100;

/// For what a set's keys are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// `"use": "sig"`, or none.
    Signature,
    /// `"use": "jwt-svid"`, as a SPIFFE bundle has it; no other will do.
    JwtSvid,
}

/// Keys by which tokens may be signed.
#[derive(Default)]
pub(crate) struct KeySet(Vec<Key>);

struct Key {
    id: Option<String>,
    /// What the key may be used with: of its own kind, and what it says itself.
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

impl KeySet {
    /// Reads a set. Keys that are of no use here are left out, also such as nobody knows yet.
    pub(crate) fn parse(json: &[u8], purpose: Purpose) -> Result<Self, String> {
        let mut set: Map<String, Value> =
            serde_json::from_slice(json).map_err(|error| format!("not a key set: {error}"))?;
        match set.remove("keys") {
            Some(Value::Array(keys)) => {
                Ok(Self(keys.into_iter().filter_map(|key| Key::read(key, purpose)).take(KEYS_MAX).collect()))
            }
            _ => Err("not a key set: it has no keys".to_owned()),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The claims of a token that one of these keys signed.
    pub(crate) fn verify(&self, token: &SignedToken<'_>) -> Result<Claims, TokenError> {
        let mut named = false;
        for key in self.0.iter().filter(|key| key.algorithms.contains(&token.algorithm)) {
            match (&token.key_id, &key.id) {
                (Some(wanted), Some(id)) if wanted == id => named = true,
                (Some(_), Some(_)) => continue,
                // Who publishes or signs without ids has all keys tried.
                _ => {}
            }
            let message = token.message.as_bytes();
            if let Ok(true) =
                jsonwebtoken::crypto::verify(token.signature, message, &key.key, token.algorithm)
            {
                return Ok(token.claims().clone());
            }
        }
        // Without an id it may be by a key that is newer than this set.
        Err(if named { TokenError::Signature } else { TokenError::UnknownKey })
    }
}

impl Key {
    fn read(value: Value, purpose: Purpose) -> Option<Self> {
        let Value::Object(mut fields) = value else { return None };
        let text = |fields: &Map<String, Value>, name: &str| Some(fields.get(name)?.as_str()?.to_owned());
        let used = fields.remove("use");
        let fits = matches!(
            (purpose, used.as_ref().map(Value::as_str)),
            (Purpose::Signature, None | Some(Some("sig"))) | (Purpose::JwtSvid, Some(Some("jwt-svid")))
        );
        // What the key says that it is for; a private key has no place in a public set.
        if !fits || fields.contains_key("d") {
            return None;
        }
        let of_its_kind: &[Algorithm] =
            match (text(&fields, "kty")?.as_str(), text(&fields, "crv").as_deref()) {
                ("RSA", _) => &[
                    Algorithm::RS256,
                    Algorithm::RS384,
                    Algorithm::RS512,
                    Algorithm::PS256,
                    Algorithm::PS384,
                    Algorithm::PS512,
                ],
                ("EC", Some("P-256")) => &[Algorithm::ES256],
                ("EC", Some("P-384")) => &[Algorithm::ES384],
                ("OKP", Some("Ed25519")) => &[Algorithm::EdDSA],
                // Shared secrets ("oct") and what is not known.
                _ => return None,
            };
        let mut algorithms = of_its_kind.to_vec();
        if let Some(own) = fields.remove("alg") {
            // RFC 9864 gives Ed25519 a name of its own.
            let own = match own.as_str()? {
                "Ed25519" => Algorithm::EdDSA,
                name => name.parse().ok()?,
            };
            algorithms.retain(|algorithm| *algorithm == own);
        }
        algorithms.retain(|algorithm| is_accepted(*algorithm));
        if algorithms.is_empty() {
            return None;
        }
        // These say more about its use, in words that may be new.
        fields.retain(|name, _| matches!(name.as_str(), "kty" | "crv" | "n" | "e" | "x" | "y" | "kid"));
        let id = text(&fields, "kid");
        let jwk: Jwk = serde_json::from_value(Value::Object(fields)).ok()?;
        Some(Self { id, algorithms, key: DecodingKey::from_jwk(&jwk).ok()? })
    }
}

impl std::fmt::Debug for KeySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| (&key.id, &key.algorithms))).finish()
    }
}
