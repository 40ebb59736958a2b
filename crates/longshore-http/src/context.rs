//! What every request works with.

use std::{net::IpAddr, sync::Arc};

use http::{HeaderMap, HeaderValue};
use hyper::body::Incoming;
use longshore_accounts::TokenService;
use longshore_auth::{Access, Authenticator, ClientCertificate, RateLimiter};
use longshore_registry::{Call, Registry};

use crate::{
    Api, HttpLimits, Metrics, TrustedProxies,
    health::Readiness,
    rate_limits::Gate,
    request_body::RequestBody,
    request_id::RequestIds,
    urls::{UrlSettings, Urls},
};

/// The parts that a server is made of.
#[derive(Clone)]
pub struct Parts {
    /// The use cases.
    pub registry: Registry,
    /// Who may come in, where there are no accounts.
    pub authenticator: Arc<Authenticator>,
    /// Where to count.
    pub metrics: Arc<Metrics>,
    /// The management API; none where there are no accounts.
    pub api: Option<Arc<Api>>,
    /// The token service; none where there are no accounts. With it users, robots and projects decide who may come in.
    pub tokens: Option<Arc<TokenService>>,
    /// Counts who comes how often; none where there are no limits.
    pub rate_limits: Option<Arc<RateLimiter>>,
}

/// What every request works with.
pub(crate) struct Context {
    pub(crate) registry: Registry,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) api: Option<Arc<Api>>,
    pub(crate) tokens: Option<Arc<TokenService>>,
    pub(crate) gate: Gate,
    pub(crate) readiness: Readiness,
    pub(crate) limits: HttpLimits,
    pub(crate) proxies: TrustedProxies,
    pub(crate) urls: UrlSettings,
    pub(crate) request_ids: RequestIds,
    /// Headers of every reply.
    pub(crate) headers: HeaderMap<HeaderValue>,
    pub(crate) metrics_on_main: bool,
}

/// A request whose endpoint and caller are known.
pub(crate) struct Request {
    /// Boxed, because it is handed from function to function.
    pub(crate) head: Box<http::request::Parts>,
    pub(crate) body: RequestBody,
    pub(crate) call: Call,
    /// Where the caller is, as far as it is known.
    pub(crate) client: Option<IpAddr>,
    /// The client's certificate, if it showed one and its chain is trusted.
    pub(crate) certificate: Option<Arc<ClientCertificate>>,
    /// All that the caller may do, if they logged in with this request.
    pub(crate) access: Option<Box<Access>>,
    pub(crate) urls: Urls,
}

/// A request as it comes from the wire.
pub(crate) type RawRequest = http::Request<Incoming>;
