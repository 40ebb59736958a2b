//! A server with routes that show what a handler gets.

use std::{error::Error, net::SocketAddr, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};
use http::StatusCode;
use longshore_accounts::{Accounts, AccountsSettings};
use longshore_auth::{
    Access, Authenticator, BuiltInRole, Circumstances, Grant, GrantKind, GrantScope, Permission, Principal,
    SystemRole,
};
use longshore_metadata::{Metadata, MetadataSettings, ProjectId, ProjectRecord};
use longshore_registry::{Registry, RegistrySettings};
use longshore_storage::MemoryStore;
use longshore_testkit::{Api as Client, Call, base64};
use longshore_types::{RepositoryName, Timestamp};
use reqwest::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    HttpSettings, ListenAddr, Metrics, Parts, Server,
    api::{
        Api, ApiSettings, Credentials, Csrf, FoundProject, Guard, LoginError, ProjectKey,
        problem::{ApiProblem, Code},
        request::ApiRequest,
        response::ApiResponse,
        route::{Needs, Reply, Route, boolean, delete, get, head, integer, of, post, put, text},
        routes::by,
    },
};

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
struct Body {
    /// It must be there.
    role_id: i64,
    #[serde(default)]
    name: Option<String>,
}

/// What the handlers of the tests answer.
#[derive(Serialize, JsonSchema)]
struct Seen {
    caller: Option<String>,
    project: Option<i64>,
    repository: Option<String>,
}

async fn seen(_: &Api, request: ApiRequest) -> Reply {
    Ok(ApiResponse::json(&Seen {
        caller: request.access.principal.name().map(str::to_owned),
        project: request.project.as_ref().map(|project| project.record.id.number()),
        repository: request.repository.as_ref().map(ToString::to_string),
    }))
}

async fn listed(_: &Api, request: ApiRequest) -> Reply {
    let page = request.query.page;
    let total = 25_u64;
    let first = page.offset().min(total);
    let entries: Vec<u64> = (first..(first + page.size).min(total)).collect();
    let reply = request.page(&entries, total);
    let about = format!("{:?} {:?}", request.query.sorts, request.query.filters);
    Ok(reply.with_header(http::HeaderName::from_static("x-about"), about.parse().expect("ASCII")))
}

async fn taken(_: &Api, mut request: ApiRequest) -> Reply {
    let body: Body = request.json().await?;
    match body.name.as_deref() {
        Some("taken") => Err(ApiProblem::new(Code::Conflict, "the name is taken")),
        Some("broken") => Err(ApiProblem::internal("the secret cause")),
        name => Ok(request.created_named(body.role_id, name.unwrap_or("nobody"))),
    }
}

async fn done(_: &Api, _: ApiRequest) -> Reply {
    Ok(ApiResponse::done())
}

pub(crate) static TABLE: &[Route] = &[
    get("/api/v2.0/projects", "listProjects", Needs::Anybody, by!(listed))
        .about("project", "Lists.")
        .query(&[text("name", "A part."), boolean("public", "Which."), integer("owner", "Whose.")])
        .lists(of::<Vec<u64>>, &["name", "creation_time"], &["name", "project_id"]),
    head("/api/v2.0/projects", "headProject", Needs::SignedIn, by!(done))
        .about("project", "Is there one, by that name."),
    post("/api/v2.0/projects", "createProject", Needs::SignedIn, by!(taken))
        .about("project", "Makes one.")
        .takes(of::<Body>)
        .refuses(&[StatusCode::CONFLICT])
        .creates(),
    post("/api/v2.0/anonymous", "takeFromAnybody", Needs::Anybody, by!(taken))
        .about("project", "Takes from anybody.")
        .takes(of::<Body>)
        .creates(),
    get(
        "/api/v2.0/projects/{project_name_or_id}",
        "getProject",
        Needs::Project(Permission::PROJECT_READ),
        by!(seen),
    )
    .about("project", "Shows one.")
    .and_head()
    .gives(of::<Seen>),
    delete(
        "/api/v2.0/projects/{project_name_or_id}",
        "deleteProject",
        Needs::Project(Permission::PROJECT_DELETE),
        by!(done),
    )
    .about("project", "Removes one."),
    get(
        "/api/v2.0/projects/{project_name}/repositories/{repository_name}",
        "getRepository",
        Needs::Project(Permission::REPOSITORY_READ),
        by!(seen),
    )
    .about("repository", "Shows one.")
    .gives(of::<Seen>),
    put("/api/v2.0/users/{user_id}", "updateUser", Needs::Own(Permission::USER_UPDATE), by!(seen))
        .about("user", "Changes one.")
        .gives(of::<Seen>),
    get("/api/v2.0/users/current", "getCurrentUser", Needs::SignedIn, by!(seen))
        .about("user", "Shows the caller.")
        .gives(of::<Seen>),
    get("/api/v2.0/users", "listUsers", Needs::System(Permission::USER_LIST), by!(done))
        .about("user", "Lists."),
];

/// `admin`; `dev`, a developer of `secret`, number 7; `puller`, who may only read repositories `secret/open*`. Their
/// passwords are `pw`. One session, `s1`, is dev's, with the token `t1`.
struct TestGuard {
    projects: Vec<FoundProject>,
}

impl TestGuard {
    fn new() -> Self {
        let made = Timestamp::from_unix_millis(1);
        let project = |id, name: &str, public| {
            let record = ProjectRecord {
                id: ProjectId::of_number(id),
                parent: None,
                name: name.parse().unwrap(),
                owner: None,
                public,
                created_at: made,
                updated_at: made,
            };
            FoundProject { record, public }
        };
        let names = [(1, "library", true), (2, "secret", false), (3, "secret/sub", false), (4, "2", true)];
        Self { projects: names.map(|(id, name, public)| project(id, name, public)).into() }
    }

    fn access(name: &str) -> Access {
        let scope = || GrantScope::Project("secret".parse().unwrap());
        let (id, system_role, grants) = match name {
            "admin" => (1, SystemRole::Admin, Vec::new()),
            "dev" => {
                let permissions = BuiltInRole::Developer.permissions();
                (7, SystemRole::None, vec![Grant::new(scope(), GrantKind::Role, permissions, "test")])
            }
            _ => {
                let permissions = Permission::REPOSITORY_READ.into();
                let grant = Grant::new(scope(), GrantKind::Repository, permissions, "test");
                (9, SystemRole::None, vec![grant.limited_to("open*".parse().unwrap())])
            }
        };
        Access { principal: Principal::User { id, name: name.into(), system_role }, grants, ceiling: None }
    }
}

impl Guard for TestGuard {
    fn authenticate<'a>(
        &'a self,
        credentials: &'a Credentials,
        _: &'a Circumstances,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Access, LoginError>> {
        let answer = match credentials {
            Credentials::None => Ok(Access::anonymous()),
            Credentials::Basic { name, secret } if secret == "pw" => Ok(Self::access(name)),
            Credentials::Basic { name, .. } if name == "hasty" => {
                Err(LoginError::TooMany { retry_after: Duration::from_secs(30) })
            }
            Credentials::Basic { name, .. } if name == "lost" => {
                Err(LoginError::Unavailable("no index".into()))
            }
            Credentials::Session { id, csrf } if id == "s1" => match csrf {
                Csrf::NotNeeded => Ok(Self::access("dev")),
                Csrf::Token(Some(token)) if token == "t1" => Ok(Self::access("dev")),
                Csrf::Token(_) => Err(LoginError::Csrf),
            },
            Credentials::Session { .. } | Credentials::Certificate(_) => Ok(Access::anonymous()),
            Credentials::Basic { .. } | Credentials::Bearer(_) => Err(LoginError::Refused("no".into())),
        };
        async move { answer }.boxed()
    }

    fn project<'a>(
        &'a self,
        key: &'a ProjectKey,
    ) -> BoxFuture<'a, Result<Option<FoundProject>, Box<dyn Error + Send + Sync>>> {
        let meant = |project: &&FoundProject| match key {
            ProjectKey::Id(id) => project.record.id.number() == *id,
            ProjectKey::Name(name) => project.record.name == *name,
        };
        let found = self.projects.iter().find(meant).cloned();
        async move { Ok(found) }.boxed()
    }

    fn is_listed<'a>(
        &'a self,
        _: &'a RepositoryName,
    ) -> BoxFuture<'a, Result<bool, Box<dyn Error + Send + Sync>>> {
        async move { Ok(false) }.boxed()
    }
}

/// A client of a server that ends with the test.
pub(crate) async fn start(table: &'static [Route]) -> Client {
    serve(accounts().await, Some(Arc::new(TestGuard::new())), table).await
}

/// Accounts over an empty index.
pub(crate) async fn accounts() -> Accounts {
    let index = MetadataSettings { url: "sqlite::memory:".to_owned(), connections_max: 2, durable: false };
    let metadata = Metadata::open(&index).await.unwrap();
    let trusted_issuers = vec!["https://token.actions.example".to_owned()];
    let settings = AccountsSettings { trusted_issuers, ..AccountsSettings::default() };
    Accounts::new(metadata, settings, Vec::new())
}

/// A client of a server with these accounts that ends with the test. They say who calls if nobody else does.
pub(crate) async fn serve(
    accounts: Accounts,
    guard: Option<Arc<dyn Guard>>,
    table: &'static [Route],
) -> Client {
    let store = Arc::new(MemoryStore::new());
    let registry =
        Registry::new(accounts.metadata().clone(), store.clone(), store, RegistrySettings::default());
    let settings = ApiSettings {
        external_url: Some("https://r.example".to_owned()),
        storage_driver: "filesystem".to_owned(),
        ..ApiSettings::default()
    };
    let guard = guard.unwrap_or_else(|| Arc::new(accounts.clone()));
    let api = Api::with_table(settings, guard, accounts, registry.clone(), table);
    let parts = Parts {
        registry,
        authenticator: Authenticator::Open.into(),
        metrics: Arc::new(Metrics::default()),
        api: Some(Arc::new(api)),
        tokens: None,
        rate_limits: None,
    };
    let listen = ListenAddr::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)));
    let http = HttpSettings { listen, metrics_on_main: true, ..HttpSettings::default() };
    let server = Server::bind(http, parts).await.unwrap();
    let address = server.local_addr().unwrap();
    tokio::spawn(server.run(std::future::pending()));
    Client::new(format!("http://{address}"))
}

pub(crate) fn user(client: &Client, name: &str) -> Client {
    client.authorized(format!("Basic {}", base64(format!("{name}:pw").as_bytes())))
}

pub(crate) fn call(client: &Client, method: &str, path: &str) -> Call {
    client.call(method.parse::<Method>().unwrap(), &format!("/api/v2.0{path}"))
}

pub(crate) async fn status(client: &Client, method: &str, path: &str) -> u16 {
    call(client, method, path).send().await.status
}
