//! Names for requests, so that a client's report finds its lines in the log.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use http::{HeaderMap, HeaderName, HeaderValue};
use longshore_types::UploadId;

/// The header that carries the id.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id taken from a proxy.
const BYTES_MAX: usize = 128;
/// How much of an id of ours is the process.
const PREFIX_BYTES: usize = 16;
/// Longest id of ours: the process, a hyphen and a number in hex digits.
const OWN_BYTES_MAX: usize = PREFIX_BYTES + 1 + 16;

/// Makes ids: random for the process, counted within it.
pub(crate) struct RequestIds {
    prefix: [u8; PREFIX_BYTES],
    next: AtomicU64,
}

/// The id of a request; its text is made only where it is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RequestId {
    /// Of ours.
    Own { prefix: [u8; PREFIX_BYTES], number: u64 },
    /// From a trusted proxy: visible ASCII.
    Given(HeaderValue),
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        let mut prefix = [b'0'; PREFIX_BYTES];
        for (to, from) in prefix.iter_mut().zip(UploadId::random().to_string().bytes()) {
            *to = from;
        }
        Self { prefix, next: AtomicU64::new(0) }
    }

    /// A fresh id; or the one that a trusted proxy gave the request.
    pub(crate) fn id(&self, trusted: bool, headers: &HeaderMap) -> RequestId {
        let given = if trusted { headers.get(X_REQUEST_ID) } else { None };
        match given.filter(|id| id.to_str().is_ok()) {
            Some(id) if !id.is_empty() && id.len() <= BYTES_MAX => RequestId::Given(id.clone()),
            _ => RequestId::Own { prefix: self.prefix, number: self.next.fetch_add(1, Ordering::Relaxed) },
        }
    }
}

impl RequestId {
    /// For the reply.
    pub(crate) fn header(&self) -> HeaderValue {
        match self {
            Self::Own { prefix, number } => {
                let (text, length) = own(prefix, *number);
                HeaderValue::from_bytes(&text[..length]).expect("hex digits and a hyphen are visible ASCII")
            }
            Self::Given(value) => value.clone(),
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own { prefix, number } => {
                let (text, length) = own(prefix, *number);
                f.write_str(std::str::from_utf8(&text[..length]).map_err(|_| fmt::Error)?)
            }
            Self::Given(value) => f.write_str(value.to_str().map_err(|_| fmt::Error)?),
        }
    }
}

/// `prefix-number` and its length. By hand: every reply has one.
fn own(prefix: &[u8; PREFIX_BYTES], number: u64) -> ([u8; OWN_BYTES_MAX], usize) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; OWN_BYTES_MAX];
    text[..PREFIX_BYTES].copy_from_slice(prefix);
    let digits = (number | 1).ilog2() as usize / 4 + 1;
    let mut rest = number;
    for place in (0..digits).rev() {
        text[PREFIX_BYTES + 1 + place] = HEX[(rest & 15) as usize];
        rest >>= 4;
    }
    (text, PREFIX_BYTES + 1 + digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxy_names_requests() {
        let ids = RequestIds::new();
        let prefix = String::from_utf8(ids.prefix.to_vec()).unwrap();
        let with = |id: &str| HeaderMap::from_iter([(X_REQUEST_ID, id.parse().unwrap())]);
        assert_eq!(ids.id(true, &with("abc")).to_string(), "abc");
        let own = ids.id(false, &with("abc"));
        assert!(own.to_string().starts_with(&prefix) && own != ids.id(false, &HeaderMap::new()));
        assert!(ids.id(true, &with(&"a".repeat(129))).to_string().starts_with(&prefix));
        assert!(ids.id(true, &with("ä")).to_string().starts_with(&prefix));
    }

    #[test]
    fn ids_are_counted_in_hex_digits() {
        let prefix = *b"0123456789abcdef";
        for number in [0, 1, 15, 16, 255, 256, 0xabc_def0, u64::MAX] {
            let id = RequestId::Own { prefix, number };
            assert_eq!(id.to_string(), format!("0123456789abcdef-{number:x}"));
            assert_eq!(id.header(), id.to_string());
        }
    }
}
