//! Tokens that nobody should believe.

use longshore_identity::{TokenError, workload::WorkloadError};
use longshore_testkit::{TokenSigner, message, sign_by_secret};
use serde_json::{Value, json};

use crate::support::{AUDIENCE, Offline, now, now_seconds, rule};

const ISSUER: &str = "https://ci.example.org";

fn offline() -> Offline {
    Offline::new(ISSUER, TokenSigner::es256("key-1"))
}

async fn refusal(offline: &Offline, token: &str) -> TokenError {
    match offline.verify(token).await {
        Err(WorkloadError::Token(error)) => error,
        other => panic!("{other:?} for {token}"),
    }
}

#[tokio::test]
async fn the_honest_token() {
    let offline = offline();
    let token = offline.signer.sign(&offline.claims(&json!({ "jti": "t-1" })));
    let workload = offline.verify(&token).await.unwrap();
    assert_eq!((workload.subject(), workload.token_id()), ("somebody", Some("t-1")));
    assert_eq!(workload.audiences(), Some([AUDIENCE.to_owned()].as_slice()));
    assert_eq!(workload.expires().map(|time| time.unix_millis() / 1000), Some(now_seconds() + 300));
}

#[tokio::test]
async fn changed_after_it_was_signed() {
    let offline = offline();
    let token = offline.signer.sign(&offline.claims(&json!({})));
    let (head, rest) = token.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let forged = message(&json!({}), &offline.claims(&json!({ "sub": "admin" })));
    let payload = forged.split_once('.').unwrap().1;
    assert_eq!(refusal(&offline, &format!("{head}.{payload}.{signature}")).await, TokenError::Signature);
    assert_eq!(refusal(&offline, &format!("{head}.{rest}A")).await, TokenError::Signature);
    // Each byte of the signature counts.
    for place in 0..signature.len() {
        let mut bytes = signature.as_bytes().to_vec();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let changed = format!("{}.{}", token.rsplit_once('.').unwrap().0, String::from_utf8(bytes).unwrap());
        assert_eq!(refusal(&offline, &changed).await, TokenError::Signature, "at {place}");
    }
}

#[tokio::test]
async fn not_signed_at_all() {
    let offline = offline();
    for algorithm in [json!("none"), json!("None"), json!("nOnE"), json!(""), json!(null), json!(["ES256"])] {
        let unsigned = message(&json!({ "alg": algorithm, "kid": "key-1" }), &offline.claims(&json!({})));
        assert_eq!(refusal(&offline, &format!("{unsigned}.")).await, TokenError::Algorithm, "{algorithm}");
        assert_eq!(
            refusal(&offline, &format!("{unsigned}.AAAA")).await,
            TokenError::Algorithm,
            "{algorithm}"
        );
    }
    let without = message(&json!({ "kid": "key-1" }), &offline.claims(&json!({})));
    assert_eq!(refusal(&offline, &format!("{without}.")).await, TokenError::Algorithm);
    let empty = message(&json!({ "alg": "ES256", "kid": "key-1" }), &offline.claims(&json!({})));
    assert_eq!(refusal(&offline, &format!("{empty}.")).await, TokenError::Signature);
}

/// The public key is public: whoever takes its bytes for a secret gets a signature that must mean nothing.
#[tokio::test]
async fn the_public_key_as_a_secret() {
    for signer in [TokenSigner::rs256("key-1"), TokenSigner::es256("key-1")] {
        let jwk = signer.jwk().to_string();
        let public = signer.public_key().to_vec();
        let offline = Offline::new(ISSUER, signer);
        for secret in [public.as_slice(), jwk.as_bytes(), b""] {
            let token = sign_by_secret(secret, "key-1", &offline.claims(&json!({})));
            assert_eq!(refusal(&offline, &token).await, TokenError::Algorithm);
        }
    }
}

/// A token says which algorithm was used; the key decides whether that can be.
#[tokio::test]
async fn algorithms_that_are_not_the_keys() {
    let offline = offline();
    for algorithm in ["RS256", "PS256", "ES384", "EdDSA"] {
        let header = json!({ "alg": algorithm, "kid": "key-1" });
        let token = offline.signer.sign_with(&header, &offline.claims(&json!({})));
        assert_eq!(refusal(&offline, &token).await, TokenError::UnknownKey, "{algorithm}");
    }
    for algorithm in ["HS256", "ES256K", "RSA-OAEP", "dir", "es256"] {
        let header = json!({ "alg": algorithm, "kid": "key-1" });
        let token = offline.signer.sign_with(&header, &offline.claims(&json!({})));
        assert_eq!(refusal(&offline, &token).await, TokenError::Algorithm, "{algorithm}");
    }
    // A key that says what it is for is for nothing else of its kind.
    let signer = TokenSigner::rs256("key-1");
    let offline = Offline::new(ISSUER, signer);
    let header = json!({ "alg": "RS512", "kid": "key-1" });
    let token = offline.signer.sign_with(&header, &offline.claims(&json!({})));
    assert_eq!(refusal(&offline, &token).await, TokenError::UnknownKey);
}

/// Keys that a token brings along are those of whoever made it.
#[tokio::test]
async fn keys_in_the_token() {
    let offline = offline();
    let own = TokenSigner::es256("own");
    for header in [
        json!({ "alg": "ES256", "kid": "own", "jwk": own.jwk() }),
        json!({ "alg": "ES256", "kid": "own", "jku": "https://evil.example/jwks" }),
        json!({ "alg": "ES256", "jwk": own.jwk() }),
        json!({ "alg": "ES256", "kid": "../../key-1" }),
    ] {
        let token = own.sign_with(&header, &offline.claims(&json!({})));
        assert_eq!(refusal(&offline, &token).await, TokenError::UnknownKey, "{header}");
    }
    // The right name, another's key.
    let header = json!({ "alg": "ES256", "kid": "key-1", "jwk": own.jwk() });
    assert_eq!(
        refusal(&offline, &own.sign_with(&header, &offline.claims(&json!({})))).await,
        TokenError::Signature
    );
}

#[tokio::test]
async fn headers_that_ask_for_more() {
    let offline = offline();
    for more in [
        json!({ "crit": ["b64"] }),
        json!({ "crit": [] }),
        json!({ "b64": false }),
        json!({ "enc": "A128GCM" }),
        json!({ "kid": 1 }),
    ] {
        let mut header = json!({ "alg": "ES256", "kid": "key-1" });
        crate::support::merge(&mut header, &more);
        let token = offline.signer.sign_with(&header, &offline.claims(&json!({})));
        assert!(matches!(refusal(&offline, &token).await, TokenError::Malformed(_)), "{more}");
    }
}

#[tokio::test]
async fn the_wrong_time_and_missing_claims() {
    let offline = offline();
    let seconds = now_seconds();
    for (change, expected) in [
        (json!({ "exp": seconds - 90 }), TokenError::Expired),
        (json!({ "exp": 0 }), TokenError::Expired),
        (json!({ "exp": null }), TokenError::Claim("exp")),
        (json!({ "exp": "soon" }), TokenError::Claim("exp")),
        (json!({ "nbf": seconds + 90 }), TokenError::NotYetValid),
        (json!({ "iat": seconds + 90 }), TokenError::NotYetValid),
        (json!({ "sub": null }), TokenError::Claim("sub")),
        (json!({ "sub": 5 }), TokenError::Claim("sub")),
        (json!({ "aud": null }), TokenError::Claim("aud")),
        (json!({ "aud": [] }), TokenError::Claim("aud")),
        (json!({ "aud": 5 }), TokenError::Claim("aud")),
        (
            json!({ "iss": "https://ci.example.org/" }),
            TokenError::Issuer("https://ci.example.org/".to_owned()),
        ),
        (json!({ "iss": null }), TokenError::Issuer(String::new())),
        (json!({ "iss": [ISSUER] }), TokenError::Issuer(String::new())),
    ] {
        let token = offline.signer.sign(&offline.claims(&change));
        assert_eq!(refusal(&offline, &token).await, expected, "{change}");
    }
    // Good now is not good later.
    let token = offline.signer.sign(&offline.claims(&json!({})));
    let later = now_seconds() + 361;
    let later = longshore_types::Timestamp::from_unix_millis(later * 1000);
    assert!(offline.workloads.verify_token(&token, now()).await.is_ok());
    assert!(offline.workloads.verify_token(&token, later).await.is_err());
}

/// A token that was made for somebody else is one, and no rule here takes it.
#[tokio::test]
async fn made_for_somebody_else() {
    let offline = offline();
    let rule = rule(ISSUER, &[("sub", "somebody")]);
    for (audience, expected) in [
        (json!(AUDIENCE), true),
        (json!(["https://other.example", AUDIENCE]), true),
        (json!("https://other.example"), false),
        (json!("https://registry.example.org/"), false),
        (json!("https://registry.example.org.evil.example"), false),
        (json!(["https://other.example"]), false),
    ] {
        let token = offline.signer.sign(&offline.claims(&json!({ "aud": audience })));
        assert_eq!(rule.matches(&offline.verify(&token).await.unwrap()), expected, "{audience}");
    }
}

/// One issuer's key does not sign for another.
#[tokio::test]
async fn signed_by_another_issuer() {
    let (one, two) = (offline(), Offline::new("https://other.example", TokenSigner::es256("key-1")));
    let token = two.signer.sign(&one.claims(&json!({})));
    assert_eq!(refusal(&one, &token).await, TokenError::Signature);
    assert!(matches!(refusal(&two, &token).await, TokenError::Issuer(_)));
}

#[tokio::test]
async fn what_is_no_token() {
    let offline = offline();
    let good = offline.signer.sign(&offline.claims(&json!({})));
    let too_long = offline.signer.sign(&offline.claims(&json!({ "more": "a".repeat(32 << 10) })));
    assert_eq!(refusal(&offline, &too_long).await, TokenError::TooLong);
    assert_eq!(refusal(&offline, &"a.".repeat(1 << 20)).await, TokenError::TooLong);
    for bad in [
        "",
        ".",
        "..",
        "...",
        "a",
        "a.b",
        "a.b.c",
        "a.b.c.d.e",
        "eyJhbGciOiJFUzI1NiJ9..",
        "eyJhbGciOiJFUzI1NiJ9.e30=.x",
        &format!("{good}.x"),
        &format!(" {good}"),
        &format!("{good}\n"),
        &good.replace('.', ".."),
        "ey\0.e30.x",
        "é.é.é",
    ] {
        let error = refusal(&offline, bad).await;
        assert!(!matches!(error, TokenError::TooLong | TokenError::UnknownKey), "{bad:?}: {error}");
    }
    // Claims that are no object; a bomb of brackets.
    for payload in [json!([]), json!("a"), json!(null), Value::from(1)] {
        let token = offline.signer.sign_with(&json!({ "alg": "ES256", "kid": "key-1" }), &payload);
        assert!(matches!(refusal(&offline, &token).await, TokenError::Malformed(_)), "{payload}");
    }
}
