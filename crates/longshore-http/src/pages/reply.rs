//! What a page answers, as HTTP.

use std::time::Duration;

use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use longshore_pages::PageReply;

use crate::{
    api::{Cookie, Cookies, attachment, protect},
    body::ResponseBody,
};

/// Nothing but what is ours, and nothing inside the page itself: no other site is asked for anything.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'",
);
const FOR_GOOD: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// How long a browser remembers language and theme.
const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// The response; `kept` are values of `Set-Cookie`.
pub(super) fn response(reply: PageReply, cookies: Cookies, kept: Vec<HeaderValue>) -> Response<ResponseBody> {
    let mut response = of(reply, cookies);
    let headers = response.headers_mut();
    for cookie in kept {
        headers.append(header::SET_COOKIE, cookie);
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(POLICY);
    // Other sites' pages must not learn where somebody was; our own forms are told apart from theirs by `Origin`, which
    // browsers leave out where nothing at all may be told.
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("same-origin"));
    protect(headers);
    response
}

fn of(reply: PageReply, cookies: Cookies) -> Response<ResponseBody> {
    match reply {
        PageReply::Html { status, html } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            with(status, ResponseBody::full(html), [(header::CONTENT_TYPE, Some(HTML))])
        }
        PageReply::SeeOther { location } => see_other(&location),
        PageReply::Remember { language, theme, location } => {
            let mut response = see_other(&location);
            let language =
                language.map(|language| cookies.set(Cookie::Language, language.tag(), Some(A_YEAR)));
            let theme = theme.map(|theme| cookies.set(Cookie::Theme, theme.word(), Some(A_YEAR)));
            for cookie in [language, theme].into_iter().flatten().flatten() {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            response
        }
        PageReply::Asset { content_type, bytes } => {
            let headers = [
                (header::CONTENT_TYPE, Some(HeaderValue::from_static(content_type))),
                (header::CACHE_CONTROL, Some(FOR_GOOD)),
            ];
            with(StatusCode::OK, ResponseBody::full(bytes), headers)
        }
        PageReply::Download { content_type, file_name, bytes } => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::try_from(content_type).ok()),
                (header::CONTENT_DISPOSITION, Some(attachment(&file_name))),
            ];
            with(StatusCode::OK, ResponseBody::full(bytes), headers)
        }
        PageReply::Json(bytes) => {
            let json = HeaderValue::from_static("application/json; charset=utf-8");
            with(StatusCode::OK, ResponseBody::full(bytes), [(header::CONTENT_TYPE, Some(json))])
        }
        PageReply::Events(events) => {
            let headers = [
                (header::CONTENT_TYPE, Some(HeaderValue::from_static("text/event-stream"))),
                // nginx would gather what is to be seen at once.
                (HeaderName::from_static("x-accel-buffering"), Some(HeaderValue::from_static("no"))),
            ];
            with(StatusCode::OK, ResponseBody::events(events), headers)
        }
    }
}

/// A few words, where there is no page.
pub(super) fn plain(
    status: StatusCode,
    text: &'static str,
    retry_after: Option<u64>,
) -> Response<ResponseBody> {
    let headers = [
        (header::CONTENT_TYPE, Some(HeaderValue::from_static("text/plain; charset=utf-8"))),
        (header::RETRY_AFTER, retry_after.map(HeaderValue::from)),
    ];
    let mut response = with(status, ResponseBody::full(text), headers);
    protect(response.headers_mut());
    response
}

fn see_other(location: &str) -> Response<ResponseBody> {
    let location = HeaderValue::try_from(location).ok();
    with(StatusCode::SEE_OTHER, ResponseBody::empty(), [(header::LOCATION, location)])
}

fn with<const N: usize>(
    status: StatusCode,
    body: ResponseBody,
    headers: [(HeaderName, Option<HeaderValue>); N],
) -> Response<ResponseBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    for (name, value) in headers {
        if let Some(value) = value {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
