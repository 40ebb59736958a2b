//! Harbor's management API: `/api/v2.0/`. Its clients (Terraform, harbor-cli, go-client) are the contract.
//!
//! [`routes`] has one row for each operation: path, what it asks of its caller, parameters, body, reply, handler. From it
//! come the router, the checks before a handler, the OpenAPI document and the page about it. A handler gets an
//! [`ApiRequest`](request::ApiRequest) and answers an [`ApiResponse`](response::ApiResponse) or an
//! [`ApiProblem`].

mod admission;
mod cookies;
mod credentials;
mod filter;
mod guard;
mod handlers;
mod inner;
mod json;
mod listing;
mod moment;
mod name_page;
mod openapi;
mod other_sites;
mod page;
mod pattern;
mod problem;
mod provider_login;
mod request;
mod response;
mod route;
mod router;
mod routes;
mod sessions;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header, request::Parts};
use longshore_accounts::{Accounts, ManageError, Providers, SessionId, TokenService};
use longshore_auth::Circumstances;
use longshore_registry::Registry;
use longshore_types::Timestamp;

pub(crate) use cookies::{Cookie, Cookies};
pub use guard::{Credentials, Csrf, FoundProject, Guard, LoginError, ProjectKey};
pub(crate) use handlers::images::attachment;
pub(crate) use inner::{InnerCall, Known, whole};
pub(crate) use other_sites::is_of_another_site;
pub(crate) use response::X_TOTAL_COUNT;
pub(crate) use route::Verb;

use self::{
    problem::{ApiProblem, Code},
    request::{ApiBody, PathValues, QueryValues, RawTarget},
    route::{ROOT, Reply, Route},
    router::NoRoute,
    sessions::Form,
};
use crate::{
    access_log::Record,
    body::ResponseBody,
    health::Readiness,
    pages::Followers,
    proxies::Origin,
    rate_limits::{Gate, Visit},
    refusals::RefusedRequest,
    request_body::RequestBody,
    route::{self as patterns, ApiRoute},
};

/// What orchestrators ask: never too often.
const HEALTH: &str = "/api/v2.0/health";

/// Where passwords are checked first, in Harbor's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthMode {
    /// In the index.
    #[default]
    Database,
    /// In an LDAP directory.
    Ldap,
    /// By an OpenID provider.
    Oidc,
}

/// What the management API tells about the registry.
#[derive(Clone, Debug, Default)]
pub struct ApiSettings {
    /// Where passwords are checked first.
    pub auth_mode: AuthMode,
    /// Scheme and host that clients know the registry by, if the operator said so. From `http.host`.
    pub external_url: Option<String>,
    /// The kind of storage, in distribution's words: `filesystem`.
    pub storage_driver: String,
    /// Whether notifications are sent to anybody.
    pub notifies: bool,
}

/// The management API.
pub struct Api {
    settings: ApiSettings,
    guard: Arc<dyn Guard>,
    accounts: Accounts,
    registry: Registry,
    /// Where people log in with their browsers; none if nobody is configured.
    providers: Option<Providers>,
    /// Whose keys administrators look after; none in tests that need none.
    tokens: Option<Arc<TokenService>>,
    readiness: Readiness,
    table: &'static [Route],
    openapi: OnceLock<Bytes>,
    page: OnceLock<Bytes>,
    /// Those who look at pages and listen.
    followers: Followers,
}

/// How many rows the table has, for counters.
pub(crate) fn routes_count() -> usize {
    routes::ROUTES.len()
}

impl Api {
    /// Puts the parts together.
    pub fn new(settings: ApiSettings, accounts: Accounts, registry: Registry) -> Self {
        Self::with_table(settings, Arc::new(accounts.clone()), accounts, registry, routes::ROUTES)
    }

    /// The names of the providers at which people log in.
    pub(crate) fn provider_names(&self) -> &[String] {
        if self.providers.is_some() { &self.accounts.settings().providers } else { &[] }
    }

    /// Those who look at pages and listen.
    pub(crate) fn followers(&self) -> &Followers {
        &self.followers
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Scheme and host that clients know the registry by, if the operator said so.
    pub(crate) fn external_url(&self) -> Option<&str> {
        self.settings.external_url.as_deref()
    }

    fn with_table(
        settings: ApiSettings,
        guard: Arc<dyn Guard>,
        accounts: Accounts,
        registry: Registry,
        table: &'static [Route],
    ) -> Self {
        let (readiness, openapi, page) = (Readiness::default(), OnceLock::new(), OnceLock::new());
        Self {
            settings,
            guard,
            accounts,
            registry,
            providers: None,
            tokens: None,
            readiness,
            table,
            openapi,
            page,
            followers: Followers::default(),
        }
    }

    /// With providers at which people log in.
    pub fn with_providers(self, providers: Providers) -> Self {
        Self { providers: Some(providers), ..self }
    }

    /// With the token service whose keys administrators look after.
    pub fn with_tokens(self, tokens: Arc<TokenService>) -> Self {
        Self { tokens: Some(tokens), ..self }
    }

    /// Uses the settings that the index has now. To be called at the start, and every few seconds for what other
    /// processes change.
    ///
    /// # Errors
    /// When the index cannot be read; what held before holds on.
    pub async fn refresh_configuration(&self) -> Result<(), ManageError> {
        self.accounts.refresh_configuration().await?;
        self.use_configuration();
        Ok(())
    }

    /// Tells the registry those settings that concern it.
    fn use_configuration(&self) {
        let running = self.accounts.running();
        self.registry.set_read_only(running.read_only);
        self.registry.set_audit_pulls(running.records_pulls);
    }

    /// Whether a path is the API's.
    pub(crate) fn has(path: &str) -> bool {
        path.strip_prefix(ROOT).is_some_and(|rest| rest.starts_with('/')) || Form::of(path).is_some()
    }

    /// How the browser of a request keeps cookies.
    pub(crate) fn cookies(&self, origin: &Origin) -> Cookies {
        Cookies::of(origin, self.settings.external_url.as_deref())
    }

    /// Whether a page of another site had a browser make this request.
    pub(crate) fn is_of_another_site(&self, head: &Parts, origin: &Origin) -> bool {
        let outside = self.settings.external_url.as_deref().and_then(|url| url.split_once("://"));
        let outside = outside.map_or("", |(_, host)| host.trim_end_matches('/'));
        is_of_another_site(&head.headers, &[origin.host(head), outside])
    }

    /// Answers a request whose path is the API's.
    pub(crate) async fn answer(
        &self,
        gate: &Gate,
        record: &mut Record,
        head: Box<Parts>,
        body: RequestBody,
        origin: Origin,
    ) -> Response<ResponseBody> {
        let uri = head.uri.clone();
        let answered = match Form::of(uri.path()) {
            Some(form) => match gate.before(Visit::of_form(&origin)) {
                Ok(()) => self.answer_form(form, record, head, body, &origin).await,
                Err(limited) => Err(limited.into()),
            },
            None => self.call(gate, record, head, body, &origin).await,
        };
        let mut response = match answered {
            Ok(response) => response.into_response(),
            Err(problem) => {
                log_problem(record, &problem);
                self.note_refusal(record, uri.path(), &origin, &problem);
                problem.into_response()
            }
        };
        protect(response.headers_mut());
        response
    }

    async fn call(
        &self,
        gate: &Gate,
        record: &mut Record,
        head: Box<Parts>,
        body: RequestBody,
        origin: &Origin,
    ) -> Reply {
        let path = head.uri.path();
        let segments = path.strip_prefix(ROOT).and_then(pattern::segments).ok_or_else(no_such_path)?;
        let route = match router::find(self.table, Verb::of(&head.method), &segments) {
            Ok(row) => {
                record.route = recorded(row);
                row.1
            }
            Err(NoRoute::Unknown) => return Err(no_such_path()),
            Err(NoRoute::Method { allowed, row }) => {
                record.route = recorded(row);
                return Err(ApiProblem::method_not_allowed(&allowed));
            }
        };
        // Of a session's cookie this asks twice; a browser that has a password for us sends that unasked as well.
        if !route.verb.is_safe() && self.is_of_another_site(&head, origin) {
            return Err(ApiProblem::forbidden("this was asked for by another site's page"));
        }
        let path = PathValues(pattern::values(route.pattern(), &segments)?);
        let tag = path.tag();
        let circumstances = Circumstances { tag, ..origin.circumstances(Timestamp::from(SystemTime::now())) };
        let request_id = record.request_id.to_string();
        let visit = Visit::of_head(&head.headers, origin, circumstances.now);
        let is_counted = route.path != HEALTH;
        if is_counted {
            gate.before(visit)?;
        }
        let admitted = self.admit(route, &head.headers, &path, origin, &circumstances, &request_id).await;
        if is_counted {
            gate.after_as(visit, admitted.caller.as_deref(), admitted.kind)?;
        }
        record.caller = admitted.caller.map(Into::into);
        // What changes must show that are made with this session.
        let csrf_token = admitted.session.as_ref().map(SessionId::csrf_token);
        let (access, place) = admitted.outcome?;
        record.repository.clone_from(&place.repository);
        let project = place.project.as_ref().map(|project| project.record.name.clone());
        let query = QueryValues::parse(route, head.uri.query())?;
        let raw = RawTarget { path: head.uri.path().to_owned(), query: head.uri.query().map(str::to_owned) };
        let request = request::ApiRequest {
            route,
            raw,
            headers: head.headers,
            path,
            query,
            access,
            session: admitted.session,
            circumstances,
            request_id,
            project: place.project,
            repository: place.repository,
            body: ApiBody::Incoming(body),
        };
        let answered = (route.handler)(self, request).await;
        let response = answered.map_err(|problem| problem.within(project.as_ref()))?;
        Ok(match csrf_token.and_then(|token| HeaderValue::try_from(token).ok()) {
            Some(token) => response.with_header(credentials::X_HARBOR_CSRF_TOKEN, token),
            None => response,
        })
    }
}

impl Api {
    /// Has recorded that somebody was kept from something by a right or a limit, if their name is known.
    fn note_refusal(&self, record: &Record, path: &str, origin: &Origin, problem: &ApiProblem) {
        let (Some(place), Some(actor)) = (problem.refused_in(), record.caller.as_deref()) else { return };
        let refused = RefusedRequest {
            accounts: &self.accounts,
            actor: Some(actor),
            address: origin.client,
            now: Timestamp::from(SystemTime::now()),
            request_id: &record.request_id,
        };
        refused.note_call(record.method.as_str(), path, place, problem.reason());
    }
}

fn no_such_path() -> ApiProblem {
    ApiProblem::not_found("no such path in the management API")
}

fn recorded((nth, route): router::Row<'static>) -> patterns::Route {
    patterns::Route::Api(ApiRoute { nth, pattern: route.path })
}

/// Failures of ours go to the log whole; the client learned only that there was one.
fn log_problem(record: &Record, problem: &ApiProblem) {
    let Some(cause) = problem.cause() else { return };
    let (route, request_id) = (record.route.as_str(), record.request_id.to_string());
    if matches!(problem.code(), Code::Internal | Code::Unavailable) {
        tracing::error!(route, request_id, cause, "request failed");
    } else {
        tracing::debug!(route, request_id, cause, "request refused");
    }
}

/// What keeps a browser from doing with a reply what nobody meant. Whoever reads this is logged in, so that nothing is
/// kept unless the handler said it may be.
pub(crate) fn protect(headers: &mut HeaderMap) {
    let defaults = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in defaults {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}
