//! Tokens that we issue ourselves.

use super::*;
use crate::{CallerKind, IssuerSettings, KeyRotation, SigningKey, SigningKeys, TokenIssuer, TokenRights};

const DAY: i64 = 24 * 3600;

fn key(seconds: i64) -> SigningKey {
    SigningKey::generate(at(seconds)).unwrap()
}

fn kept(key: &SigningKey) -> SigningKey {
    SigningKey::from_private_key(key.private_key(), key.created_at()).unwrap()
}

fn keys(keys: &[&SigningKey]) -> SigningKeys {
    SigningKeys::new(keys.iter().map(|key| kept(key))).unwrap()
}

fn issuer(keys: SigningKeys) -> TokenIssuer {
    let settings = IssuerSettings {
        issuer: "auth.example".to_owned(),
        service: "registry.example".to_owned(),
        lifetime: Duration::from_secs(300),
        rotation: KeyRotation::default(),
    };
    TokenIssuer::new(settings, keys)
}

fn push() -> Vec<Scope> {
    vec![Scope::repository(&"team/app".parse().unwrap(), &[Action::Pull, Action::Push]), Scope::Catalog]
}

#[test]
fn what_is_issued_is_verified() {
    let own = key(NOW - DAY);
    let issuer = issuer(keys(&[&own]));
    let verifier = TokenVerifier::of_own_keys(settings(), &issuer.keys());
    let issued = issuer.issue("ann", &push(), at(NOW)).unwrap();
    assert_eq!((issued.expires_in, issued.issued_at), (Duration::from_secs(300), at(NOW)));
    assert_eq!(format!("{:?}", issued.token), "***");

    let token = issued.token.reveal();
    let caller = verifier.verify(token, at(NOW)).unwrap();
    assert_eq!(caller.name.as_deref(), Some("ann"));
    let (app, other) = ("team/app".parse().unwrap(), "team/other".parse().unwrap());
    assert!(caller.may(Action::Pull, &app) && caller.may(Action::Push, &app) && caller.may_read_catalog());
    assert!(!caller.may(Action::Delete, &app) && !caller.may(Action::Pull, &other));
    assert_eq!(verifier.authenticate(Some(&format!("Bearer {token}")), at(NOW + 359)).unwrap(), caller);
    assert_eq!(reason(verifier.verify(token, at(NOW + 360))), "expired");

    let nobody = issuer.issue("", &[], at(NOW)).unwrap();
    assert_ne!(nobody.id, issued.id);
    let nobody = verifier.verify(nobody.token.reveal(), at(NOW)).unwrap();
    assert_eq!(nobody.name, None);
    assert_eq!(nobody.permissions, Permissions::Granted { repositories: [].into(), catalog: false });
}

#[test]
fn a_token_holds_no_longer_than_what_it_was_made_from() {
    let own = key(NOW - DAY);
    let issuer = issuer(keys(&[&own]));
    let check = |until: i64, lifetime: u64| {
        let issued = issuer
            .issue_until(("ann", CallerKind::Person), TokenRights::default(), at(NOW), Some(at(until)))
            .unwrap();
        assert_eq!(issued.expires_in, Duration::from_secs(lifetime), "{until}");
        let verifier = TokenVerifier::of_own_keys(settings(), &issuer.keys());
        let end = NOW + i64::try_from(lifetime).unwrap() + 60;
        assert!(verifier.verify(issued.token.reveal(), at(end - 1)).is_ok());
        assert_eq!(reason(verifier.verify(issued.token.reveal(), at(end))), "expired");
    };
    check(NOW + 1000, 300);
    check(NOW + 100, 100);
    check(NOW + 10, 60);
    check(NOW - 10, 60);
}

/// The claims of distribution's specification ("Token Authentication Implementation"), as others read them.
#[test]
fn tokens_have_distributions_form() {
    let own = key(NOW - DAY);
    let issued = issuer(keys(&[&own])).issue("ann", &push(), at(NOW)).unwrap();
    let part = |n: usize| -> Value {
        let part = issued.token.reveal().split('.').nth(n).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    assert_eq!(part(0), json!({"alg": "EdDSA", "typ": "JWT", "kid": own.id()}));
    assert_eq!(
        part(1),
        json!({
            "iss": "auth.example", "sub": "ann", "aud": "registry.example", "jti": issued.id,
            "exp": NOW + 300, "nbf": NOW, "iat": NOW,
            "access": [
                {"type": "repository", "name": "team/app", "actions": ["pull", "push"]},
                {"type": "registry", "name": "catalog", "actions": ["*"]},
            ],
        })
    );
}

#[test]
fn forged_and_foreign_tokens_are_refused() {
    let (own, mallorys) = (key(NOW - DAY), key(NOW - DAY));
    let verifier = TokenVerifier::of_own_keys(settings(), &keys(&[&own]));
    let refused = |token: &str| reason(verifier.verify(token, at(NOW)));
    let signed = |header: &Header, claims: &Value, key: &EncodingKey| {
        jsonwebtoken::encode(header, claims, key).unwrap()
    };
    let named = header(Algorithm::EdDSA, own.id());
    assert!(verifier.verify(&signed(&named, &claims(), &own.encoding), at(NOW)).is_ok());

    assert_eq!(refused(&signed(&named, &claims(), &mallorys.encoding)), "the signature does not match");
    let foreign = issuer(keys(&[&mallorys])).issue("root", &push(), at(NOW)).unwrap();
    assert!(refused(foreign.token.reveal()).starts_with("signed by an unknown key"));
    let brought = Header { jwk: Some(mallorys.public().clone()), ..named.clone() };
    assert!(
        refused(&signed(&brought, &claims(), &mallorys.encoding)).starts_with("signed by an unknown key")
    );

    for (claim, value, wanted) in [
        ("aud", json!("other"), "meant for"),
        ("iss", json!("other"), "issued by"),
        ("exp", json!(NOW - 61), "expired"),
        ("nbf", json!(NOW + 61), "not valid yet"),
    ] {
        let mut claims = claims();
        claims[claim] = value;
        assert!(refused(&signed(&named, &claims, &own.encoding)).starts_with(wanted), "{claim}");
    }

    // Another algorithm: the public key as a shared secret, none at all, another kind of key.
    let public = match &own.public().algorithm {
        jsonwebtoken::jwk::AlgorithmParameters::OctetKeyPair(pair) => {
            URL_SAFE_NO_PAD.decode(&pair.x).unwrap()
        }
        other => panic!("{other:?}"),
    };
    let shared = signed(&header(Algorithm::HS256, own.id()), &claims(), &EncodingKey::from_secret(&public));
    assert_eq!(refused(&shared), "signed by HS256, which is not accepted");
    let curve = Service::new(&rcgen::PKCS_ECDSA_P256_SHA256);
    let es256 = signed(&header(Algorithm::ES256, own.id()), &claims(), &curve.encoding_key());
    assert_eq!(refused(&es256), "signed by ES256, which is not accepted");
    let none = URL_SAFE_NO_PAD.encode(json!({"alg": "none", "kid": own.id()}).to_string());
    let payload = URL_SAFE_NO_PAD.encode(claims().to_string());
    assert!(refused(&format!("{none}.{payload}.")).contains("unknown variant `none`"));

    let critical = Header { crit: Some(vec!["b64".to_owned()]), ..named };
    assert!(refused(&signed(&critical, &claims(), &own.encoding)).contains("crit"));
    assert_eq!(refused(&"a".repeat(TOKEN_BYTES_MAX + 1)), "the token is too long");
}

#[test]
fn swapped_keys_hold_at_once() {
    let (old, new) = (key(NOW - 2 * DAY), key(NOW - DAY));
    let issuer = issuer(keys(&[&old]));
    let verifier = TokenVerifier::of_own_keys(settings(), &issuer.keys());
    let by_old = issuer.issue("ann", &push(), at(NOW)).unwrap();
    verifier.verify(by_old.token.reveal(), at(NOW)).unwrap();

    // Both verify; the newer signs.
    issuer.swap_keys(keys(&[&old, &new]));
    verifier.swap_keys(&issuer.keys());
    assert!(verifier.lock().len() == 0, "what was remembered is looked at again");
    let by_new = issuer.issue("ann", &push(), at(NOW)).unwrap();
    for token in [&by_old, &by_new] {
        verifier.verify(token.token.reveal(), at(NOW)).unwrap();
    }

    // The older is withdrawn: its token is refused although it was found good a moment ago.
    verifier.swap_keys(&keys(&[&new]));
    assert!(reason(verifier.verify(by_old.token.reveal(), at(NOW))).starts_with("signed by an unknown key"));
    verifier.verify(by_new.token.reveal(), at(NOW)).unwrap();
}

/// A token that was checked while the keys were swapped must not be remembered as good by the new ones.
#[test]
fn what_old_keys_verified_is_not_remembered_for_new_ones() {
    let (old, new) = (key(NOW - 2 * DAY), key(NOW - DAY));
    let verifier = TokenVerifier::of_own_keys(settings(), &keys(&[&old]));
    let before = verifier.keys.load_full();
    verifier.swap_keys(&keys(&[&new]));
    verifier.remember("token", Caller::anonymous(), at(NOW + 300), &before);
    assert!(verifier.lock().len() == 0);
}

#[test]
fn keys_follow_each_other() {
    let rotation = KeyRotation::default();
    let (first, second) = (key(0), key(30 * DAY));
    let one = keys(&[&first]);
    assert_eq!(one.signing(&rotation, at(0)).id(), first.id(), "the only one signs at once");
    assert!(!one.is_due(&rotation, at(30 * DAY - 1)) && one.is_due(&rotation, at(30 * DAY)));

    let both = keys(&[&first, &second]);
    assert!(!both.is_due(&rotation, at(30 * DAY)));
    let (known, gone) = (30 * DAY + 300, 30 * DAY + 300 + 3600);
    assert_eq!(both.signing(&rotation, at(known - 1)).id(), first.id(), "others don't know the new one yet");
    assert_eq!(both.signing(&rotation, at(known)).id(), second.id());
    assert!(both.retired(&rotation, at(gone - 1)).is_empty(), "its last tokens still hold");
    let retired: Vec<_> = both.retired(&rotation, at(gone)).iter().map(|key| key.id().to_owned()).collect();
    assert_eq!(retired, [first.id()]);
    assert!(SigningKeys::new([]).is_err());
}

#[test]
fn keys_are_kept_and_published() {
    let own = key(NOW);
    let again = kept(&own);
    assert_eq!((again.id(), again.created_at()), (own.id(), own.created_at()));
    assert!(SigningKey::from_private_key(b"no key", at(NOW)).is_err());
    assert!(!format!("{own:?}").contains("private"));

    // Whoever gets the published set can verify our tokens, as of any other token service.
    let set = serde_json::to_value(keys(&[&own]).jwks()).unwrap();
    let published = &set["keys"][0];
    assert_eq!(published["kid"], json!(own.id()));
    assert_eq!((&published["kty"], &published["crv"]), (&json!("OKP"), &json!("Ed25519")));
    assert_eq!((&published["use"], &published["alg"]), (&json!("sig"), &json!("EdDSA")));
    assert_eq!(published.get("d"), None, "the private half stays here");
    let set = file(&set.to_string());
    let elsewhere =
        TokenVerifier::new(TokenSettings { jwks: Some(set.path().to_owned()), ..settings() }).unwrap();
    let token = issuer(keys(&[&own])).issue("ann", &push(), at(NOW)).unwrap();
    elsewhere.verify(token.token.reveal(), at(NOW)).unwrap();
}

/// RFC 8037, appendix A.3: the thumbprint of the key of appendix A.2.
#[test]
fn ids_are_thumbprints() {
    // PKCS #8 of the private key of appendix A.1.
    let seed = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
    let mut private = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
    private.extend(seed);
    let key = SigningKey::from_private_key(&private, at(NOW)).unwrap();
    assert_eq!(key.id(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn tokens_say_what_their_bearer_is() {
    let own = key(NOW);
    let issuer = issuer(keys(&[&own]));
    let verifier = TokenVerifier::of_own_keys(settings(), &issuer.keys());
    for kind in [CallerKind::Person, CallerKind::Administrator, CallerKind::Robot] {
        let token = issuer.issue_until(("ann", kind), TokenRights::default(), at(NOW), None).unwrap().token;
        // The second time it comes from memory.
        for _ in 0..2 {
            assert_eq!(verifier.verify(token.reveal(), at(NOW)).unwrap().kind, kind);
        }
    }
}

#[test]
fn what_depends_on_conditions_is_not_allowed_by_itself() {
    let own = key(NOW);
    let issuer = issuer(keys(&[&own]));
    let verifier = TokenVerifier::of_own_keys(settings(), &issuer.keys());
    let (app, tool) = ("team/app".parse().unwrap(), "team/tool".parse().unwrap());
    let always = [Scope::repository(&app, &[Action::Pull])];
    let on_condition =
        [Scope::repository(&app, &[Action::Push]), Scope::repository(&tool, &[Action::Pull]), Scope::Catalog];
    let rights = TokenRights { always: &always, on_condition: &on_condition };
    let issued = issuer.issue_until(("ann", CallerKind::Person), rights, at(NOW), None).unwrap();
    let caller = verifier.verify(issued.token.reveal(), at(NOW)).unwrap();
    assert!(caller.may(Action::Pull, &app));
    assert!(
        !caller.may(Action::Push, &app) && !caller.may(Action::Pull, &tool) && !caller.may_read_catalog()
    );
    let asked: Vec<_> = caller.rights_on_condition().map(|right| right.repository.as_str()).collect();
    assert_eq!(asked, ["team/app", "team/tool"]);
    // Others who verify our tokens look at `access` alone.
    let payload = issued.token.reveal().split('.').nth(1).unwrap();
    let claims: serde_json::Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    assert_eq!(claims["access"].as_array().unwrap().len(), 1);
    assert_eq!(claims["longshore_conditional"].as_array().unwrap().len(), 3);
}
