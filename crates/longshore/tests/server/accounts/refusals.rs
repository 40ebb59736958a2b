//! What people are not let do is in the record: through the real program, over a restart, exported and verified.

use std::collections::BTreeSet;

use longshore_testkit::{Api, TestRegistry, basic, eventually, image};
use serde_json::{Value, json};

use super::with_accounts;

/// Refused rows of a query, as "actor operation resource".
async fn refused(api: &Api, query: &str) -> BTreeSet<String> {
    let path = format!("/api/v2.0/auditlog-exts?page_size=100&q=operation_result=false{query}");
    let rows = api.get(&path).await.assert_status(200).json();
    let row = |row: &Value| {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        format!("{} {}_{} {}", text("username"), text("operation"), text("resource_type"), text("resource"))
    };
    rows.as_array().unwrap().iter().map(row).collect()
}

/// Waits until these are among the refused rows, which come a moment later.
async fn recorded(registry: &TestRegistry, query: &str, wanted: &[&str]) -> BTreeSet<String> {
    eventually("the refusals", || async {
        let found = refused(&registry.admin(), query).await;
        wanted.iter().all(|row| found.contains(*row)).then_some(found)
    })
    .await
}

#[tokio::test]
async fn refusals_are_recorded_for_those_whom_they_concern() {
    let mut registry = with_accounts().spawn().await;
    registry.create_project("team", false).await;
    registry.create_project("secret", false).await;
    let (ann, guest, eve) = (
        registry.create_user("ann").await,
        registry.create_user("guest").await,
        registry.create_user("eve").await,
    );
    registry.add_member("team", "ann", 1).await;
    registry.add_member("team", "guest", 3).await;
    registry.add_member("secret", "ann", 1).await;
    let content = image().build();
    ann.push_image("team/app", "v1", &content).await;
    ann.push_image("secret/app", "v1", &content).await;

    // Nobody is refused who has not said yet who they are.
    registry.get("/v2/secret/app/manifests/v1").await.assert_status(401);
    // By password, by token, by a token with nothing in it, at the management API.
    let manifest = "/v2/secret/app/manifests/v1";
    eve.get(manifest).await.assert_status(403);
    eve.delete(manifest).await.assert_status(403);
    let bearer = eve.with_token(&["repository:secret/app:pull"]).await;
    bearer.get("/v2/secret/app/manifests/v2").await.assert_status(401);
    let nobody = registry.with_token(&["repository:secret/app:pull"]).await;
    nobody.get(manifest).await.assert_status(401);
    eve.get("/api/v2.0/projects/secret").await.assert_status(404);
    eve.get("/api/v2.0/projects/nothing").await.assert_status(404);
    eve.post_json("/api/v2.0/users", &json!({ "username": "x" })).await.assert_status(403);
    registry.authorized("Bearer a.b.c").get("/v2/").await.assert_status(401);
    registry.authorized(basic("ann", "wrong")).get("/v2/").await.assert_status(401);
    // A guest of the team pushes there, and mounts from where they may not pull.
    let pushed = guest.put("/v2/team/app/manifests/v2", content.top().bytes.clone()).await;
    pushed.assert_status(403);
    let blob = longshore_types::Digest::sha256(b"no blob");
    let mount = format!("/v2/team/app/blobs/uploads/?mount={blob}&from=secret/app");
    registry.create_project("own", false).await;
    registry.add_member("own", "guest", 2).await;
    guest.post(&mount.replace("team/", "own/")).await.assert_status(202);

    let mounted = format!("guest mount_blob secret/app@{blob}");
    let wanted = [
        "eve pull_artifact secret/app:v1",
        "eve delete_tag secret/app:v1",
        "eve create_token repository:secret/app:pull",
        "eve pull_artifact secret/app:v2",
        "anonymous pull_artifact secret/app:v1",
        "eve call_api GET /api/v2.0/projects/secret",
        "eve call_api POST /api/v2.0/users",
        "anonymous login_user ",
        "ann login_user ann",
        "guest create_artifact team/app:v2",
        &mounted,
    ];
    let all = recorded(&registry, "", &wanted).await;
    assert_eq!(all, wanted.iter().map(|row| (*row).to_owned()).collect::<BTreeSet<_>>(), "and nothing else");

    // The team's admin sees what its guest tried, and nothing of what strangers did.
    assert_eq!(refused(&ann, "").await, ["guest create_artifact team/app:v2".to_owned()].into());
    assert_eq!(refused(&eve, "").await, BTreeSet::new());

    // Over a restart the chain goes on, with what was counted in the last minute.
    for _ in 0..30 {
        eve.get(manifest).await.assert_status(403);
    }
    registry.restart().await;
    let exported = eventually("places in the chain for all", || async {
        let exported = registry.run(&["audit", "export"]).await.assert_success();
        let rows: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        rows.iter().all(|row| row["sequence"].is_u64()).then_some(rows)
    })
    .await;
    let counted = exported.iter().find(|row| row["detail"]["count"] == 30).unwrap();
    assert_eq!((&counted["actor"], &counted["resource"]), (&json!("eve"), &json!("secret/app:v1")));
    let said = registry.run(&["audit", "verify"]).await.assert_success();
    assert!(said.contains("all is well"), "{said}");
}

#[tokio::test]
async fn what_does_not_fit_is_a_row_of_its_project() {
    let registry = with_accounts().spawn().await;
    let ann = registry.create_user("ann").await;
    let project = json!({ "project_name": "small", "public": false, "storage_limit": 10 });
    registry.admin().post_json("/api/v2.0/projects", &project).await.assert_status(201);
    registry.add_member("small", "ann", 1).await;
    let digest = longshore_types::Digest::sha256(&[7; 100]);
    let call = ann.call(reqwest::Method::POST, &format!("/v2/small/app/blobs/uploads/?digest={digest}"));
    call.octets(vec![7; 100]).send().await.assert_error(403, "DENIED");
    let row = format!("ann create_blob small/app@{digest}");
    recorded(&registry, "", &[&row]).await;
    assert_eq!(refused(&ann, "").await, [row].into(), "the project's own people see it");
}

#[tokio::test]
async fn a_flood_of_refusals_is_a_few_rows() {
    let mut registry = with_accounts().spawn().await;
    registry.create_project("secret", false).await;
    let nobody = registry.with_token(&["registry:catalog:*"]).await;
    for n in 0..100 {
        nobody.get(&format!("/v2/secret/app{n}/manifests/v1")).await.assert_status(401);
        let secret = longshore_auth::secret::Secret::random_access_token();
        registry.authorized(basic(&format!("u{n}"), secret.reveal())).get("/v2/").await.assert_status(401);
    }
    registry.restart().await;
    let exported = registry.run(&["audit", "export"]).await.assert_success();
    let rows: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let refused: Vec<&Value> = rows.iter().filter(|row| row["succeeded"] == false).collect();
    let told: u64 = refused.iter().map(|row| row["detail"]["count"].as_u64().unwrap_or(1)).sum();
    assert_eq!((refused.len(), told), (42, 200), "each is counted: {refused:#?}");
}
