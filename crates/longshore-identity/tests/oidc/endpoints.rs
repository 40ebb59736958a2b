//! What is sent to whom, and what is done with answers that are none.

use std::time::Duration;

use longshore_identity::{
    FetchError, Secret,
    oidc::{Callback, ClientAuthentication, OidcError, OidcProvider, OidcSettings},
};
use longshore_testkit::{Answer, Answers};
use serde_json::json;

use crate::support::{CLIENT, Played, REDIRECT, now};

/// The form that the token endpoint got last, and its `Authorization`.
async fn sent(played: &Played) -> (Vec<(String, String)>, Option<String>) {
    let begun = played.begin().await;
    played.give(&played.signer.sign(&played.claims(&begun, &json!({}))));
    played.finish(&begun).await.unwrap();
    let asked = played.answers.asked();
    let asked = asked.iter().rfind(|asked| asked.target == "/token").unwrap();
    let url = reqwest::Url::parse(&format!("http://localhost/?{}", asked.body)).unwrap();
    let header = asked.head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("authorization").then(|| value.to_owned())
    });
    (url.query_pairs().into_owned().collect(), header)
}

fn value<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
    form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

#[tokio::test]
async fn the_code_is_exchanged_with_its_verifier() {
    let (form, header) = sent(&Played::new().await).await;
    assert_eq!(value(&form, "grant_type"), Some("authorization_code"));
    assert_eq!(value(&form, "code"), Some("c0de"));
    assert_eq!(value(&form, "redirect_uri"), Some(REDIRECT));
    assert_eq!(value(&form, "code_verifier").map(str::len), Some(43));
    // longshore:s3cret
    assert_eq!(header.as_deref(), Some("Basic bG9uZ3Nob3JlOnMzY3JldA=="));
    assert_eq!(value(&form, "client_secret"), None);
}

#[tokio::test]
async fn ways_to_say_who_we_are() {
    let post = Played::with(|it| it.client_authentication = ClientAuthentication::Post).await;
    let (form, header) = sent(&post).await;
    assert_eq!(
        (value(&form, "client_id"), value(&form, "client_secret"), header),
        (Some(CLIENT), Some("s3cret"), None)
    );
    let public = Played::with(|it| it.client_secret = None).await;
    let (form, header) = sent(&public).await;
    assert_eq!(
        (value(&form, "client_id"), value(&form, "client_secret"), header),
        (Some(CLIENT), None, None)
    );
}

#[tokio::test]
async fn what_the_token_endpoint_refuses() {
    let played = Played::new().await;
    let begun = played.begin().await;
    let refusal = json!({ "error": "invalid_grant", "error_description": "used before" });
    played.answers.set("/token", Answer::json(&refusal).status(400));
    match played.finish(&begun).await {
        Err(OidcError::Refused { error, description }) => {
            assert_eq!((error.as_str(), description.as_str()), ("invalid_grant", "used before"));
        }
        other => panic!("{other:?}"),
    }
    for answer in [
        Answer::bytes("oops").status(400),
        Answer::json(&refusal).status(500),
        Answer::bytes("<html>"),
        Answer::bytes("").status(302).header("Location", "/elsewhere"),
        Answer::bytes("a".repeat(2 << 20)).without_length(),
        Answer::bytes("").status(204),
    ] {
        played.answers.set("/token", answer.clone());
        let result = played.finish(&begun).await;
        assert!(matches!(result, Err(OidcError::Unavailable(_))), "{answer:?}: {result:?}");
    }
    assert_eq!(played.answers.count("/elsewhere"), 0);
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_waited_for_only_so_long() {
    let played = Played::with(|it| it.timeout = Duration::from_millis(300)).await;
    let begun = played.begin().await;
    played.answers.set("/token", Answer::bytes("").hanging());
    assert!(matches!(played.finish(&begun).await, Err(OidcError::Unavailable(FetchError::Request(_)))));
}

/// The code and our secret go to the provider, whatever its metadata says, and userinfo's token as well.
#[tokio::test]
async fn endpoints_that_are_elsewhere() {
    let trap = Answers::start().await;
    for endpoint in ["token_endpoint", "userinfo_endpoint", "jwks_uri"] {
        let played = Played::with(|it| it.groups_claim = Some("groups".to_owned())).await;
        let url = played.answers.url();
        let mut metadata = json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "userinfo_endpoint": format!("{url}/userinfo"),
            "jwks_uri": format!("{url}/jwks"),
        });
        metadata[endpoint] = json!(format!("{}/trap", trap.url()));
        played.answers.set("/.well-known/openid-configuration", Answer::json(&metadata));
        let result = match played.provider.begin(REDIRECT, now()).await {
            Ok((browser, state)) => {
                let query: std::collections::HashMap<_, _> = browser.query_pairs().into_owned().collect();
                let begun = crate::support::Begun { state, query };
                played.give(&played.signer.sign(&played.claims(&begun, &json!({}))));
                played.finish(&begun).await.map(drop)
            }
            Err(error) => Err(error),
        };
        assert!(
            matches!(result, Err(OidcError::Unavailable(FetchError::Forbidden(_)))),
            "{endpoint}: {result:?}"
        );
    }
    assert!(trap.asked().is_empty());
}

#[tokio::test]
async fn metadata_without_what_a_login_needs() {
    for missing in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
        let played = Played::new().await;
        let url = played.answers.url();
        let mut metadata = json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "jwks_uri": format!("{url}/jwks"),
        });
        metadata.as_object_mut().unwrap().remove(missing);
        played.answers.set("/.well-known/openid-configuration", Answer::json(&metadata));
        let result = match played.provider.begin(REDIRECT, now()).await {
            Ok((browser, state)) => {
                let query = browser.query_pairs().into_owned().collect();
                played.finish(&crate::support::Begun { state, query }).await.map(drop)
            }
            Err(error) => Err(error),
        };
        assert!(
            matches!(result, Err(OidcError::Unavailable(FetchError::Answer { .. }))),
            "{missing}: {result:?}"
        );
    }
}

/// Nothing is sent before the answer is known to be one to us.
#[tokio::test]
async fn answers_to_nobody_ask_nobody() {
    let played = Played::new().await;
    let (one, two) = (played.begin().await, played.begin().await);
    let finish = async |query: String| {
        let callback = Callback::from_query(&query).unwrap();
        played.provider.finish(&callback, &one.state, now()).await
    };
    for query in [
        format!("code=c0de&state={}", two.query["state"]),
        "code=c0de".to_owned(),
        "error=access_denied".to_owned(),
    ] {
        assert!(matches!(finish(query).await, Err(OidcError::Callback(_))));
    }
    let late = now().after(Duration::from_secs(601));
    let callback = Callback::from_query(&format!("code=c0de&state={}", one.query["state"])).unwrap();
    assert!(matches!(played.provider.finish(&callback, &one.state, late).await, Err(OidcError::Callback(_))));
    assert_eq!(played.answers.count("/token"), 0);
}

#[tokio::test]
async fn settings_that_cannot_work() {
    let good = OidcSettings {
        issuer: "https://id.example".to_owned(),
        client_id: CLIENT.to_owned(),
        ..OidcSettings::default()
    };
    OidcProvider::new(good.clone()).unwrap();
    let refused = |key: &str, change: &dyn Fn(&mut OidcSettings)| {
        let mut settings = good.clone();
        change(&mut settings);
        let error = OidcProvider::new(settings).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{key}:")), "{error}");
    };
    refused("issuer", &|it| it.issuer = "http://id.example".to_owned());
    refused("client_id", &|it| it.client_id = String::new());
    refused("client_secret", &|it| it.client_secret = Some(Secret::default()));
    refused("username_claim", &|it| it.username_claim = String::new());
    refused("admin_group", &|it| it.admin_group = Some("admins".to_owned()));
    refused("scopes", &|it| it.scopes = vec!["a b".to_owned()]);
    refused("ca_file", &|it| it.ca_file = Some("/nowhere/ca.pem".into()));
    assert!("secret".parse::<ClientAuthentication>().is_err());
}
