//! Asking again about somebody who logged in before.

use longshore_identity::{Secret, oidc::OidcError};
use longshore_testkit::Answer;
use serde_json::{Value, json};

use crate::support::{Played, now};

async fn renew(played: &Played, tokens: &Value) -> Result<longshore_identity::oidc::OidcLogin, OidcError> {
    played.answers.set("/token", Answer::json(tokens));
    let external_id = format!("{} 1234", played.answers.url());
    played.provider.refresh(&Secret::new("r-1"), &external_id, now()).await
}

#[tokio::test]
async fn with_an_id_token() {
    let played = Played::new().await;
    let begun = played.begin().await;
    let id_token = |change| played.signer.sign(&played.claims(&begun, &change));
    let tokens =
        |id_token: String| json!({ "access_token": "a", "id_token": id_token, "refresh_token": "r-2" });
    // A renewed token has no nonce, or the first one's.
    for change in [json!({ "nonce": null }), json!({})] {
        let login = renew(&played, &tokens(id_token(change))).await.unwrap();
        assert_eq!(login.identity.name, "ann");
        assert_eq!(login.refresh_token, Some(Secret::new("r-2")));
    }
    let asked = played.answers.asked();
    let form = &asked.iter().rfind(|asked| asked.target == "/token").unwrap().body;
    assert_eq!(form, "grant_type=refresh_token&refresh_token=r-1");
    let other = renew(&played, &tokens(id_token(json!({ "sub": "5678" })))).await;
    assert!(matches!(other, Err(OidcError::Subject)), "{other:?}");
    let expired = renew(&played, &tokens(id_token(json!({ "exp": 5 })))).await;
    assert!(matches!(expired, Err(OidcError::Token(_))), "{expired:?}");
}

#[tokio::test]
async fn without_one_userinfo_speaks() {
    let played = Played::with(|it| it.groups_claim = Some("groups".to_owned())).await;
    played.begin().await;
    let tokens = json!({ "access_token": "a" });
    let userinfo = |subject: &str| {
        let claims = json!({ "sub": subject, "preferred_username": "ann", "groups": ["dev"] });
        played.answers.set("/userinfo", Answer::json(&claims));
    };
    userinfo("1234");
    let login = renew(&played, &tokens).await.unwrap();
    assert_eq!(login.identity.groups.len(), 1);
    // The former one stays good.
    assert_eq!(login.refresh_token, Some(Secret::new("r-1")));
    userinfo("5678");
    assert!(matches!(renew(&played, &tokens).await, Err(OidcError::Subject)));
    // Nobody says who it is.
    assert!(matches!(renew(&played, &json!({})).await, Err(OidcError::Subject)));
}

#[tokio::test]
async fn somebody_whom_the_provider_knows_no_more() {
    let played = Played::new().await;
    played.answers.set("/token", Answer::json(&json!({ "error": "invalid_grant" })).status(400));
    let external_id = format!("{} 1234", played.answers.url());
    let result = played.provider.refresh(&Secret::new("r-1"), &external_id, now()).await;
    assert!(matches!(result, Err(OidcError::Refused { .. })), "{result:?}");
    // Somebody of another provider is not asked about here.
    let result = played.provider.refresh(&Secret::new("r-1"), "https://other.example 1234", now()).await;
    assert!(result.is_err());
}
