//! Tokens of issuers that tests make up.

use ::base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, jwk::Jwk};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256};
use serde_json::{Value, json};

/// How many bytes of PKCS #8 stand before the RSA key itself, for 2,048 bits.
const RSA_PREFIX: usize = 26;

/// A private key that signs JSON Web Tokens, with its public half.
pub struct TokenSigner {
    id: String,
    algorithm: Algorithm,
    key: EncodingKey,
    pair: KeyPair,
}

impl TokenSigner {
    /// A new key for ES256.
    pub fn es256(id: &str) -> Self {
        Self::new(id, Algorithm::ES256)
    }

    /// A new key for RS256.
    pub fn rs256(id: &str) -> Self {
        Self::new(id, Algorithm::RS256)
    }

    /// A new key for that algorithm.
    ///
    /// # Panics
    /// For one that is none of ES256, ES384, EdDSA and the RSA family.
    pub fn new(id: &str, algorithm: Algorithm) -> Self {
        let kind = match algorithm {
            Algorithm::ES256 => &PKCS_ECDSA_P256_SHA256,
            Algorithm::ES384 => &PKCS_ECDSA_P384_SHA384,
            Algorithm::EdDSA => &PKCS_ED25519,
            Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => {
                panic!("{algorithm:?} has no public key")
            }
            _ => &PKCS_RSA_SHA256,
        };
        let pair = KeyPair::generate_for(kind).expect("a key can be made");
        let der = pair.serialize_der();
        let key = match algorithm {
            Algorithm::ES256 | Algorithm::ES384 => EncodingKey::from_ec_der(&der),
            Algorithm::EdDSA => EncodingKey::from_ed_der(&der),
            _ => EncodingKey::from_rsa_der(&der[RSA_PREFIX..]),
        };
        Self { id: id.to_owned(), algorithm, key, pair }
    }

    /// The public key, as a key set has it.
    ///
    /// # Panics
    /// Never: the key was made here.
    pub fn jwk(&self) -> Value {
        let mut jwk = match self.algorithm {
            // The library knows them in another encoding only.
            Algorithm::EdDSA => {
                json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": URL_SAFE_NO_PAD.encode(self.public_key()) })
            }
            _ => {
                let jwk = Jwk::from_encoding_key(&self.key, self.algorithm).expect("the key is one");
                serde_json::to_value(jwk).expect("a key is JSON")
            }
        };
        jwk["kid"] = json!(self.id);
        jwk["use"] = json!("sig");
        jwk
    }

    /// The public key in bytes, for those who would use it as a secret.
    pub fn public_key(&self) -> &[u8] {
        self.pair.public_key_raw()
    }

    /// A token with these claims.
    ///
    /// # Panics
    /// Never: the key was made here.
    pub fn sign(&self, claims: &Value) -> String {
        let header = json!({ "alg": format!("{:?}", self.algorithm), "kid": self.id, "typ": "JWT" });
        self.sign_with(&header, claims)
    }

    /// A token with any header, signed as this key signs whatever the header says.
    ///
    /// # Panics
    /// Never: the key was made here.
    pub fn sign_with(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.key, self.algorithm);
        format!("{message}.{}", signature.expect("the key signs"))
    }
}

/// A token signed by a shared secret.
///
/// # Panics
/// Never.
pub fn sign_by_secret(secret: &[u8], key_id: &str, claims: &Value) -> String {
    let message = message(&json!({ "alg": "HS256", "kid": key_id }), claims);
    let key = EncodingKey::from_secret(secret);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256);
    format!("{message}.{}", signature.expect("any secret signs"))
}

/// Header and claims of a token, unsigned.
pub fn message(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}
