//! `ETag`, `If-None-Match` and `If-Range`: RFC 9110 sections 8.8.3 and 13.1. The entity tag of content is its digest.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use longshore_types::Digest;

/// The entity tag of content.
pub(crate) fn etag(digest: &Digest) -> Bytes {
    format!("\"{digest}\"").into()
}

/// Whether `If-None-Match` names the content: the answer is 304.
pub(crate) fn none_match_hits(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        // Section 13.1.2: compared weakly. Digests contain neither commas nor quotes, so splitting is safe. Some
        // clients send the digest without quotes; distribution takes that too.
        .any(|tag| tag == "*" || tag.trim_start_matches("W/").trim_matches('"') == etag.trim_matches('"'))
}

/// Whether `If-Range` names the content. Compared strongly; a date never holds, we send none.
pub(crate) fn if_range_holds(condition: &HeaderValue, etag: &str) -> bool {
    condition.to_str().is_ok_and(|condition| condition.trim() == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_match() {
        let check = |values: &[&str], hits: bool| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::IF_NONE_MATCH, value.parse().unwrap());
            }
            assert_eq!(none_match_hits(&headers, "\"sha256:ab\""), hits, "{values:?}");
        };
        check(&[], false);
        check(&["*"], true);
        check(&["\"sha256:ab\""], true);
        check(&["sha256:ab"], true);
        check(&["W/\"sha256:ab\""], true);
        check(&["\"x\" , W/\"sha256:ab\", \"y\""], true);
        check(&["\"x\"", "\"sha256:ab\""], true);
        check(&["\"sha256:a\"", ""], false);
    }
}
