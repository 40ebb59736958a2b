//! From a request on the wire to a reply: who asks, for what, may they, and what every reply carries.

use std::{net::SocketAddr, sync::Arc, time::Instant, time::SystemTime};

use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header, request::Parts};
use http_body::Body as _;
use longshore_accounts::ClientChain;
use longshore_registry::{Call, ManifestTarget, RequestInfo};
use longshore_types::{ErrorCode, RepositoryName, Timestamp};
use tracing::Instrument as _;

use crate::{
    access_log::{Record, RecordedBody},
    activity::InFlight,
    admission::{self, Admitted, Asked, Refusal},
    api::Api,
    body::ResponseBody,
    context::{Context, RawRequest, Request},
    endpoint::Endpoint,
    error::ApiError,
    handlers::{base, blobs, catalog, manifests, operations, referrers, tags, uploads},
    pages,
    proxies::Origin,
    query::Query,
    refusals::RefusedRequest,
    request_body::RequestBody,
    request_id::X_REQUEST_ID,
    route::Route,
    sendfile::FileSender,
    token_service,
    urls::Urls,
};

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
const OCI_NAMESPACE: HeaderName = HeaderName::from_static("oci-namespace");

/// The other end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// Its address; none on a unix socket.
    pub(crate) address: Option<SocketAddr>,
    /// Whether it speaks TLS.
    pub(crate) tls: bool,
    /// The certificate that it showed.
    pub(crate) certificate: Option<Arc<ClientChain>>,
}

/// Answers one request. `sender` sends files on its connection, where that is possible.
///
/// The future is moved about by HTTP before it begins, so that it must stay small: what needs much room, and is no pull,
/// is boxed where it begins.
pub(crate) fn serve(
    cx: Arc<Context>,
    peer: Peer,
    request: RawRequest,
    in_flight: InFlight,
    sender: Option<FileSender>,
) -> impl Future<Output = Response<RecordedBody>> + Send + 'static {
    let (head, incoming) = request.into_parts();
    let head = Box::new(head);
    let origin = Origin::of(&cx.proxies, peer, &head.headers);
    let body = RequestBody::new(&head, incoming, cx.limits.stall_timeout);
    let is_head = head.method == Method::HEAD;
    let mut record = Box::new(Record {
        metrics: Arc::clone(&cx.metrics),
        started: Instant::now(),
        request_id: cx.request_ids.id(origin.trusted, &head.headers),
        method: head.method.clone(),
        route: Route::None,
        repository: None,
        caller: None,
        client: origin.client,
        user_agent: head.headers.get(header::USER_AGENT).cloned(),
        status: StatusCode::INTERNAL_SERVER_ERROR,
        received_bytes: body.received_bytes(),
        sent_bytes: 0,
        complete: false,
        uploads: false,
        in_flight,
    });
    record.begin();
    async move {
        let span = tracing::info_span!(
            "request",
            id = record.request_id.to_string(),
            method = record.method.as_str()
        );
        let response = if span.is_disabled() {
            answer(&cx, &mut record, head, body, origin).await
        } else {
            Box::pin(answer(&cx, &mut record, head, body, origin).instrument(span)).await
        };
        finish(&cx, record, response, is_head, sender)
    }
}

/// Which answer: the management API, the token service, the pages, operators' paths, or the distribution API.
async fn answer(
    cx: &Context,
    record: &mut Record,
    head: Box<Parts>,
    body: RequestBody,
    origin: Origin,
) -> Response<ResponseBody> {
    if header_bytes(&head) > cx.limits.header_bytes_max {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return ApiError::client(status, ErrorCode::Unsupported, "the request's headers are too large")
            .into_response();
    }
    if let Some(api) = cx.api.as_ref().filter(|_| Api::has(head.uri.path())) {
        return Box::pin(api.answer(&cx.gate, record, head, body, origin)).await;
    }
    if let Some(tokens) = cx.tokens.as_ref().filter(|_| token_service::has(cx, head.uri.path())) {
        return Box::pin(token_service::answer(cx, tokens, record, head, body, origin)).await;
    }
    if let Some(api) = cx.api.as_ref().filter(|_| pages::has(cx, head.uri.path())) {
        return Box::pin(pages::answer(cx, api, record, head, body, origin)).await;
    }
    if let Some(route) = operation(cx, &head) {
        record.route = route;
        return operate(cx, route).await;
    }
    let namespace = namespace(&head);
    let mut response = match distribution(cx, record, head, body, &origin).await {
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
fn operation(cx: &Context, head: &Parts) -> Option<Route> {
    if !matches!(head.method, Method::GET | Method::HEAD) {
        return None;
    }
    match head.uri.path() {
        "/livez" => Some(Route::Live),
        "/readyz" => Some(Route::Ready),
        "/metrics" if cx.metrics_on_main => Some(Route::Metrics),
        "/" => Some(Route::Root),
        _ => None,
    }
}

async fn operate(cx: &Context, route: Route) -> Response<ResponseBody> {
    match route {
        Route::Live => operations::live(),
        Route::Ready => Box::pin(operations::ready(cx)).await,
        Route::Metrics => operations::metrics(&cx.metrics),
        _ => base::root(),
    }
}

/// The distribution API.
async fn distribution(
    cx: &Context,
    record: &mut Record,
    head: Box<Parts>,
    body: RequestBody,
    origin: &Origin,
) -> Result<Response<ResponseBody>, ApiError> {
    let path = head.uri.path().strip_prefix(cx.urls.prefix.as_str()).unwrap_or_default();
    let endpoint = Endpoint::parse(&head.method, path, head.uri.query())?;
    record.route = endpoint.route();
    record.repository = endpoint.repository().cloned();
    let now = Timestamp::from(SystemTime::now());
    let asked = Asked { head: &head, endpoint: &endpoint, origin, now, request_id: &record.request_id };
    cx.gate.before_admission(&asked)?;
    let admitted = admission::admit(cx, &asked).await;
    let Admitted { caller, access, refusal } = cx.gate.after_admission(&asked, admitted)?;
    record.caller.clone_from(&caller.name);
    let invited = refusal == Refusal::Challenge(None);
    if let Some(refused) = refused(cx, record, now) {
        refused.note_mount(&endpoint, &caller);
    }
    let info = match is_told_of(cx, &endpoint, &head.method) {
        true => request_info(record, &head, origin),
        false => RequestInfo::default(),
    };
    let call = Call { caller, now, request: info };
    let host = origin.host(&head);
    let urls = Urls::new(&cx.urls, origin, host);
    let challenge = match refusal {
        Refusal::Denied => None,
        Refusal::Challenge(problem) => Some((problem, admission::base_url(cx, origin, &head))),
    };
    let certificate = origin.trusted_certificate();
    let request = Request { head, body, call, client: origin.client, certificate, access, urls };
    if matches!(
        endpoint,
        Endpoint::StartUpload { .. } | Endpoint::AppendUpload { .. } | Endpoint::FinishUpload { .. }
    ) {
        record.begin_upload();
    }
    let answered = dispatch(cx, request, &endpoint).await;
    if let Err(error) = &answered
        && error.is_refusal()
        && !invited
        && let Some(refused) = refused(cx, record, now)
    {
        refused.note_endpoint(&endpoint, error.message());
    }
    match (answered, challenge) {
        (Err(error), Some((problem, base_url))) if error.is_denied() => {
            Err(admission::challenged(cx, &endpoint, problem, &base_url))
        }
        (answered, _) => answered,
    }
}

/// The request for the audit record, where there are accounts.
fn refused<'a>(cx: &'a Context, record: &'a Record, now: Timestamp) -> Option<RefusedRequest<'a>> {
    let accounts = cx.tokens.as_ref()?.accounts();
    let (actor, address) = (record.caller.as_deref(), record.client);
    Some(RefusedRequest { accounts, actor, address, now, request_id: &record.request_id })
}

/// One endpoint, one handler. All but the pull of a manifest are boxed, see [`serve`].
async fn dispatch(
    cx: &Context,
    request: Request,
    endpoint: &Endpoint,
) -> Result<Response<ResponseBody>, ApiError> {
    use Endpoint as E;
    match endpoint {
        E::Base => Ok(base::base()),
        E::Catalog { page } => Box::pin(catalog::list(cx, &request, page)).await,
        E::Tags { repository, page } => Box::pin(tags::list(cx, &request, repository, page)).await,
        E::Referrers { repository, subject, filter, page } => {
            Box::pin(referrers::list(cx, &request, repository, subject, filter.as_deref(), page)).await
        }
        E::PullManifest { repository, reference } => {
            manifests::pull(cx, &request, repository, reference).await
        }
        E::PushManifest { repository, reference, tags } => {
            let target = ManifestTarget { reference: reference.clone(), tags: tags.clone() };
            Box::pin(manifests::push(cx, request, repository, &target)).await
        }
        E::DeleteManifest { repository, reference } => {
            Box::pin(manifests::delete(cx, &request, repository, reference)).await
        }
        E::PullBlob { repository, digest } => Box::pin(blobs::pull(cx, &request, repository, digest)).await,
        E::DeleteBlob { repository, digest } => {
            Box::pin(blobs::delete(cx, &request, repository, digest)).await
        }
        E::StartUpload { repository, start } => {
            Box::pin(uploads::start(cx, request, repository, start)).await
        }
        E::UploadStatus { repository, id } => Box::pin(uploads::status(cx, &request, repository, id)).await,
        E::AppendUpload { repository, id } => Box::pin(uploads::append(cx, request, repository, id)).await,
        E::FinishUpload { repository, id, digest } => {
            Box::pin(uploads::finish(cx, request, repository, id, digest)).await
        }
        E::CancelUpload { repository, id } => Box::pin(uploads::cancel(cx, &request, repository, id)).await,
    }
}

/// Whether somebody hears of such a request: notifications of everything that is read too, the record of changes and
/// pulled manifests.
fn is_told_of(cx: &Context, endpoint: &Endpoint, method: &Method) -> bool {
    let is_read = matches!(*method, Method::GET | Method::HEAD);
    cx.registry.tells_of_reads()
        || cx.registry.tells_of_events() && (!is_read || matches!(endpoint, Endpoint::PullManifest { .. }))
}

fn request_info(record: &Record, head: &Parts, origin: &Origin) -> RequestInfo {
    RequestInfo {
        id: record.request_id.to_string(),
        addr: Origin::client_text(origin.client),
        host: origin.host(head).to_owned(),
        method: head.method.to_string(),
        useragent: record.user_agent_text(),
    }
}

/// What every reply carries. A reply to HEAD says how long the body would be, and has none.
fn finish(
    cx: &Context,
    mut record: Box<Record>,
    response: Response<ResponseBody>,
    is_head: bool,
    sender: Option<FileSender>,
) -> Response<RecordedBody> {
    let (mut head, mut body) = response.into_parts();
    record.status = head.status;
    // HTTP writes the length of a body that is sent, and knows best how.
    let unsaid = is_head || body.is_end_stream();
    if unsaid && !matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.left_bytes()));
    }
    if is_head {
        body = ResponseBody::empty();
    }
    head.headers.insert(X_REQUEST_ID, record.request_id.header());
    for (name, value) in &cx.headers {
        head.headers.append(name, value.clone());
    }
    let mut body = RecordedBody::new(body, record);
    if let Some(sender) = sender {
        body.send_files(sender);
    }
    Response::from_parts(head, body)
}

/// Failures of ours go to the log whole; the client learned only that there was one.
fn log_failure(record: &Record, error: &ApiError) {
    if let Some(cause) = error.cause() {
        if error.status().is_server_error() {
            tracing::error!(
                route = record.route.as_str(),
                repository = record.repository.as_ref().map(RepositoryName::as_str),
                request_id = record.request_id.to_string(),
                cause,
                "request failed"
            );
        } else {
            tracing::debug!(
                route = record.route.as_str(),
                request_id = record.request_id.to_string(),
                cause,
                "request refused"
            );
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

/// The size of a request's target and headers.
fn header_bytes(head: &Parts) -> usize {
    let target = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>() + target
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of the future that a function of five arguments gives.
    fn future_bytes<A, B, C, D, E, F>(_: impl Fn(A, B, C, D, E) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn the_future_of_a_request_is_small() {
        let bytes = future_bytes(serve);
        assert!(bytes <= 2000, "{bytes} bytes: every request copies them several times; box what grew");
    }
}
