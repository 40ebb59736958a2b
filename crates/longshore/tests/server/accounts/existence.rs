//! Who may not know of a repository gets, for everything they try, exactly the answer for one that is not there.

use longshore_testkit::{Api, Blob, Reply, TestRegistry, image, role};
use reqwest::Method;

use super::with_accounts;

/// As long as the name that nothing has, so that not even lengths differ.
const SECRET: &str = "secret";
const ABSENT: &str = "absent";

/// What is there to be found out.
struct Hidden {
    digest: String,
    blob: String,
    upload: String,
}

async fn hide(registry: &TestRegistry) -> Hidden {
    registry.create_project(SECRET, false).await;
    let admin = registry.admin();
    let content = image().build();
    admin.push_image("secret/app", "v1", &content).await;
    admin.push_image("closed/app", "v1", &content).await;
    let location = admin.start_upload("secret/app").await;
    Hidden {
        digest: content.top().digest.to_string(),
        blob: content.blobs[0].digest.to_string(),
        upload: location.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned(),
    }
}

/// All that somebody may try.
fn attempts(hidden: &Hidden) -> Vec<(Method, String)> {
    let Hidden { digest, blob, upload } = hidden;
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
        attempts.push((Method::GET, path.clone()));
        attempts.push((Method::HEAD, path));
    }
    for path in [
        "blobs/uploads/".to_owned(),
        format!("blobs/uploads/?mount={blob}&from=closed/app"),
        format!("blobs/uploads/?mount={blob}&from=library/app"),
        format!("blobs/uploads/?mount={blob}"),
        format!("blobs/uploads/?digest={blob}"),
    ] {
        attempts.push((Method::POST, path));
    }
    for path in [
        "manifests/v1".to_owned(),
        format!("manifests/{digest}"),
        format!("blobs/{blob}"),
        format!("blobs/uploads/{upload}"),
    ] {
        attempts.push((Method::DELETE, path));
    }
    attempts.push((Method::PATCH, format!("blobs/uploads/{upload}")));
    attempts.push((Method::PUT, format!("blobs/uploads/{upload}?digest={blob}")));
    attempts.push((Method::PUT, "manifests/v2".to_owned()));
    attempts
}

async fn attempt(caller: &Api, project: &str, method: &Method, path: &str) -> Reply {
    let call = caller.call(method.clone(), &format!("/v2/{project}/app/{path}"));
    match *method {
        Method::PUT if path.starts_with("manifests/") => {
            let manifest = image().build();
            let Blob { media_type, bytes, .. } = manifest.top().clone();
            call.header("Content-Type", &media_type).body(bytes).send().await
        }
        Method::POST => call.header("Content-Length", "0").send().await,
        Method::PUT | Method::PATCH => call.octets("").send().await,
        _ => call.send().await,
    }
}

/// All of an answer but what every answer has of its own.
fn shown(reply: &Reply, project: &str) -> String {
    let mut lines: Vec<_> = reply
        .headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"))
        .map(|(name, value)| format!("{name}: {value:?}"))
        .collect();
    lines.sort();
    let body = String::from_utf8_lossy(&reply.body);
    format!("{}\n{}\n\n{body}", reply.status, lines.join("\n")).replace(project, "…")
}

#[tokio::test]
async fn private_and_absent_look_the_same() {
    let registry = with_accounts().spawn().await;
    registry.admin().push_image("library/app", "v1", &image().build()).await;
    let hidden = hide(&registry).await;
    registry.create_user("nobody").await;
    registry.create_project("mine", false).await;
    registry.create_user("owner").await;
    registry.add_member("mine", "owner", role::PROJECT_ADMIN).await;

    let all = "pull,push,delete";
    let scopes = [format!("repository:{SECRET}/app:{all}"), format!("repository:{ABSENT}/app:{all}")];
    let scopes: Vec<_> = scopes.iter().map(String::as_str).collect();
    let mut callers = vec![
        ("nobody in particular", Api::clone(&registry)),
        ("nobody in particular, by token", registry.with_token(&scopes).await),
    ];
    for user in ["nobody", "owner"] {
        callers.push((user, registry.user(user)));
        callers.push((user, registry.user(user).with_token(&scopes).await));
    }
    for (who, caller) in &callers {
        for (method, path) in attempts(&hidden) {
            let secret = attempt(caller, SECRET, &method, &path).await;
            let absent = attempt(caller, ABSENT, &method, &path).await;
            assert!(matches!(secret.status, 401 | 403), "{who}: {secret:?}");
            assert_eq!(shown(&secret, SECRET), shown(&absent, ABSENT), "{who}: {method} {path}");
        }
    }
}

#[tokio::test]
async fn tokens_do_not_tell_either() {
    let registry = with_accounts().spawn().await;
    hide(&registry).await;
    registry.create_user("nobody").await;
    for caller in [Api::clone(&registry), registry.user("nobody")] {
        for project in [SECRET, ABSENT] {
            let scope = format!("repository:{project}/app:pull,push");
            let token = caller.ask_for_token(&[&scope]).await.assert_status(200).json();
            let payload = token["token"].as_str().unwrap().split('.').nth(1).unwrap().to_owned();
            let claims = jsonwebtoken::dangerous::insecure_decode::<serde_json::Value>(
                token["token"].as_str().unwrap(),
            );
            assert_eq!(claims.unwrap().claims["access"], serde_json::json!([]), "{payload}");
        }
    }
}

/// A mount tells nothing of its source: without the right to pull there an upload begins, as if nothing were there.
#[tokio::test]
async fn a_mount_needs_the_right_to_pull_from_its_source() {
    let registry = with_accounts().spawn().await;
    let hidden = hide(&registry).await;
    registry.create_project("mine", false).await;
    registry.create_user("owner").await;
    registry.add_member("mine", "owner", role::PROJECT_ADMIN).await;
    let owner = registry.user("owner");
    let scopes =
        ["repository:mine/app:pull,push", "repository:secret/app:pull", "repository:absent/app:pull"];
    for caller in [owner.clone(), owner.with_token(&scopes).await] {
        for from in ["&from=secret/app", "&from=absent/app", ""] {
            let path = format!("/v2/mine/app/blobs/uploads/?mount={}{from}", hidden.blob);
            caller.post(&path).await.assert_status(202);
        }
    }
    registry.add_member(SECRET, "owner", role::LIMITED_GUEST).await;
    for caller in [owner.clone(), owner.with_token(&scopes).await] {
        let path = format!("/v2/mine/app/blobs/uploads/?mount={}&from=secret/app", hidden.blob);
        caller.post(&path).await.assert_status(201);
    }
}
