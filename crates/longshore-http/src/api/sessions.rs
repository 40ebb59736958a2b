//! Logging in and out on the pages: the paths that Harbor has for it beside its API.

use std::time::SystemTime;

use http::{HeaderMap, HeaderValue, Method, header, request::Parts};
use longshore_accounts::SessionId;
use longshore_auth::Circumstances;
use longshore_types::Timestamp;

use super::{
    Api,
    cookies::{Cookie, Cookies},
    credentials::{self, X_HARBOR_CSRF_TOKEN},
    problem::ApiProblem,
    provider_login::{self, Visit},
    response::ApiResponse,
    route::Reply,
};
use crate::{access_log::Record, proxies::Origin, query::Query, request_body::RequestBody, route::Route};

/// Largest form, in bytes.
const FORM_BYTES_MAX: usize = 16 * 1024;

/// One of these paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `POST /c/login`: `principal` and `password`, as a form.
    LogIn,
    /// `GET` or `POST /c/log_out`.
    LogOut,
    /// `GET /c/oidc/login`.
    GoToProvider,
    /// `GET /c/oidc/callback`.
    ComeFromProvider,
    /// `GET` and `POST /c/oidc/onboard`.
    ChooseName,
}

impl Form {
    /// The one that a path means.
    pub(super) fn of(path: &str) -> Option<Self> {
        match path {
            "/c/login" => Some(Self::LogIn),
            "/c/log_out" => Some(Self::LogOut),
            provider_login::LOGIN => Some(Self::GoToProvider),
            provider_login::CALLBACK => Some(Self::ComeFromProvider),
            provider_login::ONBOARD => Some(Self::ChooseName),
            _ => None,
        }
    }

    fn route(self) -> Route {
        match self {
            Self::LogIn => Route::LogIn,
            Self::LogOut => Route::LogOut,
            Self::GoToProvider => Route::GoToProvider,
            Self::ComeFromProvider => Route::ComeFromProvider,
            Self::ChooseName => Route::ChooseName,
        }
    }
}

impl Api {
    /// Answers a request for one of them.
    pub(super) async fn answer_form(
        &self,
        form: Form,
        record: &mut Record,
        head: Box<Parts>,
        body: RequestBody,
        origin: &Origin,
    ) -> Reply {
        record.route = form.route();
        let circumstances = origin.circumstances(Timestamp::from(SystemTime::now()));
        let allowed: &[Method] = match form {
            Form::LogIn => &[Method::POST],
            Form::LogOut | Form::ChooseName => &[Method::GET, Method::POST],
            Form::GoToProvider | Form::ComeFromProvider => &[Method::GET],
        };
        if !allowed.contains(&head.method) {
            let names: Vec<_> = allowed.iter().map(Method::as_str).collect();
            return Err(ApiProblem::method_not_allowed(&names.join(", ")));
        }
        // Else another page could log its visitor in as somebody of its choice, or out. Who comes from a provider comes
        // from another site, and shows that it was sent there from here.
        let from_elsewhere = matches!(form, Form::GoToProvider | Form::ComeFromProvider)
            || (form == Form::ChooseName && head.method == Method::GET);
        if !from_elsewhere && self.is_of_another_site(&head, origin) {
            return Err(ApiProblem::forbidden("this is for the registry's own pages"));
        }
        let cookies = self.cookies(origin);
        let visit = Visit { head: &head, origin, cookies, circumstances: &circumstances };
        match form {
            Form::LogIn => self.log_in(record, &head.headers, body, cookies, &circumstances).await,
            Form::LogOut => self.log_out(record, &head.headers, cookies, &circumstances).await,
            Form::GoToProvider => self.go_to_provider(&visit).await,
            Form::ComeFromProvider => self.come_from_provider(record, &visit).await,
            Form::ChooseName if head.method == Method::GET => self.ask_for_name(&visit),
            Form::ChooseName => self.take_name(record, &visit, body).await,
        }
    }

    async fn log_in(
        &self,
        record: &mut Record,
        headers: &HeaderMap,
        body: RequestBody,
        cookies: Cookies,
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
        if let Some(old) = cookies.read(Cookie::Session, headers).and_then(SessionId::parse) {
            self.end_session(&old, headers, circumstances, &request_id).await?;
        }
        let token = HeaderValue::try_from(session.id.csrf_token()).map_err(ApiProblem::internal)?;
        let response = ApiResponse::done().with_header(X_HARBOR_CSRF_TOKEN, token);
        Ok(response.with_header(header::SET_COOKIE, cookies.set(Cookie::Session, session.id.reveal(), None)?))
    }

    async fn log_out(
        &self,
        record: &mut Record,
        headers: &HeaderMap,
        cookies: Cookies,
        circumstances: &Circumstances,
    ) -> Reply {
        if let Some(id) = cookies.read(Cookie::Session, headers).and_then(SessionId::parse) {
            self.end_session(&id, headers, circumstances, &record.request_id.to_string()).await?;
        }
        Ok(ApiResponse::done().with_header(header::SET_COOKIE, cookies.forget(Cookie::Session)?))
    }

    pub(super) async fn end_session(
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
