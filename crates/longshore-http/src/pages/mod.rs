//! The pages on HTTP: who looks, what came with the request, what the browser is to keep. What pages show is made in
//! `longshore-pages`, which asks the management API through [`Visit`].

mod follow;
mod reply;
mod visit;

use std::{sync::Arc, time::SystemTime};

use http::{Method, Response, StatusCode, header, request::Parts};
use longshore_accounts::{Credentials, Csrf, LoginError, SessionId};
use longshore_auth::{Access, CallerKind, SystemRole};
use longshore_pages::{Caller, Language, PageRequest, Pairs, Theme};
use longshore_types::Timestamp;

pub(crate) use self::follow::Followers;
use self::visit::Visit;
use crate::{
    access_log::Record,
    api::{Api, Cookie, Cookies, Known},
    body::ResponseBody,
    context::Context,
    proxies::Origin,
    rate_limits,
    refusals::RefusedRequest,
    request_body::RequestBody,
    route::Route,
};

/// Largest form, in bytes: descriptions are the longest.
const FORM_BYTES_MAX: usize = 256 * 1024;
/// The same where nobody is logged in.
const ANONYMOUS_FORM_BYTES_MAX: usize = 16 * 1024;

/// Whether a path is a page's. A registry with a prefix keeps what lies under it.
pub(crate) fn has(cx: &Context, path: &str) -> bool {
    let prefix = &cx.urls.prefix;
    let is_under_prefix = !prefix.is_empty() && path.starts_with(prefix.as_str());
    !is_under_prefix && longshore_pages::section(path).is_some()
}

/// Answers a request for a page.
pub(crate) async fn answer(
    cx: &Context,
    api: &Arc<Api>,
    record: &mut Record,
    head: Box<Parts>,
    body: RequestBody,
    origin: Origin,
) -> Response<ResponseBody> {
    record.route = longshore_pages::section(head.uri.path()).map_or(Route::None, Route::Pages);
    let cookies = api.cookies(&origin);
    match look(cx, api, record, &head, body, &origin).await {
        Ok(looked) => {
            let visit = Visit::new(api, &looked.known, record, &head, &origin);
            let reply = longshore_pages::answer(&visit, &looked.request).await;
            let kept = visit.into_cookies();
            reply::response(reply, cookies, kept)
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// Why no page is made.
enum Refusal {
    /// In a word for people; these are no mistakes that browsers make.
    Plain(StatusCode, &'static str),
    /// Too many requests; seconds to wait.
    TooMany(u64),
}

impl Refusal {
    fn into_response(self) -> Response<ResponseBody> {
        match self {
            Self::Plain(status, text) => reply::plain(status, text, None),
            Self::TooMany(seconds) => reply::plain(
                StatusCode::TOO_MANY_REQUESTS,
                "Too many requests. Try again later.",
                Some(seconds),
            ),
        }
    }
}

/// A request that was looked at.
struct Looked {
    request: PageRequest,
    known: Known,
}

async fn look(
    cx: &Context,
    api: &Api,
    record: &mut Record,
    head: &Parts,
    body: RequestBody,
    origin: &Origin,
) -> Result<Looked, Refusal> {
    let is_form = match head.method {
        Method::GET | Method::HEAD => false,
        Method::POST => true,
        _ => {
            return Err(Refusal::Plain(
                StatusCode::METHOD_NOT_ALLOWED,
                "Pages are read, and forms are sent.",
            ));
        }
    };
    if is_form && api.is_of_another_site(head, origin) {
        return Err(Refusal::Plain(StatusCode::FORBIDDEN, "This was asked for by another site's page."));
    }
    let now = Timestamp::from(SystemTime::now());
    let visit = rate_limits::Visit::of_head(&head.headers, origin, now);
    cx.gate.before(visit).map_err(|limited| Refusal::TooMany(limited.retry_after.seconds()))?;
    let cookies = api.cookies(origin);
    let form = match is_form {
        true => read_form(cookies, head, body).await?,
        false => Pairs::default(),
    };
    let known = know(api, record, head, origin, cookies, is_form.then_some(&form)).await?;
    let access = &known.access;
    record.caller = access.principal.name().map(Into::into);
    let limited = cx.gate.after_as(visit, access.principal.name(), CallerKind::of(&access.principal));
    limited.map_err(|limited| Refusal::TooMany(limited.retry_after.seconds()))?;
    let raw_query = head.uri.query().map(str::to_owned);
    let query = Pairs::parse(raw_query.as_deref().unwrap_or_default());
    let request = PageRequest {
        is_form,
        path: head.uri.path().to_owned(),
        query: query
            .ok_or(Refusal::Plain(StatusCode::BAD_REQUEST, "The address of this page is damaged."))?,
        raw_query,
        form,
        caller: caller(&known),
        language: language(cookies, head),
        theme: cookies.read(Cookie::Theme, &head.headers).and_then(Theme::of_word).unwrap_or_default(),
        host: host(api, head, origin),
        is_secure: origin.scheme == "https"
            || api.external_url().is_some_and(|url| url.starts_with("https:")),
        providers: api.provider_names().to_vec(),
        request_id: record.request_id.to_string(),
        now: known.circumstances.now,
    };
    Ok(Looked { request, known })
}

async fn read_form(cookies: Cookies, head: &Parts, body: RequestBody) -> Result<Pairs, Refusal> {
    let has_session = cookies.read(Cookie::Session, &head.headers).is_some();
    let bytes_max = if has_session { FORM_BYTES_MAX } else { ANONYMOUS_FORM_BYTES_MAX };
    let bytes = body.read_whole(bytes_max).await;
    let bytes = bytes.map_err(|_| {
        Refusal::Plain(StatusCode::PAYLOAD_TOO_LARGE, "The form is too long, or came too slowly.")
    })?;
    let form = std::str::from_utf8(&bytes).ok().and_then(Pairs::parse);
    form.ok_or(Refusal::Plain(StatusCode::BAD_REQUEST, "This is no form."))
}

/// Who looks: by the session in a cookie, else by the certificate of the connection. Passwords are for programs, which have
/// the management API. A form must show that a page made it in this session; without a session it can do nothing but sign in.
async fn know(
    api: &Api,
    record: &Record,
    head: &Parts,
    origin: &Origin,
    cookies: Cookies,
    form: Option<&Pairs>,
) -> Result<Known, Refusal> {
    let session = cookies.read(Cookie::Session, &head.headers);
    let credentials = match (session, &origin.certificate) {
        (Some(id), _) => {
            let csrf = match form {
                // Signing in ends the session that is there, whoever's; other sites' pages were turned away before.
                Some(_) if head.uri.path() == "/sign-in" || head.uri.path() == "/preferences" => {
                    Csrf::NotNeeded
                }
                Some(form) => Csrf::Token(form.raw("csrf").map(str::to_owned)),
                None => Csrf::NotNeeded,
            };
            Credentials::Session { id: id.to_owned(), csrf }
        }
        (None, Some(chain)) => Credentials::Certificate(Arc::clone(chain)),
        (None, None) => Credentials::None,
    };
    // A body may have come slowly: who it is, is asked now.
    let circumstances = origin.circumstances(Timestamp::from(SystemTime::now()));
    let request_id = record.request_id.to_string();
    let access: Access = match api.accounts().login(&credentials, &circumstances, &request_id).await {
        Ok(access) => access,
        Err(LoginError::Refused(_)) => Access::anonymous(),
        Err(LoginError::Csrf) => {
            return Err(Refusal::Plain(
                StatusCode::FORBIDDEN,
                "This form is of another session. Go back, load the page anew, and send it again.",
            ));
        }
        Err(LoginError::TooMany { retry_after }) => {
            return Err(Refusal::TooMany(retry_after.as_secs().max(1)));
        }
        Err(LoginError::Unavailable(error)) => {
            tracing::error!(
                request_id,
                error = longshore_types::error_chain(error.as_ref()),
                "a page cannot be made"
            );
            return Err(Refusal::Plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "This cannot be looked at now. Try again later.",
            ));
        }
    };
    let session = session.filter(|_| access.principal.is_known()).and_then(SessionId::parse);
    Ok(Known { access, session, circumstances })
}

fn caller(known: &Known) -> Option<Caller> {
    let principal = &known.access.principal;
    Some(Caller {
        name: principal.name()?.to_owned(),
        csrf_token: known.session.as_ref().map(SessionId::csrf_token).unwrap_or_default(),
        is_administrator: principal.system_role() != SystemRole::None,
    })
}

fn language(cookies: Cookies, head: &Parts) -> Language {
    let chosen = cookies.read(Cookie::Language, &head.headers).and_then(|tag| tag.parse().ok());
    chosen.unwrap_or_else(|| {
        let accepted = head.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Language::accepted(accepted.unwrap_or_default())
    })
}

/// What image names begin with.
fn host(api: &Api, head: &Parts, origin: &Origin) -> String {
    let outside = api.external_url().and_then(|url| url.split_once("://"));
    outside.map_or_else(|| origin.host(head).to_owned(), |(_, host)| host.trim_end_matches('/').to_owned())
}

/// For the record of refusals.
fn refused<'a>(api: &'a Api, record: &'a Record, origin: &Origin, now: Timestamp) -> RefusedRequest<'a> {
    RefusedRequest {
        accounts: api.accounts(),
        actor: record.caller.as_deref(),
        address: origin.client,
        now,
        request_id: &record.request_id,
    }
}
