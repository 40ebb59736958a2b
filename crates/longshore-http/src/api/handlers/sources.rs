//! Who may say who somebody is, and how often everybody may come: what the configuration file says of it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::api::{Api, request::ApiRequest, response::ApiResponse, route::Reply};

/// Somebody who may say who somebody is.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SourceReply {
    /// What users that it vouches for are marked with, or the address of an issuer.
    name: String,
    /// `local`, `htpasswd`, `ldap`, `oidc`, `certificate`, `issuer`, `domain`.
    kind: &'static str,
    /// What else is said of it and no secret, by keys of the file.
    facts: BTreeMap<&'static str, String>,
}

/// `GET /system/identity-sources`.
pub(crate) async fn identity(api: &Api, _: ApiRequest) -> Reply {
    let sources = api.accounts.settings().file.sources.iter().map(|source| SourceReply {
        name: source.name.clone(),
        kind: source.kind,
        facts: source.facts.iter().cloned().collect(),
    });
    Ok(ApiResponse::json(&sources.collect::<Vec<_>>()))
}

/// `GET /system/rate-limits`.
pub(crate) async fn rate_limits(api: &Api, _: ApiRequest) -> Reply {
    let limits: BTreeMap<_, _> = api.accounts.settings().file.rate_limits.iter().copied().collect();
    Ok(ApiResponse::json(&limits))
}
