//! The one place of the management API that chooses status, code and body for what goes wrong, in Harbor's form:
//! `{"errors":[{"code":"NOT_FOUND","message":"…"}]}`.

mod content;

use std::{borrow::Cow, error::Error, time::Duration};

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use longshore_accounts::{ManageError, RefusedIn};
use longshore_auth::Limited;
use longshore_registry::BodyError;
use longshore_types::ProjectName;
use serde::Serialize;

use super::{filter::FilterError, listing::PageError, pattern::ValueError};
use crate::{body::ResponseBody, request_body::ReadError};

/// Harbor's codes, those of the distribution API beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    BadRequest,
    Unauthorized,
    Forbidden,
    Denied,
    NotFound,
    MethodNotAllowed,
    Conflict,
    Precondition,
    TooLarge,
    Timeout,
    TooManyRequests,
    /// Another service does not answer.
    Unavailable,
    /// A bug of ours, or damage.
    Internal,
}

/// An answer that is not a success.
#[derive(Debug)]
pub(crate) struct ApiProblem {
    code: Code,
    message: Cow<'static, str>,
    headers: HeaderMap,
    /// Where the caller was refused something, if that is known.
    refused_in: Option<Box<RefusedIn>>,
    /// For the log only.
    cause: Option<Box<dyn Error + Send + Sync>>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    errors: [Entry<'a>; 1],
}

#[derive(Serialize)]
struct Entry<'a> {
    code: &'static str,
    message: &'a str,
}

impl Code {
    /// The word in the body.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "BAD_REQUEST",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Forbidden => "FORBIDDEN",
            Self::Denied => "DENIED",
            Self::NotFound => "NOT_FOUND",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::Conflict => "CONFLICT",
            Self::Precondition => "PRECONDITION",
            Self::TooLarge => "REQUEST_ENTITY_TOO_LARGE",
            Self::Timeout => "REQUEST_TIMEOUT",
            Self::TooManyRequests => "TOO_MANY_REQUESTS",
            Self::Unavailable => "SERVICE_UNAVAILABLE",
            Self::Internal => "UNKNOWN",
        }
    }

    /// The status that goes with it.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::Denied => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Precondition => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl ApiProblem {
    /// The client reads the message: it names the field or the thing, and says what would do.
    pub(crate) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), headers: HeaderMap::new(), refused_in: None, cause: None }
    }

    /// 400.
    pub(crate) fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::BadRequest, message)
    }

    /// 401: nobody is logged in, or not with good credentials. Why, is for the log.
    pub(crate) fn unauthorized() -> Self {
        Self::new(Code::Unauthorized, "unauthorized")
    }

    /// 403.
    pub(crate) fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Forbidden, message)
    }

    /// 404.
    pub(crate) fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::NotFound, message)
    }

    /// 404 for a project that is not there, and for one that the caller may not know of: the same in both cases. `name`
    /// is what the request said.
    pub(crate) fn project_not_found(name: &str) -> Self {
        Self::not_found(format!("project {name} not found"))
    }

    /// 405, with the methods that the path knows.
    pub(crate) fn method_not_allowed(allowed: &str) -> Self {
        let problem = Self::new(Code::MethodNotAllowed, format!("this path knows only {allowed}"));
        problem.with_header(header::ALLOW, HeaderValue::try_from(allowed).ok())
    }

    /// 429, with the time to wait.
    pub(crate) fn too_many_requests(message: impl Into<Cow<'static, str>>, retry_after: Duration) -> Self {
        let seconds = HeaderValue::from(retry_after.as_secs().max(1));
        Self::new(Code::TooManyRequests, message).with_header(header::RETRY_AFTER, Some(seconds))
    }

    /// 503: the client learns no more than that.
    pub(crate) fn unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let message = "the registry cannot do this at the moment, try again later";
        Self { cause: Some(cause.into()), ..Self::new(Code::Unavailable, message) }
    }

    /// 500: the client learns no more than that.
    pub(crate) fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let message = "internal error, see the registry's log";
        Self { cause: Some(cause.into()), ..Self::new(Code::Internal, message) }
    }

    /// Remembers for the log why.
    pub(crate) fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    pub(crate) fn with_header(mut self, name: header::HeaderName, value: Option<HeaderValue>) -> Self {
        if let Some(value) = value {
            self.headers.append(name, value);
        }
        self
    }

    /// It is there, and the caller was not let in, whatever they are told.
    pub(crate) fn refusing(mut self, place: RefusedIn) -> Self {
        self.refused_in = Some(Box::new(place));
        self
    }

    /// What went wrong, went wrong in that project.
    pub(crate) fn within(self, project: Option<&ProjectName>) -> Self {
        match project {
            Some(project) if self.refused_in.is_none() && self.is_refusal() => {
                self.refusing(RefusedIn::Project(project.clone()))
            }
            _ => self,
        }
    }

    /// Where the caller was kept from something by a right or a limit.
    pub(crate) fn refused_in(&self) -> Option<RefusedIn> {
        match &self.refused_in {
            Some(place) => Some((**place).clone()),
            None => self.is_refusal().then_some(RefusedIn::System),
        }
    }

    fn is_refusal(&self) -> bool {
        matches!(self.code, Code::Forbidden | Code::Denied)
    }

    /// For the record: what the caller was told, and why.
    pub(crate) fn reason(&self) -> String {
        match self.cause() {
            Some(cause) => format!("{}: {cause}", self.message),
            None => self.message.clone().into_owned(),
        }
    }

    pub(crate) fn code(&self) -> Code {
        self.code
    }

    /// What the log should say beyond the status: the whole chain of causes.
    pub(crate) fn cause(&self) -> Option<String> {
        self.cause.as_deref().map(|cause| longshore_types::error_chain(cause))
    }

    pub(crate) fn into_response(self) -> Response<ResponseBody> {
        let envelope = Envelope { errors: [Entry { code: self.code.as_str(), message: &self.message }] };
        let json = serde_json::to_vec(&envelope).expect("two texts are JSON");
        let mut response = Response::new(ResponseBody::full(json));
        *response.status_mut() = self.code.status();
        *response.headers_mut() = self.headers;
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        response
    }
}

impl From<ManageError> for ApiProblem {
    fn from(error: ManageError) -> Self {
        match error {
            ManageError::Unknown { kind, name } => Self::not_found(format!("{kind} {name} not found")),
            ManageError::Conflict(message) => Self::new(Code::Conflict, message),
            ManageError::Invalid(message) => Self::bad_request(message),
            ManageError::Forbidden(message) => Self::forbidden(message),
            ManageError::Precondition(message) => Self::new(Code::Precondition, message),
            ManageError::TooMany { retry_after } => {
                Self::too_many_requests("too many wrong passwords, try again later", retry_after)
            }
            ManageError::Unavailable(message) => Self::new(Code::Unavailable, message),
            error @ ManageError::Metadata(_) if error.is_passing() => Self::unavailable(error),
            error @ ManageError::Metadata(_) => Self::internal(error),
        }
    }
}

impl From<Limited> for ApiProblem {
    fn from(limited: Limited) -> Self {
        let retry_after = Duration::from_secs(limited.retry_after.seconds());
        Self::too_many_requests(limited.to_string(), retry_after)
    }
}

impl From<ValueError> for ApiProblem {
    fn from(error: ValueError) -> Self {
        Self::bad_request(format!("{}: the path holds no usable value", error.name))
    }
}

impl From<PageError> for ApiProblem {
    fn from(error: PageError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<FilterError> for ApiProblem {
    fn from(error: FilterError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<ReadError> for ApiProblem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::TooLarge => Self::new(Code::TooLarge, "the body is too large"),
            ReadError::Body(BodyError::TimedOut) => Self::new(Code::Timeout, "the body did not come in time"),
            ReadError::Body(error @ (BodyError::Disconnected(_) | BodyError::NotAllowed)) => {
                Self::bad_request("the body did not come whole").because(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn problems_have_harbors_form_and_failures_of_ours_tell_nothing() {
        let check = async |problem: ApiProblem, status: u16, body: &str| {
            let response = problem.into_response();
            assert_eq!(response.status().as_u16(), status);
            let bytes = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(String::from_utf8_lossy(&bytes), body);
        };
        let problem = ApiProblem::new(Code::Conflict, "the project \"x\" exists");
        let body = r#"{"errors":[{"code":"CONFLICT","message":"the project \"x\" exists"}]}"#;
        check(problem, 409, body).await;
        let problem = ApiProblem::internal("password of the database");
        assert_eq!(problem.cause().as_deref(), Some("password of the database"));
        let body = r#"{"errors":[{"code":"UNKNOWN","message":"internal error, see the registry's log"}]}"#;
        check(problem, 500, body).await;
    }

    #[test]
    fn headers_say_how_to_do_better() {
        let response = ApiProblem::method_not_allowed("GET, HEAD").into_response();
        assert_eq!(response.headers()[header::ALLOW], "GET, HEAD");
        let response = ApiProblem::too_many_requests("slower", Duration::from_millis(1)).into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    }
}
