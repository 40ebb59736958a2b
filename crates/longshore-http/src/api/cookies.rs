//! The cookies that browsers keep for us.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};

use super::problem::ApiProblem;
use crate::proxies::Origin;

/// A cookie of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// The session's. Harbor's name.
    Session,
    /// What is kept of a login that was begun at a provider.
    Login,
    /// Who came from a provider and has no name yet.
    Naming,
    /// The language of the pages.
    Language,
    /// Whether the pages are light or dark.
    Theme,
}

/// How cookies are written for, and read from, one browser.
///
/// Where the registry is reached over TLS their names begin with `__Host-`: browsers take those from this very host
/// alone, over TLS (RFC 6265bis section 4.1.3.2), so that no neighbour in the domain can plant one, and no other name
/// counts. Without TLS nothing can be kept from those who listen, and a browser would not send what is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cookies {
    secure: bool,
}

impl Cookies {
    #[cfg(test)]
    pub(crate) const WITHOUT_TLS: Self = Self { secure: false };

    /// `external_url`: the address that clients use, where the operator says so. It counts too: the proxy that ends TLS need
    /// not be trusted to say so.
    pub(crate) fn of(origin: &Origin, external_url: Option<&str>) -> Self {
        let outside = external_url.and_then(|url| url.get(..8));
        let secure =
            origin.scheme == "https" || outside.is_some_and(|text| text.eq_ignore_ascii_case("https://"));
        Self { secure }
    }

    fn name(self, cookie: Cookie) -> &'static str {
        match (cookie, self.secure) {
            (Cookie::Session, false) => "sid",
            (Cookie::Session, true) => "__Host-sid",
            (Cookie::Login, false) => "longshore-login",
            (Cookie::Login, true) => "__Host-longshore-login",
            (Cookie::Naming, false) => "longshore-naming",
            (Cookie::Naming, true) => "__Host-longshore-naming",
            (Cookie::Language, false) => "longshore-language",
            (Cookie::Language, true) => "__Host-longshore-language",
            (Cookie::Theme, false) => "longshore-theme",
            (Cookie::Theme, true) => "__Host-longshore-theme",
        }
    }

    /// Its value, if it came and is not empty.
    pub(crate) fn read(self, cookie: Cookie, headers: &HeaderMap) -> Option<&str> {
        let wanted = self.name(cookie);
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        cookies
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(name, value)| (name == wanted && !value.is_empty()).then_some(value))
    }

    /// `Set-Cookie`. No script reads it; of other sites' pages only links bring it along. Without a lifetime it goes with
    /// the browser's window.
    pub(crate) fn set(
        self,
        cookie: Cookie,
        value: &str,
        lifetime: Option<Duration>,
    ) -> Result<HeaderValue, ApiProblem> {
        let secure = if self.secure { "; Secure" } else { "" };
        let lifetime = lifetime.map(|time| format!("; Max-Age={}", time.as_secs())).unwrap_or_default();
        let name = self.name(cookie);
        let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{lifetime}");
        HeaderValue::try_from(text).map_err(ApiProblem::internal)
    }

    /// `Set-Cookie` that has the browser forget it.
    pub(crate) fn forget(self, cookie: Cookie) -> Result<HeaderValue, ApiProblem> {
        self.set(cookie, "", Some(Duration::ZERO))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies(scheme: &'static str, external_url: Option<&str>) -> Cookies {
        let origin = Origin {
            client: None,
            scheme,
            forwarded_host: None,
            forwarded: false,
            trusted: false,
            certificate: None,
        };
        Cookies::of(&origin, external_url)
    }

    #[test]
    fn over_tls_no_other_host_plants_one() {
        let both: HeaderMap =
            [(header::COOKIE, HeaderValue::from_static("a=b; sid=planted; __Host-sid=own"))]
                .into_iter()
                .collect();
        let planted: HeaderMap =
            [(header::COOKIE, HeaderValue::from_static("sid=planted"))].into_iter().collect();
        for (scheme, external_url, secure) in [
            ("https", None, true),
            ("https", Some("http://r.example"), true),
            ("http", Some("https://r.example"), true),
            ("http", Some("HTTPS://r.example"), true),
            ("http", Some("http://r.example"), false),
            ("http", None, false),
        ] {
            let cookies = cookies(scheme, external_url);
            let set = cookies.set(Cookie::Session, "x", None).unwrap();
            let text = set.to_str().unwrap();
            assert_eq!(text.starts_with("__Host-sid=x; Path=/;"), secure, "{text}");
            assert_eq!(text.contains("; Secure"), secure, "{text}");
            assert!(!text.contains("Domain") && text.contains("; HttpOnly; SameSite=Lax"), "{text}");
            let wanted = if secure { "own" } else { "planted" };
            assert_eq!(cookies.read(Cookie::Session, &both), Some(wanted));
            assert_eq!(cookies.read(Cookie::Session, &planted).is_some(), !secure);
        }
    }

    #[test]
    fn empty_ones_are_none() {
        let headers: HeaderMap =
            [(header::COOKIE, HeaderValue::from_static("sid=; xsid=1"))].into_iter().collect();
        assert_eq!(cookies("http", None).read(Cookie::Session, &headers), None);
        let gone = cookies("http", None).forget(Cookie::Session).unwrap();
        assert_eq!(gone, "sid=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    }
}
