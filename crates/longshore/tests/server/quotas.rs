//! Quotas and the record through the management API of the real program, as an administrator and others see them.

use longshore_testkit::{Api, Content, TestRegistry, base64, image};
use serde_json::{Value, json};

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", base64(format!("{user}:{password}").as_bytes()))
}

/// One with accounts, and its administrator.
async fn registry() -> (TestRegistry, Api) {
    let registry = TestRegistry::builder().set("accounts.enabled", "true").quick().spawn().await;
    let admin = administrator(&registry);
    (registry, admin)
}

fn administrator(registry: &TestRegistry) -> Api {
    let password = std::fs::read_to_string(registry.data().join("longshore/admin-password")).unwrap();
    registry.authorized(basic("admin", password.trim()))
}

async fn quota_of(admin: &Api, project: &str) -> Value {
    let quotas = admin.get("/api/v2.0/quotas?page_size=100").await.assert_status(200).json();
    let found = quotas.as_array().unwrap().iter().find(|quota| quota["ref"]["name"] == project).cloned();
    found.unwrap_or_else(|| panic!("no quota of {project} in {quotas}"))
}

async fn set_quota(admin: &Api, project: &str, bytes: i64) {
    let id = quota_of(admin, project).await["id"].as_i64().unwrap();
    let body = json!({"hard": {"storage": bytes}}).to_string();
    admin.put(&format!("/api/v2.0/quotas/{id}"), body).await.assert_status(200).assert_body(b"");
}

fn size(content: &Content) -> u64 {
    let blobs = content.blobs.iter().map(|blob| blob.bytes.len() as u64).sum::<u64>();
    blobs + content.top().bytes.len() as u64
}

#[tokio::test]
async fn a_push_beyond_the_quota_is_denied_with_limit_and_use() {
    let (registry, admin) = registry().await;
    let first = image().layers(1).build();
    admin.push_image("library/app", "v1", &first).await;
    let used = size(&first);
    let quota = quota_of(&admin, "library").await;
    assert_eq!((&quota["used"]["storage"], &quota["hard"]["storage"]), (&json!(used), &json!(-1)));
    assert!(quota["creation_time"].as_str().is_some_and(|time| time.ends_with('Z')), "{quota}");
    // What the project has takes no more room.
    admin.push_image("library/other", "v1", &first).await;
    assert_eq!(quota_of(&admin, "library").await["used"]["storage"], used);

    set_quota(&admin, "library", i64::try_from(used).unwrap() + 3).await;
    let blob = image().layers(1).build().blobs[0].clone();
    let upload = admin.start_upload("library/app").await;
    let finish = longshore_testkit::with_query(&upload, &format!("digest={}", blob.digest));
    let refused = admin.put(&finish, blob.bytes.clone()).await.assert_error(403, "DENIED");
    let message = refused.json()["errors"][0]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("project library: adding "), "{message}");
    assert!(message.contains("current usage of") && message.contains("upper limit of"), "{message}");
    assert!(
        !longshore_testkit::blob_path(registry.data(), &blob.digest).exists(),
        "it left its bytes behind"
    );
    assert_eq!(quota_of(&admin, "library").await["used"]["storage"], used);

    set_quota(&admin, "library", -1).await;
    admin.push_image("library/app", "v2", &image().layers(1).build()).await;
    for (body, status) in
        [(json!({}), 400), (json!({"hard": {"storage": -2}}), 400), (json!({"hard": {"storage": 0}}), 400)]
    {
        let id = quota["id"].as_i64().unwrap();
        admin.put(&format!("/api/v2.0/quotas/{id}"), body.to_string()).await.assert_status(status);
    }
    admin.get("/api/v2.0/quotas/999999").await.assert_error(404, "NOT_FOUND");
    let one =
        admin.get(&format!("/api/v2.0/quotas?reference=project&reference_id={}", quota["id"])).await.json();
    assert_eq!(one.as_array().map(Vec::len), Some(1));
    let none = admin.get("/api/v2.0/quotas?reference=project&reference_id=999999").await.json();
    assert_eq!(none, json!([]));
}

#[tokio::test]
async fn what_was_there_before_accounts_is_counted_by_the_first_start_with_them() {
    let mut registry = TestRegistry::builder().quick().spawn().await;
    let content = image().layers(2).build();
    registry.push_image("team/app", "v1", &content).await;
    registry.push_image("team/other", "v1", &content).await;
    registry.stop().await;
    let registry =
        TestRegistry::builder().set("accounts.enabled", "true").quick().data(registry.data()).spawn().await;
    let admin = administrator(&registry);
    assert_eq!(quota_of(&admin, "team").await["used"]["storage"], size(&content));
    admin.push_image("team/more", "v1", &content).await;
    assert_eq!(quota_of(&admin, "team").await["used"]["storage"], size(&content));
}

#[tokio::test]
async fn the_record_shows_what_its_reader_may_know() {
    let (registry, admin) = registry().await;
    for (name, password) in [("ann", "Secret123456"), ("bob", "Secret123456")] {
        let user = json!({"username": name, "email": format!("{name}@example.com"), "realname": name, "password": password});
        admin
            .call(reqwest::Method::POST, "/api/v2.0/users")
            .body(user.to_string())
            .send()
            .await
            .assert_status(201);
    }
    admin.push_image("library/app", "v1", &image().build()).await;
    let id = quota_of(&admin, "library").await["id"].as_i64().unwrap();
    set_quota(&admin, "library", 1 << 40).await;

    let rows = admin.get("/api/v2.0/auditlog-exts?page_size=100").await.assert_status(200).json();
    let told: Vec<_> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            format!(
                "{} {} {}",
                row["operation"].as_str().unwrap(),
                row["resource_type"].as_str().unwrap(),
                row["resource"].as_str().unwrap()
            )
        })
        .collect();
    for wanted in
        ["create user ann", "create user bob", "create artifact library/app:v1", "update quota library"]
    {
        assert!(told.iter().any(|row| row == wanted), "{wanted} is not in {told:?}");
    }
    let newest = &rows[0];
    assert_eq!(
        (&newest["operation"], &newest["username"], &newest["operation_result"]),
        (&json!("update"), &json!("admin"), &json!(true))
    );
    assert!(
        newest["operation_description"].as_str().is_some_and(|text| text.contains("1099511627776")),
        "{newest}"
    );

    let query = async |q: &str| -> Vec<Value> {
        let path = format!("/api/v2.0/auditlog-exts?page_size=100&q={q}");
        admin.get(&path).await.assert_status(200).json().as_array().unwrap().clone()
    };
    assert_eq!(query("operation=create,resource_type=artifact").await.len(), 1);
    assert_eq!(query("operation=create_artifact").await.len(), 1);
    assert_eq!(query("resource=~library/a,username=admin").await.len(), 1);
    assert_eq!(query("op_time=[2026-01-01~2026-01-02]").await.len(), 0);
    assert_eq!(query("op_time=[2026-01-01~]").await.len(), told.len());
    admin.get("/api/v2.0/auditlog-exts?q=op_time=%5Bsoon~%5D").await.assert_error(400, "BAD_REQUEST");
    let page = admin.get("/api/v2.0/audit-logs?page=2&page_size=1&sort=op_time").await.assert_status(200);
    assert_eq!(page.header("x-total-count"), told.len().to_string());
    assert_eq!(page.json().as_array().map(Vec::len), Some(1));
    let logs = admin.get("/api/v2.0/projects/library/logs?page_size=100").await.assert_status(200).json();
    assert!(
        logs.as_array().unwrap().iter().all(|row| row["resource"].as_str().unwrap().starts_with("library")),
        "{logs}"
    );
    let types = admin.get("/api/v2.0/auditlog-exts/events").await.assert_status(200).json();
    assert!(types.as_array().unwrap().contains(&json!({"event_type": "pull_artifact"})));

    // Somebody without a role sees nothing of it, nor of quotas.
    let ann = registry.authorized(basic("ann", "Secret123456"));
    assert_eq!(ann.get("/api/v2.0/auditlog-exts").await.assert_status(200).json(), json!([]));
    ann.get("/api/v2.0/quotas").await.assert_error(403, "FORBIDDEN");
    ann.put(&format!("/api/v2.0/quotas/{id}"), r#"{"hard":{"storage":-1}}"#)
        .await
        .assert_error(403, "FORBIDDEN");
    registry.get("/api/v2.0/auditlog-exts").await.assert_error(401, "UNAUTHORIZED");
    // Who administers a project sees its rows and no others.
    let member = json!({"role_id": 1, "member_user": {"username": "ann"}}).to_string();
    let added =
        admin.call(reqwest::Method::POST, "/api/v2.0/projects/library/members").body(member).send().await;
    added.assert_status(201);
    let seen = ann.get("/api/v2.0/auditlog-exts?page_size=100").await.assert_status(200).json();
    let seen = seen.as_array().unwrap().clone();
    assert!(!seen.is_empty());
    assert!(seen.iter().all(|row| row["resource_type"] != "user"), "{seen:?}");
}
