//! What the token service answers instead of a token. One body has the words of all who ask: the errors of the
//! distribution specification, `details` as docker shows it, OAuth2's (RFC 6749 section 5.2).

use std::{borrow::Cow, error::Error, time::Duration};

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use longshore_accounts::LoginError;
use longshore_auth::Limited;
use longshore_registry::BodyError;
use longshore_types::error_chain;
use serde_json::json;

use crate::{access_log::Record, body::ResponseBody, request_body::ReadError};

/// No token.
#[derive(Debug)]
pub(crate) struct TokenRefusal {
    status: StatusCode,
    /// OAuth2's word.
    word: &'static str,
    /// The distribution specification's.
    code: &'static str,
    message: Cow<'static, str>,
    headers: HeaderMap,
    /// For the log only.
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl TokenRefusal {
    fn new(
        status: StatusCode,
        word: &'static str,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, word, code, message: message.into(), headers: HeaderMap::new(), cause: None }
    }

    /// 401: the credentials are not good. Why, is for the log.
    pub(crate) fn credentials(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let message = "incorrect username or password";
        let mut refusal = Self::new(StatusCode::UNAUTHORIZED, "invalid_grant", "UNAUTHORIZED", message);
        let basic = HeaderValue::from_static("Basic realm=\"harbor\", charset=\"UTF-8\"");
        refusal.headers.insert(header::WWW_AUTHENTICATE, basic);
        refusal.cause = Some(cause.into());
        refusal
    }

    /// 400: the request cannot be understood.
    pub(crate) fn request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", "UNSUPPORTED", message)
    }

    /// 400: the scopes cannot be.
    pub(crate) fn scope(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_scope", "UNSUPPORTED", message)
    }

    /// 400: another way to prove who one is.
    pub(crate) fn grant_type() -> Self {
        let message = "grant_type must be password, refresh_token or the exchange of tokens";
        Self::new(StatusCode::BAD_REQUEST, "unsupported_grant_type", "UNSUPPORTED", message)
    }

    /// 405.
    pub(crate) fn method(allowed: &'static str) -> Self {
        let message = format!("this path knows only {allowed}");
        let mut refusal =
            Self::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request", "UNSUPPORTED", message);
        refusal.headers.insert(header::ALLOW, HeaderValue::from_static(allowed));
        refusal
    }

    /// 429.
    fn too_many(message: impl Into<Cow<'static, str>>, retry_after: Duration) -> Self {
        let mut refusal =
            Self::new(StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable", "TOOMANYREQUESTS", message);
        refusal.headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after.as_secs().max(1)));
        refusal
    }

    /// 503: the client learns no more than that.
    pub(crate) fn failed(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let message = "the registry cannot do this at the moment, try again later";
        let mut refusal =
            Self::new(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", "UNKNOWN", message);
        refusal.cause = Some(cause.into());
        refusal
    }

    #[cfg(test)]
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// Failures of ours go to the log whole; the client learned only that there was one.
    pub(crate) fn log(&self, record: &Record) {
        let Some(cause) = self.cause.as_deref().map(|cause| error_chain(cause)) else { return };
        let (route, request_id) = (record.route.as_str(), record.request_id.to_string());
        if self.status.is_server_error() {
            tracing::error!(route, request_id, cause, "request failed");
        } else {
            tracing::debug!(route, request_id, cause, "request refused");
        }
    }

    pub(crate) fn into_response(self) -> Response<ResponseBody> {
        let body = json!({
            "errors": [{ "code": self.code, "message": self.message }],
            "error": self.word,
            "error_description": self.message,
            "details": self.message,
        });
        let mut response = Response::new(ResponseBody::full(body.to_string()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }
}

impl From<LoginError> for TokenRefusal {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Refused(_) | LoginError::Csrf => Self::credentials(error),
            LoginError::TooMany { retry_after } => {
                Self::too_many("too many logins, try again later", retry_after)
            }
            LoginError::Unavailable(_) => Self::failed(error),
        }
    }
}

impl From<Limited> for TokenRefusal {
    fn from(limited: Limited) -> Self {
        Self::too_many(limited.to_string(), Duration::from_secs(limited.retry_after.seconds()))
    }
}

impl From<ReadError> for TokenRefusal {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::TooLarge => {
                Self { status: StatusCode::PAYLOAD_TOO_LARGE, ..Self::request("the form is too large") }
            }
            ReadError::Body(BodyError::TimedOut) => {
                Self { status: StatusCode::REQUEST_TIMEOUT, ..Self::request("the form did not come in time") }
            }
            ReadError::Body(BodyError::Disconnected(_) | BodyError::NotAllowed) => {
                Self::request("the form did not come whole")
            }
        }
    }
}
