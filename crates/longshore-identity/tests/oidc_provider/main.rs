//! Logins at a real OpenID provider, npm's `oidc-provider`: run `scripts/oidc-provider` first.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::time::{Duration, SystemTime};

use longshore_identity::{
    Secret,
    oidc::{Callback, ClientAuthentication, OidcError, OidcLogin, OidcProvider, OidcSettings},
};
use longshore_testkit::{AtProvider, OidcProvider as Server};
use longshore_types::Timestamp;
use reqwest::Url;
use serde_json::json;

const REDIRECT: &str = "http://127.0.0.1:1/c/oidc/callback";

fn now() -> Timestamp {
    SystemTime::now().into()
}

/// A provider with two users and a client for each way to say who it is.
async fn server(claims_in_id_token: bool) -> Server {
    let client = |id: &str, method: &str, secret: Option<&str>, algorithm: &str| {
        let mut client = json!({
            "client_id": id,
            "redirect_uris": [REDIRECT],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": method,
            "id_token_signed_response_alg": algorithm,
        });
        if let Some(secret) = secret {
            client["client_secret"] = json!(secret);
        }
        client
    };
    Server::start(json!({
        "accounts": {
            "ann-1": {
                "name": "Ann Example", "preferred_username": "ann", "email": "ann@example.org", "email_verified": true,
                "groups": ["developers", "registry-admins"],
            },
            "bob-2": { "name": "Bob", "preferred_username": "bob", "email": "bob@example.org", "email_verified": false, "groups": [] },
        },
        "clients": [
            client("by-basic", "client_secret_basic", Some("s3cret:with/signs %"), "RS256"),
            client("by-post", "client_secret_post", Some("s3cret"), "ES256"),
            client("public", "none", None, "RS256"),
        ],
        "claimsInIdToken": claims_in_id_token,
    }))
    .await
}

fn settings(server: &Server) -> OidcSettings {
    OidcSettings {
        issuer: server.issuer(),
        client_id: "by-basic".to_owned(),
        client_secret: Some(Secret::new("s3cret:with/signs %")),
        scopes: ["openid", "profile", "email", "groups"].map(str::to_owned).to_vec(),
        groups_claim: Some("groups".to_owned()),
        admin_group: Some("registry-admins".to_owned()),
        keys_pause: Duration::ZERO,
        ..OidcSettings::default()
    }
}

fn callback(address: &str) -> Callback {
    assert!(address.starts_with(REDIRECT), "sent back to {address}");
    Callback::from_query(Url::parse(address).unwrap().query().unwrap()).unwrap()
}

async fn log_in(server: &Server, provider: &OidcProvider, name: &str) -> Result<OidcLogin, OidcError> {
    let (url, state) = provider.begin(REDIRECT, now()).await.unwrap();
    let address = server.visit(url.as_str(), AtProvider::Agrees(name)).await;
    provider.finish(&callback(&address), &state, now()).await
}

#[tokio::test]
async fn people_log_in() {
    // Claims of the user in the ID token, and from userinfo.
    for claims_in_id_token in [true, false] {
        let server = server(claims_in_id_token).await;
        let provider = OidcProvider::new(settings(&server)).unwrap();
        provider.ping().await.unwrap();
        let ann = log_in(&server, &provider, "ann-1").await.unwrap().identity;
        assert_eq!(ann.external_id, format!("{} ann-1", server.issuer()));
        assert_eq!((ann.name.as_str(), ann.real_name.as_str()), ("ann", "Ann Example"));
        assert_eq!(ann.email.as_deref(), Some("ann@example.org"));
        assert_eq!(
            ann.groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(),
            ["developers", "registry-admins"]
        );
        assert!(ann.admin);
        let bob = log_in(&server, &provider, "bob-2").await.unwrap().identity;
        // An address that the provider has not verified is not taken.
        assert_eq!((bob.name.as_str(), bob.email, bob.groups.len(), bob.admin), ("bob", None, 0, false));
    }
}

#[tokio::test]
async fn each_way_to_say_who_we_are() {
    let server = server(true).await;
    let mut by_post = settings(&server);
    by_post.client_id = "by-post".to_owned();
    by_post.client_secret = Some(Secret::new("s3cret"));
    by_post.client_authentication = ClientAuthentication::Post;
    let mut public = settings(&server);
    public.client_id = "public".to_owned();
    public.client_secret = None;
    for settings in [by_post.clone(), public] {
        let provider = OidcProvider::new(settings).unwrap();
        assert_eq!(log_in(&server, &provider, "ann-1").await.unwrap().identity.name, "ann");
    }
    by_post.client_secret = Some(Secret::new("wrong"));
    let result = log_in(&server, &OidcProvider::new(by_post).unwrap(), "ann-1").await;
    assert!(
        matches!(&result, Err(OidcError::Refused { error, .. }) if error == "invalid_client"),
        "{result:?}"
    );
}

/// The provider itself sees to it that verifier and code belong together, and that a code serves once.
#[tokio::test]
async fn a_code_serves_the_login_that_it_is_of() {
    let server = server(true).await;
    let provider = OidcProvider::new(settings(&server)).unwrap();
    let (url, state) = provider.begin(REDIRECT, now()).await.unwrap();
    let address = server.visit(url.as_str(), AtProvider::Agrees("ann-1")).await;

    // The same state with another verifier and nonce, as if the code had been stolen.
    let (_, other) = provider.begin(REDIRECT, now()).await.unwrap();
    let mut thief = serde_json::to_value(&other).unwrap();
    thief["state"] = serde_json::to_value(&state).unwrap()["state"].clone();
    let thief = serde_json::from_value(thief).unwrap();
    let stolen = provider.finish(&callback(&address), &thief, now()).await;
    assert!(
        matches!(&stolen, Err(OidcError::Refused { error, .. }) if error == "invalid_grant"),
        "{stolen:?}"
    );

    let (url, state) = provider.begin(REDIRECT, now()).await.unwrap();
    let address = server.visit(url.as_str(), AtProvider::Agrees("ann-1")).await;
    provider.finish(&callback(&address), &state, now()).await.unwrap();
    let again = provider.finish(&callback(&address), &state, now()).await;
    assert!(matches!(&again, Err(OidcError::Refused { error, .. }) if error == "invalid_grant"), "{again:?}");
}

#[tokio::test]
async fn who_goes_away_from_the_form_is_refused() {
    let server = server(true).await;
    let provider = OidcProvider::new(settings(&server)).unwrap();
    let (url, state) = provider.begin(REDIRECT, now()).await.unwrap();
    let address = server.visit(url.as_str(), AtProvider::Aborts).await;
    let result = provider.finish(&callback(&address), &state, now()).await;
    assert!(
        matches!(&result, Err(OidcError::Refused { error, .. }) if error == "access_denied"),
        "{result:?}"
    );
}

/// The provider names itself in its answers (RFC 9207): one without its name is not its own.
#[tokio::test]
async fn the_issuer_in_the_answer_counts() {
    let server = server(true).await;
    let provider = OidcProvider::new(settings(&server)).unwrap();
    let (url, state) = provider.begin(REDIRECT, now()).await.unwrap();
    let address = Url::parse(&server.visit(url.as_str(), AtProvider::Agrees("ann-1")).await).unwrap();
    for issuer in [None, Some("https://evil.example")] {
        let mut changed = address.clone();
        let kept: Vec<(String, String)> =
            address.query_pairs().into_owned().filter(|(name, _)| name != "iss").collect();
        changed.query_pairs_mut().clear().extend_pairs(kept);
        if let Some(issuer) = issuer {
            changed.query_pairs_mut().append_pair("iss", issuer);
        }
        let result = provider.finish(&callback(changed.as_str()), &state, now()).await;
        assert!(matches!(result, Err(OidcError::Callback(_))), "{result:?}");
    }
    provider.finish(&callback(address.as_str()), &state, now()).await.unwrap();
}

#[tokio::test]
async fn keys_that_the_provider_changes() {
    let mut server = server(true).await;
    let provider = OidcProvider::new(settings(&server)).unwrap();
    log_in(&server, &provider, "ann-1").await.unwrap();
    server.restart().await;
    log_in(&server, &provider, "ann-1").await.unwrap();
}

#[tokio::test]
async fn groups_are_asked_for_again() {
    let server = server(false).await;
    let mut settings = settings(&server);
    settings.scopes.push("offline_access".to_owned());
    let provider = OidcProvider::new(settings).unwrap();
    let login = log_in(&server, &provider, "ann-1").await.unwrap();
    let refresh = login.refresh_token.expect("offline_access gives one");
    let again = provider.refresh(&refresh, &login.identity.external_id, now()).await.unwrap();
    assert_eq!(again.identity, login.identity);
    let other = provider.refresh(&refresh, &format!("{} bob-2", server.issuer()), now()).await;
    assert!(matches!(other, Err(OidcError::Subject | OidcError::Refused { .. })), "{other:?}");
    let forged = provider.refresh(&Secret::new("forged"), &login.identity.external_id, now()).await;
    assert!(matches!(forged, Err(OidcError::Refused { .. })), "{forged:?}");
}

#[tokio::test]
async fn another_provider_at_the_same_place() {
    let server = server(true).await;
    let mut settings = settings(&server);
    settings.issuer.push('/');
    let result: Result<_, OidcError> = OidcProvider::new(settings).unwrap().ping().await;
    assert!(matches!(result, Err(OidcError::Unavailable(_))), "{result:?}");
}
