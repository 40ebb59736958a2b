//! Roles on conditions, as clients of the distribution API and of the management API meet them.

use longshore_testkit::{Api, Call, Reply, TestRegistry, image, role};
use reqwest::Method;
use serde_json::{Value, json};

use super::with_accounts;

const POLICIES: &str = "/api/v2.0/access-policies";
/// Pushes of no other tags; deletes of nothing else, not even by digest.
const DEV_TAGS: &str = r#"permit (principal, action, resource)
unless { context has tag && !(context.tag like "dev-*") };
forbid (principal, action == Action::"artifact:delete", resource) unless { context has tag };"#;
const OFFICE: &str = r#"permit (principal, action, resource)
when { context has address && context.address.isInRange(ip("10.0.0.0/8")) };"#;

/// A registry behind a proxy, with the private project `team` and its maintainer `ann`, whose role depends on this.
async fn with_condition(text: &str) -> (TestRegistry, Api) {
    let registry = with_accounts().set("http.trusted_proxies", json!(["127.0.0.1"])).spawn().await;
    registry.create_project("team", false).await;
    let ann = registry.create_user("ann").await;
    let policy = json!({ "name": "limits", "text": text });
    registry.admin().post_json(POLICIES, &policy).await.assert_status(201);
    let member =
        json!({ "role_id": role::MAINTAINER, "member_user": { "username": "ann" }, "condition": "limits" });
    registry.admin().post_json("/api/v2.0/projects/team/members", &member).await.assert_status(201);
    (registry, ann)
}

async fn change(registry: &TestRegistry, text: &str) {
    let policy = json!({ "name": "limits", "text": text });
    registry.admin().put_json(&format!("{POLICIES}/1"), &policy).await.assert_status(200);
}

fn from(api: &Api, method: Method, path: &str, address: &str) -> Call {
    api.call(method, path).header("X-Forwarded-For", address)
}

async fn pull_from(api: &Api, address: &str) -> Reply {
    from(api, Method::GET, "/v2/team/app/tags/list", address).send().await
}

#[tokio::test]
async fn a_token_allows_no_other_tag() {
    let (registry, ann) = with_condition(DEV_TAGS).await;
    let content = image().build();
    let scope = "repository:team/app:pull,push,delete";
    let by_token = ann.with_token(&[scope]).await;
    // With a password it is refused for good, with a token another token might help.
    for (api, status, code) in [(&ann, 403, "DENIED"), (&by_token, 401, "UNAUTHORIZED")] {
        api.push_image("team/app", "dev-1", &content).await;
        api.pull_image("team/app", "dev-1").await;
        let top = content.top();
        api.put_manifest("team/app", "v1", top).await.assert_error(status, code);
        // By its digest, with tags in the query: each of them counts.
        let by_digest = |tags: &str| format!("{}?{tags}", top.digest);
        api.put_manifest("team/app", &by_digest("tag=dev-2&tag=dev-3"), top).await.assert_status(201);
        for tags in ["tag=v1", "tag=dev-2&tag=v1", "tag=v1&tag=dev-2"] {
            api.put_manifest("team/app", &by_digest(tags), top).await.assert_error(status, code);
        }
        api.get("/v2/team/app/manifests/v1").await.assert_error(status, code);
        // A manifest that is deleted by its digest takes all its tags along.
        let path = format!("/v2/team/app/manifests/{}", top.digest);
        api.delete(&path).await.assert_error(status, code);
        api.delete("/v2/team/app/manifests/dev-3").await.assert_status(202);
        // Another repository is not in the token; nor does the policy say anything of a stranger's.
        api.get("/v2/other/app/tags/list").await.assert_error(status, code);
    }
    // What the token lists bounds what conditions allow.
    let puller = ann.with_token(&["repository:team/app:pull"]).await;
    puller.pull_image("team/app", "dev-1").await;
    puller.put_manifest("team/app", "dev-4", content.top()).await.assert_error(401, "UNAUTHORIZED");

    // A policy that changes counts for tokens that are out.
    change(&registry, "permit (principal, action, resource);").await;
    by_token.put_manifest("team/app", "v1", content.top()).await.assert_status(201);
    change(&registry, DEV_TAGS).await;
    by_token.put_manifest("team/app", "v2", content.top()).await.assert_error(401, "UNAUTHORIZED");
    // So does the end of the membership.
    let members = registry.admin().get("/api/v2.0/projects/team/members?entityname=ann").await.json();
    let path = format!("/api/v2.0/projects/team/members/{}", members[0]["id"]);
    registry.admin().delete(&path).await.assert_status(200);
    by_token.put_manifest("team/app", "dev-1", content.top()).await.assert_error(401, "UNAUTHORIZED");
    // Without a condition nothing changed: an administrator's token is asked nothing.
    registry.admin().with_token(&[scope]).await.pull_image("team/app", "v1").await;
}

#[tokio::test]
async fn addresses_are_those_of_the_request() {
    let (registry, ann) = with_condition(OFFICE).await;
    registry.admin().push_image("team/app", "v1", &image().build()).await;
    let scope = "/service/token?service=harbor-registry&scope=repository:team/app:pull";
    // Wherever it was asked for, the token is good in the office alone.
    for address in ["10.1.2.3", "192.0.2.1"] {
        let reply = from(&ann, Method::GET, scope, address).send().await.assert_status(200).json();
        let by_token = ann.authorized(format!("Bearer {}", reply["token"].as_str().unwrap()));
        for (api, refused) in [(&ann, 403), (&by_token, 401)] {
            pull_from(api, "10.1.2.3").await.assert_status(200);
            pull_from(api, "192.0.2.1").await.assert_status(refused);
            pull_from(api, "::ffff:10.9.9.9").await.assert_status(200);
        }
        // The listing of repositories asks as well.
        for (where_from, count) in [("10.1.2.3", 1), ("192.0.2.1", 0)] {
            let listed = from(&ann, Method::GET, "/v2/_catalog", where_from).send().await.assert_status(200);
            assert_eq!(listed.json()["repositories"].as_array().unwrap().len(), count, "{where_from}");
        }
    }
    // The management API: outside of the office the project is one that is not there.
    for (address, status) in [("10.1.2.3", 200), ("192.0.2.1", 404)] {
        for path in ["/api/v2.0/projects/team", "/api/v2.0/projects/team/repositories"] {
            from(&ann, Method::GET, path, address).send().await.assert_status(status);
        }
    }
}

#[tokio::test]
async fn tags_of_the_management_api() {
    let (registry, ann) = with_condition(DEV_TAGS).await;
    registry.admin().push_image("team/app", "v1", &image().build()).await;
    let tags = "/api/v2.0/projects/team/repositories/app/artifacts/v1/tags";
    ann.post_json(tags, &json!({ "name": "v2" })).await.assert_error(403, "FORBIDDEN");
    ann.post_json(tags, &json!({ "name": "dev-1" })).await.assert_status(201);
    ann.delete(&format!("{tags}/v1")).await.assert_error(403, "FORBIDDEN");
    ann.delete(&format!("{tags}/dev-1")).await.assert_status(200);
    ann.delete("/api/v2.0/projects/team/repositories/app/artifacts/v1").await.assert_error(403, "FORBIDDEN");
    let copy = "/api/v2.0/projects/team/repositories/tool/artifacts?from=team/app:v1";
    ann.post(copy).await.assert_error(403, "FORBIDDEN");
    registry.admin().post(copy).await.assert_status(201);
}

#[tokio::test]
async fn simulations_agree_with_what_happens() {
    let hours = r#"permit (principal, action, resource)
when { context.time.weekday <= 5 && context.time.hour >= 8 && context.time.hour < 18 };
forbid (principal, action == Action::"repository:push", resource)
unless { context has certificate && context.certificate.uris.contains("spiffe://example.org/ci") };"#;
    let (registry, ann) = with_condition(hours).await;
    let simulate = async |changes: Value| -> Value {
        let mut body = json!({ "principal": "ann", "action": "push", "repository": "team/app",
            "time": "2026-07-01T08:30:00Z", "certificate": { "uris": ["spiffe://example.org/ci"] } });
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        registry.admin().post_json(&format!("{POLICIES}/simulate"), &body).await.assert_status(200).json()
    };
    let told = simulate(json!({})).await;
    assert_eq!(told["allowed"], true, "{told}");
    assert_eq!(told["grant"]["policy"], "limits");
    assert_eq!(told["policies"][0]["rules"][0]["effect"], "permit");

    let told = simulate(json!({ "certificate": null })).await;
    assert_eq!((&told["allowed"], &told["permission"]), (&json!(false), &json!("repository:push")), "{told}");
    let rule = &told["policies"][0]["rules"][0];
    assert_eq!((&rule["effect"], &rule["number"], &rule["line"]), (&json!("forbid"), &json!(2), &json!(3)));
    assert_eq!(simulate(json!({ "certificate": null, "action": "pull" })).await["allowed"], true);
    // Saturday.
    assert_eq!(simulate(json!({ "time": "2026-07-04T08:30:00Z" })).await["allowed"], false);
    // By a text that nobody saved.
    let told = simulate(json!({ "text": OFFICE, "address": "10.0.0.1" })).await;
    assert_eq!((&told["allowed"], &told["grant"]["policy"]), (&json!(true), &json!("(this text)")), "{told}");
    assert_eq!(simulate(json!({ "text": OFFICE })).await["allowed"], false);
    // And so it happens, whatever the time is: without a certificate there is no push.
    let reply = ann.post("/v2/team/app/blobs/uploads/").await;
    reply.assert_error(403, "DENIED");
}

#[tokio::test]
async fn mistakes_are_told_with_their_place() {
    let (registry, ann) = with_condition(OFFICE).await;
    let admin = registry.admin();
    let wrong = json!({ "name": "other", "text": "permit (principal, action, resource)\nwhen { context.tag like \"dev-*\" };" });
    let reply = admin.post_json(POLICIES, &wrong).await.assert_error(400, "BAD_REQUEST");
    let message = reply.json()["errors"][0]["message"].as_str().unwrap().to_owned();
    assert!(
        message.starts_with("text: line 2, column 8: ") && message.contains("context has tag"),
        "{message}"
    );
    let message = admin.delete(&format!("{POLICIES}/1")).await.assert_error(412, "PRECONDITION").json();
    assert_eq!(message["errors"][0]["message"], "policy limits is the condition of ann in team");
    ann.get(POLICIES).await.assert_error(403, "FORBIDDEN");
    let schema = admin.get(&format!("{POLICIES}/schema")).await.assert_status(200).json();
    assert!(schema["schema"].as_str().unwrap().contains("\"repository:push\""));
    let members = admin.get("/api/v2.0/projects/team/members").await.json();
    assert!(members.as_array().unwrap().iter().any(|member| member["condition"] == "limits"), "{members}");
}
