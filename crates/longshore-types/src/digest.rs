//! Content digests, as in the image specification v1.1, "Digests".

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{
    Sha256, Sha512,
    digest::{Digest as _, common::hazmat::SerializableState},
};

/// A hash algorithm that this registry can compute; the two "registered algorithms" of the image specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DigestAlgorithm {
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-512, 64 bytes.
    Sha512,
}

impl DigestAlgorithm {
    /// Every supported algorithm.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    /// The name in a digest's text, before the colon.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// How many bytes a hash has.
    pub fn size_bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// The multihash code; the first byte of [`Digest::to_bytes`].
    fn code(self) -> u8 {
        match self {
            Self::Sha256 => 0x12,
            Self::Sha512 => 0x13,
        }
    }
}

impl fmt::Display for DigestAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for DigestAlgorithm {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        Self::ALL.into_iter().find(|a| a.as_str() == text).ok_or(DigestError::UnsupportedAlgorithm)
    }
}

/// Why a text is no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// The text does not follow the grammar `algorithm ":" encoded`, or the hash has the wrong length or letters.
    #[error("not a digest: expected sha256:<64 lower-case hex digits> or sha512:<128>")]
    Malformed,
    /// Well formed, but of an algorithm that this registry cannot compute.
    #[error("unsupported digest algorithm: this registry computes sha256 and sha512")]
    UnsupportedAlgorithm,
}

/// The digest of some content: an algorithm and its hash. Copied freely; compares and sorts by algorithm, then hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    algorithm: DigestAlgorithm,
    /// The first `algorithm.size_bytes()` hold the hash, the rest is zero.
    hash: [u8; 64],
}

impl Digest {
    /// The digest of `bytes` by `algorithm`.
    pub fn of(algorithm: DigestAlgorithm, bytes: &[u8]) -> Self {
        let mut digester = Digester::new(algorithm);
        digester.update(bytes);
        digester.finish()
    }

    /// The SHA-256 digest of `bytes`.
    pub fn sha256(bytes: &[u8]) -> Self {
        Self::of(DigestAlgorithm::Sha256, bytes)
    }

    /// The algorithm.
    pub fn algorithm(&self) -> DigestAlgorithm {
        self.algorithm
    }

    /// The hash, 32 or 64 bytes.
    pub fn hash(&self) -> &[u8] {
        &self.hash[..self.algorithm.size_bytes()]
    }

    /// The hash in lower-case hex digits; the "encoded" part of the text.
    pub fn hex(&self) -> String {
        self.to_string().split_off(self.algorithm.as_str().len() + 1)
    }

    /// A short form that sorts as the digest does: the algorithm's multihash code, then the hash (33 or 65 bytes).
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + self.hash().len());
        bytes.push(self.algorithm.code());
        bytes.extend_from_slice(self.hash());
        bytes
    }

    /// Reads what [`Digest::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`DigestError::Malformed`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DigestError> {
        let (&code, hash) = bytes.split_first().ok_or(DigestError::Malformed)?;
        let algorithm =
            DigestAlgorithm::ALL.into_iter().find(|a| a.code() == code).ok_or(DigestError::Malformed)?;
        Self::from_hash(algorithm, hash)
    }

    fn from_hash(algorithm: DigestAlgorithm, bytes: &[u8]) -> Result<Self, DigestError> {
        if bytes.len() != algorithm.size_bytes() {
            return Err(DigestError::Malformed);
        }
        let mut hash = [0; 64];
        hash[..bytes.len()].copy_from_slice(bytes);
        Ok(Self { algorithm, hash })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        // One buffer and one write: this runs for every response header.
        let mut text = [0u8; 7 + 128];
        let prefix = self.algorithm.as_str().len();
        text[..prefix].copy_from_slice(self.algorithm.as_str().as_bytes());
        text[prefix] = b':';
        let mut end = prefix + 1;
        for byte in self.hash() {
            text[end] = HEX[usize::from(byte >> 4)];
            text[end + 1] = HEX[usize::from(byte & 15)];
            end += 2;
        }
        f.pad(std::str::from_utf8(&text[..end]).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    /// Grammar: image specification v1.1, "Digests"; upper-case hex is refused for the registered algorithms.
    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (algorithm, encoded) = text.split_once(':').ok_or(DigestError::Malformed)?;
        if !algorithm_is_well_formed(algorithm) || !encoded_is_well_formed(encoded) {
            return Err(DigestError::Malformed);
        }
        let algorithm: DigestAlgorithm = algorithm.parse()?;
        let size = algorithm.size_bytes();
        if encoded.len() != 2 * size {
            return Err(DigestError::Malformed);
        }
        let mut hash = [0; 64];
        for (byte, pair) in hash.iter_mut().zip(encoded.as_bytes().chunks_exact(2)) {
            *byte = hex_value(pair[0])? << 4 | hex_value(pair[1])?;
        }
        Self::from_hash(algorithm, &hash[..size])
    }
}

fn algorithm_is_well_formed(text: &str) -> bool {
    text.split(['+', '.', '_', '-']).all(|component| {
        !component.is_empty() && component.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

fn encoded_is_well_formed(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'=' | b'_' | b'-'))
}

fn hex_value(digit: u8) -> Result<u8, DigestError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(DigestError::Malformed),
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// Computes a digest piece by piece. Its state can be saved and taken up again, on another machine too.
#[derive(Clone)]
pub struct Digester(Hasher);

#[derive(Clone)]
enum Hasher {
    Sha256(Sha256),
    Sha512(Sha512),
}

/// A saved [`Digester`]: the algorithm's code, then the state as the `sha2` crate serialises it (105 or 209 bytes).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigesterState(Vec<u8>);

impl Digester {
    /// A digester that has seen nothing yet.
    pub fn new(algorithm: DigestAlgorithm) -> Self {
        Self(match algorithm {
            DigestAlgorithm::Sha256 => Hasher::Sha256(Sha256::new()),
            DigestAlgorithm::Sha512 => Hasher::Sha512(Sha512::new()),
        })
    }

    /// The algorithm.
    pub fn algorithm(&self) -> DigestAlgorithm {
        match self.0 {
            Hasher::Sha256(_) => DigestAlgorithm::Sha256,
            Hasher::Sha512(_) => DigestAlgorithm::Sha512,
        }
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// The digest of everything taken in.
    pub fn finish(self) -> Digest {
        let (algorithm, mut hash) = (self.algorithm(), [0; 64]);
        match self.0 {
            Hasher::Sha256(hasher) => hash[..32].copy_from_slice(&hasher.finalize()),
            Hasher::Sha512(hasher) => hash.copy_from_slice(&hasher.finalize()),
        }
        Digest { algorithm, hash }
    }

    /// Saves the state; [`Digester::resume`] goes on from it.
    pub fn state(&self) -> DigesterState {
        let mut bytes = vec![self.algorithm().code()];
        match &self.0 {
            Hasher::Sha256(hasher) => bytes.extend_from_slice(&hasher.serialize()),
            Hasher::Sha512(hasher) => bytes.extend_from_slice(&hasher.serialize()),
        }
        DigesterState(bytes)
    }

    /// A digester that goes on from `state`.
    ///
    /// # Errors
    /// [`DigestError::Malformed`] when the bytes are no saved state.
    pub fn resume(state: &DigesterState) -> Result<Self, DigestError> {
        let malformed = |_| DigestError::Malformed;
        let (code, bytes) = state.0.split_first().ok_or(DigestError::Malformed)?;
        Ok(Self(match code {
            0x12 => {
                let bytes = bytes.try_into().map_err(|_| DigestError::Malformed)?;
                Hasher::Sha256(Sha256::deserialize(bytes).map_err(malformed)?)
            }
            0x13 => {
                let bytes = bytes.try_into().map_err(|_| DigestError::Malformed)?;
                Hasher::Sha512(Sha512::deserialize(bytes).map_err(malformed)?)
            }
            _ => return Err(DigestError::Malformed),
        }))
    }
}

impl fmt::Debug for Digester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Digester").field(&self.algorithm()).finish()
    }
}

impl DigesterState {
    /// The bytes to keep.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A state that was kept; whether it is one shows in [`Digester::resume`].
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY_256: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn text_and_bytes_round_trip() {
        for algorithm in DigestAlgorithm::ALL {
            let digest = Digest::of(algorithm, b"layer");
            assert_eq!(digest.to_string().parse(), Ok(digest));
            assert_eq!(Digest::from_bytes(&digest.to_bytes()), Ok(digest));
        }
        assert_eq!(Digest::sha256(b"").to_string(), EMPTY_256);
        assert_eq!(Digest::sha256(b"").hex(), EMPTY_256[7..]);
    }

    #[test]
    fn refuses_what_is_no_digest() {
        let check = |text: &str, error| assert_eq!(text.parse::<Digest>(), Err(error), "{text}");
        check("", DigestError::Malformed);
        check("sha256", DigestError::Malformed);
        check("sha256:", DigestError::Malformed);
        check("sha256:abc", DigestError::Malformed);
        check(&EMPTY_256.to_uppercase().replace("SHA", "sha"), DigestError::Malformed);
        check(&format!("{EMPTY_256}00"), DigestError::Malformed);
        check(&EMPTY_256.replace("e3b0", "zzzz"), DigestError::Malformed);
        check("SHA256:e3b0", DigestError::Malformed);
        check("sha256:../../../etc/passwd", DigestError::Malformed);
        check("md5:d41d8cd98f00b204e9800998ecf8427e", DigestError::UnsupportedAlgorithm);
        check("sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7", DigestError::UnsupportedAlgorithm);
    }

    #[test]
    fn a_saved_state_goes_on() {
        for algorithm in DigestAlgorithm::ALL {
            let mut digester = Digester::new(algorithm);
            digester.update(&[7; 1000]);
            let kept = digester.state().as_bytes().to_vec();
            let mut digester = Digester::resume(&DigesterState::from_bytes(kept)).unwrap();
            digester.update(&[8; 77]);
            let whole = [vec![7; 1000], vec![8; 77]].concat();
            assert_eq!(digester.finish(), Digest::of(algorithm, &whole));
        }
        assert!(Digester::resume(&DigesterState::from_bytes(vec![0x12, 1, 2])).is_err());
    }
}
