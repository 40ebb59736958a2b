//! Who is logged in on the pages: each user sees and ends their own sessions, administrators those of all.

use longshore_accounts::SessionDetails;
use longshore_auth::Principal;
use schemars::JsonSchema;
use serde::Serialize;

use crate::api::{
    Api, moment::Moment, problem::ApiProblem, request::ApiRequest, response::ApiResponse, route::Reply,
};

/// A session.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SessionReply {
    /// What it is called; not what its browser holds.
    id: String,
    /// From where the login came; empty if that is not known.
    address: String,
    creation_time: Moment,
    /// When a request last came, give or take a minute.
    last_seen_time: Moment,
    /// When it ends if nothing more comes.
    expiration_time: Moment,
    /// Whether it is the one that asks.
    current: bool,
}

impl From<SessionDetails> for SessionReply {
    fn from(session: SessionDetails) -> Self {
        Self {
            id: session.label,
            address: session.address,
            creation_time: session.created_at.into(),
            last_seen_time: session.last_seen_at.into(),
            expiration_time: session.expires_at.into(),
            current: session.is_current,
        }
    }
}

/// `GET /users/current/sessions` and `GET /users/{user_id}/sessions`.
pub(crate) async fn list(api: &Api, request: ApiRequest) -> Reply {
    let now = request.circumstances.now;
    let sessions = api.accounts.sessions_of(user(&request)?, request.session.as_ref(), now).await?;
    Ok(ApiResponse::json(&sessions.into_iter().map(SessionReply::from).collect::<Vec<_>>()))
}

/// `DELETE /users/current/sessions/{session_id}` and `DELETE /users/{user_id}/sessions/{session_id}`.
pub(crate) async fn end(api: &Api, request: ApiRequest) -> Reply {
    let label = request.path.text("session_id")?;
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if label.len() != 32 || !label.bytes().all(digit) {
        return Err(ApiProblem::bad_request("session_id must be the 32 digits of the id in the list"));
    }
    api.accounts.end_session_of(&request.act(), user(&request)?, label).await?;
    Ok(ApiResponse::done())
}

/// Whose: the path's user, or the caller.
fn user(request: &ApiRequest) -> Result<i64, ApiProblem> {
    if request.route.path.contains("{user_id}") {
        return request.path.id("user_id");
    }
    match &request.access.principal {
        Principal::User { id, .. } => Ok(*id),
        Principal::Anonymous | Principal::Robot { .. } => {
            Err(ApiProblem::forbidden("only users have sessions"))
        }
    }
}
