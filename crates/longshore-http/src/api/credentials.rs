//! `Authorization`, and the cookie of a session: RFC 7617, RFC 6750, RFC 6265.

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{
    cookies::{Cookie, Cookies},
    guard::{Credentials, Csrf, LoginError},
    problem::ApiProblem,
};

pub(crate) const X_HARBOR_CSRF_TOKEN: HeaderName = HeaderName::from_static("x-harbor-csrf-token");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const X_REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

/// With padding or without: some clients leave it out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reads credentials. `Authorization` comes before the cookie; none for one that cannot be understood, which is not the
/// same as [`Credentials::None`]. `safe`: whether the request's method changes nothing.
pub(crate) fn read(headers: &HeaderMap, cookies: Cookies, safe: bool) -> Option<Credentials> {
    let Some(authorization) = headers.get(header::AUTHORIZATION) else {
        return Some(session(headers, cookies, safe));
    };
    let (scheme, value) = authorization.to_str().ok()?.trim().split_once(' ')?;
    let value = value.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return (!value.is_empty()).then(|| Credentials::Bearer(value.to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64.decode(value).ok()?).ok()?;
    let (name, secret) = decoded.split_once(':')?;
    let usable = !decoded.contains('\0');
    usable.then(|| Credentials::Basic { name: name.to_owned(), secret: secret.to_owned() })
}

fn session(headers: &HeaderMap, cookies: Cookies, safe: bool) -> Credentials {
    let Some(id) = cookies.read(Cookie::Session, headers) else { return Credentials::None };
    let token = || headers.get(X_HARBOR_CSRF_TOKEN).and_then(|token| token.to_str().ok());
    let csrf = if safe { Csrf::NotNeeded } else { Csrf::Token(token().map(str::to_owned)) };
    Credentials::Session { id: id.to_owned(), csrf }
}

/// The answer to who is not logged in: 401 with a challenge, which RFC 9110 section 11.6.1 wants. Clients that send a
/// password only when they are asked wait for `Basic`. A browser would show its own window for that, also for what a
/// script asks, so that browsers are told of `Bearer` alone, which they know nothing to do about.
pub(crate) fn unauthorized(headers: &HeaderMap) -> ApiProblem {
    let mozilla =
        headers.get(header::USER_AGENT).is_some_and(|agent| agent.as_bytes().starts_with(b"Mozilla/"));
    let browser = mozilla || [SEC_FETCH_MODE, X_REQUESTED_WITH].iter().any(|name| headers.contains_key(name));
    let mut problem = ApiProblem::unauthorized();
    if !browser {
        let basic = HeaderValue::from_static("Basic realm=\"harbor\", charset=\"UTF-8\"");
        problem = problem.with_header(header::WWW_AUTHENTICATE, Some(basic));
    }
    problem.with_header(header::WWW_AUTHENTICATE, Some(HeaderValue::from_static("Bearer realm=\"harbor\"")))
}

/// The answer to credentials that were not taken.
pub(crate) fn refusal(error: LoginError, headers: &HeaderMap) -> ApiProblem {
    match error {
        LoginError::Refused(_) => unauthorized(headers).because(error),
        LoginError::Csrf => ApiProblem::forbidden("CSRF token invalid or missing"),
        LoginError::TooMany { retry_after } => {
            ApiProblem::too_many_requests("too many logins, try again later", retry_after)
        }
        LoginError::Unavailable(_) => ApiProblem::unavailable(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOKIES: Cookies = Cookies::WITHOUT_TLS;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn credentials_are_read() {
        let check = |pairs: &[(HeaderName, &str)], wanted: Option<Credentials>| {
            let found = read(&headers(pairs), COOKIES, false);
            assert!(found == wanted, "{pairs:?}: {found:?}");
        };
        let basic = |name: &str, secret: &str| {
            Some(Credentials::Basic { name: name.to_owned(), secret: secret.to_owned() })
        };
        check(&[], Some(Credentials::None));
        check(&[(header::AUTHORIZATION, "Basic dTpw")], basic("u", "p"));
        check(&[(header::AUTHORIZATION, "basic  dTpw ")], basic("u", "p"));
        check(&[(header::AUTHORIZATION, "Basic cm9ib3QkYTo=")], basic("robot$a", ""));
        check(&[(header::AUTHORIZATION, "Basic dTpwOnE")], basic("u", "p:q"));
        check(&[(header::AUTHORIZATION, "Bearer a.b")], Some(Credentials::Bearer("a.b".to_owned())));
        for bad in
            ["", "Basic", "Basic !", "Basic dQ==", "Bearer ", "Digest x", "Basic dTpwAA==", "Basic /zpw"]
        {
            check(&[(header::AUTHORIZATION, bad), (header::COOKIE, "sid=x")], None);
        }
    }

    #[test]
    fn sessions_must_show_that_a_change_is_meant() {
        let check = |pairs: &[(HeaderName, &str)], safe: bool, wanted: Csrf| {
            let wanted = Some(Credentials::Session { id: "abc".to_owned(), csrf: wanted });
            assert!(read(&headers(pairs), COOKIES, safe) == wanted, "{pairs:?}");
        };
        let cookie = (header::COOKIE, "a=b; sid=abc;x");
        check(std::slice::from_ref(&cookie), true, Csrf::NotNeeded);
        check(std::slice::from_ref(&cookie), false, Csrf::Token(None));
        let token = (X_HARBOR_CSRF_TOKEN, "t");
        check(&[cookie, token], false, Csrf::Token(Some("t".to_owned())));
    }

    #[test]
    fn nothing_secret_is_shown() {
        for pair in ["Basic dTpzZWNyZXQ=", "Bearer secret"] {
            let found = read(&headers(&[(header::AUTHORIZATION, pair)]), COOKIES, true);
            assert!(found.is_some() && !format!("{found:?}").contains("secret"), "{found:?}");
        }
    }

    #[test]
    fn browsers_are_not_asked_for_a_password() {
        let check = |pairs: &[(HeaderName, &str)], wanted: bool| {
            let response = unauthorized(&headers(pairs)).into_response();
            let values: Vec<_> = response.headers().get_all(header::WWW_AUTHENTICATE).iter().collect();
            assert_eq!(
                values.iter().any(|value| value.as_bytes().starts_with(b"Basic")),
                wanted,
                "{pairs:?}"
            );
            assert!(!values.is_empty());
        };
        check(&[], true);
        check(&[(header::USER_AGENT, "curl/8")], true);
        check(&[(header::USER_AGENT, "Mozilla/5.0 (X11)")], false);
        check(&[(SEC_FETCH_MODE, "cors")], false);
        check(&[(X_REQUESTED_WITH, "XMLHttpRequest")], false);
    }
}
