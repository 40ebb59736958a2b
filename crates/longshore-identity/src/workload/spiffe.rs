//! SPIFFE IDs (the SPIFFE-ID specification, sections 2.1 to 2.4).

use std::{fmt, str::FromStr};

/// Longest id, in bytes.
const ID_BYTES_MAX: usize = 2048;
/// Longest name of a trust domain, in bytes.
const DOMAIN_BYTES_MAX: usize = 255;
const SCHEME: &str = "spiffe://";

/// Why a text is no SPIFFE ID of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a SPIFFE ID of a workload, such as spiffe://example.org/ci/builder")]
pub struct SpiffeIdError;

/// The name of a trust domain: `example.org`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrustDomain(String);

impl TrustDomain {
    /// The name alone.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As rules name it: `spiffe://example.org`.
    pub fn id(&self) -> String {
        format!("{SCHEME}{}", self.0)
    }
}

impl FromStr for TrustDomain {
    type Err = SpiffeIdError;

    fn from_str(text: &str) -> Result<Self, SpiffeIdError> {
        let valid = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
        if !text.is_empty() && text.len() <= DOMAIN_BYTES_MAX && text.bytes().all(valid) {
            Ok(Self(text.to_owned()))
        } else {
            Err(SpiffeIdError)
        }
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The identity of a workload: `spiffe://example.org/ci/builder`. Its path is not empty: an id without one is that of
/// the trust domain itself, which signs and does nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpiffeId {
    text: String,
    domain: TrustDomain,
}

impl SpiffeId {
    /// Who vouches for it.
    pub fn domain(&self) -> &TrustDomain {
        &self.domain
    }

    /// All of it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What follows the trust domain, with its first `/`.
    pub fn path(&self) -> &str {
        &self.text[SCHEME.len() + self.domain.0.len()..]
    }
}

impl FromStr for SpiffeId {
    type Err = SpiffeIdError;

    fn from_str(text: &str) -> Result<Self, SpiffeIdError> {
        let rest = text.strip_prefix(SCHEME).filter(|_| text.len() <= ID_BYTES_MAX).ok_or(SpiffeIdError)?;
        let (domain, path) = rest.split_once('/').ok_or(SpiffeIdError)?;
        // Nothing is decoded or resolved: a path is its bytes.
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(valid);
        if !path.split('/').all(segment) {
            return Err(SpiffeIdError);
        }
        Ok(Self { text: text.to_owned(), domain: domain.parse()? })
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        for good in [
            "spiffe://example.org/a",
            "spiffe://example.org/ns/ci/sa/builder",
            "spiffe://my_domain-1/A.b_c-9",
            "spiffe://1.2.3.4/...",
        ] {
            let id: SpiffeId = good.parse().unwrap();
            assert_eq!(id.to_string(), good);
            assert_eq!(format!("{}{}", id.domain().id(), id.path()), good);
        }
    }

    #[test]
    fn what_is_no_id() {
        for bad in [
            "",
            "spiffe://",
            "spiffe://example.org",
            "spiffe://example.org/",
            "spiffe:///a",
            "spiffe://example.org//a",
            "spiffe://example.org/a/",
            "spiffe://example.org/a/../b",
            "spiffe://example.org/./a",
            "SPIFFE://example.org/a",
            "spiffe://Example.org/a",
            "spiffe://example.org:80/a",
            "spiffe://u@example.org/a",
            "spiffe://example.org/a?b",
            "spiffe://example.org/a#b",
            "spiffe://example.org/a%2fb",
            "spiffe://example.org/ä",
            "spiffe://exämple.org/a",
            "https://example.org/a",
            "spiffe://example.org/a b",
            " spiffe://example.org/a",
        ] {
            assert_eq!(bad.parse::<SpiffeId>(), Err(SpiffeIdError), "{bad}");
        }
        assert!(format!("spiffe://a/{}", "b".repeat(2048)).parse::<SpiffeId>().is_err());
        assert!(format!("spiffe://{}/a", "b".repeat(256)).parse::<SpiffeId>().is_err());
    }
}
