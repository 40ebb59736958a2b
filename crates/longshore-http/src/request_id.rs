//! Names for requests, so that a client's report finds its lines in the log.

use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, HeaderName};
use longshore_types::UploadId;

/// The header that carries the id.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id taken from a proxy.
const BYTES_MAX: usize = 128;

/// Makes ids: random for the process, counted within it.
pub(crate) struct RequestIds {
    prefix: String,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        let mut prefix = UploadId::random().to_string();
        prefix.truncate(16);
        Self { prefix, next: AtomicU64::new(0) }
    }

    /// A fresh id; or the one that a trusted proxy gave the request.
    pub(crate) fn id(&self, trusted: bool, headers: &HeaderMap) -> String {
        let given = headers.get(X_REQUEST_ID).filter(|_| trusted).and_then(|value| value.to_str().ok());
        match given {
            Some(id) if !id.is_empty() && id.len() <= BYTES_MAX => id.to_owned(),
            _ => format!("{}-{:x}", self.prefix, self.next.fetch_add(1, Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxy_names_requests() {
        let ids = RequestIds::new();
        let with = |id: &str| HeaderMap::from_iter([(X_REQUEST_ID, id.parse().unwrap())]);
        assert_eq!(ids.id(true, &with("abc")), "abc");
        let own = ids.id(false, &with("abc"));
        assert!(own.starts_with(&ids.prefix) && own != ids.id(false, &HeaderMap::new()));
        assert!(ids.id(true, &with(&"a".repeat(129))).starts_with(&ids.prefix));
    }
}
