//! Keeping what is secret in the index without whoever reads the index being able to use it: AES-256-GCM under a key that
//! is kept elsewhere.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::Secret;

/// Bytes of a key.
const KEY_BYTES: usize = 32;

/// Why nothing was sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The text of the key is not base64 of 32 bytes.
    #[error("not a secret key: 32 bytes in base64")]
    Malformed,
    /// It was sealed with another key or for another purpose, or it was changed.
    #[error("sealed with another secret key, or damaged")]
    Foreign,
    /// The cryptographic library failed.
    #[error("cannot encrypt")]
    Failed,
}

/// The key that seals secrets. Prints without what is secret.
pub struct SecretKey {
    key: RandomizedNonceKey,
}

impl SecretKey {
    /// The text of a new one, for a file that nobody else reads.
    ///
    /// # Panics
    /// When the system has no random bytes to give.
    pub fn generate() -> Secret {
        let mut bytes = [0_u8; KEY_BYTES];
        getrandom::fill(&mut bytes).expect("the system gives random bytes");
        Secret::new(STANDARD.encode(bytes))
    }

    /// From its text; white space around it is passed over.
    ///
    /// # Errors
    /// [`SealError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, SealError> {
        let bytes = STANDARD.decode(text.trim()).map_err(|_| SealError::Malformed)?;
        if bytes.len() != KEY_BYTES {
            return Err(SealError::Malformed);
        }
        let key = RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| SealError::Malformed)?;
        Ok(Self { key })
    }

    /// Seals something for one purpose: only who names the same opens it, so that what is sealed in one place of the index
    /// cannot be put in another.
    ///
    /// # Errors
    /// [`SealError::Failed`].
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut text = plain.to_vec();
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(purpose.as_bytes()), &mut text)
            .map_err(|_| SealError::Failed)?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut text);
        Ok(sealed)
    }

    /// Opens what [`Self::seal`] gave.
    ///
    /// # Errors
    /// [`SealError::Foreign`].
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or(SealError::Foreign)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Foreign)?;
        let mut text = text.to_vec();
        let aad = Aad::from(purpose.as_bytes());
        let plain = self.key.open_in_place(nonce, aad, &mut text).map_err(|_| SealError::Foreign)?;
        Ok(plain.to_vec())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_can_be_opened_with_the_same_key_for_the_same_purpose_only() {
        let text = SecretKey::generate();
        let key = SecretKey::parse(&format!(" {}\n", text.reveal())).unwrap();
        let other = SecretKey::parse(SecretKey::generate().reveal()).unwrap();
        let sealed = key.seal("a", b"hidden").unwrap();
        assert_ne!(sealed, key.seal("a", b"hidden").unwrap(), "never twice the same");
        assert!(!sealed.windows(6).any(|window| window == b"hidden"));
        assert_eq!(SecretKey::parse(text.reveal()).unwrap().open("a", &sealed).unwrap(), b"hidden");
        assert_eq!(key.open("b", &sealed), Err(SealError::Foreign));
        assert_eq!(other.open("a", &sealed), Err(SealError::Foreign));
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert_eq!(key.open("a", &damaged), Err(SealError::Foreign), "byte {at}");
            assert_eq!(key.open("a", &sealed[..at]), Err(SealError::Foreign), "cut at {at}");
        }
    }

    #[test]
    fn keys_have_one_form_and_do_not_print() {
        for bad in ["", "x", "AAAA", &"A".repeat(43), &STANDARD.encode([0; 33])] {
            assert_eq!(SecretKey::parse(bad).map(drop), Err(SealError::Malformed), "{bad}");
        }
        let text = SecretKey::generate();
        assert!(!format!("{:?} {text:?}", SecretKey::parse(text.reveal())).contains(text.reveal()));
    }
}
