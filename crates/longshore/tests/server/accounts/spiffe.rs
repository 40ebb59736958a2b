//! Workloads of a SPIFFE trust domain log in with their JWT-SVID.

use std::time::{SystemTime, UNIX_EPOCH};

use longshore_testkit::{Reply, TestRegistry, TokenSigner, basic, image};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::with_accounts;

const AUDIENCE: &str = "registry.example.org";

/// A registry that lets workloads of `ns/ci` stand for a robot that pushes to `team`, and the folder with the bundle.
async fn with_domain(signer: &TokenSigner) -> (TestRegistry, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("bundle.json");
    let mut key = signer.jwk();
    key["use"] = json!("jwt-svid");
    std::fs::write(&bundle, json!({ "keys": [key] }).to_string()).unwrap();
    let domains = json!([{ "name": "example.org", "bundle_file": bundle.to_string_lossy() }]);
    let registry = with_accounts().set("accounts.trust.domains", domains).spawn().await;
    registry.create_project("team", false).await;
    registry.create_project("other", false).await;
    let access = ["pull", "push"].map(|action| json!({ "resource": "repository", "action": action }));
    let robot = json!({
        "name": "ci", "level": "project", "duration": -1,
        "permissions": [{ "kind": "project", "namespace": "team", "access": access }],
    });
    let robot = registry.admin().post_json("/api/v2.0/robots", &robot).await.assert_status(201).json();
    let rule = json!({
        "name": "builders", "kind": "spiffe", "issuer": "spiffe://example.org", "audience": AUDIENCE,
        "claims": { "sub": "spiffe://example.org/ns/ci/*" }, "robot_id": robot["id"],
    });
    registry.admin().post_json("/api/v2.0/trustrules", &rule).await.assert_status(201);
    (registry, folder)
}

/// As SPIRE makes them.
fn svid(signer: &TokenSigner, change: impl FnOnce(&mut Value)) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut claims = json!({
        "sub": "spiffe://example.org/ns/ci/sa/builder", "aud": [AUDIENCE], "iat": now, "exp": now + 300,
    });
    change(&mut claims);
    signer.sign(&claims)
}

async fn exchange(registry: &TestRegistry, token: &str, scope: &str) -> Reply {
    let kind = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange";
    let of = "urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt";
    let form = format!("grant_type={kind}&subject_token={token}&subject_token_type={of}&scope={scope}");
    let call = registry.call(reqwest::Method::POST, "/service/token");
    call.header("Content-Type", "application/x-www-form-urlencoded").body(form).send().await
}

#[tokio::test]
async fn a_workload_pushes_with_its_svid() {
    let signer = TokenSigner::es256("spire");
    let (registry, _folder) = with_domain(&signer).await;
    let token = svid(&signer, |_| {});
    let scope = "repository:team/app:pull,push+repository:other/app:pull,push";
    let answer = exchange(&registry, &token, scope).await.assert_status(200).json();
    assert_eq!(answer["scope"], "repository:team/app:pull,push");
    let workload = registry.authorized(format!("Bearer {}", answer["access_token"].as_str().unwrap()));
    workload.push_image("team/app", "v1", &image().build()).await;
    let login = registry.authorized(basic("<token>", &token));
    login.with_token(&["repository:team/app:pull"]).await.pull_image("team/app", "v1").await;
    assert_eq!(login.post("/v2/other/app/blobs/uploads/").await.status, 403);
}

#[tokio::test]
async fn other_svids_are_refused() {
    let signer = TokenSigner::es256("spire");
    let (registry, _folder) = with_domain(&signer).await;
    let stranger = TokenSigner::es256("spire");
    for (what, token) in [
        ("another namespace", svid(&signer, |c| c["sub"] = json!("spiffe://example.org/ns/dev/sa/builder"))),
        ("another domain", svid(&signer, |c| c["sub"] = json!("spiffe://example.com/ns/ci/sa/builder"))),
        ("a way out", svid(&signer, |c| c["sub"] = json!("spiffe://example.org/ns/ci/../dev"))),
        ("no name", svid(&signer, |c| c["sub"] = json!("builder"))),
        ("for somebody else", svid(&signer, |c| c["aud"] = json!(["other.example.org"]))),
        ("for nobody", svid(&signer, |c| c["aud"] = json!([]))),
        ("expired", svid(&signer, |c| c["exp"] = json!(1_000_000))),
        ("without an end", svid(&signer, |c| drop(c.as_object_mut().unwrap().remove("exp")))),
        ("forged", svid(&stranger, |_| {})),
    ] {
        let reply = exchange(&registry, &token, "repository:team/app:pull").await;
        assert_eq!(reply.status, 401, "{what}: {reply:?}");
        assert_eq!(registry.authorized(basic("<token>", &token)).get("/v2/").await.status, 401, "{what}");
    }
}
