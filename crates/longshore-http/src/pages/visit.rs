//! The management API, asked as the person who looks at a page.

use std::sync::{Arc, Mutex};

use futures_util::{
    future::{BoxFuture, FutureExt as _},
    stream::BoxStream,
};
use http::{HeaderMap, HeaderValue, Response, header, request::Parts};
use longshore_accounts::{Credentials, Csrf, LoginError, SessionId};
use longshore_pages::{ApiAnswer, ApiCall, ManagementApi, SignInRefused, Verb};

use super::{follow::Follower, refused};
use crate::{
    access_log::Record,
    api::{self, Api, Cookie, Cookies, InnerCall, Known, X_TOTAL_COUNT},
    body::ResponseBody,
    proxies::Origin,
};

/// One request for a page.
pub(super) struct Visit<'a> {
    api: &'a Arc<Api>,
    known: &'a Known,
    record: &'a Record,
    head: &'a Parts,
    origin: &'a Origin,
    cookies: Cookies,
    /// What the browser is to keep.
    kept: Mutex<Vec<HeaderValue>>,
}

impl<'a> Visit<'a> {
    pub(super) fn new(
        api: &'a Arc<Api>,
        known: &'a Known,
        record: &'a Record,
        head: &'a Parts,
        origin: &'a Origin,
    ) -> Self {
        Self { api, known, record, head, origin, cookies: api.cookies(origin), kept: Mutex::default() }
    }

    /// `Set-Cookie`, in their order.
    pub(super) fn into_cookies(self) -> Vec<HeaderValue> {
        self.kept.into_inner().unwrap_or_default()
    }

    fn keep(&self, cookie: Option<HeaderValue>) {
        if let (Some(cookie), Ok(mut kept)) = (cookie, self.kept.lock()) {
            kept.push(cookie);
        }
    }

    async fn answer(&self, call: ApiCall) -> ApiAnswer {
        let inner = InnerCall {
            verb: match call.verb {
                Verb::Get => api::Verb::Get,
                Verb::Post => api::Verb::Post,
                Verb::Put => api::Verb::Put,
                Verb::Patch => api::Verb::Patch,
                Verb::Delete => api::Verb::Delete,
            },
            target: &call.target,
            body: call.body,
            within: refused(self.api, self.record, self.origin, self.known.circumstances.now),
            is_meant: call.is_meant,
        };
        answered(self.api.call_within(self.known, inner).await).await
    }

    async fn log_in(&self, name: &str, password: &str) -> Result<(), SignInRefused> {
        let (circumstances, request_id) = (&self.known.circumstances, self.record.request_id.to_string());
        let accounts = self.api.accounts();
        let session = accounts.log_in(name, password, circumstances, &request_id).await.map_err(refusal)?;
        // The one before is over: the browser forgets it.
        self.end_session().await?;
        self.keep(self.cookies.set(Cookie::Session, session.id.reveal(), None).ok());
        Ok(())
    }

    async fn end_session(&self) -> Result<(), SignInRefused> {
        let Some(id) = session(self.cookies, &self.head.headers) else { return Ok(()) };
        let (circumstances, request_id) = (&self.known.circumstances, self.record.request_id.to_string());
        self.api.accounts().log_out(&id, circumstances, &request_id).await.map_err(refusal)
    }
}

/// What pages see of a response.
pub(super) async fn answered(response: Response<ResponseBody>) -> ApiAnswer {
    let (head, body) = response.into_parts();
    let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    ApiAnswer {
        status: head.status.as_u16(),
        total: text(X_TOTAL_COUNT).and_then(|text| text.parse().ok()),
        location: text(header::LOCATION),
        content_type: text(header::CONTENT_TYPE),
        body: match api::whole(body).await {
            Ok(bytes) => bytes,
            Err(_) => return ApiAnswer { status: 503, ..ApiAnswer::default() },
        },
    }
}

fn session(cookies: Cookies, headers: &HeaderMap) -> Option<SessionId> {
    cookies.read(Cookie::Session, headers).and_then(SessionId::parse)
}

fn refusal(error: LoginError) -> SignInRefused {
    match error {
        LoginError::Refused(_) | LoginError::Csrf => SignInRefused::Wrong,
        LoginError::TooMany { retry_after } => SignInRefused::TooMany(retry_after.as_secs().max(1)),
        LoginError::Unavailable(error) => {
            tracing::error!(
                error = longshore_types::error_chain(error.as_ref()),
                "a login cannot be looked at"
            );
            SignInRefused::Unavailable
        }
    }
}

impl ManagementApi for Visit<'_> {
    fn call(&self, call: ApiCall) -> BoxFuture<'_, ApiAnswer> {
        self.answer(call).boxed()
    }

    fn follow(&self, target: String) -> Option<BoxStream<'static, ApiAnswer>> {
        let permit = self.api.followers().begin()?;
        let id = self.cookies.read(Cookie::Session, &self.head.headers);
        let credentials = match (id, &self.origin.certificate) {
            (Some(id), _) => Credentials::Session { id: id.to_owned(), csrf: Csrf::NotNeeded },
            (None, Some(chain)) => Credentials::Certificate(Arc::clone(chain)),
            (None, None) => Credentials::None,
        };
        let follower = Follower {
            api: Arc::clone(self.api),
            credentials,
            session: self.known.session.clone(),
            circumstances: self.known.circumstances.clone(),
            request_id: self.record.request_id.clone(),
            target,
            permit,
        };
        Some(follower.answers())
    }

    fn sign_in<'a>(&'a self, name: &'a str, password: &'a str) -> BoxFuture<'a, Result<(), SignInRefused>> {
        self.log_in(name, password).boxed()
    }

    fn sign_out(&self) -> BoxFuture<'_, Result<(), SignInRefused>> {
        async {
            self.end_session().await?;
            self.keep(self.cookies.forget(Cookie::Session).ok());
            Ok(())
        }
        .boxed()
    }
}
