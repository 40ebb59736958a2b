//! The keys that sign tokens. What is shown is no secret: anybody may have their public halves.

use longshore_accounts::{KeyDetails, KeyState, TokenService};
use schemars::JsonSchema;
use serde::Serialize;

use crate::api::{
    Api, moment::Moment, problem::ApiProblem, request::ApiRequest, response::ApiResponse, route::Reply,
};

/// A key that signs tokens.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SigningKeyReply {
    /// `kid` of the tokens that it signs.
    id: String,
    /// `EdDSA`.
    algorithm: &'static str,
    state: KeyWord,
    creation_time: Moment,
    /// Until when it signs, if no other is made before.
    signs_until: Moment,
    /// Until when what it signed is admitted.
    verifies_until: Moment,
}

/// What a key is there for.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KeyWord {
    /// Everybody learns of it; it signs soon.
    Next,
    /// It signs.
    Signing,
    /// Another one signs; what it signed is admitted.
    Verifying,
}

impl From<KeyDetails> for SigningKeyReply {
    fn from(key: KeyDetails) -> Self {
        Self {
            id: key.id,
            algorithm: "EdDSA",
            state: match key.state {
                KeyState::Next => KeyWord::Next,
                KeyState::Signing => KeyWord::Signing,
                KeyState::Verifying => KeyWord::Verifying,
            },
            creation_time: key.created_at.into(),
            signs_until: key.signs_until.into(),
            verifies_until: key.verifies_until.into(),
        }
    }
}

fn tokens(api: &Api) -> Result<&TokenService, ApiProblem> {
    api.tokens.as_deref().ok_or_else(|| ApiProblem::internal("no token service was given to the API"))
}

fn reply(keys: Vec<KeyDetails>) -> ApiResponse {
    ApiResponse::json(&keys.into_iter().map(SigningKeyReply::from).collect::<Vec<_>>())
}

/// `GET /system/signing-keys`.
pub(crate) async fn list(api: &Api, request: ApiRequest) -> Reply {
    Ok(reply(tokens(api)?.key_details(request.circumstances.now)))
}

/// `POST /system/signing-keys`: all of them, the new one first.
pub(crate) async fn rotate(api: &Api, request: ApiRequest) -> Reply {
    Ok(reply(tokens(api)?.rotate_keys(&request.act()).await?))
}
