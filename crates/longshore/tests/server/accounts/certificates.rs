//! Clients whose certificate says who they are.

use longshore_testkit::{Api, Authority, Certificate, TestRegistry, basic, image, role};
use rcgen::{CertificateParams, DnType, SanType, date_time_ymd};
use serde_json::json;
use tempfile::TempDir;

use super::with_accounts;

/// A registry that asks for certificates, and those who sign them.
struct Setting {
    registry: TestRegistry,
    server: Certificate,
    people: Authority,
    machines: Authority,
    domain: Authority,
    _folder: TempDir,
}

impl Setting {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Certificate::write(folder.path());
        let [people, machines, domain] = ["people", "machines", "domain"].map(Authority::new);
        let file = |authority: &Authority, name: &str| {
            authority.write(folder.path(), name).to_string_lossy().into_owned()
        };
        let certificates = json!([
            { "ca_file": file(&people, "people.pem"), "name_from": "email", "pattern": "*@example.org" },
            { "ca_file": file(&machines, "machines.pem"), "kind": "robot" },
        ]);
        let domains = json!([{ "name": "example.org", "x509_bundle_file": file(&domain, "domain.pem") }]);
        let registry = with_accounts()
            .set("http.tls.certificate", server.certificate.to_string_lossy())
            .set("http.tls.key", server.key.to_string_lossy())
            .set("http.tls.clientauth", "request-client-cert")
            .set("accounts.certificates", certificates)
            .set("accounts.trust.domains", domains);
        let registry = registry.spawn().await;
        let setting = Self { registry, server, people, machines, domain, _folder: folder };
        setting.fill().await;
        setting
    }

    /// The private project `team`, its developer `ann`, and the robot `team+ci`, which may pull from it.
    async fn fill(&self) {
        let admin = self.plain().authorized(basic("admin", &self.registry.admin_password()));
        let post = async |path: &str, body: serde_json::Value| {
            admin.post_json(&format!("/api/v2.0{path}"), &body).await.assert_status(201)
        };
        post("/projects", json!({ "project_name": "team", "metadata": { "public": "false" } })).await;
        for name in ["ann", "bob"] {
            let email = format!("{name}@example.com");
            let user = json!({ "username": name, "password": "Secret123", "email": email, "realname": name });
            post("/users", user).await;
        }
        let member = json!({ "role_id": role::DEVELOPER, "member_user": { "username": "ann" } });
        post("/projects/team/members", member).await;
        let access = json!([{ "resource": "repository", "action": "pull" }]);
        let robot = json!({
            "name": "ci", "level": "project", "duration": -1,
            "permissions": [{ "kind": "project", "namespace": "team", "access": access }],
        });
        let robot = post("/robots", robot).await.json();
        let rule = json!({
            "name": "builders", "kind": "spiffe", "issuer": "spiffe://example.org", "audience": "registry",
            "claims": { "sub": "spiffe://example.org/ci/*" }, "robot_id": robot["id"],
        });
        post("/trustrules", rule).await;
    }

    fn client(&self, client: reqwest::ClientBuilder) -> Api {
        Api::with_client(format!("https://localhost:{}", self.registry.address().port()), client)
    }

    /// Without a certificate.
    fn plain(&self) -> Api {
        self.client(self.server.client())
    }

    fn showing(&self, authority: &Authority, change: impl FnOnce(&mut CertificateParams)) -> Api {
        self.client(self.server.client().identity(authority.client(change)))
    }
}

fn email(address: &str) -> impl FnOnce(&mut CertificateParams) {
    let name = SanType::Rfc822Name(address.try_into().unwrap());
    |params| params.subject_alt_names = vec![name]
}

fn common_name(name: &str) -> impl FnOnce(&mut CertificateParams) {
    let name = name.to_owned();
    |params| params.distinguished_name.push(DnType::CommonName, name)
}

fn uri(text: &str) -> impl FnOnce(&mut CertificateParams) {
    let name = SanType::URI(text.try_into().unwrap());
    |params| params.subject_alt_names = vec![name]
}

async fn status(api: &Api, path: &str) -> u16 {
    api.get(path).await.status
}

const TAGS: &str = "/v2/team/app/tags/list";
const WHO: &str = "/api/v2.0/users/current";
const PROJECT: &str = "/api/v2.0/projects/team";

#[tokio::test]
async fn users_robots_and_workloads() {
    let setting = Setting::start().await;
    let nobody = setting.plain();
    assert_eq!((status(&nobody, "/v2/").await, status(&nobody, TAGS).await), (401, 401));

    let ann = setting.showing(&setting.people, email("ann@example.org"));
    ann.get("/v2/").await.assert_status(200);
    ann.push_image("team/app", "v1", &image().build()).await;
    assert_eq!(ann.get(WHO).await.assert_status(200).json()["username"], "ann");
    let scopes = ["repository:team/app:pull,push"];
    let token = ann.ask_for_token(&scopes).await.assert_status(200).json()["token"].clone();
    let bearer = nobody.authorized(format!("Bearer {}", token.as_str().unwrap()));
    bearer.push_image("team/app", "v2", &image().build()).await;

    let robot = setting.showing(&setting.machines, common_name("team+ci"));
    let prefixed = setting.showing(&setting.machines, common_name("robot$team+ci"));
    let workload = setting.showing(&setting.domain, uri("spiffe://example.org/ci/builder"));
    for robot in [robot, prefixed, workload] {
        robot.get("/v2/").await.assert_status(200);
        robot.pull_image("team/app", "v1").await;
        robot.with_token(&["repository:team/app:pull"]).await.pull_image("team/app", "v1").await;
        robot.post("/v2/team/app/blobs/uploads/").await.assert_error(401, "UNAUTHORIZED");
        assert_eq!(status(&robot, PROJECT).await, 404, "it may pull, and nothing else");
    }

    // What a request says itself counts, right or wrong.
    let bob = ann.authorized(basic("bob", "Secret123"));
    assert_eq!(bob.get(WHO).await.assert_status(200).json()["username"], "bob");
    assert_eq!(status(&bob, TAGS).await, 403);
    let wrong = ann.authorized(basic("ann", "wrong"));
    for path in [TAGS, WHO, "/service/token?service=harbor-registry"] {
        assert_eq!(status(&wrong, path).await, 401, "{path}");
    }

    let admin = nobody.authorized(basic("admin", &setting.registry.admin_password()));
    let rows = admin.get("/api/v2.0/auditlog-exts?q=operation%3Dlogin_user&page_size=100").await.json();
    let by = |text: &str| rows.as_array().unwrap().iter().any(|row| row.to_string().contains(text));
    assert!(by("certificate") && by("builders"), "{rows}");
}

#[tokio::test]
async fn certificates_that_say_nothing_good() {
    let setting = Setting::start().await;
    let expired = |params: &mut CertificateParams| {
        email("ann@example.org")(params);
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    };
    let expired_svid = |params: &mut CertificateParams| {
        uri("spiffe://example.org/ci/builder")(params);
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    };
    let Setting { people, machines, domain, .. } = &setting;
    let stranger = Authority::new("people");
    for (what, api) in [
        ("signed by a stranger of that name", setting.showing(&stranger, email("ann@example.org"))),
        ("expired", setting.showing(people, expired)),
        ("of another company", setting.showing(people, email("ann@example.com"))),
        ("of nobody", setting.showing(people, email("nobody@example.org"))),
        ("without an address", setting.showing(people, common_name("ann"))),
        ("of an authority that speaks for robots", setting.showing(machines, email("ann@example.org"))),
        ("of a robot that is not there", setting.showing(machines, common_name("team+other"))),
        ("a user among the robots", setting.showing(machines, common_name("ann"))),
        (
            "a workload, by an authority of people",
            setting.showing(people, uri("spiffe://example.org/ci/builder")),
        ),
        ("of another trust domain", setting.showing(domain, uri("spiffe://other.example/ci/builder"))),
        ("a workload that no rule trusts", setting.showing(domain, uri("spiffe://example.org/web/1"))),
        ("an expired workload", setting.showing(domain, expired_svid)),
        ("the trust domain itself", setting.showing(domain, uri("spiffe://example.org"))),
    ] {
        for path in ["/v2/", TAGS, WHO, PROJECT, "/service/token?service=harbor-registry"] {
            assert_eq!(status(&api, path).await, 401, "{what}: {path}");
        }
        // It is not in the way of a password.
        assert_eq!(status(&api.authorized(basic("ann", "Secret123")), WHO).await, 200, "{what}");
    }

    let ann = setting.showing(people, email("ann@example.org"));
    ann.get(WHO).await.assert_status(200);
    // A browser shows it whoever made it ask: other sites' pages change nothing by it.
    let post = |name: &str, value: &str| {
        let call = ann.call(reqwest::Method::POST, "/v2/team/app/blobs/uploads/");
        call.header(name, value).send()
    };
    post("Sec-Fetch-Site", "cross-site").await.assert_error(401, "UNAUTHORIZED");
    post("Origin", "https://evil.example").await.assert_error(401, "UNAUTHORIZED");
    post("Sec-Fetch-Site", "same-origin").await.assert_status(202);

    // Who is disabled is out at once, whatever their certificate says.
    let admin = setting.plain().authorized(basic("admin", &setting.registry.admin_password()));
    let id = ann.get(WHO).await.json()["user_id"].clone();
    let path = format!("/api/v2.0/users/{id}/disabled");
    admin.put_json(&path, &json!({ "disabled": true })).await.assert_status(200);
    for path in ["/v2/", TAGS, WHO, "/service/token?service=harbor-registry"] {
        assert_eq!(status(&ann, path).await, 401, "{path}");
    }
}

/// A proxy's own certificate is not its clients'.
#[tokio::test]
async fn proxies_do_not_lend_their_certificate() {
    let setting = Setting::start().await;
    let mut registry = setting.registry;
    registry.set("http.trusted_proxies", json!(["127.0.0.1"]));
    registry.restart().await;
    let identity = setting.people.client(email("ann@example.org"));
    let base = format!("https://localhost:{}", registry.address().port());
    let proxy = Api::with_client(base, setting.server.client().identity(identity));
    assert_eq!(status(&proxy, WHO).await, 401);
}

#[tokio::test]
async fn a_role_may_depend_on_the_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let server = Certificate::write(folder.path());
    let [people, machines, domain] = ["people", "machines", "domain"].map(Authority::new);
    let authority = domain.write(folder.path(), "domain.pem").to_string_lossy().into_owned();
    let domains = json!([{ "name": "example.org", "x509_bundle_file": authority }]);
    let registry = with_accounts()
        .set("http.tls.certificate", server.certificate.to_string_lossy())
        .set("http.tls.key", server.key.to_string_lossy())
        .set("http.tls.clientauth", "verify-client-cert-if-given")
        .set("http.tls.clientcas", json!([authority]))
        .set("accounts.trust.domains", domains);
    let registry = registry.spawn().await;
    let setting = Setting { registry, server, people, machines, domain, _folder: folder };
    setting.fill().await;
    let admin = setting.plain().authorized(basic("admin", &setting.registry.admin_password()));
    let text = r#"permit (principal, action, resource)
        when { context has certificate && context.certificate.uris.contains("spiffe://example.org/desk") };"#;
    let policy = json!({ "name": "desks", "text": text });
    admin.post_json("/api/v2.0/access-policies", &policy).await.assert_status(201);
    let members = admin.get("/api/v2.0/projects/team/members?entityname=ann").await.json();
    let member = format!("/api/v2.0/projects/team/members/{}", members[0]["id"]);
    let changed = json!({ "role_id": role::DEVELOPER, "condition": "desks" });
    admin.put_json(&member, &changed).await.assert_status(200);

    let shown = setting.showing(&setting.domain, uri("spiffe://example.org/desk"));
    let other = setting.showing(&setting.domain, uri("spiffe://example.org/other"));
    let password = basic("ann", "Secret123");
    let mut token = None;
    for (client, allowed) in [(&shown, true), (&other, false), (&setting.plain(), false)] {
        let by_password = client.authorized(password.as_str());
        assert_eq!(status(&by_password, TAGS).await, if allowed { 404 } else { 403 });
        assert_eq!(status(&by_password, PROJECT).await, if allowed { 200 } else { 404 });
        // A token that was made with the certificate is good for nothing without it.
        if token.is_none() {
            let reply = by_password.ask_for_token(&["repository:team/app:pull"]).await.assert_status(200);
            token = Some(reply.json()["token"].as_str().unwrap().to_owned());
        }
        let by_token = client.authorized(format!("Bearer {}", token.as_deref().unwrap()));
        assert_eq!(status(&by_token, TAGS).await, if allowed { 404 } else { 401 });
    }
}
