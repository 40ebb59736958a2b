//! What is hidden and what is not there are answered alike: by every face, to everybody who may not know the difference.

use std::collections::BTreeMap;

use longshore_testkit::{Api, Blob, Reply, TestRegistry, basic, image, role};
use reqwest::Method;
use serde_json::{Value, json};

use super::with_accounts;

const API: &str = "/api/v2.0";

/// A private project, and a name as long as its that nothing has; `around` is the project that it lies in.
struct Pair {
    around: Option<&'static str>,
    hidden: &'static str,
    absent: &'static str,
}

/// In a public project, at the top level, and in a private project.
const PAIRS: [Pair; 3] = [
    Pair { around: Some("team"), hidden: "secret", absent: "absent" },
    Pair { around: None, hidden: "vaults", absent: "absent" },
    Pair { around: Some("shop"), hidden: "cellar", absent: "absent" },
];

impl Pair {
    fn project(&self, word: &str) -> String {
        self.around.map_or_else(|| word.to_owned(), |around| format!("{around}/{word}"))
    }
}

/// What the hidden projects hold.
struct Held {
    digest: String,
    blob: String,
    upload: String,
}

async fn hide(registry: &TestRegistry) -> Held {
    let admin = registry.admin();
    let content = image().build();
    registry.create_project("team", true).await;
    registry.create_project("other", false).await;
    registry.create_project("shop", false).await;
    for name in ["team/app", "other/app"] {
        admin.push_image(name, "v1", &content).await;
    }
    let mut upload = String::new();
    for pair in &PAIRS {
        let project = pair.project(pair.hidden);
        registry.create_project(&project, false).await;
        admin.push_image(&format!("{project}/app"), "v1", &content).await;
        let location = admin.start_upload(&format!("{project}/app")).await;
        location.rsplit('/').next().unwrap().split('?').next().unwrap().clone_into(&mut upload);
    }
    Held { digest: content.top().digest.to_string(), blob: content.blobs[0].digest.to_string(), upload }
}

/// Everybody who may know of no hidden project, and of which pairs that is so.
async fn callers(registry: &TestRegistry) -> Vec<(&'static str, Api, &'static [Pair])> {
    for user in ["nobody", "elsewhere", "limited", "partly", "inside"] {
        registry.create_user(user).await;
    }
    registry.add_member("other", "elsewhere", role::DEVELOPER).await;
    registry.add_member("other", "limited", role::LIMITED_GUEST).await;
    registry.add_member("team", "inside", role::GUEST).await;
    let admin = registry.admin();
    let part =
        json!({ "role_id": role::DEVELOPER, "repositories": "app", "member_user": { "username": "partly" } });
    for project in ["team", "shop"] {
        admin.post_json(&format!("{API}/projects/{project}/members"), &part).await.assert_status(201);
    }

    let access = json!([{ "resource": "repository", "action": "pull" }, { "resource": "repository", "action": "push" }]);
    let elsewhere = json!([{ "kind": "project", "namespace": "other", "access": access }]);
    let robot = json!({ "name": "ci", "level": "project", "duration": -1, "permissions": elsewhere });
    let robot = admin.post_json(&format!("{API}/robots"), &robot).await.assert_status(201).json();
    let robot = basic(robot["name"].as_str().unwrap(), robot["secret"].as_str().unwrap());
    // Of somebody who may know everything: the administrator.
    let narrowed = json!({ "name": "narrow", "permissions": elsewhere });
    let narrowed =
        admin.post_json(&format!("{API}/users/current/tokens"), &narrowed).await.assert_status(201).json();
    let narrowed = basic("admin", narrowed["secret"].as_str().unwrap());
    vec![
        ("nobody in particular", Api::clone(registry), &PAIRS[..]),
        ("a stranger", registry.user("nobody"), &PAIRS),
        ("a member of another project", registry.user("elsewhere"), &PAIRS),
        ("a limited guest of another project", registry.user("limited"), &PAIRS),
        ("a member for some repositories of the outer projects", registry.user("partly"), &PAIRS),
        ("a member of the outer project", registry.user("inside"), &PAIRS[1..]),
        ("a robot of another project", registry.authorized(robot), &PAIRS),
        ("a narrowed token", registry.authorized(narrowed), &PAIRS),
    ]
}

/// A request: `{}` stands for the project with its slashes, `{path}` for the same in a path of the management API.
struct Attempt {
    method: Method,
    path: String,
    body: String,
}

fn attempt(method: Method, path: impl Into<String>, body: &str) -> Attempt {
    Attempt { method, path: path.into(), body: body.to_owned() }
}

/// All of the distribution API.
fn distribution(held: &Held) -> Vec<Attempt> {
    let Held { digest, blob, upload } = held;
    let mut attempts = Vec::new();
    for path in [
        "manifests/v1".to_owned(),
        "manifests/none".to_owned(),
        format!("manifests/{digest}"),
        format!("blobs/{blob}"),
        "tags/list".to_owned(),
        "tags/list?n=1&last=a".to_owned(),
        format!("referrers/{digest}"),
        format!("blobs/uploads/{upload}"),
    ] {
        attempts.push(attempt(Method::GET, format!("/v2/{{}}/app/{path}"), ""));
        attempts.push(attempt(Method::HEAD, format!("/v2/{{}}/app/{path}"), ""));
    }
    for path in [
        String::new(),
        format!("?mount={blob}&from=other/app"),
        format!("?mount={blob}&from=team/app"),
        format!("?mount={blob}"),
        format!("?digest={blob}"),
    ] {
        attempts.push(attempt(Method::POST, format!("/v2/{{}}/app/blobs/uploads/{path}"), ""));
    }
    for path in ["manifests/v1", &format!("manifests/{digest}"), &format!("blobs/{blob}")] {
        attempts.push(attempt(Method::DELETE, format!("/v2/{{}}/app/{path}"), ""));
    }
    let uploads = format!("/v2/{{}}/app/blobs/uploads/{upload}");
    attempts.push(attempt(Method::DELETE, uploads.clone(), ""));
    attempts.push(attempt(Method::PATCH, uploads.clone(), "x"));
    attempts.push(attempt(Method::PUT, format!("{uploads}?digest={blob}"), ""));
    let Blob { bytes, .. } = image().build().top().clone();
    attempts.push(attempt(Method::PUT, "/v2/{}/app/manifests/v2", std::str::from_utf8(&bytes).unwrap()));
    attempts
}

/// All of the management API that names a project or a repository in its path, as the server describes it.
async fn management(registry: &TestRegistry, around: Option<&str>) -> Vec<Attempt> {
    let names = BTreeMap::from([
        ("{reference}", "v1"),
        ("{tag_name}", "v1"),
        ("{addition}", "build_history"),
        ("{meta_name}", "auto_scan"),
        ("{label_id}", "1"),
        ("{mid}", "1"),
        ("{robot_id}", "1"),
    ]);
    let document = registry.get(&format!("{API}/openapi.json")).await.assert_status(200).json();
    let mut attempts = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        if !path.contains("{project_name") {
            continue;
        }
        let path = names.iter().fold(path.clone(), |path, (name, value)| path.replace(name, value));
        let mut forms = vec![
            path.replace("{project_name_or_id}", "{path}")
                .replace("{project_name}", "{path}")
                .replace("{repository_name}", "app"),
        ];
        // As clients name it that know nothing of nested projects.
        if let Some(around) = around.filter(|_| path.contains("{repository_name}")) {
            forms.push(path.replace("{project_name}", around).replace("{repository_name}", "{word}%252Fapp"));
        }
        for form in forms {
            assert!(!form.replace("{path}", "").replace("{word}", "").contains('{'), "{form}");
            for method in operations.as_object().unwrap().keys() {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let body =
                    if matches!(method, Method::POST | Method::PUT | Method::PATCH) { "{}" } else { "" };
                attempts.push(attempt(method, format!("{API}{form}"), body));
            }
        }
    }
    assert!(attempts.len() > 30, "{} attempts", attempts.len());
    attempts
}

/// What names a project or a repository elsewhere than in the path.
fn by_the_way(held: &Held) -> Vec<Attempt> {
    let named = |body: Value| body.to_string();
    let access = json!([{ "resource": "repository", "action": "pull" }]);
    let robot = |level: &str| {
        let permissions = json!([{ "kind": "project", "namespace": "{}", "access": access }]);
        named(json!({ "name": "spy", "level": level, "duration": 1, "permissions": permissions }))
    };
    vec![
        attempt(Method::GET, "/service/token?scope=repository:{}/app:pull", ""),
        attempt(Method::GET, "/service/token?scope=repository:{}/app:pull,push,delete", ""),
        attempt(Method::POST, format!("/v2/other/app/blobs/uploads/?mount={}&from={{}}/app", held.blob), ""),
        attempt(Method::HEAD, format!("{API}/projects?project_name={{}}"), ""),
        attempt(Method::GET, format!("{API}/projects?name={{word}}"), ""),
        attempt(Method::GET, format!("{API}/projects?q=name%3D~{{word}}"), ""),
        attempt(Method::GET, format!("{API}/search?q={{word}}"), ""),
        attempt(Method::GET, format!("{API}/repositories?q=name%3D~{{word}}"), ""),
        attempt(Method::GET, format!("{API}/audit-logs?q=resource%3D~{{word}}"), ""),
        attempt(Method::POST, format!("{API}/projects"), &named(json!({ "project_name": "{}/within" }))),
        attempt(Method::POST, format!("{API}/robots"), &robot("project")),
        attempt(Method::POST, format!("{API}/robots"), &robot("system")),
        attempt(
            Method::POST,
            format!("{API}/projects/other/repositories/app/artifacts?from={{}}/app:v1"),
            "",
        ),
        attempt(
            Method::POST,
            format!("{API}/projects/other/repositories/app/artifacts?from={{}}/app@{}", held.digest),
            "",
        ),
    ]
}

async fn send(caller: &Api, attempt: &Attempt, pair: &Pair, word: &str) -> Reply {
    let project = pair.project(word);
    let fill = |text: &str| {
        let text = text.replace("{path}", &project.replace('/', "%2F")).replace("{word}", word);
        text.replace("{}", &project)
    };
    let call = caller.call(attempt.method.clone(), &fill(&attempt.path));
    match (attempt.body.as_str(), &attempt.method) {
        ("", &Method::POST | &Method::PUT) => call.header("Content-Length", "0").send().await,
        ("", _) => call.send().await,
        (body, _) if attempt.path.starts_with(API) => {
            call.header("Content-Type", "application/json").body(fill(body)).send().await
        }
        (body, &Method::PUT) if attempt.path.contains("/manifests/") => {
            let media_type = &image().build().top().media_type.clone();
            call.header("Content-Type", media_type).body(body.to_owned()).send().await
        }
        (body, _) => call.octets(body.to_owned()).send().await,
    }
}

/// All of an answer but what every answer has of its own. Of a token, what it is good for.
fn shown(reply: &Reply, word: &str) -> String {
    let of_its_own = |name: &str| matches!(name, "date" | "x-request-id" | "docker-upload-uuid");
    let headers = reply.headers.iter().filter(|(name, _)| !of_its_own(name.as_str()));
    let mut lines: Vec<_> = headers
        .map(|(name, value)| match name.as_str() {
            // Whose name is the upload's.
            "location" => "location".to_owned(),
            _ => format!("{name}: {value:?}"),
        })
        .collect();
    lines.sort();
    let body =
        match serde_json::from_slice::<Value>(&reply.body).ok().filter(|body| body["token"].is_string()) {
            Some(body) => {
                let token = body["token"].as_str().unwrap();
                let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(token).unwrap().claims;
                claims["access"].to_string()
            }
            None => String::from_utf8_lossy(&reply.body).into_owned(),
        };
    format!("{}\n{}\n\n{body}", reply.status, lines.join("\n")).replace(word, "…")
}

#[tokio::test]
async fn nobody_can_tell_what_is_hidden_from_what_is_not_there() {
    let registry = with_accounts().spawn().await;
    let held = hide(&registry).await;
    let mut wrong = Vec::new();
    for (who, caller, pairs) in &callers(&registry).await {
        for pair in *pairs {
            let both = [pair.hidden, pair.absent];
            let scopes = both.map(|word| format!("repository:{}/app:pull,push,delete", pair.project(word)));
            let by_token = caller.with_token(&scopes.each_ref().map(String::as_str)).await;
            let by_token = distribution(&held).into_iter().map(|attempt| (by_token.clone(), attempt));
            let mut attempts = distribution(&held);
            attempts.extend(management(&registry, pair.around).await);
            attempts.extend(by_the_way(&held));
            let by_login = attempts.into_iter().map(|attempt| (caller.clone(), attempt));
            for (caller, attempt) in by_token.chain(by_login) {
                let hidden = shown(&send(&caller, &attempt, pair, pair.hidden).await, pair.hidden);
                let absent = shown(&send(&caller, &attempt, pair, pair.absent).await, pair.absent);
                if hidden != absent {
                    let Attempt { method, path, .. } = &attempt;
                    let project = pair.project(pair.hidden);
                    wrong.push(format!("{who}, {project}: {method} {path}\n{hidden}\nbut\n{absent}"));
                }
            }
            let catalog = caller.get("/v2/_catalog?n=1000").await;
            if String::from_utf8_lossy(&catalog.body).contains(pair.hidden) {
                wrong.push(format!("{who}: {catalog:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} answers tell:\n{}", wrong.len(), wrong.join("\n\n"));
}

/// The rule that hides must not hide what is there to be read.
#[tokio::test]
async fn what_is_not_hidden_is_told() {
    let registry = with_accounts().spawn().await;
    hide(&registry).await;
    let content = image().build();
    registry.admin().push_image("team/deep/app", "v1", &content).await;
    registry.create_user("inside").await;
    registry.add_member("team", "inside", role::GUEST).await;
    let inside = registry.user("inside");
    let scopes = [
        "repository:team/deep/app:pull",
        "repository:team/absent/app:pull",
        "repository:team/secret/app:pull",
    ];
    // In a public project everybody reads what is there, whatever its name.
    for caller in
        [Api::clone(&registry), registry.with_token(&scopes).await, inside.with_token(&scopes).await]
    {
        caller.get("/v2/team/deep/app/manifests/v1").await.assert_status(200);
        caller.get("/v2/team/deep/app/manifests/none").await.assert_error(404, "MANIFEST_UNKNOWN");
    }
    registry.get(&format!("{API}/projects/team/repositories/deep%252Fapp")).await.assert_status(200);
    // No project lies in names without further parts.
    registry.get("/v2/team/absent/manifests/v1").await.assert_error(404, "NAME_UNKNOWN");
    // Who has the outer project has what lies in it, and learns what does not.
    for caller in [inside.clone(), inside.with_token(&scopes).await] {
        caller.get("/v2/team/secret/app/manifests/v1").await.assert_status(200);
        caller.get("/v2/team/absent/app/manifests/v1").await.assert_error(404, "NAME_UNKNOWN");
    }
    // To others both are refused alike, and the management API says that there is nothing.
    registry.get("/v2/team/absent/app/manifests/v1").await.assert_error(401, "UNAUTHORIZED");
    let missing = registry.get(&format!("{API}/projects/team/repositories/absent%252Fapp")).await;
    let missing = missing.assert_error(404, "NOT_FOUND").json();
    assert_eq!(missing["errors"][0]["message"], "repository team/absent/app not found");
}
