//! Programs without a secret: somebody else's token, which a trust rule says stands for a robot.

use std::time::{SystemTime, UNIX_EPOCH};

use longshore_testkit::{Reply, TestRegistry, TokenSigner, basic, image};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::with_accounts;

const ISSUER: &str = "https://ci.example.org";

/// A registry that trusts what `signer` says of one branch of one project: it stands for the robot `team+ci`.
/// The folder has the keys of who vouches.
async fn with_rule(signer: &TokenSigner) -> (TestRegistry, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys.json");
    std::fs::write(&keys, json!({ "keys": [signer.jwk()] }).to_string()).unwrap();
    let issuers = json!([{ "issuer": ISSUER, "jwks_file": keys.to_string_lossy() }]);
    let registry = with_accounts().set("accounts.trust.issuers", issuers).spawn().await;
    registry.create_project("team", false).await;
    let access = ["pull", "push"].map(|action| json!({ "resource": "repository", "action": action }));
    let robot = json!({
        "name": "ci", "level": "project", "duration": -1,
        "permissions": [{ "kind": "project", "namespace": "team", "access": access }],
    });
    let robot = registry.admin().post_json("/api/v2.0/robots", &robot).await.assert_status(201).json();
    let rule = json!({
        "name": "main of team", "kind": "oidc", "issuer": ISSUER, "audience": "registry.example.org",
        "claims": { "sub": "project:team:*", "branch": "main" }, "robot_id": robot["id"],
    });
    registry.admin().post_json("/api/v2.0/trustrules", &rule).await.assert_status(201);
    (registry, folder)
}

fn claims(change: impl FnOnce(&mut Value)) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let mut claims = json!({
        "iss": ISSUER, "aud": "registry.example.org", "sub": "project:team:build", "branch": "main",
        "iat": now, "nbf": now, "exp": now + 300,
    });
    change(&mut claims);
    claims
}

async fn exchange(registry: &TestRegistry, token: &str, scope: &str) -> Reply {
    let call = registry.call(reqwest::Method::POST, "/service/token");
    let kind = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange";
    let of = "urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt";
    let form = format!("grant_type={kind}&subject_token={token}&subject_token_type={of}&scope={scope}");
    call.header("Content-Type", "application/x-www-form-urlencoded").body(form).send().await
}

#[tokio::test]
async fn a_program_exchanges_its_token() {
    let signer = TokenSigner::es256("one");
    let (registry, _folder) = with_rule(&signer).await;
    let token = signer.sign(&claims(|_| {}));
    let reply = exchange(&registry, &token, "repository:team/app:pull,push+repository:other/app:pull").await;
    let answer = reply.assert_status(200).json();
    assert_eq!(answer["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");
    assert_eq!(answer["scope"], "repository:team/app:pull,push");
    let lifetime = answer["expires_in"].as_u64().unwrap();
    assert!((280..=300).contains(&lifetime), "no longer than what it was made from: {lifetime}");
    let content = image().build();
    let program = registry.authorized(format!("Bearer {}", answer["access_token"].as_str().unwrap()));
    program.push_image("team/app", "v1", &content).await;

    // As docker login does it: the token is the password.
    let login = registry.authorized(basic("<token>", &token));
    login.get("/v2/").await.assert_status(200);
    login.with_token(&["repository:team/app:pull"]).await.pull_image("team/app", "v1").await;
    login.pull_image("team/app", "v1").await;
}

/// A robot of a project that may push there, and a rule with these claims for it.
async fn add_rule(registry: &TestRegistry, project: &str, name: &str, claims: Value) -> Reply {
    let access = ["pull", "push"].map(|action| json!({ "resource": "repository", "action": action }));
    let robot = json!({
        "name": name, "level": "project", "duration": -1,
        "permissions": [{ "kind": "project", "namespace": project, "access": access }],
    });
    let robot = registry.admin().post_json("/api/v2.0/robots", &robot).await.assert_status(201).json();
    let rule = json!({
        "name": "main of team", "kind": "oidc", "issuer": ISSUER, "audience": "registry.example.org",
        "claims": claims, "robot_id": robot["id"],
    });
    registry.admin().post_json("/api/v2.0/trustrules", &rule).await
}

/// Whoever has a project can make rules about everybody's workloads: these go on standing for what they did before.
#[tokio::test]
async fn rules_of_others_take_no_workload_away() {
    let signer = TokenSigner::es256("one");
    let (registry, _folder) = with_rule(&signer).await;
    registry.create_project("eve", false).await;
    // Narrower than the team's own, and of a robot that may do as much, elsewhere.
    let all = json!({ "sub": "project:team:build", "branch": "main", "iss": ISSUER });
    add_rule(&registry, "eve", "ci", all).await.assert_status(201);
    add_rule(&registry, "team", "reader", json!({ "sub": "project:team:*" })).await.assert_status(201);
    let token = signer.sign(&claims(|_| {}));
    let scope_for = async |scope: &str, account: &str| {
        let reply = exchange(&registry, &token, &format!("{scope}&account={account}")).await;
        (reply.status, reply.json()["scope"].as_str().unwrap_or_default().to_owned())
    };
    let team = "repository:team/app:pull,push";
    assert_eq!(scope_for(team, "").await, (200, team.to_owned()));
    assert_eq!(scope_for("repository:eve/app:pull", "").await, (200, "repository:eve/app:pull".to_owned()));
    // Nobody becomes a robot that has nothing to do with what is asked for, or one that no rule names.
    assert_eq!(scope_for("repository:other/app:pull", "").await.0, 401);
    assert_eq!(scope_for(team, "robot%24eve%2Bci").await, (200, String::new()));
    assert_eq!(scope_for(team, "robot%24team%2Bnobody").await.0, 401);
    // With docker, a robot is named as the user.
    let login = registry.authorized(basic("robot$team+ci", &token));
    login.get("/v2/").await.assert_status(200);
    login.push_image("team/app", "v1", &image().build()).await;
    registry.authorized(basic("<token>", &token)).pull_image("team/app", "v1").await;
    registry.authorized(basic("robot$other+ci", &token)).get("/v2/").await.assert_status(401);
    // A robot that may not log in stands in nobody's way.
    let robots = registry.admin().get("/api/v2.0/robots?q=Level=project,ProjectID=2").await;
    let robots = robots.assert_status(200).json();
    let ci = robots.as_array().unwrap().iter().find(|robot| robot["name"] == "robot$team+ci").unwrap();
    let mut off = ci.clone();
    off["disable"] = json!(true);
    registry.admin().put_json(&format!("/api/v2.0/robots/{}", ci["id"]), &off).await.assert_status(200);
    assert_eq!(scope_for(team, "").await, (200, team.to_owned()));
    assert_eq!(scope_for(team, "robot%24team%2Bci").await.0, 401);
}

#[tokio::test]
async fn rules_that_would_trust_nobody_or_anybody_are_refused() {
    let signer = TokenSigner::es256("one");
    let (registry, _folder) = with_rule(&signer).await;
    registry.create_project("eve", false).await;
    let refused = add_rule(&registry, "eve", "a", json!({ "branch": "main" })).await.assert_status(400);
    assert!(String::from_utf8_lossy(&refused.body).contains("a rule names somebody"), "{refused:?}");
    add_rule(&registry, "eve", "b", json!({ "sub": "project:*" })).await.assert_status(400);
    let robots = registry.admin().get("/api/v2.0/robots?q=Level=project,ProjectID=2").await.json();
    let rule = json!({
        "name": "x", "kind": "oidc", "issuer": "https://ci.example.com", "audience": "registry.example.org",
        "claims": { "sub": "project:team:build" }, "robot_id": robots[0]["id"],
    });
    let refused = registry.admin().post_json("/api/v2.0/trustrules", &rule).await.assert_status(400);
    assert!(
        String::from_utf8_lossy(&refused.body).contains("issuer: https://ci.example.com is not configured"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn tokens_that_no_rule_trusts_are_refused() {
    let signer = TokenSigner::es256("one");
    let (registry, _folder) = with_rule(&signer).await;
    let stranger = TokenSigner::es256("one");
    for (what, token) in [
        ("another branch", signer.sign(&claims(|claims| claims["branch"] = json!("dev")))),
        ("another project", signer.sign(&claims(|claims| claims["sub"] = json!("project:other:build")))),
        ("for somebody else", signer.sign(&claims(|claims| claims["aud"] = json!("other.example.org")))),
        (
            "of another issuer",
            signer.sign(&claims(|claims| claims["iss"] = json!("https://other.example.org"))),
        ),
        ("expired", signer.sign(&claims(|claims| claims["exp"] = json!(1_000_000)))),
        ("forged", stranger.sign(&claims(|_| {}))),
        ("nothing", "a.b.c".to_owned()),
    ] {
        let reply = exchange(&registry, &token, "repository:team/app:pull").await;
        assert_eq!(reply.status, 401, "{what}: {reply:?}");
        let login = registry.authorized(basic("<token>", &token));
        assert_eq!(login.get("/v2/").await.status, 401, "{what}");
        assert_eq!(login.ask_for_token(&[]).await.status, 401, "{what}");
    }
    // What names a workload is no name of a user.
    registry.authorized(basic("<token>", "Secret123")).get("/v2/").await.assert_status(401);
}
