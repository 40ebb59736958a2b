//! Replies of the management API, in the forms that Harbor's clients expect: what changed something answers 200 or 201
//! with an empty body, never 204.

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use crate::body::ResponseBody;

pub(crate) const X_TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");

/// A success.
pub(crate) struct ApiResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: ResponseBody,
}

impl ApiResponse {
    fn new(status: StatusCode, body: ResponseBody) -> Self {
        Self { status, headers: HeaderMap::new(), body }
    }

    /// 200 without a body: an update or a deletion was done.
    pub(crate) fn done() -> Self {
        Self::new(StatusCode::OK, ResponseBody::empty())
    }

    /// 200 with JSON. `value` is made of structs, lists and maps with text as keys, which JSON has words for.
    pub(crate) fn json(value: &impl Serialize) -> Self {
        let json = serde_json::to_vec(value).expect("a reply has only text keys");
        Self::content("application/json; charset=utf-8", json)
    }

    /// 200 with what was made ready before, or is no JSON.
    pub(crate) fn content(content_type: &'static str, bytes: impl Into<bytes::Bytes>) -> Self {
        let response = Self::new(StatusCode::OK, ResponseBody::full(bytes));
        response.with_header(header::CONTENT_TYPE, HeaderValue::from_static(content_type))
    }

    /// Without a body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self::new(status, ResponseBody::empty())
    }

    /// What people read.
    pub(crate) fn page(status: StatusCode, content_type: &'static str, text: String) -> Self {
        Self { status, ..Self::content(content_type, text) }
    }

    /// 201 without a body, see `ApiRequest::created`.
    pub(crate) fn created(location: HeaderValue) -> Self {
        let response = Self::new(StatusCode::CREATED, ResponseBody::empty());
        response.with_header(header::LOCATION, location)
    }

    /// The same status and headers, with JSON: what was created has a secret that is shown this once.
    pub(crate) fn with_json(self, value: &impl Serialize) -> Self {
        let Self { body, mut headers, .. } = Self::json(value);
        headers.extend(self.headers);
        Self { status: self.status, headers, body }
    }

    /// The same with another status, where Harbor has one that is no success with what else is one's form.
    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    pub(crate) fn into_response(self) -> Response<ResponseBody> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn created_may_show_a_secret() {
        let response = ApiResponse::created(HeaderValue::from_static("/api/v2.0/robots/1"));
        let response = response.with_json(&[1, 2]).into_response();
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.headers()[header::LOCATION], "/api/v2.0/robots/1");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json; charset=utf-8");
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "[1,2]");
    }

    #[test]
    fn what_was_done_is_200_and_empty() {
        let response = ApiResponse::done().into_response();
        assert_eq!((response.status(), response.headers().len()), (StatusCode::OK, 0));
    }
}
