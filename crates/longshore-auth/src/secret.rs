//! Secrets that this registry makes: of robots, access tokens, first passwords. And how they are kept and compared.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::password;

/// What access tokens begin with, so that people and scanners for leaked secrets know them.
pub const ACCESS_TOKEN_PREFIX: &str = "lsp_";

/// Random characters of an access token: 36 of 62 make 214 bits.
const TOKEN_CHARACTERS: usize = 36;
/// Characters of its check sum.
const CHECK_CHARACTERS: usize = 6;
/// Characters of a robot's secret, as Harbor makes them: 190 bits.
const ROBOT_CHARACTERS: usize = 32;

const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A text that must not be seen by chance: it prints as `***`.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text from being printed.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A new secret of a robot, or a first password: 32 letters and digits, with an upper-case letter, a lower-case one
    /// and a digit among them.
    ///
    /// # Panics
    /// When the system has no random bytes to give.
    pub fn random() -> Self {
        loop {
            let text = random_characters(ROBOT_CHARACTERS);
            // All but one in 250 pass.
            if password::check_new(&text).is_ok() {
                return Self(text);
            }
        }
    }

    /// A new access token: the prefix, 36 random letters and digits, and a check sum of 6.
    ///
    /// # Panics
    /// When the system has no random bytes to give.
    pub fn random_access_token() -> Self {
        let body = format!("{ACCESS_TOKEN_PREFIX}{}", random_characters(TOKEN_CHARACTERS));
        let check = check_sum(&body);
        Self(body + &check)
    }

    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Whether a text is in the form of an access token, check sum included. What is not need not be looked up; what is may
/// still be nobody's.
pub fn is_access_token(text: &str) -> bool {
    let Some(body) = text.len().checked_sub(CHECK_CHARACTERS).and_then(|at| text.split_at_checked(at)) else {
        return false;
    };
    let characters = body.0.strip_prefix(ACCESS_TOKEN_PREFIX).unwrap_or_default();
    characters.len() == TOKEN_CHARACTERS
        && characters.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && check_sum(body.0) == body.1
}

/// Says whether a text was mistyped or cut off, and nothing about who made it.
fn check_sum(body: &str) -> String {
    let hash = Sha256::digest(body.as_bytes());
    hash[..CHECK_CHARACTERS].iter().map(|&byte| char::from(ALPHABET[usize::from(byte) % 62])).collect()
}

/// Letters and digits, each as likely as the other.
fn random_characters(count: usize) -> String {
    let mut text = String::with_capacity(count);
    let mut bytes = [0_u8; 64];
    while text.len() < count {
        getrandom::fill(&mut bytes).expect("the system gives random bytes");
        // 248 is the greatest multiple of 62 in a byte: what lies beyond would favour the first characters.
        let fair = bytes.iter().filter(|&&byte| byte < 248);
        let characters = fair.map(|&byte| char::from(ALPHABET[usize::from(byte) % 62]));
        text.extend(characters.take(count - text.len()));
    }
    text
}

/// What is kept of a secret.
///
/// A secret that was made here has 190 bits of chance: nobody can try them all, however fast a hash is, so SHA-256 keeps
/// it as well as argon2 would, a hash without salt can be looked up by, and a pull by a robot does not pay 20 ms. A
/// secret that somebody chose may be guessed, and is kept as passwords are.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretHash {
    /// SHA-256, of a secret that was made here.
    Fast([u8; 32]),
    /// argon2id, of a secret that somebody chose, in the form of [`password::hash`].
    Slow(String),
}

impl SecretHash {
    /// Of a secret that was made here.
    pub fn of_random(secret: &str) -> Self {
        Self::Fast(Sha256::digest(secret.as_bytes()).into())
    }

    /// Of a secret that somebody chose. Holds its thread as [`password::hash`] does.
    ///
    /// # Errors
    /// As there.
    pub fn of_chosen(secret: &str) -> Result<Self, password::HashError> {
        password::hash(secret).map(Self::Slow)
    }

    /// Whether it is the hash of that secret, in constant time. Holds its thread if the hash [is slow](Self::is_slow).
    pub fn verify(&self, secret: &str) -> bool {
        match self {
            Self::Fast(hash) => {
                let other: [u8; 32] = Sha256::digest(secret.as_bytes()).into();
                hash.ct_eq(&other).into()
            }
            Self::Slow(hash) => password::verify(secret, hash),
        }
    }

    /// Whether [`Self::verify`] should be called where blocking is allowed.
    pub fn is_slow(&self) -> bool {
        matches!(self, Self::Slow(_))
    }

    /// For the index: 32 bytes, or the text of the slow one, which is longer.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Fast(hash) => hash.to_vec(),
            Self::Slow(text) => text.as_bytes().to_vec(),
        }
    }

    /// From the index. What is neither is a slow hash that no secret has.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        match bytes.try_into() {
            Ok(hash) => Self::Fast(hash),
            Err(_) => Self::Slow(String::from_utf8_lossy(bytes).into_owned()),
        }
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_slow() { "SecretHash::Slow(***)" } else { "SecretHash::Fast(***)" })
    }
}

/// A key of this process for remembering which logins were good. What is remembered is useless without it, also to
/// compare with hashes of likely passwords made beforehand.
#[derive(Clone)]
pub struct LoginKey(Hmac<Sha256>);

/// A login as it is remembered.
pub type LoginDigest = [u8; 32];

impl LoginKey {
    /// A new key.
    ///
    /// # Panics
    /// When the system has no random bytes to give.
    pub fn random() -> Self {
        let mut key = [0_u8; 32];
        getrandom::fill(&mut key).expect("the system gives random bytes");
        Self(Hmac::new_from_slice(&key).expect("a key of any length will do"))
    }

    /// What to remember a name and a password, or another secret, by.
    pub fn digest(&self, name: &str, secret: &str) -> LoginDigest {
        let mut mac = self.0.clone();
        // The length keeps "ab" with "c" apart from "a" with "bc".
        mac.update(&(name.len() as u64).to_be_bytes());
        mac.update(name.as_bytes());
        mac.update(secret.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for LoginKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn secrets_of_robots_have_harbors_form() {
        let secrets: HashSet<_> = (0..500).map(|_| Secret::random().reveal().to_owned()).collect();
        assert_eq!(secrets.len(), 500);
        for text in &secrets {
            assert!(text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{text}");
            assert_eq!(password::check_new(text), Ok(()));
        }
        let used: HashSet<_> = secrets.iter().flat_map(|text| text.bytes()).collect();
        assert_eq!(used.len(), 62, "every character occurs");
    }

    #[test]
    fn access_tokens_are_known_by_their_form() {
        let token = Secret::random_access_token();
        let text = token.reveal();
        assert!(text.starts_with("lsp_") && text.len() == 46 && is_access_token(text), "{text}");
        assert_ne!(text, Secret::random_access_token().reveal());
        for i in 0..text.len() {
            let mut wrong = text.as_bytes().to_vec();
            wrong[i] = if wrong[i] == b'x' { b'y' } else { b'x' };
            assert!(!is_access_token(std::str::from_utf8(&wrong).unwrap()), "a wrong character at {i}");
            assert!(!is_access_token(&text[..i]), "cut off at {i}");
        }
        for none in ["", "lsp_", "é", "ééééééé", "Harbor12345"] {
            assert!(!is_access_token(none), "{none}");
        }
    }

    #[test]
    fn secrets_do_not_print() {
        let secret = Secret::new("hidden");
        let hash = SecretHash::of_chosen("hidden").unwrap();
        let shown = format!(
            "{secret} {secret:?} {hash:?} {:?} {:?}",
            SecretHash::of_random("hidden"),
            LoginKey::random()
        );
        assert!(!shown.contains("hidden") && !shown.contains("argon2"), "{shown}");
    }

    #[test]
    fn hashes_are_kept_and_compared() {
        for (hash, slow) in
            [(SecretHash::of_random("Secret123"), false), (SecretHash::of_chosen("Secret123").unwrap(), true)]
        {
            let kept = SecretHash::from_bytes(&hash.to_bytes());
            assert_eq!(kept, hash);
            assert_eq!(kept.is_slow(), slow);
            assert!(kept.verify("Secret123") && !kept.verify("secret123") && !kept.verify(""));
        }
        assert!(!SecretHash::from_bytes(b"").verify(""));
        assert!(!SecretHash::from_bytes(&[0xff; 40]).verify(""));
    }

    #[test]
    fn logins_are_told_apart() {
        let (key, other) = (LoginKey::random(), LoginKey::random());
        assert_eq!(key.digest("ann", "secret"), key.digest("ann", "secret"));
        for (name, secret) in [("ann", "secre"), ("anns", "ecret"), ("", "annsecret"), ("Ann", "secret")] {
            assert_ne!(key.digest("ann", "secret"), key.digest(name, secret));
        }
        assert_ne!(key.digest("ann", "secret"), other.digest("ann", "secret"));
    }
}
