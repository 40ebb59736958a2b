//! Personal access tokens, in the forms of robots.

use longshore_accounts::{AccessTokenDetails, AccessTokenId, NewAccessToken, UserId};
use longshore_auth::Principal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    filters::limits,
    robots::seconds,
    scoped::{GivenPermissions, ShownPermissions},
};
use crate::api::{
    Api, moment::Moment, problem::ApiProblem, request::ApiRequest, response::ApiResponse, route::Reply,
};

/// Days of a token for which nothing else is said.
const DAYS_DEFAULT: i64 = 90;

/// An access token.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AccessTokenReply {
    id: i64,
    name: String,
    /// In seconds since 1970; -1 for never.
    expires_at: i64,
    creation_time: Moment,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_time: Option<Moment>,
    /// What it narrows its user to; left out where it narrows nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions: Option<Vec<ShownPermissions>>,
}

/// A new access token. The secret is shown this once: `docker login` takes it as the password.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AccessTokenCreated {
    id: i64,
    name: String,
    secret: String,
    creation_time: Moment,
    /// In seconds since 1970; -1 for never.
    expires_at: i64,
}

/// `POST /users/current/tokens`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessTokenCreation {
    name: String,
    /// Days; -1 for ever, 90 if left out.
    duration: Option<i64>,
    /// What it can do, of what its user can; everything if left out.
    permissions: Option<Vec<GivenPermissions>>,
}

impl From<AccessTokenDetails> for AccessTokenReply {
    fn from(details: AccessTokenDetails) -> Self {
        let AccessTokenDetails { record, permissions } = details;
        Self {
            id: record.id.number(),
            name: record.name,
            expires_at: seconds(record.expires_at),
            creation_time: record.created_at.into(),
            last_used_time: record.last_used_at.map(Moment::from),
            permissions: permissions.map(|given| given.iter().map(ShownPermissions::from).collect()),
        }
    }
}

/// `POST /users/current/tokens`.
pub(crate) async fn create(api: &Api, mut request: ApiRequest) -> Reply {
    let body: AccessTokenCreation = request.json().await?;
    let permissions = match &body.permissions {
        Some(given) => Some(given.iter().map(|given| given.read(None)).collect::<Result<_, _>>()?),
        None => None,
    };
    let new = NewAccessToken { name: body.name, days: body.duration.unwrap_or(DAYS_DEFAULT), permissions };
    let made = api.accounts.create_access_token(&request.act(), &new).await?;
    let record = made.record.record;
    let reply = AccessTokenCreated {
        id: record.id.number(),
        name: record.name,
        secret: made.secret.reveal().to_owned(),
        creation_time: record.created_at.into(),
        expires_at: seconds(record.expires_at),
    };
    Ok(request.created(reply.id).with_json(&reply))
}

/// `GET /users/current/tokens` and `GET /users/{user_id}/tokens`.
pub(crate) async fn list(api: &Api, request: ApiRequest) -> Reply {
    let (skip, limit) = limits(&request);
    let user = user(&request)?;
    let (tokens, total) = api.accounts.list_access_tokens(&request.act(), user, skip, limit).await?;
    let tokens: Vec<_> = tokens.into_iter().map(AccessTokenReply::from).collect();
    Ok(request.page(&tokens, total))
}

/// `GET /users/current/tokens/{token_id}`.
pub(crate) async fn show(api: &Api, request: ApiRequest) -> Reply {
    let token = api.accounts.access_token(&request.act(), user(&request)?, token_id(&request)?).await?;
    Ok(ApiResponse::json(&AccessTokenReply::from(token)))
}

/// `DELETE /users/current/tokens/{token_id}` and `DELETE /users/{user_id}/tokens/{token_id}`.
pub(crate) async fn remove(api: &Api, request: ApiRequest) -> Reply {
    let (user, id) = (user(&request)?, token_id(&request)?);
    api.accounts.revoke_access_token(&request.act(), user, id).await?;
    Ok(ApiResponse::done())
}

fn token_id(request: &ApiRequest) -> Result<AccessTokenId, ApiProblem> {
    request.path.id("token_id").map(AccessTokenId::of_number)
}

/// The user that the path names; the caller if it names none.
fn user(request: &ApiRequest) -> Result<UserId, ApiProblem> {
    if request.path.0.iter().any(|(name, _)| *name == "user_id") {
        return request.path.id("user_id").map(UserId::of_number);
    }
    match request.access.principal {
        Principal::User { id, .. } => Ok(UserId::of_number(id)),
        Principal::Robot { .. } | Principal::Anonymous => {
            Err(ApiProblem::forbidden("only users have access tokens"))
        }
    }
}
