//! What administrators do with a directory through the management API, and members that come from it.

use longshore_testkit::{Api, Reply, Slapd, TestRegistry, basic};
use serde_json::{Value, json};

use super::with_accounts;

/// A group of the company.
const DEVELOPERS: &str = "
dn: cn=developers,ou=groups,dc=example,dc=org
objectClass: groupOfNames
cn: developers
member: uid=ann,ou=people,dc=example,dc=org
";

struct World {
    slapd: Slapd,
    registry: TestRegistry,
    admin: Api,
}

fn user(registry: &TestRegistry, name: &str, password: &str) -> Api {
    registry.authorized(basic(name, password))
}

impl World {
    async fn new(onboarding: bool) -> Self {
        let slapd = Slapd::builder().spawn().await;
        slapd.add_company().await;
        slapd.add(DEVELOPERS).await;
        let ldap = json!({"ldap": {
            "urls": [slapd.url()], "bind_dn": Slapd::SEARCHER_DN, "bind_password": "search-password",
            "base_dn": "ou=people,dc=example,dc=org", "user_filter": "(objectClass=inetOrgPerson)",
            "groups": {"base_dn": "ou=groups,dc=example,dc=org"}
        }});
        let registry = with_accounts()
            .set("accounts.sources", json!([ldap]))
            .set("accounts.onboarding", onboarding)
            .spawn()
            .await;
        let admin = registry.admin();
        let world = Self { slapd, registry, admin };
        world.post("/projects", json!({"project_name": "team"})).await.assert_status(201);
        world
    }

    async fn post(&self, path: &str, body: Value) -> Reply {
        self.admin.post_json(&format!("/api/v2.0{path}"), &body).await
    }

    async fn get(&self, path: &str) -> Reply {
        self.admin.get(&format!("/api/v2.0{path}")).await
    }
}

fn message(reply: &Reply) -> String {
    reply.json()["errors"][0]["message"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn people_and_groups_are_found_and_imported() {
    let mut world = World::new(false).await;
    let found = world.get("/ldap/users/search?username=ann").await.assert_status(200).json();
    let ann =
        json!([{"username": "ann", "realname": "Ann Example", "email": "ann@example.org", "source": "ldap"}]);
    assert_eq!(found, ann);
    assert_eq!(world.get("/ldap/users/search").await.json().as_array().unwrap().len(), 2);
    assert_eq!(world.get("/ldap/users/search?username=*").await.json(), json!([]), "a name is no pattern");
    let dn = "cn=developers,ou=groups,dc=example,dc=org";
    let group = json!([{"group_name": "developers", "ldap_group_dn": dn, "group_type": 1, "source": "ldap"}]);
    assert_eq!(world.get("/ldap/groups/search?groupname=developers").await.json(), group);
    assert_eq!(world.get(&format!("/ldap/groups/search?groupdn={dn}")).await.json(), group);
    world.get("/ldap/groups/search?groupname=nobodies").await.assert_error(404, "NOT_FOUND");

    let body = json!({"ldap_uid_list": ["ann", "eve"]});
    let failed = world.post("/ldap/users/import", body).await.assert_status(404).json();
    assert_eq!(failed, json!([{"uid": "eve", "error": "no directory has anybody of this name"}]));
    world.post("/ldap/users/import", json!({"ldap_uid_list": ["ann"]})).await.assert_status(200);
    let users = world.get("/users?q=username%3Dann").await.json();
    assert_eq!((&users[0]["email"], &users.as_array().unwrap().len()), (&json!("ann@example.org"), &1));
    let rows =
        world.get("/auditlog-exts?q=operation%3Dcreate,resource_type%3Duser,resource%3Dann").await.json();
    assert_eq!(rows[0]["username"], "admin", "who wanted it: {rows}");
    // Nobody becomes a user by logging in here, but ann was imported.
    let ann = user(&world.registry, "ann", "ann-password");
    ann.get("/api/v2.0/users/current").await.assert_status(200);
    user(&world.registry, "bob", "bob-password").get("/api/v2.0/users/current").await.assert_status(401);
    for path in ["/ldap/users/search", "/ldap/groups/search"] {
        ann.get(&format!("/api/v2.0{path}")).await.assert_error(403, "FORBIDDEN");
    }

    world.slapd.kill().await;
    world.get("/ldap/users/search?username=bob").await.assert_status(503);
}

#[tokio::test]
async fn members_come_from_the_directory_before_their_first_login() {
    let world = World::new(true).await;
    let member = |who: Value| json!({"role_id": 2, "member_user": who});
    // As somebody typed it; a directory does not tell upper from lower case.
    world.post("/projects/team/members", member(json!({"username": "ANN"}))).await.assert_status(201);
    world.post("/projects/team/members", member(json!({"username": "ann"}))).await.assert_status(409);
    world.post("/projects/team/members", member(json!({"username": "eve"}))).await.assert_status(404);
    let members = world.get("/projects/team/members?entityname=ann").await.json();
    assert_eq!((&members[0]["entity_name"], &members[0]["role_id"]), (&json!("ann"), &json!(2)));
    user(&world.registry, "ann", "ann-password").get("/api/v2.0/projects/team").await.assert_status(200);

    let group = |dn: &str| json!({"role_id": 3, "member_group": {"ldap_group_dn": dn}});
    let good = "CN=Developers, OU=groups,dc=example,dc=org";
    world.post("/projects/team/members", group(good)).await.assert_status(201);
    let bad = "cn=develpoers,ou=groups,dc=example,dc=org";
    let refused = world.post("/projects/team/members", group(bad)).await.assert_status(400);
    assert!(message(&refused).contains("there is no group cn=develpoers"), "{refused:?}");
    let body = json!({"group_type": 1, "group_name": "typo", "ldap_group_dn": bad});
    let refused = world.post("/usergroups", body).await.assert_status(400);
    assert!(message(&refused).starts_with("ldap_group_dn: "), "{refused:?}");
}

#[tokio::test]
async fn a_directory_is_tried() {
    let world = World::new(true).await;
    let tried = async |body: Value| {
        let reply = world.post("/ldap/ping", body).await.assert_status(200).json();
        (reply["success"].as_bool().unwrap(), reply["message"].as_str().unwrap().to_owned())
    };
    assert_eq!(tried(json!({})).await, (true, String::new()));
    let url = world.slapd.url();
    let own =
        json!({"ldap_url": url, "ldap_search_dn": Slapd::SEARCHER_DN, "ldap_base_dn": "dc=example,dc=org"});
    assert_eq!(tried(own).await, (true, String::new()), "with the password of the configuration");
    let admin = json!({"ldap_url": url, "ldap_search_dn": Slapd::ADMIN_DN,
        "ldap_search_password": Slapd::ADMIN_PASSWORD, "ldap_base_dn": "dc=example,dc=org"});
    assert_eq!(tried(admin).await, (true, String::new()));
    let wrong = json!({"ldap_url": url, "ldap_search_dn": Slapd::SEARCHER_DN, "ldap_search_password": "x",
        "ldap_base_dn": "dc=example,dc=org"});
    let (success, why) = tried(wrong).await;
    assert!(!success && why.contains("let bind_dn in"), "{why}");
    let elsewhere = json!({"ldap_url": "ldap://127.0.0.1:1", "ldap_base_dn": "dc=example,dc=org"});
    assert!(!tried(elsewhere).await.0);
    // Our password goes nowhere else.
    let lured = json!({"ldap_url": "ldap://127.0.0.1:1", "ldap_search_dn": Slapd::SEARCHER_DN,
        "ldap_base_dn": "dc=example,dc=org"});
    let refused = world.post("/ldap/ping", lured).await.assert_status(400);
    assert!(message(&refused).contains("bind_password"), "{refused:?}");
    for bad in ["gopher://x", "ldap://x/dc=example", "file:///etc/passwd"] {
        world.post("/ldap/ping", json!({"ldap_url": bad})).await.assert_status(400);
    }
}

#[tokio::test]
async fn providers_are_tried_at_safe_addresses_only() {
    let registry = with_accounts().spawn().await;
    let admin = registry.admin();
    for (body, says) in [
        (json!({"url": "http://169.254.169.254/latest"}), "https"),
        (json!({"url": "https://user@issuer.example"}), "address"),
        (json!({"url": "https://issuer.example", "verify_cert": false}), "verify_cert"),
        // Loopback is allowed: but there is no provider.
        (json!({"url": "http://127.0.0.1:1", "verify_cert": true}), "provider cannot be asked"),
    ] {
        let refused = admin.post_json("/api/v2.0/system/oidc/ping", &body).await.assert_status(400);
        assert!(message(&refused).contains(says), "{body}: {refused:?}");
    }
}
