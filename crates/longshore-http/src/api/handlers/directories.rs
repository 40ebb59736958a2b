//! Directories and providers, in Harbor's forms: trying them, looking into them, making users of people there.

use http::StatusCode;
use longshore_accounts::DirectoryTrial;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::{Api, problem::ApiProblem, request::ApiRequest, response::ApiResponse, route::Reply};

/// `POST /ldap/ping`: a directory to try; nothing for those of the configuration.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LdapTrial {
    /// `ldap://host[:port]` or `ldaps://host[:port]`.
    ldap_url: String,
    ldap_search_dn: String,
    /// Left out, that of the configuration is used, but only at its own directory.
    ldap_search_password: String,
    ldap_base_dn: String,
    ldap_filter: String,
    ldap_uid: String,
    /// 0 the base itself, 1 right below, 2 all of it.
    ldap_scope: Option<i64>,
    /// Means nothing here: there is a time for all.
    #[serde(rename = "ldap_connection_timeout")]
    _connection_timeout: Option<i64>,
    ldap_verify_cert: Option<bool>,
}

/// How a trial went.
#[derive(Serialize, JsonSchema)]
pub(crate) struct LdapTrialReply {
    success: bool,
    /// Why not.
    message: String,
}

/// Somebody of a directory.
#[derive(Serialize, JsonSchema)]
pub(crate) struct LdapUserReply {
    username: String,
    realname: String,
    email: String,
    /// The name of the directory in the configuration.
    source: String,
}

/// A group of a directory.
#[derive(Serialize, JsonSchema)]
pub(crate) struct LdapGroupReply {
    group_name: String,
    ldap_group_dn: String,
    /// 1: of a directory.
    group_type: i64,
    /// The name of the directory in the configuration.
    source: String,
}

/// `POST /ldap/users/import`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LdapImport {
    /// Names to log in with.
    ldap_uid_list: Vec<String>,
}

/// Somebody who was not imported.
#[derive(Serialize, JsonSchema)]
pub(crate) struct LdapImportFailure {
    uid: String,
    error: String,
}

/// `POST /system/oidc/ping`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OidcTrial {
    /// The provider's address.
    url: String,
    /// Certificates are verified in every case.
    verify_cert: Option<bool>,
}

/// `POST /ldap/ping`: 200 in both cases, as Harbor.
pub(crate) async fn ping_ldap(api: &Api, mut request: ApiRequest) -> Reply {
    let body: LdapTrial = request.json_or_default().await?;
    let trial = DirectoryTrial {
        url: body.ldap_url,
        search_dn: body.ldap_search_dn,
        search_password: body.ldap_search_password,
        base_dn: body.ldap_base_dn,
        filter: body.ldap_filter,
        uid: body.ldap_uid,
        scope: body.ldap_scope,
        verify_cert: body.ldap_verify_cert,
    };
    let message = api.accounts.try_directory(&trial).await?.err();
    let reply = LdapTrialReply { success: message.is_none(), message: message.unwrap_or_default() };
    Ok(ApiResponse::json(&reply))
}

/// `GET /ldap/users/search`.
pub(crate) async fn search_users(api: &Api, request: ApiRequest) -> Reply {
    let name = request.query.text("username").unwrap_or_default();
    let found = api.accounts.people_of_directories(name).await?;
    let reply = |(source, user): (String, longshore_accounts::LdapUser)| LdapUserReply {
        username: user.name,
        realname: user.real_name,
        email: user.email.unwrap_or_default(),
        source,
    };
    Ok(ApiResponse::json(&found.into_iter().map(reply).collect::<Vec<_>>()))
}

/// `GET /ldap/groups/search`: 404 for none, as Harbor.
pub(crate) async fn search_groups(api: &Api, request: ApiRequest) -> Reply {
    let text = |name| request.query.text(name).unwrap_or_default();
    let (name, dn) = (text("groupname"), text("groupdn"));
    let found = api.accounts.groups_of_directories(name, dn).await?;
    if found.is_empty() {
        let asked = if dn.is_empty() { name } else { dn };
        return Err(ApiProblem::not_found(format!("no directory has a group {asked}")));
    }
    let reply = |(source, group): (String, longshore_accounts::SourceGroup)| LdapGroupReply {
        group_name: group.name,
        ldap_group_dn: group.external_id,
        group_type: 1,
        source,
    };
    Ok(ApiResponse::json(&found.into_iter().map(reply).collect::<Vec<_>>()))
}

/// `POST /ldap/users/import`: 200 if all are users now, else 404 with those who are not.
pub(crate) async fn import_users(api: &Api, mut request: ApiRequest) -> Reply {
    let body: LdapImport = request.json().await?;
    let failed = api.accounts.import_people(&request.act(), &body.ldap_uid_list).await?;
    if failed.is_empty() {
        return Ok(ApiResponse::done());
    }
    let failed: Vec<_> = failed
        .into_iter()
        .map(|failure| LdapImportFailure { uid: failure.name, error: failure.problem })
        .collect();
    Ok(ApiResponse::json(&failed).with_status(StatusCode::NOT_FOUND))
}

/// `POST /system/oidc/ping`.
pub(crate) async fn ping_oidc(api: &Api, mut request: ApiRequest) -> Reply {
    let body: OidcTrial = request.json().await?;
    if body.verify_cert == Some(false) {
        let problem =
            "verify_cert: certificates are verified in every case; ca_file of the source names an authority";
        return Err(ApiProblem::bad_request(problem));
    }
    match api.accounts.try_provider(&body.url).await? {
        Ok(()) => Ok(ApiResponse::done()),
        Err(why) => Err(ApiProblem::bad_request(format!("url: {why}"))),
    }
}
