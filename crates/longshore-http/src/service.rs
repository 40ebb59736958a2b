//! From a request on the wire to a reply: who asks, for what, may they, and what every reply carries.

use std::{net::SocketAddr, sync::Arc, time::Instant, time::SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header, request::Parts};
use longshore_auth::{AuthError, Caller, ChallengeProblem};
use longshore_registry::{Call, ManifestTarget, RequestInfo};
use longshore_types::{ErrorCode, Timestamp};
use tracing::Instrument as _;

use crate::{
    access_log::{Record, RecordedBody},
    activity::InFlight,
    body::ResponseBody,
    context::{Context, RawRequest, Request},
    endpoint::Endpoint,
    error::ApiError,
    handlers::{base, blobs, catalog, manifests, operations, referrers, tags, uploads},
    proxies::Origin,
    query::Query,
    request_body::RequestBody,
    request_id::X_REQUEST_ID,
    urls::Urls,
};

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
const OCI_NAMESPACE: HeaderName = HeaderName::from_static("oci-namespace");

/// The route of what is no endpoint, in logs and metrics.
const NO_ROUTE: &str = "none";

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    /// Its address; none on a unix socket.
    pub(crate) address: Option<SocketAddr>,
    /// Whether it speaks TLS.
    pub(crate) tls: bool,
}

/// Answers one request.
pub(crate) async fn serve(
    cx: Arc<Context>,
    peer: Peer,
    request: RawRequest,
    in_flight: InFlight,
) -> Response<RecordedBody> {
    let (head, incoming) = request.into_parts();
    let origin = Origin::of(&cx.proxies, peer.address, peer.tls, own_host(&head), &head.headers);
    let request_id = cx.request_ids.id(origin.trusted, &head.headers);
    let body = RequestBody::new(&head, incoming, cx.limits.stall_timeout);
    let mut record = Record {
        metrics: Arc::clone(&cx.metrics),
        started: Instant::now(),
        request_id: request_id.clone(),
        method: head.method.clone(),
        route: NO_ROUTE,
        repository: None,
        caller: None,
        client: origin.client.clone(),
        user_agent: text(&head.headers, &header::USER_AGENT),
        status: StatusCode::INTERNAL_SERVER_ERROR,
        received_bytes: body.received_bytes(),
        sent_bytes: 0,
        complete: false,
        uploads: false,
        in_flight,
    };
    record.begin();
    let span = tracing::info_span!("request", id = request_id, method = head.method.as_str());
    let is_head = head.method == Method::HEAD;
    let response = answer(&cx, &mut record, head, body, origin).instrument(span).await;
    finish(&cx, record, response, is_head)
}

/// Which answer: operators' paths, or the distribution API.
async fn answer(
    cx: &Context,
    record: &mut Record,
    head: Parts,
    body: RequestBody,
    origin: Origin,
) -> Response<ResponseBody> {
    if header_bytes(&head) > cx.limits.header_bytes_max {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return ApiError::client(status, ErrorCode::Unsupported, "the request's headers are too large")
            .into_response();
    }
    if let Some(response) = operation(cx, record, &head).await {
        return response;
    }
    let namespace = namespace(&head);
    let mut response = match distribution(cx, record, head, body, origin).await {
        Ok(response) => response,
        Err(error) => {
            log_failure(record, &error);
            error.into_response()
        }
    };
    let headers = response.headers_mut();
    headers.insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    if let Some(namespace) = namespace {
        headers.insert(OCI_NAMESPACE, namespace);
    }
    response
}

/// `/`, and what operators ask. These lie beside the prefix: a proxy need not let them through.
async fn operation(cx: &Context, record: &mut Record, head: &Parts) -> Option<Response<ResponseBody>> {
    if !matches!(head.method, Method::GET | Method::HEAD) {
        return None;
    }
    let (route, response) = match head.uri.path() {
        "/livez" => ("/livez", operations::live()),
        "/readyz" => ("/readyz", operations::ready(cx).await),
        "/metrics" if cx.metrics_on_main => ("/metrics", operations::metrics(&cx.metrics)),
        "/" => ("/", base::root()),
        _ => return None,
    };
    record.route = route;
    Some(response)
}

/// The distribution API.
async fn distribution(
    cx: &Context,
    record: &mut Record,
    head: Parts,
    body: RequestBody,
    origin: Origin,
) -> Result<Response<ResponseBody>, ApiError> {
    let path = head.uri.path().strip_prefix(cx.urls.prefix.as_str()).unwrap_or_default();
    let endpoint = Endpoint::parse(&head.method, path, head.uri.query())?;
    record.route = endpoint.pattern();
    record.repository = endpoint.repository().map(ToString::to_string);
    let now = Timestamp::from(SystemTime::now());
    let caller = authenticate(cx, &head.headers, now, &endpoint, &origin).await?;
    record.caller.clone_from(&caller.name);
    let scopes_matter = cx.authenticator.challenges_for_scope();
    let challenge_to = scopes_matter.then(|| (endpoint.scopes(), base_url(&origin)));
    let call = Call { caller, now, request: request_info(record, &head, &origin) };
    let urls = Urls::new(&cx.urls, &origin);
    let request = Request { head, body, call, urls };
    if matches!(
        endpoint,
        Endpoint::StartUpload { .. } | Endpoint::AppendUpload { .. } | Endpoint::FinishUpload { .. }
    ) {
        record.begin_upload();
    }
    match dispatch(cx, request, endpoint).await {
        // Credentials decide here what is allowed, so better ones may help: token clients ask for a token by this.
        Err(error) if error.is_denied() && challenge_to.is_some() => {
            let (scopes, base_url) = challenge_to.unwrap_or_default();
            let problem = Some(ChallengeProblem::InsufficientScope);
            let challenge = cx.authenticator.challenge(&scopes, problem, &base_url);
            Err(ApiError::unauthorized("these credentials do not allow this", challenge.as_deref()))
        }
        answered => answered,
    }
}

/// One endpoint, one handler.
async fn dispatch(
    cx: &Context,
    request: Request,
    endpoint: Endpoint,
) -> Result<Response<ResponseBody>, ApiError> {
    use Endpoint as E;
    match &endpoint {
        E::Base => Ok(base::base()),
        E::Catalog { page } => catalog::list(cx, &request, page).await,
        E::Tags { repository, page } => tags::list(cx, &request, repository, page).await,
        E::Referrers { repository, subject, filter, page } => {
            referrers::list(cx, &request, repository, subject, filter.as_deref(), page).await
        }
        E::PullManifest { repository, reference } => {
            manifests::pull(cx, &request, repository, reference).await
        }
        E::PushManifest { repository, reference, tags } => {
            let target = ManifestTarget { reference: reference.clone(), tags: tags.clone() };
            manifests::push(cx, request, repository, &target).await
        }
        E::DeleteManifest { repository, reference } => {
            manifests::delete(cx, &request, repository, reference).await
        }
        E::PullBlob { repository, digest } => blobs::pull(cx, &request, repository, digest).await,
        E::DeleteBlob { repository, digest } => blobs::delete(cx, &request, repository, digest).await,
        E::StartUpload { repository, start } => uploads::start(cx, request, repository, start).await,
        E::UploadStatus { repository, id } => uploads::status(cx, &request, repository, id).await,
        E::AppendUpload { repository, id } => uploads::append(cx, request, repository, id).await,
        E::FinishUpload { repository, id, digest } => {
            uploads::finish(cx, request, repository, id, digest).await
        }
        E::CancelUpload { repository, id } => uploads::cancel(cx, &request, repository, id).await,
    }
}

async fn authenticate(
    cx: &Context,
    headers: &HeaderMap,
    now: Timestamp,
    endpoint: &Endpoint,
    origin: &Origin,
) -> Result<Caller, ApiError> {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match cx.authenticator.authenticate(authorization, now).await {
        Ok(caller) => Ok(caller),
        Err(error) => {
            let problem = match &error {
                AuthError::Missing => None,
                AuthError::Invalid(_) => Some(ChallengeProblem::InvalidToken),
                AuthError::Busy | AuthError::Unavailable(_) => return Err(error.into()),
            };
            let challenge = cx.authenticator.challenge(&endpoint.scopes(), problem, &base_url(origin));
            Err(ApiError::unauthenticated(error, challenge.as_deref()))
        }
    }
}

fn base_url(origin: &Origin) -> String {
    format!("{}://{}", origin.scheme, origin.host)
}

fn request_info(record: &Record, head: &Parts, origin: &Origin) -> RequestInfo {
    RequestInfo {
        id: record.request_id.clone(),
        addr: origin.client.clone(),
        host: origin.host.clone(),
        method: head.method.to_string(),
        useragent: record.user_agent.clone(),
    }
}

/// What every reply carries. A reply to HEAD says how long the body would be, and has none.
fn finish(
    cx: &Context,
    mut record: Record,
    response: Response<ResponseBody>,
    is_head: bool,
) -> Response<RecordedBody> {
    let (mut head, mut body) = response.into_parts();
    record.status = head.status;
    if !matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.left_bytes()));
    }
    if is_head {
        body = ResponseBody::empty();
    }
    if let Ok(id) = HeaderValue::from_str(&record.request_id) {
        head.headers.insert(X_REQUEST_ID, id);
    }
    for (name, value) in &cx.headers {
        head.headers.append(name, value.clone());
    }
    Response::from_parts(head, RecordedBody::new(body, record))
}

/// Failures of ours go to the log whole; the client learned only that there was one.
fn log_failure(record: &Record, error: &ApiError) {
    if let Some(cause) = error.cause() {
        if error.status().is_server_error() {
            tracing::error!(route = record.route, repository = record.repository, cause, "request failed");
        } else {
            tracing::debug!(route = record.route, cause, "request refused");
        }
    }
}

/// `ns=` names the registry that a client means (specification, "Registry Proxying"); it is echoed on pulls.
fn namespace(head: &Parts) -> Option<HeaderValue> {
    let query = head.uri.query().filter(|query| query.contains("ns="))?;
    let query = Query::parse(Some(query))?;
    let namespace = query.first("ns").filter(|ns| !ns.is_empty() && ns.len() <= 255)?;
    namespace.bytes().all(|b| b.is_ascii_graphic()).then(|| HeaderValue::from_str(namespace).ok())?
}

/// What the request itself names as host: HTTP/2 has it in the target, HTTP/1 in a header.
fn own_host(head: &Parts) -> &str {
    let header = || head.headers.get(header::HOST).and_then(|value| value.to_str().ok());
    head.uri.authority().map(http::uri::Authority::as_str).or_else(header).unwrap_or_default()
}

/// The size of a request's target and headers.
fn header_bytes(head: &Parts) -> usize {
    let target = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>() + target
}

fn text(headers: &HeaderMap, name: &HeaderName) -> String {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
}
