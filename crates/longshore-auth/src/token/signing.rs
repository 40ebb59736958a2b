//! Keys of our own that sign tokens: Ed25519, made here, several at a time so that one can follow another without a token
//! being refused.

use std::{fmt, sync::Arc, time::Duration};

use aws_lc_rs::{
    encoding::AsDer as _,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    DecodingKey, EncodingKey,
    jwk::{
        AlgorithmParameters, CommonParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm,
        OctetKeyPairParameters, OctetKeyPairType, PublicKeyUse, ThumbprintHash,
    },
};
use longshore_types::Timestamp;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// What is kept is no Ed25519 key in PKCS #8.
    #[error("not an Ed25519 private key in PKCS #8")]
    Malformed,
    /// The cryptographic library failed.
    #[error("cannot make a signing key")]
    Failed,
    /// Nothing can be signed without a key.
    #[error("there is no signing key")]
    None,
}

/// A key that signs tokens. Prints without what is secret.
pub struct SigningKey {
    id: String,
    created_at: Timestamp,
    private: Vec<u8>,
    pub(super) encoding: EncodingKey,
    pub(super) decoding: DecodingKey,
    public: Jwk,
}

impl SigningKey {
    /// A new one.
    ///
    /// # Errors
    /// [`SigningKeyError::Failed`].
    pub fn generate(now: Timestamp) -> Result<Self, SigningKeyError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| SigningKeyError::Failed)?;
        let private: aws_lc_rs::encoding::Pkcs8V2Der<'_> =
            pair.as_der().map_err(|_| SigningKeyError::Failed)?;
        Self::of(&pair, private.as_ref().to_vec(), now)
    }

    /// One that was kept: what [`Self::private_key`] gave, and when it was made.
    ///
    /// # Errors
    /// [`SigningKeyError::Malformed`].
    pub fn from_private_key(private: &[u8], created_at: Timestamp) -> Result<Self, SigningKeyError> {
        let pair = Ed25519KeyPair::from_pkcs8(private).map_err(|_| SigningKeyError::Malformed)?;
        Self::of(&pair, private.to_vec(), created_at)
    }

    fn of(pair: &Ed25519KeyPair, private: Vec<u8>, created_at: Timestamp) -> Result<Self, SigningKeyError> {
        let mut public = Jwk {
            common: CommonParameters {
                public_key_use: Some(PublicKeyUse::Signature),
                key_algorithm: Some(KeyAlgorithm::EdDSA),
                ..CommonParameters::default()
            },
            algorithm: AlgorithmParameters::OctetKeyPair(OctetKeyPairParameters {
                key_type: OctetKeyPairType::OctetKeyPair,
                curve: EllipticCurve::Ed25519,
                x: URL_SAFE_NO_PAD.encode(pair.public_key().as_ref()),
            }),
        };
        let id = public.thumbprint(ThumbprintHash::SHA256).map_err(|_| SigningKeyError::Failed)?;
        public.common.key_id = Some(id.clone());
        let decoding = DecodingKey::from_jwk(&public).map_err(|_| SigningKeyError::Failed)?;
        let encoding = EncodingKey::from_ed_der(&private);
        Ok(Self { id, created_at, private, encoding, decoding, public })
    }

    /// Its name in tokens (`kid`): the SHA-256 thumbprint of its public half (RFC 7638, RFC 8037 appendix A.3).
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When it was made.
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// The whole key in PKCS #8 (DER), to be kept where nobody reads it.
    pub fn private_key(&self) -> &[u8] {
        &self.private
    }

    /// Its public half, which anybody may see.
    pub fn public(&self) -> &Jwk {
        &self.public
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.id)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}

/// When keys follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRotation {
    /// How long a key signs before the next is made.
    pub every: Duration,
    /// How long a new key is published before it signs: longer than replicas and others take to learn of it.
    pub lead: Duration,
    /// How long a key is still good for verifying once the next one signs: longer than a token lives.
    pub overlap: Duration,
}

impl Default for KeyRotation {
    /// Every 30 days; five minutes; an hour.
    fn default() -> Self {
        Self {
            every: Duration::from_secs(30 * 24 * 3600),
            lead: Duration::from_secs(5 * 60),
            overlap: Duration::from_secs(3600),
        }
    }
}

/// The keys of the present: one signs, all verify. There is always one.
#[derive(Clone, Debug)]
pub struct SigningKeys {
    /// The newest first.
    keys: Vec<Arc<SigningKey>>,
}

impl SigningKeys {
    /// These keys, in any order.
    ///
    /// # Errors
    /// [`SigningKeyError::None`].
    pub fn new(keys: impl IntoIterator<Item = SigningKey>) -> Result<Self, SigningKeyError> {
        let mut keys: Vec<_> = keys.into_iter().map(Arc::new).collect();
        // Replicas must agree about two keys of the same moment.
        keys.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.id.cmp(&b.id)));
        if keys.is_empty() { Err(SigningKeyError::None) } else { Ok(Self { keys }) }
    }

    /// The keys, the newest first.
    pub fn iter(&self) -> impl Iterator<Item = &SigningKey> {
        self.keys.iter().map(|key| &**key)
    }

    /// The key that signs now: the newest that everybody had time to learn of, else the oldest.
    pub fn signing(&self, rotation: &KeyRotation, now: Timestamp) -> &SigningKey {
        let known = self.iter().find(|key| key.created_at.after(rotation.lead) <= now);
        known.unwrap_or_else(|| &self.keys[self.keys.len() - 1])
    }

    /// Whether it is time to make a new key.
    pub fn is_due(&self, rotation: &KeyRotation, now: Timestamp) -> bool {
        self.keys[0].created_at.after(rotation.every) <= now
    }

    /// The keys that no good token can be signed with any more, to be forgotten.
    pub fn retired(&self, rotation: &KeyRotation, now: Timestamp) -> Vec<&SigningKey> {
        let successors = self.iter();
        let older = self.iter().skip(1);
        let is_retired = |(successor, _): &(&SigningKey, &SigningKey)| {
            successor.created_at.after(rotation.lead).after(rotation.overlap) <= now
        };
        successors.zip(older).filter(is_retired).map(|(_, key)| key).collect()
    }

    /// The public halves as a JSON Web Key Set (RFC 7517), for others who verify our tokens.
    pub fn jwks(&self) -> JwkSet {
        JwkSet { keys: self.iter().map(|key| key.public.clone()).collect() }
    }
}
