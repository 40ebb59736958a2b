//! Who calls the distribution API, what they may do there, and what those are told who may not.
//!
//! Without accounts the [`Authenticator`](longshore_auth::Authenticator) of the configuration decides. With accounts a
//! token of ours says what its bearer may do; whoever brings a name and a password, or nothing, is given exactly what the
//! request needs and is allowed. Whether something is there that a caller may not read never matters: all of this is
//! decided before anybody looks.

use http::{header, request::Parts};
use longshore_accounts::{LoginError, TokenService};
use longshore_auth::{
    Access, Action, AuthError, Caller, ChallengeProblem, Circumstances, Credentials, Permissions,
};
use longshore_types::{RepositoryName, Timestamp};

use std::sync::Arc;

use crate::{
    api::is_of_another_site, conditions, context::Context, endpoint::Endpoint, error::ApiError,
    proxies::Origin, refusals::RefusedRequest, request_id::RequestId,
};

/// A request, as far as it matters for who may make it.
pub(crate) struct Asked<'a> {
    pub(crate) head: &'a Parts,
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) origin: &'a Origin,
    pub(crate) now: Timestamp,
    pub(crate) request_id: &'a RequestId,
}

/// Somebody who was let in.
pub(crate) struct Admitted {
    pub(crate) caller: Caller,
    /// All that they may do, if they logged in with this request.
    pub(crate) access: Option<Box<Access>>,
    pub(crate) refusal: Refusal,
}

/// What somebody is told who may not do what they want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// 403: they said who they are.
    Denied,
    /// 401: better credentials may help. Token clients ask for a token by the challenge.
    Challenge(Option<ChallengeProblem>),
}

/// Finds out who calls, and what they may do of what the endpoint needs.
pub(crate) async fn admit(cx: &Context, asked: &Asked<'_>) -> Result<Admitted, ApiError> {
    let Some(tokens) = &cx.tokens else { return by_authenticator(cx, asked).await };
    let mut admitted = match own_token(asked) {
        Some(token) => by_token(tokens, token, cx, asked)?,
        // Boxed: pulls with a token need no room for it.
        None => Box::pin(by_login(tokens, cx, asked)).await?,
    };
    if admitted.caller.rights_on_condition().next().is_some() {
        let (bearer, circumstances) = (&admitted.caller, circumstances(asked));
        admitted.caller = Box::pin(conditions::ask(tokens, bearer, asked.endpoint, &circumstances)).await?;
    }
    if let Some(repository) = made_by(asked.endpoint)
        && admitted.caller.may(Action::Push, repository)
        && !cx.registry.is_read_only()
        && !Box::pin(make_room(tokens, asked, &admitted.caller, repository)).await?
    {
        admitted.caller.permissions = Permissions::Granted { repositories: [].into(), catalog: false };
    }
    Ok(admitted)
}

async fn by_authenticator(cx: &Context, asked: &Asked<'_>) -> Result<Admitted, ApiError> {
    let authorization = asked.head.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match cx.authenticator.authenticate(authorization, asked.now).await {
        Ok(caller) => {
            // Where credentials decide what is allowed, better ones may help.
            let refusal = match cx.authenticator.challenges_for_scope() {
                true => Refusal::Challenge(Some(ChallengeProblem::InsufficientScope)),
                false => Refusal::Denied,
            };
            Ok(Admitted { caller, access: None, refusal })
        }
        Err(error @ (AuthError::Busy | AuthError::Unavailable(_))) => Err(error.into()),
        Err(error) => {
            let problem = match &error {
                AuthError::Invalid(_) => Some(ChallengeProblem::InvalidToken),
                _ => None,
            };
            let origin = base_url(cx, asked.origin, asked.head);
            let challenge = cx.authenticator.challenge(&asked.endpoint.scopes(), problem, &origin);
            Err(ApiError::unauthenticated(error, challenge.as_deref()))
        }
    }
}

/// What may be a token of ours: others that are borne have no dot in them.
fn own_token<'a>(asked: &Asked<'a>) -> Option<&'a str> {
    let value = asked.head.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.trim().split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && token.contains('.')).then(|| token.trim())
}

fn by_token(
    tokens: &TokenService,
    token: &str,
    cx: &Context,
    asked: &Asked<'_>,
) -> Result<Admitted, ApiError> {
    match tokens.verify(token, asked.now) {
        Ok(caller) => {
            let refusal = Refusal::Challenge(Some(ChallengeProblem::InsufficientScope));
            Ok(Admitted { caller, access: None, refusal })
        }
        Err(error) => {
            let refused = RefusedRequest {
                accounts: tokens.accounts(),
                actor: None,
                address: asked.origin.client,
                now: asked.now,
                request_id: asked.request_id,
            };
            refused.note_token(&error);
            Err(unauthenticated(cx, asked, tokens, Some(ChallengeProblem::InvalidToken), error))
        }
    }
}

async fn by_login(tokens: &TokenService, cx: &Context, asked: &Asked<'_>) -> Result<Admitted, ApiError> {
    let refused = |problem, cause| unauthenticated(cx, asked, tokens, problem, cause);
    let value = asked.head.headers.get(header::AUTHORIZATION);
    // What is no text is no scheme that anybody knows.
    let value = value.map(|value| value.to_str().unwrap_or("?"));
    let credentials = match Credentials::parse(value) {
        Ok(credentials) => or_certificate(of_accounts(credentials), asked.head, asked.origin),
        Err(error) => return Err(refused(Some(ChallengeProblem::InvalidToken), error)),
    };
    let anonymous = credentials == longshore_accounts::Credentials::None;
    if anonymous && *asked.endpoint == Endpoint::Base {
        // Clients find out by this how to log in.
        return Err(refused(None, AuthError::Missing));
    }
    let circumstances = circumstances(asked);
    let (needed, request_id) = (asked.endpoint.scopes(), asked.request_id.to_string());
    let access = match tokens.login(&credentials, &needed, &circumstances, &request_id).await {
        Ok(login) => login.access,
        Err(LoginError::TooMany { retry_after }) => return Err(ApiError::too_many_logins(retry_after)),
        Err(LoginError::Unavailable(cause)) => return Err(AuthError::Unavailable(cause).into()),
        Err(error @ (LoginError::Refused(_) | LoginError::Csrf)) => {
            return Err(refused(None, AuthError::Invalid(error.into())));
        }
    };
    let by_certificate = matches!(credentials, longshore_accounts::Credentials::Certificate(_));
    if by_certificate && !access.principal.is_known() && *asked.endpoint == Endpoint::Base {
        return Err(refused(None, AuthError::Missing));
    }
    let caller = conditions::caller(tokens, &access, asked.endpoint, &circumstances).await?;
    // Who showed a certificate alone may have a password that is good for more, and sends it when it is asked for.
    let refusal = if anonymous || by_certificate { Refusal::Challenge(None) } else { Refusal::Denied };
    Ok(Admitted { caller, access: Some(Box::new(access)), refusal })
}

/// The repository that the endpoint may make, with its project.
fn made_by(endpoint: &Endpoint) -> Option<&RepositoryName> {
    match endpoint {
        Endpoint::StartUpload { repository, .. } | Endpoint::PushManifest { repository, .. } => {
            Some(repository)
        }
        _ => None,
    }
}

async fn make_room(
    tokens: &TokenService,
    asked: &Asked<'_>,
    caller: &Caller,
    repository: &RepositoryName,
) -> Result<bool, ApiError> {
    let (circumstances, request_id) = (circumstances(asked), asked.request_id.to_string());
    let name = caller.name.as_deref();
    Ok(tokens.accounts().make_room_for_push(name, repository, &circumstances, &request_id).await?)
}

fn circumstances(asked: &Asked<'_>) -> Circumstances {
    let tag = conditions::first_tag(asked.endpoint).cloned();
    Circumstances { tag, ..asked.origin.circumstances(asked.now) }
}

fn unauthenticated(
    cx: &Context,
    asked: &Asked<'_>,
    tokens: &TokenService,
    problem: Option<ChallengeProblem>,
    error: AuthError,
) -> ApiError {
    let origin = base_url(cx, asked.origin, asked.head);
    let challenge = tokens.challenge(&asked.endpoint.scopes(), problem, &origin);
    ApiError::unauthenticated(error, Some(&challenge))
}

/// In the words of accounts.
pub(crate) fn of_accounts(credentials: Credentials) -> longshore_accounts::Credentials {
    match credentials {
        Credentials::None => longshore_accounts::Credentials::None,
        Credentials::Basic { name, password } => {
            longshore_accounts::Credentials::Basic { name, secret: password.reveal().to_owned() }
        }
        Credentials::Bearer(token) => longshore_accounts::Credentials::Bearer(token.reveal().to_owned()),
    }
}

/// The certificate of the connection, where the request itself says nothing of who sends it. A browser shows it whoever made
/// it ask: other sites' pages have nothing changed by it.
pub(crate) fn or_certificate(
    credentials: longshore_accounts::Credentials,
    head: &Parts,
    origin: &Origin,
) -> longshore_accounts::Credentials {
    match (credentials, &origin.certificate) {
        (longshore_accounts::Credentials::None, Some(chain))
            if head.method.is_safe() || !is_of_another_site(&head.headers, &[origin.host(head)]) =>
        {
            longshore_accounts::Credentials::Certificate(Arc::clone(chain))
        }
        (credentials, _) => credentials,
    }
}

/// The answer to who may not, where a challenge may help; `base_url` is what [`base_url`] gave.
pub(crate) fn challenged(
    cx: &Context,
    endpoint: &Endpoint,
    problem: Option<ChallengeProblem>,
    base_url: &str,
) -> ApiError {
    let challenge = match &cx.tokens {
        Some(tokens) => Some(tokens.challenge(&endpoint.scopes(), problem, base_url)),
        None => cx.authenticator.challenge(&endpoint.scopes(), problem, base_url),
    };
    let message = match problem {
        Some(_) => "these credentials do not allow this",
        None => "authentication required",
    };
    ApiError::unauthorized(message, challenge.as_deref())
}

/// Scheme and host as clients know them: as the operator says, else as the request was made.
pub(crate) fn base_url(cx: &Context, origin: &Origin, head: &Parts) -> String {
    match (&cx.urls.host, &cx.tokens) {
        (Some(host), Some(_)) => host.clone(),
        _ => format!("{}://{}", origin.scheme, origin.host(head)),
    }
}
