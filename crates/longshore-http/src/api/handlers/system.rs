//! What the registry tells of itself.

use longshore_registry::Space;
use schemars::JsonSchema;
use serde::Serialize;

use crate::api::{
    Api, AuthMode, moment::Moment, problem::ApiProblem, request::ApiRequest, response::ApiResponse,
    route::Reply,
};

/// The Harbor whose forms this API has. Clients compare it, so that it has Harbor's form too: a release, a hyphen and
/// what tells builds apart.
const HARBOR_VERSION: &str = concat!("v2.16.0-longshore-", env!("CARGO_PKG_VERSION"));

/// `GET /systeminfo`: those fields of Harbor's that mean something here.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SystemInfo {
    /// Where passwords are checked first: `db_auth`, `ldap_auth` or `oidc_auth`.
    auth_mode: &'static str,
    /// Whether pages send people to the provider at once.
    primary_auth_mode: bool,
    /// Whether anybody may make themselves a user.
    self_registration: bool,
    /// What pages show above everything else: a JSON object in a text; empty for nothing. Harbor's own client cannot do
    /// without it.
    banner_message: String,
    #[serde(flatten)]
    protected: Option<ProtectedInfo>,
}

/// What only those learn who are logged in.
#[derive(Serialize, JsonSchema)]
struct ProtectedInfo {
    /// The Harbor whose forms this API has, then what it really is.
    harbor_version: &'static str,
    /// Scheme and host that clients know the registry by.
    #[serde(skip_serializing_if = "Option::is_none")]
    external_url: Option<String>,
    /// The same without the scheme: what stands before the names of images.
    #[serde(skip_serializing_if = "Option::is_none")]
    registry_url: Option<String>,
    /// Who may make projects: `everyone` or `adminonly`.
    project_creation_restriction: &'static str,
    /// Whether nothing may change.
    read_only: bool,
    /// Whether notifications are sent to anybody.
    notification_enable: bool,
    /// The kind of storage.
    registry_storage_provider_name: String,
    /// Whether the certificate of an authority can be downloaded.
    has_ca_root: bool,
    /// The server's clock.
    current_time: Moment,
}

/// `GET /health`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Health {
    /// `healthy` if all components are.
    status: &'static str,
    components: Vec<ComponentHealth>,
}

/// One part.
#[derive(Serialize, JsonSchema)]
struct ComponentHealth {
    name: &'static str,
    /// `healthy` or `unhealthy`.
    status: &'static str,
    /// That it does not work; why, is for the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
}

/// `GET /systeminfo/volumes`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Volumes {
    storage: Vec<Volume>,
}

/// What storage lies on, in bytes.
#[derive(Serialize, JsonSchema)]
struct Volume {
    total: u64,
    free: u64,
}

pub(crate) async fn ping(_: &Api, _: ApiRequest) -> Reply {
    Ok(ApiResponse::content("text/plain; charset=utf-8", "Pong"))
}

pub(crate) async fn info(api: &Api, request: ApiRequest) -> Reply {
    let settings = &api.settings;
    let running = api.accounts.running();
    let known = request.access.principal.is_known();
    let protected = known.then(|| ProtectedInfo {
        harbor_version: HARBOR_VERSION,
        registry_url: settings.external_url.as_deref().map(|url| without_scheme(url).to_owned()),
        external_url: settings.external_url.clone(),
        project_creation_restriction: running.project_creation_word(),
        read_only: running.read_only,
        notification_enable: settings.notifies,
        registry_storage_provider_name: settings.storage_driver.clone(),
        has_ca_root: false,
        current_time: request.circumstances.now.into(),
    });
    let auth_mode = match settings.auth_mode {
        AuthMode::Database => "db_auth",
        AuthMode::Ldap => "ldap_auth",
        AuthMode::Oidc => "oidc_auth",
    };
    // Nobody makes themselves a user here, and no page sends people away unasked.
    Ok(ApiResponse::json(&SystemInfo {
        auth_mode,
        primary_auth_mode: false,
        self_registration: false,
        banner_message: running.banner.clone(),
        protected,
    }))
}

/// 200 also when something does not work, as Harbor: `/readyz` is what load balancers should ask.
pub(crate) async fn health(api: &Api, _: ApiRequest) -> Reply {
    let found = api.readiness.health(&api.registry).await;
    if let Err(reason) = found.overall() {
        tracing::warn!(reason, "not healthy");
    }
    let component = |name, works: bool| ComponentHealth {
        name,
        status: if works { "healthy" } else { "unhealthy" },
        error: (!works).then_some("does not work, see the registry's log"),
    };
    // In Harbor's words; what has no part of its own here is not among them.
    let components = vec![
        component("core", true),
        component("database", found.index.is_ok()),
        component("registry", found.storage.is_ok()),
    ];
    let status = if found.overall().is_ok() { "healthy" } else { "unhealthy" };
    Ok(ApiResponse::json(&Health { status, components }))
}

/// Storage that has no bounds of its own is not among them.
pub(crate) async fn volumes(api: &Api, _: ApiRequest) -> Reply {
    let volume = |space: Space| Volume { total: space.total_bytes, free: space.free_bytes };
    let storage = api.registry.space().await?.into_iter().map(volume).collect();
    Ok(ApiResponse::json(&Volumes { storage }))
}

/// There is no authority of our own whose certificate clients would need.
pub(crate) async fn certificate(_: &Api, _: ApiRequest) -> Reply {
    Err(ApiProblem::not_found("there is no certificate to download"))
}

fn without_scheme(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, host)| host)
}
