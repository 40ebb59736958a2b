//! `/service/token`: where clients get tokens for the distribution API. By `GET` as distribution's token specification has
//! it, with a name and a password or without; by `POST` as OAuth2 (RFC 6749), which containerd and docker speak too, and where
//! programs exchange somebody else's token (RFC 8693). And `/service/token/jwks`: the public halves of the keys that sign
//! them.

mod refusal;
mod request;

use http::{HeaderValue, Method, Response, StatusCode, header, request::Parts};
use longshore_accounts::{Granted, TOKEN_SERVICE_PATH, TokenService};
use longshore_auth::Scope;
use longshore_types::Timestamp;
use serde::Serialize;
use std::time::SystemTime;

use self::{
    refusal::TokenRefusal,
    request::{Form, TokenRequest, Who},
};
use crate::{
    access_log::Record, api::protect, body::ResponseBody, context::Context, proxies::Origin,
    rate_limits::Visit, refusals::RefusedRequest, request_body::RequestBody, route::Route,
};

/// The path of the keys, below [`TOKEN_SERVICE_PATH`].
const KEYS: &str = "/jwks";
/// What a token is that was made from another (RFC 8693 section 3).
const ACCESS_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";
/// Largest form. A token of somebody else's may be in it.
const FORM_BYTES_MAX: usize = 128 * 1024;
/// How long others may take keys for the present ones: new keys are published five minutes before they sign.
const KEYS_CACHED: &str = "public, max-age=60";

/// A token, in the words of both specifications.
#[derive(Serialize)]
struct TokenReply<'a> {
    token: &'a str,
    access_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
    expires_in: u64,
    issued_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

/// Whether a path is the token service's: with the prefix of the configuration or without.
pub(crate) fn has(cx: &Context, path: &str) -> bool {
    rest(cx, path).is_some_and(|rest| matches!(rest, "" | KEYS))
}

fn rest<'p>(cx: &Context, path: &'p str) -> Option<&'p str> {
    let path = path.strip_prefix(cx.urls.prefix.as_str()).unwrap_or(path);
    path.strip_prefix(TOKEN_SERVICE_PATH)
}

/// Answers a request whose path is the token service's.
pub(crate) async fn answer(
    cx: &Context,
    tokens: &TokenService,
    record: &mut Record,
    head: Box<Parts>,
    body: RequestBody,
    origin: Origin,
) -> Response<ResponseBody> {
    let wants_keys = rest(cx, head.uri.path()) == Some(KEYS);
    record.route = if wants_keys { Route::TokenKeys } else { Route::Token };
    let reading = matches!(head.method, Method::GET | Method::HEAD);
    let answered = match (wants_keys, reading, head.method == Method::POST) {
        (true, true, _) => Ok(keys(tokens)),
        (true, false, _) => Err(TokenRefusal::method("GET, HEAD")),
        (false, true, _) | (false, false, true) => issue(cx, tokens, record, &head, body, &origin).await,
        (false, false, false) => Err(TokenRefusal::method("GET, HEAD, POST")),
    };
    let mut response = answered.unwrap_or_else(|refusal| {
        refusal.log(record);
        refusal.into_response()
    });
    protect(response.headers_mut());
    response
}

fn keys(tokens: &TokenService) -> Response<ResponseBody> {
    let mut response = json(tokens.jwks().into_bytes());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(KEYS_CACHED));
    response
}

async fn issue(
    cx: &Context,
    tokens: &TokenService,
    record: &mut Record,
    head: &Parts,
    body: RequestBody,
    origin: &Origin,
) -> Result<Response<ResponseBody>, TokenRefusal> {
    let request = match head.method {
        Method::POST => TokenRequest::of_form(&head.headers, &body.read_whole(FORM_BYTES_MAX).await?)?,
        _ => TokenRequest::of_query(head, origin)?,
    };
    let now = Timestamp::from(SystemTime::now());
    let circumstances = origin.circumstances(now);
    let request_id = record.request_id.to_string();
    let visit = Visit { address: origin.client, now, is_strange: request.who.is_nobody() };
    cx.gate.before(visit)?;
    let login = match &request.who {
        Who::Known(credentials) => {
            tokens.login_for_token(credentials, &request.scopes, &circumstances, &request_id).await
        }
        Who::Elsewhere { token, robot } => {
            let robot = robot.as_deref();
            tokens.exchange_for(token.reveal(), robot, &request.scopes, &circumstances, &request_id).await
        }
    };
    cx.gate.after(visit, login.as_ref().ok().map(|login| &login.access.principal))?;
    let login = login?;
    record.caller = login.access.principal.shared_name();
    let granted =
        tokens.issue(&login, &request.scopes, &circumstances).await.map_err(TokenRefusal::failed)?;
    if login.access.principal.is_known() {
        let refused = RefusedRequest {
            accounts: tokens.accounts(),
            actor: login.access.principal.name(),
            address: origin.client,
            now,
            request_id: &record.request_id,
        };
        refused.note_scopes(&request.scopes, &granted.scopes);
    }
    Ok(reply(&granted, request.form))
}

fn reply(granted: &Granted, form: Form) -> Response<ResponseBody> {
    let Granted { token, scopes } = granted;
    let issued_at = jiff::Timestamp::from_millisecond(token.issued_at.unix_millis()).unwrap_or_default();
    let oauth = form != Form::Query;
    let reply = TokenReply {
        token: token.token.reveal(),
        access_token: token.token.reveal(),
        token_type: oauth.then_some("Bearer"),
        issued_token_type: (form == Form::Exchange).then_some(ACCESS_TOKEN_TYPE),
        expires_in: token.expires_in.as_secs(),
        issued_at: issued_at.to_string(),
        scope: oauth.then(|| scopes.iter().map(Scope::to_string).collect::<Vec<_>>().join(" ")),
    };
    json(serde_json::to_vec(&reply).expect("a reply has only text keys"))
}

fn json(bytes: Vec<u8>) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::full(bytes));
    *response.status_mut() = StatusCode::OK;
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
