//! `auth.htpasswd` and `auth.token`, from the challenge to the pull.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use longshore_testkit::{TestRegistry, base64, image};
use serde_json::{Value, json};

#[tokio::test]
async fn htpasswd() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("htpasswd");
    let line = |user: &str, password: &str| format!("{user}:{}\n", bcrypt::hash(password, 4).unwrap());
    std::fs::write(&file, line("ann", "first")).unwrap();
    let mut registry = TestRegistry::builder()
        .set("auth.htpasswd.realm", "the registry")
        .set("auth.htpasswd.path", file.to_string_lossy())
        .spawn()
        .await;
    let basic =
        |user: &str, password: &str| format!("Basic {}", base64(format!("{user}:{password}").as_bytes()));
    let reply = registry.get("/v2/").await.assert_error(401, "UNAUTHORIZED");
    reply.assert_header("www-authenticate", "Basic realm=\"the registry\"");
    for wrong in [
        basic("ann", "wrong"),
        basic("bob", "first"),
        basic("", ""),
        "Basic !!!".to_owned(),
        "Bearer abc".to_owned(),
        format!("Basic {}", base64(b"no colon")),
    ] {
        registry.authorized(wrong).get("/v2/").await.assert_error(401, "UNAUTHORIZED");
    }
    let ann = registry.authorized(basic("ann", "first"));
    ann.get("/v2/").await.assert_status(200);
    ann.push_image("private/app", "v1", &image().build()).await;
    ann.pull_image("private/app", "v1").await;
    ann.get("/v2/_catalog").await.assert_status(200);
    for path in
        ["/v2/private/app/manifests/v1", "/v2/private/app/tags/list", "/v2/_catalog", "/v2/no/such/tags/list"]
    {
        registry.get(path).await.assert_error(401, "UNAUTHORIZED");
    }
    registry.post("/v2/private/app/blobs/uploads/").await.assert_error(401, "UNAUTHORIZED");

    // The file is read again when it changes.
    std::fs::write(&file, line("bob", "second")).unwrap();
    registry.restart().await;
    registry.authorized(basic("bob", "second")).pull_image("private/app", "v1").await;
    registry.authorized(basic("ann", "first")).get("/v2/").await.assert_status(401);
}

/// A token service of the test's own: a key, its certificate, and what it signs.
struct TokenService {
    key: EncodingKey,
    certificate: String,
    chain: String,
}

impl TokenService {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["tokens".to_owned()]).unwrap();
        Self {
            key: EncodingKey::from_ec_der(&made.signing_key.serialize_der()),
            certificate: made.cert.pem(),
            chain: base64(made.cert.der()),
        }
    }

    fn token(&self, change: impl FnOnce(&mut Value)) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let mut claims = json!({
            "iss": "the issuer", "aud": "the registry", "sub": "ann", "jti": "1",
            "iat": now, "nbf": now - 10, "exp": now + 300,
            "access": [{"type": "repository", "name": "team/app", "actions": ["pull", "push"]}],
        });
        change(&mut claims);
        let header = Header { x5c: Some(vec![self.chain.clone()]), ..Header::new(Algorithm::ES256) };
        format!("Bearer {}", jsonwebtoken::encode(&header, &claims, &self.key).unwrap())
    }
}

#[tokio::test]
async fn tokens_of_an_external_service() {
    let folder = tempfile::tempdir().unwrap();
    let service = TokenService::new();
    let bundle = folder.path().join("bundle.pem");
    std::fs::write(&bundle, &service.certificate).unwrap();
    let registry = TestRegistry::builder()
        .set("auth.token.realm", "https://tokens.example.com/token")
        .set("auth.token.service", "the registry")
        .set("auth.token.issuer", "the issuer")
        .set("auth.token.rootcertbundle", bundle.to_string_lossy())
        .spawn()
        .await;
    let challenge = "Bearer realm=\"https://tokens.example.com/token\",service=\"the registry\"";
    let reply = registry.get("/v2/").await.assert_error(401, "UNAUTHORIZED");
    assert!(reply.header("www-authenticate").starts_with(challenge), "{reply:?}");
    let reply = registry.get("/v2/team/app/manifests/v1").await.assert_error(401, "UNAUTHORIZED");
    let asked = format!("{challenge},scope=\"repository:team/app:pull\"");
    assert!(reply.header("www-authenticate").starts_with(&asked), "{reply:?}");

    let ann = registry.authorized(service.token(|_| {}));
    ann.get("/v2/").await.assert_status(200);
    let content = image().build();
    ann.push_image("team/app", "v1", &content).await;
    ann.pull_image("team/app", "v1").await;

    // Rights to one repository are none to another, nor to more than they say.
    for (method, path, scope) in [
        (reqwest::Method::GET, "/v2/team/other/manifests/v1".to_owned(), "repository:team/other:pull"),
        (reqwest::Method::DELETE, "/v2/team/app/manifests/v1".to_owned(), "repository:team/app:delete"),
        (reqwest::Method::GET, "/v2/_catalog".to_owned(), "registry:catalog:*"),
    ] {
        let reply = ann.call(method, &path).send().await;
        assert!([401, 403].contains(&reply.status), "{reply:?}");
        if reply.status == 401 {
            assert!(reply.header("www-authenticate").contains(scope), "{reply:?}");
        }
    }
    // A mount needs the right to pull from where the blob is.
    let elsewhere = registry.authorized(service.token(|claims| {
        claims["access"] = json!([{"type": "repository", "name": "team/new", "actions": ["pull", "push"]}]);
    }));
    let mount = format!("/v2/team/new/blobs/uploads/?mount={}&from=team/app", content.blobs[0].digest);
    elsewhere.post(&mount).await.assert_status(202);
    let mount = format!("/v2/team/new/blobs/uploads/?mount={}", content.blobs[0].digest);
    elsewhere.post(&mount).await.assert_status(202);

    let other = TokenService::new();
    let forged = TokenService { chain: service.chain.clone(), ..TokenService::new() };
    for wrong in [
        service.token(|claims| claims["iss"] = json!("another issuer")),
        service.token(|claims| claims["aud"] = json!("another registry")),
        service.token(|claims| claims["exp"] = json!(1_000_000)),
        service.token(|claims| claims["nbf"] = json!(9_999_999_999u64)),
        other.token(|_| {}),
        forged.token(|_| {}),
        "Bearer none".to_owned(),
        "Bearer e30.e30.".to_owned(),
    ] {
        registry.authorized(wrong).get("/v2/team/app/manifests/v1").await.assert_error(401, "UNAUTHORIZED");
    }
}
