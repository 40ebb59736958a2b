//! Settings that administrators change while the registry runs, and those that they cannot.

use longshore_testkit::{Api, Reply, image};
use serde_json::{Value, json};

use super::with_accounts;

async fn change(admin: &Api, body: &Value, status: u16) -> String {
    let reply = admin.put("/api/v2.0/configurations", body.to_string()).await.assert_status(status);
    String::from_utf8_lossy(&reply.body).into_owned()
}

async fn post(admin: &Api, path: &str, body: &Value) -> Reply {
    admin.post_json(&format!("/api/v2.0{path}"), body).await
}

async fn setting(admin: &Api, key: &str) -> Value {
    let all = admin.get("/api/v2.0/configurations").await.assert_status(200).json();
    assert!(all[key]["editable"].is_boolean(), "{key} in {all}");
    all[key].clone()
}

/// What Terraform's `harbor_config_system` sends when nothing but a name is said.
fn terraforms() -> Value {
    json!({
        "project_creation_restriction": "adminonly", "read_only": false, "robot_token_duration": 30,
        "token_expiration": 30, "session_timeout": 60, "quota_per_project_enable": true,
        "robot_name_prefix": "robot$", "storage_per_project": -1, "scanner_skip_update_pulltime": false,
        "skip_audit_log_database": false, "banner_message": "", "notification_enable": true
    })
}

#[tokio::test]
async fn settings_change_while_the_registry_runs_and_outlive_it() {
    let mut registry = with_accounts().spawn().await;
    let admin = registry.admin();
    change(&admin, &terraforms(), 200).await;
    assert_eq!(
        setting(&admin, "project_creation_restriction").await,
        json!({"value": "adminonly", "editable": true})
    );
    assert_eq!(setting(&admin, "token_expiration").await["value"], 30);
    let token = admin.get("/service/token?service=harbor-registry").await.assert_status(200).json();
    assert_eq!(token["expires_in"], 30 * 60);

    let content = image().layers(1).build();
    admin.push_image("library/app", "v1", &content).await;
    let banner = r#"{"message":"Moving house","type":"warning","closable":true,"fromDate":"","toDate":""}"#;
    change(
        &admin,
        &json!({"read_only": true, "banner_message": banner, "robot_token_duration": 7, "storage_per_project": 1_i64 << 40}),
        200,
    )
    .await;
    admin.post("/v2/library/app/blobs/uploads/").await.assert_status(405);
    admin.delete(&format!("/v2/library/app/manifests/{}", content.top().digest)).await.assert_status(405);
    admin.get("/v2/library/app/manifests/v1").await.assert_status(200);

    registry.restart().await;
    let admin = registry.admin();
    let info = admin.get("/api/v2.0/systeminfo").await.assert_status(200).json();
    assert_eq!(
        (&info["read_only"], &info["banner_message"], &info["project_creation_restriction"]),
        (&json!(true), &json!(banner), &json!("adminonly"))
    );
    admin.post("/v2/library/app/blobs/uploads/").await.assert_status(405);
    change(&admin, &json!({"read_only": false}), 200).await;
    admin.push_image("library/app", "v2", &image().layers(1).build()).await;
    let robot = json!({"name": "ci", "level": "system", "permissions": [
        {"kind": "project", "namespace": "*", "access": [{"resource": "repository", "action": "pull"}]}]});
    let made = post(&admin, "/robots", &robot).await.assert_status(201).json();
    let days = (made["expires_at"].as_i64().unwrap() - now()) / (24 * 60 * 60);
    assert!((6..=7).contains(&days), "{made}");
    let quotas = admin.get("/api/v2.0/quotas").await.assert_status(200).json();
    assert_eq!(quotas[0]["hard"]["storage"], 1_i64 << 40);
}

fn now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

#[tokio::test]
async fn a_change_is_recorded_with_what_was_before_and_one_that_changes_nothing_is_not() {
    let registry = with_accounts().spawn().await;
    let admin = registry.admin();
    let wanted = json!({"robot_name_prefix": "bot-", "robot_token_duration": 30, "read_only": false});
    change(&admin, &wanted, 200).await;
    change(&admin, &wanted, 200).await;
    let query = "/api/v2.0/auditlog-exts?q=operation%3Dupdate,resource_type%3Dconfiguration";
    let rows = admin.get(query).await.assert_status(200).json();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 1, "{rows:?}");
    let text = rows[0].to_string();
    assert!(text.contains("robot$") && text.contains("bot-"), "{text}");
    assert!(!text.contains("robot_token_duration") && !text.contains("read_only"), "{text}");
}

#[tokio::test]
async fn pulls_are_recorded_or_not_as_administrators_say() {
    let registry = with_accounts().spawn().await;
    let admin = registry.admin();
    admin.push_image("library/app", "v1", &image().layers(1).build()).await;
    change(&admin, &json!({"disabled_audit_log_event_types": "pull_artifact"}), 200).await;
    assert_eq!(setting(&admin, "pull_audit_log_disable").await["value"], true);
    admin.get("/v2/library/app/manifests/v1").await.assert_status(200);
    change(&admin, &json!({"pull_audit_log_disable": false}), 200).await;
    admin.get("/v2/library/app/manifests/v1").await.assert_status(200);
    let pulls = async || {
        let query = "/api/v2.0/auditlog-exts?q=operation%3Dpull";
        admin.get(query).await.assert_status(200).json().as_array().unwrap().len()
    };
    for _ in 0..100 {
        if pulls().await > 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(pulls().await, 1);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_whole() {
    let registry = with_accounts().spawn().await;
    let admin = registry.admin();
    post(&admin, "/users", &json!({"username": "bot-ann", "password": "Sesame123"})).await.assert_status(201);
    for (body, key) in [
        (json!({"robot_token_duration": 0}), "robot_token_duration"),
        (json!({"robot_prefix": "x"}), "robot_prefix"),
        (json!({"robot_name_prefix": "bot-"}), "robot_name_prefix"),
        (json!({"auth_mode": "uaa_auth"}), "auth_mode"),
        (json!({"ldap_search_password": "x"}), "ldap_search_password"),
        (json!({"quota_per_project_enable": false}), "quota_per_project_enable"),
    ] {
        let mut body = body;
        body["read_only"] = true.into();
        let answer = change(&admin, &body, 400).await;
        assert!(answer.contains(&format!("{key}: ")), "{answer}");
    }
    assert_eq!(setting(&admin, "read_only").await["value"], false);
    change(&admin, &json!([1]), 400).await;
}

#[tokio::test]
async fn what_the_file_says_stays_and_secrets_are_not_shown() {
    let ldap = json!({"ldap": {"urls": ["ldaps://ldap.example"], "base_dn": "dc=example", "bind_dn": "cn=search",
        "bind_password": "s3cret-of-ours"}});
    let registry = with_accounts()
        .set("accounts.project_creation", "everyone")
        .set("accounts.token.lifetime", "90s")
        .set("accounts.sources", json!([ldap]))
        .spawn()
        .await;
    let admin = registry.admin();
    let all = admin.get("/api/v2.0/configurations").await.assert_status(200);
    assert!(!String::from_utf8_lossy(&all.body).contains("s3cret-of-ours"));
    let fixed = |value: Value| json!({"value": value, "editable": false});
    assert_eq!(setting(&admin, "project_creation_restriction").await, fixed(json!("everyone")));
    assert_eq!(setting(&admin, "token_expiration").await, fixed(json!(2)));
    assert_eq!(setting(&admin, "auth_mode").await, fixed(json!("ldap_auth")));
    assert_eq!(setting(&admin, "ldap_url").await, fixed(json!("ldaps://ldap.example")));
    let answer = change(&admin, &json!({"project_creation_restriction": "adminonly"}), 400).await;
    assert!(answer.contains("project_creation_restriction: the configuration file"), "{answer}");
    // Terraform's `harbor_config_auth` for what is configured.
    let same = json!({
        "oidc_verify_cert": false, "oidc_auto_onboard": false, "oidc_logout": false, "auth_mode": "ldap_auth",
        "self_registration": false, "ldap_search_dn": "cn=search", "scan_all_policy": {"parameter": {}},
        "ldap_base_dn": "dc=example", "ldap_url": "ldaps://ldap.example", "ldap_uid": "uid",
        "ldap_search_password": "s3cret-of-ours", "ldap_scope": 2, "ldap_group_search_scope": 2,
        "ldap_verify_cert": true
    });
    change(&admin, &same, 200).await;
    let info = admin.get("/api/v2.0/systeminfo").await.assert_status(200).json();
    assert_eq!(info["auth_mode"], "ldap_auth");
}
