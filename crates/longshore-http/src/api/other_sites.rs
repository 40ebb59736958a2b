//! What pages of other sites may have a browser do here: nothing that changes something. A browser brings along what it has
//! for us (a cookie, a password, a certificate), whoever made it ask.

use http::{HeaderMap, HeaderName, header, uri::Authority};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a browser says that the page is another site's. Programs say nothing. `hosts` are our own names, with ports.
pub(crate) fn is_of_another_site(headers: &HeaderMap, hosts: &[&str]) -> bool {
    if let Some(site) = headers.get(SEC_FETCH_SITE) {
        return !["same-origin", "none"].iter().any(|own| site.as_bytes() == own.as_bytes());
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return false };
    let authority = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, rest)| rest);
    let parsed = |text: &str| text.parse::<Authority>().ok();
    let Some(origin) = authority.and_then(parsed) else { return true };
    !hosts.iter().any(|host| parsed(host).is_some_and(|host| host == origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_say_whose_page_it_is() {
        let check = |name: HeaderName, value: &str, other: bool| {
            let headers = HeaderMap::from_iter([(name, value.parse().unwrap())]);
            assert_eq!(is_of_another_site(&headers, &["inner", "r.example:5000"]), other, "{value}");
        };
        check(SEC_FETCH_SITE, "same-origin", false);
        check(SEC_FETCH_SITE, "none", false);
        check(SEC_FETCH_SITE, "same-site", true);
        check(SEC_FETCH_SITE, "cross-site", true);
        check(header::ORIGIN, "http://r.example:5000", false);
        check(header::ORIGIN, "https://R.example:5000", false);
        check(header::ORIGIN, "https://r.example", true);
        check(header::ORIGIN, "https://evil.example:5000", true);
        check(header::ORIGIN, "null", true);
        assert!(!is_of_another_site(&HeaderMap::new(), &["r.example"]), "a program");
    }
}
