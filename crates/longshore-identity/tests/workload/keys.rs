//! Where an issuer's keys come from, and how often.

use std::time::Duration;

use longshore_identity::{
    FetchError, SettingsError, TokenError,
    workload::{TrustIssuerSettings, TrustSettings, Workload, WorkloadError, Workloads},
};
use longshore_testkit::{Answer, Answers, Certificate, TokenSigner, within};
use serde_json::{Value, json};

use crate::support::{AUDIENCE, Offline, now, now_seconds, write_keys};

fn settings(answers: &Answers, change: impl FnOnce(&mut TrustIssuerSettings)) -> TrustSettings {
    let mut issuer = TrustIssuerSettings::new(answers.url());
    change(&mut issuer);
    TrustSettings { issuers: vec![issuer], domains: Vec::new() }
}

fn workloads(answers: &Answers, change: impl FnOnce(&mut TrustIssuerSettings)) -> Workloads {
    Workloads::new(&settings(answers, change)).unwrap()
}

fn claims(answers: &Answers) -> Value {
    json!({ "iss": answers.url(), "aud": AUDIENCE, "sub": "somebody", "exp": now_seconds() + 300 })
}

async fn verify(workloads: &Workloads, token: &str) -> Result<Workload, WorkloadError> {
    within("verification", workloads.verify_token(token, now())).await
}

async fn unavailable(workloads: &Workloads, token: &str) -> FetchError {
    match verify(workloads, token).await {
        Err(WorkloadError::Unavailable(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn token_error(result: Result<Workload, WorkloadError>) -> TokenError {
    match result {
        Err(WorkloadError::Token(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn keys_are_found_by_discovery_and_kept() {
    let answers = Answers::start().await;
    let signer = TokenSigner::es256("one");
    answers.set_issuer(&[signer.jwk()]);
    let workloads = workloads(&answers, |_| {});
    assert!(answers.asked().is_empty());
    for _ in 0..20 {
        verify(&workloads, &signer.sign(&claims(&answers))).await.unwrap();
    }
    assert_eq!((answers.count("/.well-known/openid-configuration"), answers.count("/jwks")), (1, 1));
}

/// RFC 8414 puts it at another place than OpenID does.
#[tokio::test]
async fn discovery_as_oauth_has_it() {
    let answers = Answers::start().await;
    let signer = TokenSigner::es256("one");
    let issuer = format!("{}/tenant", answers.url());
    answers.set(
        "/.well-known/oauth-authorization-server/tenant",
        Answer::json(&json!({ "issuer": issuer, "jwks_uri": format!("{}/jwks", answers.url()) })),
    );
    answers.set_keys(&[signer.jwk()]);
    let workloads = workloads(&answers, |it| it.issuer.clone_from(&issuer));
    let mut claims = claims(&answers);
    claims["iss"] = json!(issuer);
    verify(&workloads, &signer.sign(&claims)).await.unwrap();
}

#[tokio::test]
async fn an_issuer_without_discovery() {
    let answers = Answers::start().await;
    let signer = TokenSigner::es256("one");
    answers.set_keys(&[signer.jwk()]);
    let url = format!("{}/jwks", answers.url());
    let workloads = workloads(&answers, |it| it.jwks_url = Some(url));
    verify(&workloads, &signer.sign(&claims(&answers))).await.unwrap();
    assert_eq!(answers.asked().len(), 1);
}

#[tokio::test]
async fn rotated_keys_are_fetched_when_a_token_needs_them() {
    let answers = Answers::start().await;
    let (one, two) = (TokenSigner::es256("one"), TokenSigner::es256("two"));
    answers.set_issuer(&[one.jwk()]);
    let workloads = workloads(&answers, |it| it.keys_pause = Duration::ZERO);
    verify(&workloads, &one.sign(&claims(&answers))).await.unwrap();
    answers.set_keys(&[two.jwk()]);
    // Until somebody comes with a new one, the old one holds.
    verify(&workloads, &one.sign(&claims(&answers))).await.unwrap();
    verify(&workloads, &two.sign(&claims(&answers))).await.unwrap();
    // Withdrawn.
    assert_eq!(token_error(verify(&workloads, &one.sign(&claims(&answers))).await), TokenError::UnknownKey);
}

/// Who invents key ids must not be able to make us ask, nor keep others from being let in.
#[tokio::test(flavor = "multi_thread")]
async fn made_up_key_ids_ask_only_so_often() {
    let answers = Answers::start().await;
    let signer = TokenSigner::es256("one");
    answers.set_issuer(&[signer.jwk()]);
    let workloads = std::sync::Arc::new(workloads(&answers, |it| it.keys_pause = Duration::from_secs(3600)));
    let mut all = tokio::task::JoinSet::new();
    for number in 0..50 {
        let (workloads, claims) = (workloads.clone(), claims(&answers));
        let forged =
            signer.sign_with(&json!({ "alg": "ES256", "kid": format!("made-up-{number}") }), &claims);
        all.spawn(async move { token_error(verify(&workloads, &forged).await) == TokenError::UnknownKey });
    }
    assert!(all.join_all().await.into_iter().all(|refused| refused));
    assert_eq!(answers.count("/jwks"), 1);
    verify(&workloads, &signer.sign(&claims(&answers))).await.unwrap();
    assert_eq!(answers.count("/jwks"), 1);
}

/// What was fetched stays good while the issuer is away; a newcomer's token waits for nothing but one attempt.
#[tokio::test]
async fn an_issuer_that_goes_away() {
    let answers = Answers::start().await;
    let signer = TokenSigner::es256("one");
    answers.set_issuer(&[signer.jwk()]);
    let workloads = workloads(&answers, |it| it.keys_pause = Duration::ZERO);
    verify(&workloads, &signer.sign(&claims(&answers))).await.unwrap();
    answers.set("/jwks", Answer::bytes("gone").status(503));
    verify(&workloads, &signer.sign(&claims(&answers))).await.unwrap();
    let other = TokenSigner::es256("two");
    assert_eq!(token_error(verify(&workloads, &other.sign(&claims(&answers))).await), TokenError::UnknownKey);
    verify(&workloads, &signer.sign(&claims(&answers))).await.unwrap();
}

#[tokio::test]
async fn an_issuer_that_was_never_there() {
    let answers = Answers::start().await;
    let signer = TokenSigner::es256("one");
    let workloads = workloads(&answers, |_| {});
    let token = signer.sign(&claims(&answers));
    assert!(matches!(unavailable(&workloads, &token).await, FetchError::Status { .. }));
    // Not asked again so soon.
    let asked = answers.asked().len();
    assert!(matches!(unavailable(&workloads, &token).await, FetchError::Recently));
    assert_eq!(answers.asked().len(), asked);
}

/// Who goes away while the keys are being fetched spoils nothing for those who come after.
#[tokio::test]
async fn a_caller_who_goes_away() {
    let answers = Answers::start().await;
    let signer = TokenSigner::es256("one");
    answers.set_issuer(&[signer.jwk()]);
    let workloads = workloads(&answers, |it| it.keys_pause = Duration::from_secs(3600));
    let token = signer.sign(&claims(&answers));
    // Begun, and dropped at its first wait.
    let gone = tokio::time::timeout(Duration::ZERO, workloads.verify_token(&token, now())).await;
    assert!(gone.is_err());
    verify(&workloads, &token).await.unwrap();
    assert_eq!(answers.count("/jwks"), 1);
}

/// Metadata and keys that are not what they should be.
#[tokio::test]
async fn answers_that_are_not_taken() {
    let signer = TokenSigner::es256("one");
    // Good but for its length.
    let big = Answer::json(&json!({ "keys": [signer.jwk()], "more": "a".repeat(2 << 20) }));
    for (name, jwks) in [
        ("too large", big.clone()),
        ("too large, by surprise", big.without_length()),
        ("no JSON", Answer::bytes("<html>")),
        ("no keys", Answer::json(&json!({ "keys": [] }))),
        ("no key set", Answer::json(&json!([]))),
        ("redirected", Answer::bytes("").status(302).header("Location", "/elsewhere")),
        ("an error", Answer::json(&json!({ "keys": [signer.jwk()] })).status(500)),
        ("no answer", Answer::bytes("").hanging()),
    ] {
        let answers = Answers::start().await;
        answers.set_issuer(&[]);
        answers.set("/jwks", jwks);
        answers.set("/elsewhere", Answer::json(&json!({ "keys": [signer.jwk()] })));
        let workloads = workloads(&answers, |it| it.timeout = Duration::from_millis(500));
        let error = unavailable(&workloads, &signer.sign(&claims(&answers))).await;
        assert!(!matches!(error, FetchError::Recently | FetchError::Forbidden(_)), "{name}: {error}");
        assert_eq!(answers.count("/elsewhere"), 0, "{name}");
    }
}

/// Metadata decides where we ask next: only at the issuer, or where the operator said.
#[tokio::test]
async fn metadata_that_leads_elsewhere() {
    let signer = TokenSigner::es256("one");
    let trap = Answers::start().await;
    trap.set_issuer(&[signer.jwk()]);
    for jwks_uri in [
        format!("{}/jwks", trap.url()),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "file:///etc/passwd".to_owned(),
        "/jwks".to_owned(),
    ] {
        let answers = Answers::start().await;
        let metadata = json!({ "issuer": answers.url(), "jwks_uri": jwks_uri });
        answers.set("/.well-known/openid-configuration", Answer::json(&metadata));
        let workloads = workloads(&answers, |_| {});
        let error = unavailable(&workloads, &signer.sign(&claims(&answers))).await;
        assert!(matches!(error, FetchError::Forbidden(_)), "{jwks_uri}: {error}");
    }
    assert!(trap.asked().is_empty());
    // Metadata of somebody else.
    let answers = Answers::start().await;
    let other = json!({ "issuer": "https://other.example", "jwks_uri": format!("{}/jwks", answers.url()) });
    answers.set("/.well-known/openid-configuration", Answer::json(&other));
    answers.set_keys(&[signer.jwk()]);
    let error = unavailable(&workloads(&answers, |_| {}), &signer.sign(&claims(&answers))).await;
    assert!(matches!(error, FetchError::Answer { .. }), "{error}");
    assert_eq!(answers.count("/jwks"), 0);
}

#[tokio::test]
async fn an_issuer_shows_its_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::write(folder.path());
    let others = tempfile::tempdir().unwrap();
    let other = Certificate::write(others.path());
    let signer = TokenSigner::es256("one");
    let answers = Answers::start_encrypted(&certificate).await;
    answers.set_issuer(&[signer.jwk()]);
    let token = signer.sign(&claims(&answers));
    let trusting = |file: Option<&Certificate>| {
        let ca_file = file.map(|certificate| certificate.certificate.clone());
        workloads(&answers, |it| it.ca_file = ca_file)
    };
    verify(&trusting(Some(&certificate)), &token).await.unwrap();
    for file in [None, Some(&other)] {
        assert!(matches!(unavailable(&trusting(file), &token).await, FetchError::Request(_)));
    }
    // An encrypted issuer does not lead to where anybody can listen.
    let plain = Answers::start().await;
    plain.set_keys(&[signer.jwk()]);
    let metadata = json!({ "issuer": answers.url(), "jwks_uri": format!("{}/jwks", plain.url()) });
    answers.set("/.well-known/openid-configuration", Answer::json(&metadata));
    assert!(matches!(unavailable(&trusting(Some(&certificate)), &token).await, FetchError::Forbidden(_)));
    assert!(plain.asked().is_empty());
}

/// Keys that are not for signing tokens, or that are no public keys.
#[tokio::test]
async fn keys_that_do_not_count() {
    let signer = TokenSigner::es256("one");
    let good = signer.jwk();
    let changed = |name: &str, value: Value| {
        let mut key = good.clone();
        key[name] = value;
        key
    };
    let offline = Offline::new("https://ci.example.org", TokenSigner::es256("other"));
    for (name, key) in [
        ("for encryption", changed("use", json!("enc"))),
        ("of SPIFFE", changed("use", json!("jwt-svid"))),
        ("another algorithm", changed("alg", json!("ES384"))),
        ("an algorithm of encryption", changed("alg", json!("ECDH-ES"))),
        ("another curve", changed("crv", json!("P-384"))),
        ("an unknown curve", changed("crv", json!("secp256k1"))),
        ("a private key", changed("d", json!("AAAA"))),
        ("a secret", json!({ "kty": "oct", "k": "AAAA", "kid": "one", "alg": "ES256" })),
        ("no key", json!("one")),
        ("broken", changed("x", json!("!"))),
    ] {
        write_keys(&offline.jwks, &[key, TokenSigner::es256("other").jwk()]);
        let result = offline.verify(&signer.sign(&offline.claims(&json!({})))).await;
        assert_eq!(token_error(result), TokenError::UnknownKey, "{name}");
    }
    // One that is good beside those that are not.
    write_keys(&offline.jwks, &[json!({ "kty": "new", "use": "new" }), json!(null), good.clone()]);
    offline.verify(&signer.sign(&offline.claims(&json!({})))).await.unwrap();
    // Without an id on either side, every key is tried.
    let nameless = changed("kid", json!(null));
    write_keys(&offline.jwks, &[TokenSigner::es256("other").jwk(), nameless]);
    offline.verify(&signer.sign(&offline.claims(&json!({})))).await.unwrap();
    offline.verify(&signer.sign_with(&json!({ "alg": "ES256" }), &offline.claims(&json!({})))).await.unwrap();
}

#[tokio::test]
async fn a_file_of_keys_is_read_again() {
    let offline = Offline::new("https://ci.example.org", TokenSigner::es256("one"));
    let token = |signer: &TokenSigner| signer.sign(&offline.claims(&json!({})));
    offline.verify(&token(&offline.signer)).await.unwrap();
    let two = TokenSigner::new("two", jsonwebtoken::Algorithm::EdDSA);
    write_keys(&offline.jwks, &[two.jwk()]);
    offline.verify(&token(&two)).await.unwrap();
    assert!(offline.verify(&token(&offline.signer)).await.is_err());
    // What cannot be read changes nothing.
    std::fs::write(&offline.jwks, "{").unwrap();
    offline.verify(&token(&two)).await.unwrap();
    std::fs::remove_file(&offline.jwks).unwrap();
    offline.verify(&token(&two)).await.unwrap();
    write_keys(&offline.jwks, &[offline.signer.jwk()]);
    offline.verify(&token(&offline.signer)).await.unwrap();
}

#[tokio::test]
async fn settings_that_cannot_work() {
    let answers = Answers::start().await;
    let refused = |change: fn(&mut TrustIssuerSettings)| -> SettingsError {
        Workloads::new(&settings(&answers, change)).unwrap_err()
    };
    for (key, error) in [
        ("issuer", refused(|it| it.issuer = "http://ci.example.org".to_owned())),
        ("issuer", refused(|it| it.issuer = "ci.example.org".to_owned())),
        ("jwks_url", refused(|it| it.jwks_url = Some("https://elsewhere.example/jwks".to_owned()))),
        ("jwks_file", refused(|it| it.jwks_file = Some("/nowhere/jwks.json".into()))),
        ("ca_file", refused(|it| it.ca_file = Some("/nowhere/ca.pem".into()))),
    ] {
        assert!(error.to_string().starts_with(&format!("{key}:")), "{error}");
    }
    let mut twice = settings(&answers, |_| {});
    twice.issuers.push(twice.issuers[0].clone());
    assert!(Workloads::new(&twice).unwrap_err().to_string().contains("twice"));
}
