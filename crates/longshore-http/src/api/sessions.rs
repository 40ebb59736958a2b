//! Logging in and out on the pages: the two paths that Harbor has beside its API, and the cookie between them.

use std::time::SystemTime;

use http::{HeaderMap, HeaderName, HeaderValue, Method, header, request::Parts, uri::Authority};
use longshore_accounts::SessionId;
use longshore_auth::Circumstances;
use longshore_types::Timestamp;

use super::{
    Api,
    credentials::{self, SESSION_COOKIE, X_HARBOR_CSRF_TOKEN},
    problem::ApiProblem,
    response::ApiResponse,
    route::Reply,
};
use crate::{access_log::Record, proxies::Origin, query::Query, request_body::RequestBody, route::Route};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Largest form, in bytes.
const FORM_BYTES_MAX: usize = 16 * 1024;

/// One of the two paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `POST /c/login`: `principal` and `password`, as a form.
    LogIn,
    /// `GET` or `POST /c/log_out`.
    LogOut,
}

impl Form {
    /// The one that a path means.
    pub(super) fn of(path: &str) -> Option<Self> {
        match path {
            "/c/login" => Some(Self::LogIn),
            "/c/log_out" => Some(Self::LogOut),
            _ => None,
        }
    }

    fn route(self) -> Route {
        match self {
            Self::LogIn => Route::LogIn,
            Self::LogOut => Route::LogOut,
        }
    }
}

impl Api {
    /// Answers a request of one of the two.
    pub(super) async fn answer_form(
        &self,
        form: Form,
        record: &mut Record,
        head: Box<Parts>,
        body: RequestBody,
        origin: &Origin,
    ) -> Reply {
        record.route = form.route();
        let circumstances =
            Circumstances { address: origin.client, ..Circumstances::at(Timestamp::from(SystemTime::now())) };
        let allowed: &[Method] = match form {
            Form::LogIn => &[Method::POST],
            Form::LogOut => &[Method::GET, Method::POST],
        };
        if !allowed.contains(&head.method) {
            let names: Vec<_> = allowed.iter().map(Method::as_str).collect();
            return Err(ApiProblem::method_not_allowed(&names.join(", ")));
        }
        // Else another page could log its visitor in as somebody of its choice, or out.
        if is_of_another_site(&head.headers, origin.host(&head)) {
            return Err(ApiProblem::forbidden("this is for the registry's own pages"));
        }
        match form {
            Form::LogIn => self.log_in(record, &head.headers, body, origin, &circumstances).await,
            Form::LogOut => self.log_out(record, &head.headers, origin, &circumstances).await,
        }
    }

    async fn log_in(
        &self,
        record: &mut Record,
        headers: &HeaderMap,
        body: RequestBody,
        origin: &Origin,
        circumstances: &Circumstances,
    ) -> Reply {
        let bytes = body.read_whole(FORM_BYTES_MAX).await?;
        // Who sends the body slowly must not be judged by how things stood before.
        let circumstances =
            &Circumstances { now: Timestamp::from(SystemTime::now()), ..circumstances.clone() };
        let form = std::str::from_utf8(&bytes).ok().map(|text| text.replace('+', "%20"));
        let form = form.and_then(|text| Query::parse(Some(&text)));
        let form = form.ok_or_else(|| ApiProblem::bad_request("the body is no form"))?;
        let field = |name: &'static str| {
            let missing = || ApiProblem::bad_request(format!("the form has no {name}"));
            form.first(name).filter(|value| !value.is_empty()).ok_or_else(missing)
        };
        let (name, password) = (field("principal")?, field("password")?);
        let request_id = record.request_id.to_string();
        let session = self.accounts.log_in(name, password, circumstances, &request_id).await;
        let session = session.map_err(|error| credentials::refusal(error, headers))?;
        record.caller = Some(session.user.name.into());
        // The one before is over: the browser forgets it.
        if let Some(old) = credentials::session_cookie(headers).and_then(SessionId::parse) {
            self.end_session(&old, headers, circumstances, &request_id).await?;
        }
        let token = HeaderValue::try_from(session.id.csrf_token()).map_err(ApiProblem::internal)?;
        let response = ApiResponse::done().with_header(X_HARBOR_CSRF_TOKEN, token);
        Ok(response.with_header(header::SET_COOKIE, cookie(session.id.reveal(), "", origin)?))
    }

    async fn log_out(
        &self,
        record: &mut Record,
        headers: &HeaderMap,
        origin: &Origin,
        circumstances: &Circumstances,
    ) -> Reply {
        if let Some(id) = credentials::session_cookie(headers).and_then(SessionId::parse) {
            self.end_session(&id, headers, circumstances, &record.request_id.to_string()).await?;
        }
        Ok(ApiResponse::done().with_header(header::SET_COOKIE, cookie("", "; Max-Age=0", origin)?))
    }

    async fn end_session(
        &self,
        id: &SessionId,
        headers: &HeaderMap,
        circumstances: &Circumstances,
        request_id: &str,
    ) -> Result<(), ApiProblem> {
        let ended = self.accounts.log_out(id, circumstances, request_id).await;
        ended.map_err(|error| credentials::refusal(error, headers))
    }
}

/// The session's cookie. No script reads it; of other sites' pages only links bring it along. Without TLS it cannot be
/// kept from those who listen, and a browser would not send one that is to be.
fn cookie(value: &str, lifetime: &str, origin: &Origin) -> Result<HeaderValue, ApiProblem> {
    let secure = if origin.scheme == "https" { "; Secure" } else { "" };
    let text = format!("{SESSION_COOKIE}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{lifetime}");
    HeaderValue::try_from(text).map_err(ApiProblem::internal)
}

/// Whether a browser says that the page is another site's. Programs say nothing.
fn is_of_another_site(headers: &HeaderMap, host: &str) -> bool {
    if let Some(site) = headers.get(SEC_FETCH_SITE) {
        return !["same-origin", "none"].iter().any(|own| site.as_bytes() == own.as_bytes());
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return false };
    let authority = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, rest)| rest);
    let parsed = |text: &str| text.parse::<Authority>().ok();
    match (authority.and_then(parsed), parsed(host)) {
        (Some(origin), Some(host)) => origin != host,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_say_whose_page_it_is() {
        let check = |name: HeaderName, value: &str, other: bool| {
            let headers = HeaderMap::from_iter([(name, value.parse().unwrap())]);
            assert_eq!(is_of_another_site(&headers, "r.example:5000"), other, "{value}");
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
        assert!(!is_of_another_site(&HeaderMap::new(), "r.example"), "a program");
    }
}
