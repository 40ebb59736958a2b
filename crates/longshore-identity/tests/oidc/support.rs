//! A provider that a test plays, and somebody who logs in at it.

use std::{collections::HashMap, time::SystemTime};

use longshore_identity::{
    Secret,
    oidc::{Callback, LoginState, OidcError, OidcLogin, OidcProvider, OidcSettings},
};
use longshore_testkit::{Answer, Answers, TokenSigner, within};
use longshore_types::Timestamp;
use serde_json::{Value, json};

pub(crate) const REDIRECT: &str = "https://registry.example.org/c/oidc/callback";
pub(crate) const CLIENT: &str = "longshore";

pub(crate) fn now() -> Timestamp {
    SystemTime::now().into()
}

pub(crate) fn now_seconds() -> i64 {
    now().unix_millis() / 1000
}

/// The provider, and us as its client.
pub(crate) struct Played {
    pub(crate) answers: Answers,
    pub(crate) signer: TokenSigner,
    pub(crate) provider: OidcProvider,
}

/// A login that was begun.
pub(crate) struct Begun {
    pub(crate) state: LoginState,
    /// What the browser was sent with.
    pub(crate) query: HashMap<String, String>,
}

impl Played {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut OidcSettings)) -> Self {
        let answers = Answers::start().await;
        let signer = TokenSigner::es256("one");
        answers.set_issuer(&[signer.jwk()]);
        let mut settings = OidcSettings {
            issuer: answers.url(),
            client_id: CLIENT.to_owned(),
            client_secret: Some(Secret::new("s3cret")),
            ..OidcSettings::default()
        };
        change(&mut settings);
        Self { provider: OidcProvider::new(settings).unwrap(), answers, signer }
    }

    pub(crate) async fn begin(&self) -> Begun {
        let (url, state) = self.provider.begin(REDIRECT, now()).await.unwrap();
        Begun { state, query: url.query_pairs().into_owned().collect() }
    }

    /// Claims that are in order, changed by `change`; null takes one away.
    pub(crate) fn claims(&self, begun: &Begun, change: &Value) -> Value {
        let mut claims = json!({
            "iss": self.answers.url(), "sub": "1234", "aud": CLIENT, "nonce": begun.query["nonce"],
            "iat": now_seconds(), "exp": now_seconds() + 300,
            "preferred_username": "ann", "email": "ann@example.org",
        });
        merge(&mut claims, change);
        claims
    }

    /// What the token endpoint says from now on.
    pub(crate) fn give(&self, id_token: &str) {
        let tokens = json!({ "access_token": "access", "token_type": "Bearer", "id_token": id_token });
        self.answers.set("/token", Answer::json(&tokens));
    }

    /// Comes back with a code.
    pub(crate) async fn finish(&self, begun: &Begun) -> Result<OidcLogin, OidcError> {
        let callback = Callback::from_query(&format!("code=c0de&state={}", begun.query["state"])).unwrap();
        within("the login", self.provider.finish(&callback, &begun.state, now())).await
    }
}

pub(crate) fn merge(claims: &mut Value, change: &Value) {
    let claims = claims.as_object_mut().unwrap();
    for (name, value) in change.as_object().unwrap() {
        match value {
            Value::Null => claims.remove(name),
            value => claims.insert(name.clone(), value.clone()),
        };
    }
}
