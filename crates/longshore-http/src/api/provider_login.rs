//! Logging in at an OpenID provider, by the paths that Harbor has for it: `/c/oidc/login` sends a browser away,
//! `/c/oidc/callback` takes it back, and at `/c/oidc/onboard` somebody who came for the first time chooses a name.
//!
//! People read the answers: they are plain text, and nothing that came with the request is in them.

use std::time::SystemTime;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts};
use longshore_accounts::{CameBack, LoginError, ProviderError, Providers, ReturnPath, SessionId};
use longshore_auth::Circumstances;
use longshore_types::{Timestamp, error_chain};

use super::{
    Api,
    cookies::{Cookie, Cookies},
    name_page::name_page,
    response::ApiResponse,
    route::Reply,
};
use crate::{access_log::Record, proxies::Origin, query::Query, request_body::RequestBody};

const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
/// Where a provider sends browsers back to; operators register this address there.
pub(crate) const CALLBACK: &str = "/c/oidc/callback";
/// Where names are chosen.
pub(crate) const ONBOARD: &str = "/c/oidc/onboard";
/// Where a login begins.
pub(crate) const LOGIN: &str = "/c/oidc/login";

/// Largest form, in bytes.
const FORM_BYTES_MAX: usize = 4 * 1024;
const PLAIN: &str = "text/plain; charset=utf-8";

/// A request for one of these paths.
pub(super) struct Visit<'a> {
    pub(super) head: &'a Parts,
    pub(super) origin: &'a Origin,
    pub(super) cookies: Cookies,
    pub(super) circumstances: &'a Circumstances,
}

impl Visit<'_> {
    /// What is sent back to the browser must have been asked for by its user, going from page to page.
    fn is_no_navigation(&self) -> bool {
        self.head.headers.get(SEC_FETCH_MODE).is_some_and(|mode| mode.as_bytes() != b"navigate")
    }

    fn query(&self) -> Option<Query> {
        Query::parse(Some(&self.head.uri.query().unwrap_or_default().replace('+', "%20")))
    }

    fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }
}

impl Api {
    /// Sends a browser to the provider that `source` names, or to the first one. `redirect_url`, or `return_to`, is a path
    /// of ours to go to in the end.
    pub(super) async fn go_to_provider(&self, visit: &Visit<'_>) -> Reply {
        let Some(providers) = &self.providers else { return Ok(no_provider()) };
        if visit.is_no_navigation() {
            return Ok(text(StatusCode::FORBIDDEN, "This is a page to go to, not one for scripts."));
        }
        let Some(query) = visit.query() else {
            return Ok(text(StatusCode::BAD_REQUEST, "The address of this page is damaged."));
        };
        let wanted =
            query.first("redirect_url").or_else(|| query.first("return_to")).filter(|path| !path.is_empty());
        let Ok(return_to) = wanted.map_or_else(|| Ok(ReturnPath::default()), str::parse) else {
            let problem = "redirect_url must be a path of this registry, such as /projects/shop.";
            return Ok(text(StatusCode::BAD_REQUEST, problem));
        };
        let callback = format!("{}{CALLBACK}", self.base_url(visit));
        let now = Timestamp::from(SystemTime::now());
        match providers.begin(query.first("source"), &callback, return_to, now).await {
            Ok(away) => {
                let cookie = visit.cookies.set(Cookie::Login, &away.cookie, Some(away.lifetime))?;
                Ok(redirect(&away.address).with_header(header::SET_COOKIE, cookie))
            }
            Err(error) => Ok(problem(&error, visit.headers(), None)),
        }
    }

    /// Takes a browser back from its provider.
    pub(super) async fn come_from_provider(&self, record: &mut Record, visit: &Visit<'_>) -> Reply {
        let Some(providers) = &self.providers else { return Ok(no_provider()) };
        if visit.is_no_navigation() {
            return Ok(text(StatusCode::FORBIDDEN, "This is a page to go to, not one for scripts."));
        }
        // Whatever comes out: an answer of the provider is good for one try.
        let forget = visit.cookies.forget(Cookie::Login)?;
        let reply = self.admit_from_provider(providers, record, visit).await?;
        Ok(reply.with_header(header::SET_COOKIE, forget))
    }

    async fn admit_from_provider(
        &self,
        providers: &Providers,
        record: &mut Record,
        visit: &Visit<'_>,
    ) -> Reply {
        let kept = visit.cookies.read(Cookie::Login, visit.headers());
        let query = visit.head.uri.query().unwrap_or_default();
        let request_id = record.request_id.to_string();
        match providers.finish(kept, query, visit.circumstances, &request_id).await {
            Ok(CameBack::LoggedIn { session, return_to }) => {
                record.caller = Some(session.user.name.as_str().into());
                // The one before is over: the browser forgets it.
                let old = visit.cookies.read(Cookie::Session, visit.headers()).and_then(SessionId::parse);
                if let Some(old) = old {
                    self.end_session(&old, visit.headers(), visit.circumstances, &request_id).await?;
                }
                let cookie = visit.cookies.set(Cookie::Session, session.id.reveal(), None)?;
                Ok(redirect(return_to.as_str()).with_header(header::SET_COOKIE, cookie))
            }
            Ok(CameBack::Unnamed { cookie, lifetime }) => {
                let cookie = visit.cookies.set(Cookie::Naming, &cookie, Some(lifetime))?;
                Ok(redirect(ONBOARD).with_header(header::SET_COOKIE, cookie))
            }
            Err(error) => Ok(problem(&error, visit.headers(), Some(&request_id))),
        }
    }

    /// Asks somebody who came for the first time for a name.
    pub(super) fn ask_for_name(&self, visit: &Visit<'_>) -> Reply {
        let Some(providers) = &self.providers else { return Ok(no_provider()) };
        let kept = visit.cookies.read(Cookie::Naming, visit.headers());
        match providers.suggested_name(kept, visit.circumstances.now) {
            Ok(name) => Ok(name_page(StatusCode::OK, &name, None)),
            Err(error) => Ok(problem(&error, visit.headers(), None)),
        }
    }

    /// Takes the name, and sends the browser to the provider once more, which now knows its user and asks nothing.
    pub(super) async fn take_name(&self, record: &Record, visit: &Visit<'_>, body: RequestBody) -> Reply {
        let Some(providers) = &self.providers else { return Ok(no_provider()) };
        let bytes = body.read_whole(FORM_BYTES_MAX).await?;
        let form = std::str::from_utf8(&bytes).ok().map(|text| text.replace('+', "%20"));
        let form = form.and_then(|text| Query::parse(Some(&text)));
        let Some(name) = form.as_ref().and_then(|form| form.first("username")) else {
            return Ok(text(StatusCode::BAD_REQUEST, "The form has no username."));
        };
        let kept = visit.cookies.read(Cookie::Naming, visit.headers());
        let request_id = record.request_id.to_string();
        match providers.name(kept, name, visit.circumstances, &request_id).await {
            Ok(named) => {
                let query = [("source", named.source.as_str()), ("redirect_url", named.return_to.as_str())];
                let address = format!(
                    "{LOGIN}?{}",
                    query.map(|(key, value)| format!("{key}={}", escaped(value))).join("&")
                );
                Ok(see_other(&address).with_header(header::SET_COOKIE, visit.cookies.forget(Cookie::Naming)?))
            }
            Err(ProviderError::Name(problem)) => Ok(name_page(StatusCode::BAD_REQUEST, name, Some(problem))),
            Err(error) => Ok(problem(&error, visit.headers(), Some(&request_id))),
        }
    }

    /// Scheme and host as browsers know us: as the operator says, else as the request was made.
    fn base_url(&self, visit: &Visit<'_>) -> String {
        match &self.settings.external_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("{}://{}", visit.origin.scheme, visit.origin.host(visit.head)),
        }
    }
}

fn redirect(address: &str) -> ApiResponse {
    to(StatusCode::FOUND, address)
}

/// After a form, which the browser must not send on.
fn see_other(address: &str) -> ApiResponse {
    to(StatusCode::SEE_OTHER, address)
}

fn to(status: StatusCode, address: &str) -> ApiResponse {
    match HeaderValue::try_from(address) {
        Ok(location) => ApiResponse::empty(status).with_header(header::LOCATION, location),
        Err(_) => text(StatusCode::SERVICE_UNAVAILABLE, "The provider's address is damaged."),
    }
}

fn text(status: StatusCode, message: &str) -> ApiResponse {
    ApiResponse::page(status, PLAIN, format!("{message}\n"))
}

fn no_provider() -> ApiResponse {
    text(StatusCode::NOT_FOUND, "This registry has no OpenID provider to log in at.")
}

/// What somebody is told who is not logged in. `request_id` stands in the log, for whoever looks after the registry.
fn problem(error: &ProviderError, headers: &HeaderMap, request_id: Option<&str>) -> ApiResponse {
    let request_id = request_id.unwrap_or_default();
    let (status, message) = match error {
        ProviderError::Unknown => (StatusCode::NOT_FOUND, "This registry has no such OpenID provider."),
        ProviderError::TooLong => (StatusCode::BAD_REQUEST, "The address of this page is too long."),
        ProviderError::NotBegun(_) => {
            (StatusCode::BAD_REQUEST, "This login was not begun in this browser, or it took too long.")
        }
        ProviderError::Refused(_) => (StatusCode::FORBIDDEN, "The provider does not vouch for you."),
        ProviderError::Name(_) => (StatusCode::BAD_REQUEST, "This name cannot be a user's."),
        ProviderError::Login(LoginError::Refused(_) | LoginError::Csrf) => {
            (StatusCode::FORBIDDEN, "The provider vouches for you, but this registry does not let you in.")
        }
        ProviderError::Login(LoginError::TooMany { .. }) => {
            (StatusCode::TOO_MANY_REQUESTS, "There are too many logins. Try again later.")
        }
        ProviderError::Unavailable(_) | ProviderError::Login(LoginError::Unavailable(_)) => {
            (StatusCode::SERVICE_UNAVAILABLE, "The login cannot be looked at now. Try again later.")
        }
    };
    let cause = error_chain(error);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        tracing::error!(request_id, cause, "a login at a provider failed");
    } else {
        let agent = headers.get(header::USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()));
        tracing::info!(request_id, cause, ?agent, "a login at a provider was refused");
    }
    let id = if request_id.is_empty() { String::new() } else { format!(" ({request_id})") };
    text(status, &format!("{message}{id}\n\nNobody is logged in. To begin again, go to {LOGIN}"))
}

/// For a query.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
