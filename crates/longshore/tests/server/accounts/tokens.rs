//! The token flow, as clients see it: challenge, token, request.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, jwk::JwkSet};
use longshore_testkit::{Api, Call, Reply, TestRegistry, base64, basic, image, role};
use reqwest::Method;
use serde_json::{Value, json};

use super::with_accounts;

/// The claims of a token, which was signed by a key of the registry's key set.
async fn claims(registry: &Api, token: &str) -> Value {
    let keys = registry.get("/service/token/jwks").await.assert_status(200);
    let keys: JwkSet = serde_json::from_slice(&keys.body).unwrap();
    let id = jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    let key = DecodingKey::from_jwk(keys.find(&id).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&["harbor-registry"]);
    jsonwebtoken::decode::<Value>(token, &key, &validation).unwrap().claims
}

fn form(registry: &Api, body: &str) -> Call {
    let call = registry.call(Method::POST, "/service/token");
    call.header("Content-Type", "application/x-www-form-urlencoded").body(body.to_owned())
}

fn token_of(reply: &Reply) -> String {
    reply.json()["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn from_the_challenge_to_the_pull() {
    let registry = with_accounts().spawn().await;
    let host = registry.address();
    let challenge = format!("Bearer realm=\"http://{host}/service/token\",service=\"harbor-registry\"");
    let reply = registry.get("/v2/").await.assert_error(401, "UNAUTHORIZED");
    reply.assert_header("www-authenticate", &challenge);
    let reply = registry.get("/v2/team/app/manifests/v1").await.assert_error(401, "UNAUTHORIZED");
    reply.assert_header("www-authenticate", &format!("{challenge},scope=\"repository:team/app:pull\""));
    let reply = registry.post("/v2/team/app/blobs/uploads/").await.assert_error(401, "UNAUTHORIZED");
    reply.assert_header("www-authenticate", &format!("{challenge},scope=\"repository:team/app:pull,push\""));

    registry.create_project("team", false).await;
    registry.create_user("dev").await;
    registry.add_member("team", "dev", role::DEVELOPER).await;
    let scopes = ["repository:team/app:pull,push,delete", "registry:catalog:*", "repository:other/app:pull"];
    let reply = registry.user("dev").ask_for_token(&scopes).await.assert_status(200);
    let reply = reply.assert_header("cache-control", "no-store");
    let answer = reply.json();
    assert_eq!(answer["token"], answer["access_token"]);
    assert_eq!(answer["expires_in"], 600);
    assert!(answer["issued_at"].as_str().unwrap().ends_with('Z'), "{answer}");
    let claims = claims(&registry, answer["token"].as_str().unwrap()).await;
    let access = json!([
        {"type": "repository", "name": "team/app", "actions": ["pull", "push"]},
        {"type": "registry", "name": "catalog", "actions": ["*"]},
    ]);
    assert_eq!(claims["access"], access, "what was decided and no more");
    assert_eq!((claims["sub"].as_str(), claims["iss"].as_str()), (Some("dev"), Some("harbor-registry")));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 600);

    let dev = registry.authorized(format!("Bearer {}", answer["token"].as_str().unwrap()));
    dev.get("/v2/").await.assert_status(200);
    let content = image().build();
    dev.push_image("team/app", "v1", &content).await;
    dev.pull_image("team/app", "v1").await;
    // A developer deletes nothing.
    let reply = dev.delete(&format!("/v2/team/app/manifests/{}", content.top().digest)).await;
    let reply = reply.assert_error(401, "UNAUTHORIZED");
    let wanted = format!("{challenge},scope=\"repository:team/app:delete\",error=\"insufficient_scope\"");
    reply.assert_header("www-authenticate", &wanted);
    registry.admin().with_token(&["repository:team/app:delete"]).await;
}

#[tokio::test]
async fn names_and_passwords_need_no_token() {
    let registry = with_accounts().spawn().await;
    registry.create_project("team", false).await;
    registry.create_user("dev").await;
    registry.create_user("guest").await;
    registry.add_member("team", "dev", role::DEVELOPER).await;
    registry.add_member("team", "guest", role::GUEST).await;
    let (dev, guest) = (registry.user("dev"), registry.user("guest"));
    dev.get("/v2/").await.assert_status(200);
    dev.push_image("team/app", "v1", &image().build()).await;
    guest.pull_image("team/app", "v1").await;
    // Who they are is known: other credentials would be other people's.
    guest.post("/v2/team/app/blobs/uploads/").await.assert_error(403, "DENIED");
    dev.post("/v2/other/app/blobs/uploads/").await.assert_error(403, "DENIED");

    for wrong in [
        basic("dev", "wrong"),
        basic("nobody", "Secret123"),
        basic("", ""),
        "Basic !!!".to_owned(),
        "Digest x".to_owned(),
        "Bearer".to_owned(),
        "Bearer nothing".to_owned(),
        format!("Basic {}", base64(b"no colon")),
    ] {
        for path in ["/v2/", "/v2/library/none/manifests/v1", "/v2/_catalog"] {
            let reply = registry.authorized(wrong.as_str()).get(path).await;
            let reply = reply.assert_error(401, "UNAUTHORIZED");
            assert!(reply.header("www-authenticate").starts_with("Bearer realm="), "{wrong} {reply:?}");
        }
    }
}

#[tokio::test]
async fn public_projects_need_no_login_to_pull() {
    let registry = with_accounts().spawn().await;
    registry.admin().push_image("library/app", "v1", &image().build()).await;
    registry.pull_image("library/app", "v1").await;
    registry.get("/v2/library/app/tags/list").await.assert_status(200);
    registry.post("/v2/library/app/blobs/uploads/").await.assert_error(401, "UNAUTHORIZED");
    // By a token without a name too.
    let reply = registry.ask_for_token(&["repository:library/app:pull,push"]).await.assert_status(200);
    let token = token_of(&reply);
    let claims = claims(&registry, &token).await;
    let access = json!([{"type": "repository", "name": "library/app", "actions": ["pull"]}]);
    assert_eq!((&claims["access"], &claims["sub"]), (&access, &json!("")));
    registry.authorized(format!("Bearer {token}")).pull_image("library/app", "v1").await;
}

#[tokio::test]
async fn forms_of_oauth2() {
    let registry = with_accounts().spawn().await;
    registry.create_project("team", false).await;
    registry.create_user("dev").await;
    registry.add_member("team", "dev", role::DEVELOPER).await;
    let login = "grant_type=password&username=dev&service=harbor-registry&client_id=containerd-client";
    let good =
        format!("{login}&password=Secret123&scope=repository%3Ateam%2Fapp%3Apull%2Cpush+repository:x/y:pull");
    let reply = form(&registry, &good).send().await.assert_status(200);
    let answer = reply.json();
    assert_eq!(answer["scope"], "repository:team/app:pull,push");
    assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("Bearer"), &json!(600)));
    let token = answer["access_token"].as_str().unwrap();
    registry.authorized(format!("Bearer {token}")).push_image("team/app", "v1", &image().build()).await;

    let reply =
        form(&registry, &format!("{login}&password=wrong")).send().await.assert_error(401, "UNAUTHORIZED");
    assert_eq!(reply.json()["error"], "invalid_grant");
    for (bad, word) in [
        (login.to_owned(), "invalid_request"),
        ("grant_type=client_credentials".to_owned(), "unsupported_grant_type"),
        ("username=dev&password=Secret123".to_owned(), "invalid_request"),
    ] {
        let reply = form(&registry, &bad).send().await.assert_status(400);
        assert_eq!(reply.json()["error"], word, "{bad}");
    }
    let reply = form(&registry, "grant_type=refresh_token&refresh_token=lsp_none").send().await;
    reply.assert_error(401, "UNAUTHORIZED");
    let huge = format!("{login}&password={}", "x".repeat(200_000));
    form(&registry, &huge).send().await.assert_status(413);
}

/// What users give to programs instead of a password: it goes wherever a password does, and shows what it narrows to.
#[tokio::test]
async fn access_tokens_log_in_too() {
    let registry = with_accounts().spawn().await;
    registry.create_project("team", false).await;
    registry.create_user("dev").await;
    registry.add_member("team", "dev", role::DEVELOPER).await;
    let dev = registry.user("dev");
    dev.push_image("team/app", "v1", &image().build()).await;
    let make = async |body: Value| {
        let made = dev.post_json("/api/v2.0/users/current/tokens", &body).await.assert_status(201);
        made.json()["secret"].as_str().unwrap().to_owned()
    };
    let pull = json!([{ "resource": "repository", "action": "pull" }]);
    let permissions = json!([{ "kind": "project", "namespace": "team", "access": pull }]);
    let whole = make(json!({ "name": "whole" })).await;
    let narrow = make(json!({ "name": "narrow", "permissions": permissions })).await;

    for (secret, granted) in
        [(&whole, "repository:team/app:pull,push"), (&narrow, "repository:team/app:pull")]
    {
        let refresh =
            format!("grant_type=refresh_token&refresh_token={secret}&scope=repository:team/app:pull,push");
        let reply = form(&registry, &refresh).send().await.assert_status(200);
        assert_eq!(reply.json()["scope"], granted);
        let login = registry.authorized(basic("dev", secret));
        login.with_token(&["repository:team/app:pull"]).await.pull_image("team/app", "v1").await;
        login.pull_image("team/app", "v1").await;
        registry.authorized(format!("Bearer {secret}")).pull_image("team/app", "v1").await;
        registry.authorized(basic("admin", secret)).get("/v2/").await.assert_status(401);
    }
    let narrow = registry.authorized(basic("dev", &narrow));
    narrow.post("/v2/team/app/blobs/uploads/").await.assert_error(403, "DENIED");
    // A token lists what its bearer may read: one that was made for less does not.
    let listing = narrow.with_token(&["registry:catalog:*"]).await;
    listing.get("/v2/_catalog").await.assert_error(401, "UNAUTHORIZED");
    narrow.get("/v2/_catalog").await.assert_status(200);
}

#[tokio::test]
async fn refusals_of_the_token_service() {
    let registry = with_accounts().spawn().await;
    let reply = registry.authorized(basic("admin", "wrong")).ask_for_token(&[]).await;
    let reply = reply.assert_error(401, "UNAUTHORIZED");
    assert_eq!(reply.json()["details"], "incorrect username or password");
    for header in ["cache-control", "x-content-type-options", "content-security-policy"] {
        assert!(!reply.header(header).is_empty(), "{header} of {reply:?}");
    }
    let reply = registry.call(Method::PUT, "/service/token").send().await.assert_status(405);
    reply.assert_header("allow", "GET, HEAD, POST");
    registry.head("/service/token").await.assert_status(200);
    registry.get("/service/token/none").await.assert_status(404);
    let many = vec!["repository:a:pull"; 300];
    registry.ask_for_token(&many).await.assert_status(400);
}

#[tokio::test]
async fn the_realm_is_where_the_client_sees_us() {
    let check = async |registry: TestRegistry, wanted: &str| {
        let call = registry.call(Method::GET, "/v2/").header("X-Forwarded-Proto", "https");
        let reply = call.header("X-Forwarded-Host", "r.example").send().await.assert_status(401);
        let realm = format!("Bearer realm=\"{wanted}\",");
        assert!(reply.header("www-authenticate").starts_with(&realm), "{reply:?}");
    };
    let proxied = with_accounts().set("http.trusted_proxies", json!(["127.0.0.1"]));
    check(proxied.clone().spawn().await, "https://r.example/service/token").await;
    let named = proxied.set("http.host", "https://named.example");
    check(named.spawn().await, "https://named.example/service/token").await;
    let registry = with_accounts().set("http.prefix", "/images/").spawn().await;
    let host = registry.address();
    let reply = registry.get("/images/v2/").await.assert_status(401);
    let realm = format!("Bearer realm=\"http://{host}/images/service/token\",");
    assert!(reply.header("www-authenticate").starts_with(&realm), "{reply:?}");
    registry.get("/images/service/token").await.assert_status(200);
    registry.get("/service/token").await.assert_status(200);
}

/// What somebody signs who has only our public key.
fn forged(header: &Header, claims: &Value, key: &EncodingKey) -> String {
    jsonwebtoken::encode(header, claims, key).unwrap()
}

#[tokio::test]
async fn tokens_that_are_not_ours_are_refused() {
    let registry = with_accounts().spawn().await;
    let other = with_accounts().spawn().await;
    let scopes = ["repository:library/app:pull,push"];
    let good = token_of(&registry.admin().ask_for_token(&scopes).await);
    let claims = claims(&registry, &good).await;
    let header = jsonwebtoken::decode_header(&good).unwrap();
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (head, payload) = message.split_once('.').unwrap();
    let keys = registry.get("/service/token/jwks").await;
    let x = keys.json()["keys"][0]["x"].as_str().unwrap().to_owned();

    let more = url_base64(&claims.to_string().replace("library/app", "library/all"));
    let none = url_base64(&json!({"alg": "none", "kid": header.kid}).to_string());
    let confused = Header { kid: header.kid.clone(), ..Header::new(Algorithm::HS256) };
    let brought =
        Header { jwk: serde_json::from_value(keys.json()["keys"][0].clone()).ok(), ..confused.clone() };
    let made = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let stranger = EncodingKey::from_ed_der(&made.serialize_der());
    let theirs = token_of(&other.admin().ask_for_token(&scopes).await);
    for (what, token) in [
        ("the payload was changed", format!("{head}.{more}.{signature}")),
        ("the signature is missing", format!("{head}.{payload}.")),
        ("no algorithm", format!("{none}.{payload}.")),
        ("no algorithm, with a signature", format!("{none}.{payload}.{signature}")),
        (
            "the public key as a shared secret",
            forged(&confused, &claims, &EncodingKey::from_secret(x.as_bytes())),
        ),
        ("the same, brought along", forged(&brought, &claims, &EncodingKey::from_secret(x.as_bytes()))),
        ("another key under the same name", forged(&header, &claims, &stranger)),
        ("another key", forged(&Header::new(Algorithm::EdDSA), &claims, &stranger)),
        ("another registry's", theirs),
        ("a part is missing", format!("{head}.{payload}")),
        ("a part too many", format!("{good}.{signature}")),
        ("nothing", "..".to_owned()),
        ("too long", format!("{}.{payload}.{signature}", "A".repeat(40_000))),
    ] {
        let caller = registry.authorized(format!("Bearer {token}"));
        for path in ["/v2/", "/v2/library/app/tags/list", "/v2/_catalog"] {
            let reply = caller.get(path).await;
            assert_eq!(reply.status, 401, "{what}: {reply:?}");
            assert!(reply.header("www-authenticate").contains("invalid_token"), "{what}: {reply:?}");
        }
    }
    registry.authorized(format!("Bearer {good}")).get("/v2/").await.assert_status(200);
}

fn url_base64(text: &str) -> String {
    base64(text.as_bytes()).replace('+', "-").replace('/', "_").trim_end_matches('=').to_owned()
}

#[tokio::test]
async fn a_token_is_good_for_what_it_names() {
    let registry = with_accounts().spawn().await;
    let admin = registry.admin();
    let content = image().build();
    admin.push_image("library/app", "v1", &content).await;
    registry.create_project("secret", false).await;
    admin.push_image("secret/app", "v1", &content).await;
    let token = admin.with_token(&["repository:library/app:pull"]).await;
    token.get("/v2/library/app/manifests/v1").await.assert_status(200);
    for (method, path) in [
        (Method::GET, "/v2/secret/app/manifests/v1".to_owned()),
        (Method::GET, "/v2/library/apps/manifests/v1".to_owned()),
        (Method::POST, "/v2/library/app/blobs/uploads/".to_owned()),
        (Method::DELETE, "/v2/library/app/manifests/v1".to_owned()),
        (Method::GET, "/v2/_catalog".to_owned()),
        (
            Method::POST,
            format!("/v2/library/app/blobs/uploads/?mount={}&from=secret/app", content.blobs[0].digest),
        ),
    ] {
        let reply = token.call(method, &path).header("Content-Length", "0").send().await;
        let reply = reply.assert_error(401, "UNAUTHORIZED");
        assert!(reply.header("www-authenticate").contains("insufficient_scope"), "{reply:?}");
    }
}
