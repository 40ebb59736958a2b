//! Robots, access tokens and trust rules over HTTP.

use longshore_testkit::Api as Client;
use serde_json::{Value, json};

use super::{
    projects::{get, send},
    server::{call, status},
    users::{known, make, start},
};

/// What terraform-provider-harbor sends.
fn project_robot(name: &str, action: &str) -> Value {
    json!({
        "name": name, "description": "builds", "level": "project", "duration": 7, "disable": false, "secret": "ignored",
        "permissions": [{
            "kind": "project", "namespace": "team",
            "access": [{ "resource": "repository", "action": action, "effect": "allow" }],
        }],
    })
}

async fn team(admin: &Client) -> i64 {
    send(admin, "POST", "/projects", json!({ "project_name": "team" })).await.assert_status(201);
    get(admin, "/projects/team").await["project_id"].as_i64().unwrap()
}

#[tokio::test]
async fn robots_have_harbors_forms() {
    let (admin, _) = start().await;
    let team = team(&admin).await;
    let created = send(&admin, "POST", "/robots", project_robot("ci", "push")).await.assert_status(201);
    let made = created.json();
    let path = format!("/robots/{}", made["id"]);
    assert_eq!(created.location(), format!("/api/v2.0{path}"));
    assert_eq!(made["name"], "robot$team+ci");
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert_ne!(secret, "ignored");
    send(&admin, "POST", "/robots", project_robot("ci", "push")).await.assert_error(409, "CONFLICT");

    let mut shown = get(&admin, &path).await;
    assert!(shown.get("secret").is_none());
    assert_eq!(
        (&shown["level"], &shown["duration"], &shown["editable"]),
        (&json!("project"), &json!(7), &json!(true))
    );
    let permissions = json!([{
        "kind": "project", "namespace": "team",
        "access": [{ "resource": "repository", "action": "push", "effect": "allow" }],
    }]);
    assert_eq!(shown["permissions"], permissions);
    assert_eq!(shown["expires_at"], made["expires_at"]);
    let listed = get(&admin, &format!("/robots?q=Level=project,ProjectID={team}")).await;
    assert_eq!(listed, json!([shown]));
    assert_eq!(get(&admin, "/robots").await, json!([]));
    call(&admin, "GET", "/robots?q=Level=project").send().await.assert_error(400, "BAD_REQUEST");
    let robot = known(&admin, "robot$team+ci", &secret);
    assert_eq!(status(&robot, "GET", "/projects").await, 200);

    // All of it comes back, with what is to change.
    shown["description"] = json!("ships");
    shown["duration"] = json!(-1);
    send(&admin, "PUT", &path, shown.clone()).await.assert_status(200).assert_body(b"");
    let changed = get(&admin, &path).await;
    assert_eq!((&changed["description"], &changed["expires_at"]), (&json!("ships"), &json!(-1)));
    for (field, value) in
        [("name", json!("robot$other")), ("level", json!("system")), ("permissions", json!([]))]
    {
        let mut wrong = shown.clone();
        wrong[field] = value;
        send(&admin, "PUT", &path, wrong).await.assert_error(400, "BAD_REQUEST");
    }
    let rotated = send(&admin, "PATCH", &path, json!({ "secret": "" })).await.assert_status(200).json();
    let secret = rotated["secret"].as_str().unwrap();
    assert_eq!(status(&robot, "GET", "/projects").await, 401);
    assert_eq!(status(&known(&admin, "robot$team+ci", secret), "GET", "/projects").await, 200);
    send(&admin, "PATCH", &path, json!({ "secret": "weak" })).await.assert_error(400, "BAD_REQUEST");
    let chosen = send(&admin, "PATCH", &path, json!({ "secret": "Chosen-Secret1" })).await.assert_status(200);
    assert_eq!(chosen.json(), json!({ "secret": "Chosen-Secret1" }));
    assert_eq!(status(&known(&admin, "robot$team+ci", "Chosen-Secret1"), "GET", "/projects").await, 200);
    call(&admin, "DELETE", &path).send().await.assert_status(200).assert_body(b"");
    call(&admin, "GET", &path).send().await.assert_error(404, "NOT_FOUND");
}

#[tokio::test]
async fn robots_of_the_system_and_what_is_refused() {
    let (admin, _) = start().await;
    let (_, ann) = make(&admin, "ann").await;
    team(&admin).await;
    let robot = json!({
        "name": "all", "level": "system", "duration": -1, "permissions": [
            { "kind": "system", "namespace": "/", "access": [{ "resource": "user", "action": "list" }] },
            { "kind": "project", "namespace": "*", "access": [{ "resource": "repository", "action": "pull" }] },
        ],
    });
    send(&ann, "POST", "/robots", robot.clone()).await.assert_error(403, "FORBIDDEN");
    let made = send(&admin, "POST", "/robots", robot).await.assert_status(201).json();
    assert_eq!((&made["name"], &made["expires_at"]), (&json!("robot$all"), &json!(-1)));
    let client = known(&admin, "robot$all", made["secret"].as_str().unwrap());
    assert_eq!((status(&client, "GET", "/users").await, status(&client, "POST", "/users").await), (200, 403));
    // Who may not know of it, finds neither project nor robot.
    send(&ann, "POST", "/robots", project_robot("ci", "pull")).await.assert_error(404, "NOT_FOUND");
    call(&ann, "GET", "/robots/1").send().await.assert_error(404, "NOT_FOUND");
    call(&ann, "GET", "/robots/99").send().await.assert_error(404, "NOT_FOUND");
    call(&ann, "GET", "/robots").send().await.assert_error(403, "FORBIDDEN");
    // Nor its name by its number.
    for path in ["/robots?q=Level=project,ProjectID=", "/trustrules?q=ProjectID="] {
        let list = async |id: &str| call(&ann, "GET", &format!("{path}{id}")).send().await;
        let (hidden, absent) = (list("2").await, list("99").await);
        let text = |reply: &longshore_testkit::Reply| String::from_utf8_lossy(&reply.body).replace("99", "2");
        assert_eq!((hidden.status, text(&hidden)), (404, text(&absent)), "{path}");
    }
    for (field, value) in [
        ("name", json!("Not a name")),
        ("level", json!("cluster")),
        ("duration", json!(0)),
        ("permissions", json!([])),
        ("permissions", json!([{ "kind": "project", "namespace": "team", "access": [] }])),
        (
            "permissions",
            json!([{ "kind": "system", "namespace": "/", "access": [{ "resource": "user", "action": "list" }] }]),
        ),
    ] {
        let mut wrong = project_robot("ci", "pull");
        wrong[field] = value;
        send(&admin, "POST", "/robots", wrong).await.assert_error(400, "BAD_REQUEST");
    }
    let permissions = get(&ann, "/permissions").await;
    let has = |level: &str, resource: &str, action: &str| {
        let wanted = json!({ "resource": resource, "action": action });
        permissions[level].as_array().unwrap().contains(&wanted)
    };
    assert!(has("project", "repository", "push") && has("system", "user", "list"));
    assert!(!has("project", "user", "list") && !has("system", "repository", "push"));
}

#[tokio::test]
async fn robots_below_projects() {
    let (admin, _) = start().await;
    let team = team(&admin).await;
    let body = json!({
        "name": "old", "expires_at": -1,
        "access": [{ "resource": format!("/project/{team}/repository"), "action": "push" }],
    });
    let created = send(&admin, "POST", "/projects/team/robots", body).await.assert_status(201);
    let path = created.location();
    let path = path.strip_prefix("/api/v2.0").unwrap();
    assert_eq!(created.json()["name"], "robot$team+old");
    let listed = get(&admin, "/projects/team/robots").await;
    assert_eq!(listed, json!([get(&admin, path).await]));
    send(&admin, "PUT", path, json!({ "disable": true })).await.assert_status(200);
    assert_eq!(get(&admin, path).await["disable"], true);
    let elsewhere = path.replace("team", "library");
    call(&admin, "GET", &elsewhere).send().await.assert_error(404, "NOT_FOUND");
    call(&admin, "DELETE", path).send().await.assert_status(200);
    assert_eq!(get(&admin, "/projects/team/robots").await, json!([]));
}

#[tokio::test]
async fn access_tokens_are_what_docker_login_takes() {
    let (admin, _) = start().await;
    let (path, ann) = make(&admin, "ann").await;
    let (_, bob) = make(&admin, "bob").await;
    let own = "/users/current/tokens";
    let created =
        send(&ann, "POST", own, json!({ "name": "laptop", "duration": 7 })).await.assert_status(201);
    let made = created.json();
    assert_eq!(created.location(), format!("/api/v2.0{own}/{}", made["id"]));
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("lsp_"));
    let by_token = known(&admin, "ann", secret);
    assert_eq!(get(&by_token, "/users/current").await["username"], "ann");
    send(&ann, "POST", own, json!({ "name": "laptop" })).await.assert_error(409, "CONFLICT");
    send(&ann, "POST", own, json!({ "name": "x", "duration": 0 })).await.assert_error(400, "BAD_REQUEST");
    let narrow = json!({ "name": "ci", "permissions": [
        { "kind": "project", "namespace": "*", "access": [{ "resource": "repository", "action": "pull" }] },
    ] });
    let narrow = send(&ann, "POST", own, narrow).await.assert_status(201).json();
    let narrowed = known(&admin, "ann", narrow["secret"].as_str().unwrap());
    assert_eq!(status(&narrowed, "GET", own).await, 403);
    let listed = get(&ann, own).await;
    assert_eq!(
        (&listed[0]["name"], listed[0].get("secret"), listed[0].get("permissions")),
        (&json!("laptop"), None, None)
    );
    assert_eq!(listed[1]["permissions"][0]["namespace"], "*");
    let of_ann = format!("{path}/tokens");
    assert_eq!(get(&admin, &of_ann).await.as_array().unwrap().len(), 2);
    call(&bob, "GET", &of_ann).send().await.assert_error(403, "FORBIDDEN");
    // The path that names oneself is no way around what the token was narrowed to.
    call(&narrowed, "GET", &of_ann).send().await.assert_error(403, "FORBIDDEN");
    call(&ann, "DELETE", &format!("{own}/{}", made["id"])).send().await.assert_status(200);
    assert_eq!(status(&by_token, "GET", "/users/current").await, 401);
    call(&admin, "DELETE", &format!("{of_ann}/{}", narrow["id"])).send().await.assert_status(200);
    assert_eq!(get(&ann, own).await, json!([]));
    call(&Client::new(admin.base()), "GET", own).send().await.assert_error(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn trust_rules_are_kept_and_checked() {
    let (admin, _) = start().await;
    let (_, ann) = make(&admin, "ann").await;
    let team = team(&admin).await;
    let robot = send(&admin, "POST", "/robots", project_robot("ci", "push")).await.assert_status(201).json();
    let rule = json!({
        "name": "actions", "kind": "oidc", "issuer": "https://token.actions.example", "audience": "r.example",
        "claims": { "repository": "team/*", "ref": "refs/heads/main" }, "robot_id": robot["id"],
    });
    send(&ann, "POST", "/trustrules", rule.clone()).await.assert_error(404, "NOT_FOUND");
    let path = send(&admin, "POST", "/trustrules", rule.clone()).await.assert_status(201).location();
    let path = path.strip_prefix("/api/v2.0").unwrap();
    let shown = get(&admin, path).await;
    assert_eq!((&shown["robot_name"], &shown["claims"]), (&json!("robot$team+ci"), &rule["claims"]));
    assert_eq!(get(&admin, &format!("/trustrules?q=ProjectID={team}")).await, json!([shown]));
    assert_eq!(get(&admin, "/trustrules").await, json!([shown]));
    call(&ann, "GET", path).send().await.assert_error(404, "NOT_FOUND");
    call(&ann, "GET", "/trustrules").send().await.assert_error(403, "FORBIDDEN");
    for (field, value) in [
        ("kind", json!("saml")),
        ("kind", json!("spiffe")),
        ("audience", json!("")),
        ("claims", json!({ "repository": "*" })),
        ("robot_id", json!("x")),
    ] {
        let mut wrong = rule.clone();
        wrong[field] = value;
        send(&admin, "PUT", path, wrong).await.assert_error(400, "BAD_REQUEST");
    }
    let mut changed = rule.clone();
    changed["disable"] = json!(true);
    send(&admin, "PUT", path, changed).await.assert_status(200).assert_body(b"");
    assert_eq!(get(&admin, path).await["disable"], true);
    call(&admin, "DELETE", path).send().await.assert_status(200).assert_body(b"");
    call(&admin, "DELETE", path).send().await.assert_error(404, "NOT_FOUND");
}
