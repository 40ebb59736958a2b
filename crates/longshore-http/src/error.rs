//! The one place that chooses status, code and body for what goes wrong. No match here has a `_` arm, so that a new
//! failure must choose its answer.

use std::{error::Error, time::Duration};

use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use longshore_auth::{AuthError, Limited};
use longshore_registry::{
    BlobPullError, BodyError, DeleteError, ListError, ManifestPullError, ManifestPushError, MetadataError,
    MountError, StoreError, UploadError,
};
use longshore_types::{Digest, ErrorCode, error_chain};
use serde_json::{Value, json};

use crate::{
    body::{ResponseBody, SendError},
    endpoint::RouteError,
    rate_limits,
};

/// How long a client should wait before it tries again what a moment or another request stands in the way of.
const RETRY_SOON: Duration = Duration::from_secs(1);
/// The same where uploads must end first.
const RETRY_LATER: Duration = Duration::from_secs(30);

/// An answer that is not a success.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    entries: Vec<Entry>,
    headers: Vec<(HeaderName, HeaderValue)>,
    with_body: bool,
    denied: bool,
    /// For the log only.
    cause: Option<Box<dyn Error + Send + Sync>>,
}

#[derive(Debug)]
struct Entry {
    code: ErrorCode,
    message: String,
    detail: Option<Value>,
}

impl ApiError {
    /// The client's fault: it reads the message.
    pub(crate) fn client(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        let entry = Entry { code, message: message.into(), detail: None };
        Self {
            status,
            entries: vec![entry],
            headers: Vec::new(),
            with_body: true,
            denied: false,
            cause: None,
        }
    }

    /// Our fault: the client learns the status, the log everything.
    fn server(status: StatusCode, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let message = match status {
            StatusCode::SERVICE_UNAVAILABLE => "the registry cannot do this at the moment, try again later",
            _ => "internal error, see the registry's log",
        };
        let mut error = Self::client(status, ErrorCode::Unknown, message);
        error.cause = Some(cause.into());
        error
    }

    fn denied(message: String) -> Self {
        Self { denied: true, ..Self::client(StatusCode::FORBIDDEN, ErrorCode::Denied, message) }
    }

    fn read_only(message: String) -> Self {
        Self::client(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported, message)
    }

    fn name_unknown(message: String) -> Self {
        Self::client(StatusCode::NOT_FOUND, ErrorCode::NameUnknown, message)
    }

    fn digest_mismatch(message: String, wanted: Digest, actual: Digest) -> Self {
        let mut error = Self::client(StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid, message);
        error.entries[0].detail = Some(json!({ "digest": wanted.to_string(), "actual": actual.to_string() }));
        error
    }

    fn retry(code: ErrorCode, message: String, after: Duration) -> Self {
        Self::client(StatusCode::TOO_MANY_REQUESTS, code, message)
            .with_header(header::RETRY_AFTER, HeaderValue::from(after.as_secs()))
    }

    /// 401 with the header that says how to do better.
    pub(crate) fn unauthorized(message: impl Into<String>, challenge: Option<&str>) -> Self {
        let error = Self::client(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, message);
        match challenge.and_then(|challenge| HeaderValue::from_str(challenge).ok()) {
            Some(challenge) => error.with_header(header::WWW_AUTHENTICATE, challenge),
            None => error,
        }
    }

    /// 429: too many wrong passwords, or too many at once.
    pub(crate) fn too_many_logins(retry_after: Duration) -> Self {
        let message = "too many logins, try again later".to_owned();
        Self::retry(ErrorCode::TooManyRequests, message, retry_after.max(RETRY_SOON))
    }

    /// A bug of ours.
    pub(crate) fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::server(StatusCode::INTERNAL_SERVER_ERROR, cause)
    }

    /// 401 for credentials that are missing or not good; why, is for the log.
    pub(crate) fn unauthenticated(error: AuthError, challenge: Option<&str>) -> Self {
        Self { cause: Some(error.into()), ..Self::unauthorized("authentication required", challenge) }
    }

    /// 416 to a `Range`: without a body, and with the length that the content has (RFC 9110 section 15.5.17).
    pub(crate) fn range_not_satisfiable(size_bytes: u64) -> Self {
        let range = HeaderValue::try_from(format!("bytes */{size_bytes}")).expect("digits make a header");
        let error = Self::client(StatusCode::RANGE_NOT_SATISFIABLE, ErrorCode::SizeInvalid, "")
            .with_header(header::CONTENT_RANGE, range);
        Self { with_body: false, ..error }
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Whether the caller lacks a right.
    pub(crate) fn is_denied(&self) -> bool {
        self.denied
    }

    /// Whether the caller was kept from something by a right or a limit.
    pub(crate) fn is_refusal(&self) -> bool {
        self.denied || self.status == StatusCode::FORBIDDEN
    }

    /// What the client reads.
    pub(crate) fn message(&self) -> &str {
        self.entries.first().map_or("", |entry| entry.message.as_str())
    }

    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// What the log should say beyond the status: the whole chain of causes.
    pub(crate) fn cause(&self) -> Option<String> {
        self.cause.as_deref().map(|cause| error_chain(cause))
    }

    /// The reply: the specification's JSON.
    pub(crate) fn into_response(self) -> Response<ResponseBody> {
        let body = if self.with_body {
            let errors: Vec<_> = self.entries.iter().map(Entry::to_json).collect();
            ResponseBody::full(json!({ "errors": errors }).to_string())
        } else {
            ResponseBody::empty()
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        if self.with_body {
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        }
        response.headers_mut().extend(self.headers);
        response
    }
}

impl Entry {
    fn to_json(&self) -> Value {
        let mut entry = json!({ "code": self.code.as_str(), "message": self.message });
        if let Some(detail) = &self.detail {
            entry["detail"] = detail.clone();
        }
        entry
    }
}

impl From<RouteError> for ApiError {
    fn from(error: RouteError) -> Self {
        let bad = |code, message: String| Self::client(StatusCode::BAD_REQUEST, code, message);
        match error {
            RouteError::Unknown => Self::client(
                StatusCode::NOT_FOUND,
                ErrorCode::Unsupported,
                "no such path in the distribution API",
            ),
            RouteError::Method(allowed) => {
                let message = format!("this path knows only {allowed}");
                Self::client(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported, message)
                    .with_header(header::ALLOW, HeaderValue::from_static(allowed))
            }
            RouteError::Encoding => {
                bad(ErrorCode::Unsupported, "broken percent-encoding in the URL".to_owned())
            }
            RouteError::Name(error) => bad(ErrorCode::NameInvalid, error.to_string()),
            RouteError::Digest(error) => bad(ErrorCode::DigestInvalid, error.to_string()),
            RouteError::DigestMissing => {
                bad(ErrorCode::DigestInvalid, "the parameter digest is missing".to_owned())
            }
            RouteError::Reference(error) => bad(ErrorCode::ManifestInvalid, error.to_string()),
            RouteError::ReferenceUnknown { repository } => Self::client(
                StatusCode::NOT_FOUND,
                ErrorCode::ManifestUnknown,
                format!("no such manifest in {repository}: the reference is neither a tag nor a digest"),
            ),
            RouteError::Tag => {
                bad(ErrorCode::ManifestInvalid, "a parameter tag is not a valid tag".to_owned())
            }
            RouteError::TooManyTags => Self::client(
                StatusCode::URI_TOO_LONG,
                ErrorCode::Unsupported,
                format!("more than {} tags in one push", crate::endpoint::TAGS_PER_PUSH_MAX),
            ),
            RouteError::UploadUnknown => Self::client(
                StatusCode::NOT_FOUND,
                ErrorCode::BlobUploadUnknown,
                "no such upload: begin a new one",
            ),
            RouteError::Count => bad(ErrorCode::Unsupported, "the parameter n is not a number".to_owned()),
            RouteError::Last => {
                bad(ErrorCode::Unsupported, "the parameter last is not the end of a page".to_owned())
            }
        }
    }
}

impl From<Limited> for ApiError {
    fn from(limited: Limited) -> Self {
        let mut error =
            Self::client(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests, limited.to_string())
                .with_header(header::RETRY_AFTER, HeaderValue::from(limited.retry_after.seconds()));
        error.headers.extend(limited.pulls.iter().flat_map(rate_limits::headers));
        error
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Missing | AuthError::Invalid(_) => Self::unauthenticated(error, None),
            AuthError::Busy => Self::retry(ErrorCode::TooManyRequests, error.to_string(), RETRY_SOON),
            AuthError::Unavailable(_) => Self::server(StatusCode::SERVICE_UNAVAILABLE, error),
        }
    }
}

impl From<MetadataError> for ApiError {
    fn from(error: MetadataError) -> Self {
        let status = match error {
            // Better credentials would not help, so this is no refusal that asks for them.
            MetadataError::QuotaExceeded(exceeded) => {
                return Self::client(StatusCode::FORBIDDEN, ErrorCode::Denied, exceeded.to_string());
            }
            MetadataError::Conflict(_) | MetadataError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            MetadataError::Corrupt(_) | MetadataError::TooNew { .. } | MetadataError::Settings(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        Self::server(status, error)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let status = match error {
            StoreError::Full(_) | StoreError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            StoreError::NotFound | StoreError::Corrupt(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::server(status, error)
    }
}

impl From<SendError> for ApiError {
    /// Only before the reply has begun.
    fn from(error: SendError) -> Self {
        match error {
            SendError::Store(error) => error.into(),
            SendError::Length => Self::internal(error),
        }
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        let status = match error {
            BodyError::Disconnected(_) => StatusCode::BAD_REQUEST,
            BodyError::TimedOut => StatusCode::REQUEST_TIMEOUT,
            BodyError::NotAllowed => return Self::denied(error.to_string()),
        };
        Self::client(status, ErrorCode::BlobUploadInvalid, error.to_string())
    }
}

impl From<ManifestPullError> for ApiError {
    fn from(error: ManifestPullError) -> Self {
        let message = error.to_string();
        match error {
            ManifestPullError::Denied(_) => Self::denied(message),
            ManifestPullError::NameUnknown(_) => Self::name_unknown(message),
            ManifestPullError::ManifestUnknown { .. } => {
                Self::client(StatusCode::NOT_FOUND, ErrorCode::ManifestUnknown, message)
            }
            ManifestPullError::Metadata(error) => error.into(),
        }
    }
}

impl From<ManifestPushError> for ApiError {
    fn from(error: ManifestPushError) -> Self {
        let message = error.to_string();
        match error {
            ManifestPushError::Denied(_) => Self::denied(message),
            ManifestPushError::ReadOnly(_) => Self::read_only(message),
            ManifestPushError::Invalid(_) => {
                Self::client(StatusCode::BAD_REQUEST, ErrorCode::ManifestInvalid, message)
            }
            ManifestPushError::DigestMismatch { wanted, actual } => {
                Self::digest_mismatch(message, wanted, actual)
            }
            ManifestPushError::BlobsUnknown { repository, missing } => {
                let mut error =
                    Self::client(StatusCode::NOT_FOUND, ErrorCode::ManifestBlobUnknown, String::new());
                error.entries = missing
                    .into_iter()
                    .map(|digest| Entry {
                        code: ErrorCode::ManifestBlobUnknown,
                        message: format!("no blob {digest} in {repository}: push or mount it first"),
                        detail: Some(json!({ "digest": digest.to_string() })),
                    })
                    .collect();
                error
            }
            ManifestPushError::Metadata(error) => error.into(),
            ManifestPushError::Store(error) => error.into(),
        }
    }
}

impl From<BlobPullError> for ApiError {
    fn from(error: BlobPullError) -> Self {
        let message = error.to_string();
        match error {
            BlobPullError::Denied(_) => Self::denied(message),
            BlobPullError::NameUnknown(_) => Self::name_unknown(message),
            BlobPullError::BlobUnknown { .. } => {
                Self::client(StatusCode::NOT_FOUND, ErrorCode::BlobUnknown, message)
            }
            BlobPullError::Metadata(error) => error.into(),
            BlobPullError::Store(error) => error.into(),
        }
    }
}

impl From<MountError> for ApiError {
    fn from(error: MountError) -> Self {
        let message = error.to_string();
        match error {
            MountError::Denied(_) => Self::denied(message),
            MountError::ReadOnly(_) => Self::read_only(message),
            MountError::Metadata(error) => error.into(),
            MountError::Store(error) => error.into(),
        }
    }
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        let message = error.to_string();
        let bad = |status, code, message: String| Self::client(status, code, message);
        match error {
            UploadError::Denied(_) => Self::denied(message),
            UploadError::ReadOnly(_) => Self::read_only(message),
            UploadError::UploadUnknown(_) => {
                bad(StatusCode::NOT_FOUND, ErrorCode::BlobUploadUnknown, message)
            }
            // Pushing a blob in chunks: "If a chunk is uploaded out of order, the registry MUST respond with 416".
            UploadError::OutOfOrder { .. } => {
                bad(StatusCode::RANGE_NOT_SATISFIABLE, ErrorCode::BlobUploadInvalid, message)
            }
            // What a client sees that resumes before its broken connection was noticed here: it should just wait.
            UploadError::Busy(_) => Self::retry(ErrorCode::TooManyRequests, message, RETRY_SOON),
            UploadError::SizeMismatch { .. } => bad(StatusCode::BAD_REQUEST, ErrorCode::SizeInvalid, message),
            UploadError::DigestMismatch { wanted, actual } => Self::digest_mismatch(message, wanted, actual),
            UploadError::TooLarge { .. } => {
                bad(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::BlobUploadInvalid, message)
            }
            UploadError::TooMany => Self::retry(ErrorCode::TooManyRequests, message, RETRY_LATER),
            UploadError::Body(error) => error.into(),
            UploadError::Metadata(error) => error.into(),
            UploadError::Store(error) => error.into(),
        }
    }
}

impl From<ListError> for ApiError {
    fn from(error: ListError) -> Self {
        let message = error.to_string();
        match error {
            ListError::Denied(_) | ListError::CatalogDenied => Self::denied(message),
            ListError::NameUnknown(_) => Self::name_unknown(message),
            ListError::Metadata(error) => error.into(),
        }
    }
}

impl From<DeleteError> for ApiError {
    fn from(error: DeleteError) -> Self {
        let message = error.to_string();
        match error {
            DeleteError::Denied(_) => Self::denied(message),
            DeleteError::Disabled | DeleteError::ReadOnly(_) => Self::read_only(message),
            DeleteError::NameUnknown(_) => Self::name_unknown(message),
            DeleteError::ManifestUnknown { .. } => {
                Self::client(StatusCode::NOT_FOUND, ErrorCode::ManifestUnknown, message)
            }
            DeleteError::BlobUnknown { .. } => {
                Self::client(StatusCode::NOT_FOUND, ErrorCode::BlobUnknown, message)
            }
            DeleteError::BlobReferenced { manifest, .. } => {
                let mut error = Self::client(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported, message);
                error.entries[0].detail = Some(json!({ "manifest": manifest.to_string() }));
                error
            }
            DeleteError::ManifestReferenced { index, .. } => {
                let mut error = Self::client(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported, message);
                error.entries[0].detail = Some(json!({ "index": index.to_string() }));
                error
            }
            DeleteError::Metadata(error) => error.into(),
        }
    }
}
