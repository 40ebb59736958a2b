//! ID tokens and answers that nobody should believe.

use longshore_identity::{TokenError, oidc::OidcError};
use longshore_testkit::{Answer, TokenSigner, message, sign_by_secret};
use serde_json::json;

use crate::support::{CLIENT, Played, now_seconds};

async fn refusal(played: &Played, id_token: impl FnOnce(&crate::support::Begun) -> String) -> TokenError {
    let begun = played.begin().await;
    played.give(&id_token(&begun));
    match played.finish(&begun).await {
        Err(OidcError::Token(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_honest_token() {
    let played = Played::new().await;
    let begun = played.begin().await;
    played.give(&played.signer.sign(&played.claims(&begun, &json!({ "name": "Ann" }))));
    let login = played.finish(&begun).await.unwrap();
    assert_eq!(login.identity.external_id, format!("{} 1234", played.answers.url()));
    assert_eq!((login.identity.name.as_str(), login.identity.real_name.as_str()), ("ann", "Ann"));
    // Everything was in the token: userinfo was not asked.
    assert_eq!(played.answers.count("/userinfo"), 0);
}

#[tokio::test]
async fn claims_that_are_not_for_this_login() {
    let played = Played::new().await;
    for (change, expected) in [
        (json!({ "iss": "https://other.example" }), TokenError::Issuer("https://other.example".to_owned())),
        (json!({ "aud": "other" }), TokenError::Audience),
        (json!({ "aud": [CLIENT, "other"] }), TokenError::Claim("azp")),
        (json!({ "azp": "other" }), TokenError::Audience),
        (json!({ "exp": now_seconds() - 90 }), TokenError::Expired),
        (json!({ "exp": null }), TokenError::Claim("exp")),
        (json!({ "iat": null }), TokenError::Claim("iat")),
        (json!({ "nonce": "another login's" }), TokenError::Claim("nonce")),
        (json!({ "nonce": null }), TokenError::Claim("nonce")),
        (json!({ "at_hash": "AAAA" }), TokenError::Claim("at_hash")),
        (json!({ "sub": null }), TokenError::Claim("sub")),
    ] {
        let error = refusal(&played, |begun| played.signer.sign(&played.claims(begun, &change))).await;
        assert_eq!(error, expected, "{change}");
    }
}

/// A token of one login does not serve another one.
#[tokio::test]
async fn replayed_to_another_login() {
    let played = Played::new().await;
    let first = played.begin().await;
    let token = played.signer.sign(&played.claims(&first, &json!({})));
    played.give(&token);
    played.finish(&first).await.unwrap();
    assert_eq!(refusal(&played, |_| token).await, TokenError::Claim("nonce"));
}

#[tokio::test]
async fn signatures_of_others() {
    let played = Played::new().await;
    let own = TokenSigner::es256("one");
    let error = refusal(&played, |begun| own.sign(&played.claims(begun, &json!({})))).await;
    assert_eq!(error, TokenError::Signature);
    let unsigned =
        |begun: &_| format!("{}.", message(&json!({ "alg": "none" }), &played.claims(begun, &json!({}))));
    assert_eq!(refusal(&played, unsigned).await, TokenError::Algorithm);
    // The client's secret is for the token endpoint: tokens by it are not accepted, and less so by the public key.
    for secret in [b"s3cret".as_slice(), played.signer.public_key()] {
        let error =
            refusal(&played, |begun| sign_by_secret(secret, "one", &played.claims(begun, &json!({})))).await;
        assert_eq!(error, TokenError::Algorithm);
    }
    let error = refusal(&played, |_| "no token".to_owned()).await;
    assert!(matches!(error, TokenError::Malformed(_)));
    let begun = played.begin().await;
    played.answers.set("/token", Answer::json(&json!({ "access_token": "access" })));
    assert!(matches!(played.finish(&begun).await, Err(OidcError::Token(_))));
}

/// Userinfo is not signed: what it says counts only of the same user, and never against the token.
#[tokio::test]
async fn userinfo_of_somebody_else() {
    let played = Played::with(|it| {
        it.groups_claim = Some("groups".to_owned());
        it.admin_group = Some("admins".to_owned());
    })
    .await;
    for (userinfo, expected) in [
        (json!({ "sub": "1234", "groups": ["admins"], "preferred_username": "eve" }), Ok(true)),
        (json!({ "sub": "1234", "groups": ["dev"] }), Ok(false)),
        (json!({ "sub": "5678", "groups": ["admins"] }), Err(())),
        (json!({ "groups": ["admins"] }), Err(())),
    ] {
        let begun = played.begin().await;
        played.give(&played.signer.sign(&played.claims(&begun, &json!({}))));
        played.answers.set("/userinfo", Answer::json(&userinfo));
        match (played.finish(&begun).await, expected) {
            (Ok(login), Ok(admin)) => {
                assert_eq!(
                    (login.identity.name.as_str(), login.identity.admin),
                    ("ann", admin),
                    "{userinfo}"
                );
            }
            (Err(OidcError::Subject), Err(())) => {}
            other => panic!("{other:?} for {userinfo}"),
        }
    }
    let asked = played.answers.asked();
    let userinfo = asked.iter().find(|asked| asked.target == "/userinfo").unwrap();
    assert!(userinfo.head.to_lowercase().contains("authorization: bearer access"), "{}", userinfo.head);
}
