use std::io::Write as _;

use jsonwebtoken::{EncodingKey, Header};
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::*;
use crate::{Action, Authenticator, ChallengeProblem, Permissions, Scope};

/// Tokens are issued at this second.
const NOW: i64 = 1_800_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_millis(seconds * 1000)
}

/// A token service with its certificate.
struct Service {
    key: KeyPair,
    certificate: Certificate,
}

impl Service {
    fn new(algorithm: &'static rcgen::SignatureAlgorithm) -> Self {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let certificate = parameters().self_signed(&key).unwrap();
        Self { key, certificate }
    }

    fn encoding_key(&self) -> EncodingKey {
        let der = self.key.serialize_der();
        if self.key.algorithm() == &rcgen::PKCS_ED25519 {
            EncodingKey::from_ed_der(&der)
        } else {
            EncodingKey::from_ec_der(&der)
        }
    }

    fn fingerprint(&self) -> String {
        certificate::Certificate::parse(self.certificate.der()).unwrap().fingerprint
    }

    fn verifier(&self) -> TokenVerifier {
        verifier(&self.certificate.pem())
    }
}

fn parameters() -> CertificateParams {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.not_before = rcgen::date_time_ymd(2020, 1, 1);
    parameters.not_after = rcgen::date_time_ymd(2040, 1, 1);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    parameters
}

fn file(content: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    file
}

fn settings() -> TokenSettings {
    TokenSettings {
        realm: "https://auth.example/token".to_owned(),
        service: "registry.example".to_owned(),
        issuer: "auth.example".to_owned(),
        ..TokenSettings::default()
    }
}

fn verifier(pem: &str) -> TokenVerifier {
    let bundle = file(pem);
    TokenVerifier::new(TokenSettings { root_certificates: Some(bundle.path().to_owned()), ..settings() })
        .unwrap()
}

fn claims() -> Value {
    json!({
        "iss": "auth.example", "sub": "ann", "aud": "registry.example",
        "exp": NOW + 300, "nbf": NOW - 10, "iat": NOW,
        "access": [
            {"type": "repository", "name": "team/app", "actions": ["pull", "push"]},
            {"type": "repository", "name": "team/old", "actions": ["*"]},
            {"type": "repository", "name": "Not A Name", "actions": ["pull"]},
            {"type": "registry", "name": "catalog", "actions": ["*"]},
        ],
    })
}

fn header(algorithm: Algorithm, id: &str) -> Header {
    Header { kid: Some(id.to_owned()), ..Header::new(algorithm) }
}

fn sign(header: &Header, claims: &Value, key: &EncodingKey) -> String {
    format!("Bearer {}", jsonwebtoken::encode(header, claims, key).unwrap())
}

fn reason(result: Result<Caller, AuthError>) -> String {
    match result {
        Err(AuthError::Invalid(reason)) => reason.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_good_token_grants_what_it_says() {
    let service = Service::new(&rcgen::PKCS_ECDSA_P256_SHA256);
    let verifier = service.verifier();
    let header = header(Algorithm::ES256, &service.fingerprint());
    let token = sign(&header, &claims(), &service.encoding_key());
    let caller = verifier.authenticate(Some(&token), at(NOW)).unwrap();
    assert_eq!(caller.name.as_deref(), Some("ann"));
    let (app, old) = ("team/app".parse().unwrap(), "team/old".parse().unwrap());
    assert!(caller.may(Action::Pull, &app) && caller.may(Action::Push, &app));
    assert!(!caller.may(Action::Delete, &app), "delete must be granted by name");
    assert!(caller.may(Action::Delete, &old));
    assert!(caller.may_read_catalog());
    assert!(!caller.may(Action::Pull, &"team/other".parse().unwrap()));

    // The second time it is remembered; it is forgotten when it expires.
    assert_eq!(verifier.lock().len(), 1);
    assert_eq!(verifier.authenticate(Some(&token), at(NOW + 359)).unwrap(), caller);
    assert_eq!(reason(verifier.authenticate(Some(&token), at(NOW + 360))), "expired");
}

#[test]
fn claims_are_checked() {
    let service = Service::new(&rcgen::PKCS_ED25519);
    let verifier = service.verifier();
    let check = |claim: &str, value: Value, wanted: Result<(), &str>| {
        let mut claims = claims();
        claims[claim] = value;
        let token = sign(&header(Algorithm::EdDSA, &service.fingerprint()), &claims, &service.encoding_key());
        let result = verifier.authenticate(Some(&token), at(NOW));
        match wanted {
            Ok(()) => drop(result.unwrap_or_else(|error| panic!("{claim}: {error:?}"))),
            Err(wanted) => assert_eq!(reason(result), wanted, "{claim}"),
        }
    };
    check("iss", json!("mallory"), Err("issued by \"mallory\""));
    check("iss", json!(""), Err("issued by \"\""));
    check("aud", json!("other"), Err("meant for One(\"other\")"));
    check("aud", json!(["other", "registry.example"]), Ok(()));
    check("aud", json!([]), Err("meant for Many([])"));
    check("exp", json!(NOW - 61), Err("expired"));
    check("exp", json!(0), Err("expired"));
    check("exp", json!(-1e300), Err("expired"));
    check("exp", json!(NOW - 59), Ok(()));
    check("exp", json!(1e300), Ok(()));
    check("nbf", json!(NOW + 61), Err("not valid yet"));
    check("nbf", json!(NOW + 59), Ok(()));
    check("access", Value::Null, Ok(()));
}

#[test]
fn without_rights_nothing_is_granted() {
    let service = Service::new(&rcgen::PKCS_ECDSA_P384_SHA384);
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove("access");
    claims["sub"] = json!("");
    let token = sign(&header(Algorithm::ES384, &service.fingerprint()), &claims, &service.encoding_key());
    let caller = service.verifier().authenticate(Some(&token), at(NOW)).unwrap();
    assert_eq!(caller.permissions, Permissions::Granted { repositories: [].into(), catalog: false });
    assert_eq!(caller.name, None);
}

#[test]
fn forged_tokens_are_refused() {
    let service = Service::new(&rcgen::PKCS_ECDSA_P256_SHA256);
    let mallory = Service::new(&rcgen::PKCS_ECDSA_P256_SHA256);
    let verifier = service.verifier();
    let good = sign(&header(Algorithm::ES256, &service.fingerprint()), &claims(), &service.encoding_key());
    let refused = |token: &str| reason(verifier.authenticate(Some(token), at(NOW)));

    // Someone else's signature under the right name, and under their own.
    let named = header(Algorithm::ES256, &service.fingerprint());
    assert_eq!(refused(&sign(&named, &claims(), &mallory.encoding_key())), "the signature does not match");
    let own = header(Algorithm::ES256, &mallory.fingerprint());
    assert!(refused(&sign(&own, &claims(), &mallory.encoding_key())).starts_with("signed by an unknown key"));
    let unnamed = Header::new(Algorithm::ES256);
    assert_eq!(
        refused(&sign(&unnamed, &claims(), &service.encoding_key())),
        "the token does not say which key signed it"
    );

    // Changed content.
    let mut parts: Vec<_> = good.split('.').collect();
    let mut changed = claims();
    changed["sub"] = json!("root");
    let changed = URL_SAFE_NO_PAD.encode(changed.to_string());
    parts[1] = &changed;
    assert_eq!(refused(&parts.join(".")), "the signature does not match");

    // No signature at all.
    let none = URL_SAFE_NO_PAD.encode(json!({"alg": "none", "kid": service.fingerprint()}).to_string());
    assert!(refused(&format!("Bearer {none}.{changed}.")).contains("unknown variant `none`"));

    // The public key as a shared secret.
    let secret = EncodingKey::from_secret(service.key.public_key_raw());
    assert_eq!(
        refused(&sign(&header(Algorithm::HS256, &service.fingerprint()), &claims(), &secret)),
        "signed by HS256, which is not accepted"
    );

    // An algorithm of another kind than the key.
    let edwards = Service::new(&rcgen::PKCS_ED25519);
    let confused =
        sign(&header(Algorithm::EdDSA, &service.fingerprint()), &claims(), &edwards.encoding_key());
    assert_eq!(refused(&confused), "InvalidKeyFormat");

    // Extensions that change what a signature means.
    let critical = Header { crit: Some(vec!["b64".to_owned()]), ..named };
    assert!(refused(&sign(&critical, &claims(), &service.encoding_key())).contains("crit"));

    // Neither token nor short.
    for garbage in ["Bearer x", "Bearer ..", "Bearer a.b.c", "Bearer é.é.é"] {
        assert!(!refused(garbage).is_empty(), "{garbage}");
    }
    assert_eq!(refused(&format!("Bearer {}", "a".repeat(TOKEN_BYTES_MAX + 1))), "the token is too long");
    for missing in [None, Some(""), Some("Bearer"), Some("Basic dTpw")] {
        assert!(matches!(verifier.authenticate(missing, at(NOW)), Err(AuthError::Missing)), "{missing:?}");
    }
    assert!(verifier.authenticate(Some(&good), at(NOW)).is_ok());
}

fn chained(chain: &[&Certificate]) -> Header {
    use base64::engine::general_purpose::STANDARD;
    let chain = chain.iter().map(|certificate| STANDARD.encode(certificate.der())).collect();
    Header { x5c: Some(chain), ..Header::new(Algorithm::ES256) }
}

#[test]
fn chains_lead_to_a_trusted_certificate() {
    let new_key = || KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let root = Service::new(&rcgen::PKCS_ECDSA_P256_SHA256);
    let verifier = root.verifier();
    let root_issuer = Issuer::new(parameters(), &root.key);
    let middle_key = new_key();
    let middle = parameters().signed_by(&middle_key, &root_issuer).unwrap();
    let leaf_key = new_key();
    let mut leaf_parameters = parameters();
    leaf_parameters.is_ca = IsCa::ExplicitNoCa;
    let leaf = leaf_parameters.signed_by(&leaf_key, &Issuer::new(parameters(), &middle_key)).unwrap();
    let old_key = new_key();
    leaf_parameters.not_after = rcgen::date_time_ymd(2025, 1, 1);
    let old = leaf_parameters.signed_by(&old_key, &root_issuer).unwrap();
    let stranger = Service::new(&rcgen::PKCS_ECDSA_P256_SHA256);

    let check = |chain: &[&Certificate], key: &KeyPair, wanted: &str| {
        let key = EncodingKey::from_ec_der(&key.serialize_der());
        let result = verifier.authenticate(Some(&sign(&chained(chain), &claims(), &key)), at(NOW));
        match wanted {
            "" => assert!(result.is_ok(), "{result:?}"),
            _ => assert!(reason(result).contains(wanted)),
        }
    };
    check(&[&leaf, &middle], &leaf_key, "");
    check(&[&root.certificate], &root.key, "");
    check(&[&leaf], &leaf_key, "not trusted");
    check(&[&leaf, &middle], &middle_key, "the signature does not match");
    check(&[&old], &old_key, "expired");
    check(&[&stranger.certificate], &stranger.key, "not trusted");
    check(&[], &leaf_key, "a chain of 0");
    check(&[&leaf; 9], &leaf_key, "a chain of 9");
}

#[test]
fn keys_come_from_a_key_set_too() {
    let service = Service::new(&rcgen::PKCS_ECDSA_P256_SHA256);
    let mut jwk =
        jsonwebtoken::jwk::Jwk::from_encoding_key(&service.encoding_key(), Algorithm::ES256).unwrap();
    jwk.common.key_id = Some("key-1".to_owned());
    let set = file(&json!({ "keys": [jwk] }).to_string());
    let with_set = TokenSettings { jwks: Some(set.path().to_owned()), ..settings() };
    let verifier = TokenVerifier::new(with_set.clone()).unwrap();
    let thumbprint = jwk.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256).unwrap();
    for id in ["key-1", &thumbprint] {
        let token = sign(&header(Algorithm::ES256, id), &claims(), &service.encoding_key());
        verifier.authenticate(Some(&token), at(NOW)).unwrap();
    }
    // A key that the token brings along counts when it is one of the set.
    let brought = Header { jwk: Some(jwk.clone()), ..Header::new(Algorithm::ES256) };
    verifier.authenticate(Some(&sign(&brought, &claims(), &service.encoding_key())), at(NOW)).unwrap();
    let mallory = Service::new(&rcgen::PKCS_ECDSA_P256_SHA256);
    let own = jsonwebtoken::jwk::Jwk::from_encoding_key(&mallory.encoding_key(), Algorithm::ES256).unwrap();
    let brought = Header { jwk: Some(own), ..Header::new(Algorithm::ES256) };
    let refused = verifier.authenticate(Some(&sign(&brought, &claims(), &mallory.encoding_key())), at(NOW));
    assert!(reason(refused).starts_with("signed by an unknown key"));

    // Accepted algorithms can be narrowed.
    let narrow = TokenSettings { algorithms: vec!["RS256".to_owned()], ..with_set };
    let token = sign(&header(Algorithm::ES256, "key-1"), &claims(), &service.encoding_key());
    let refused = TokenVerifier::new(narrow).unwrap().authenticate(Some(&token), at(NOW));
    assert_eq!(reason(refused), "signed by ES256, which is not accepted");
}

#[test]
fn keys_that_cannot_work_are_refused_at_the_start() {
    let check = |settings: TokenSettings, wanted: &str| {
        let error = TokenVerifier::new(settings).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    };
    let empty = file("nothing");
    let secret = file(r#"{"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "s"}]}"#);
    let set = |file: &NamedTempFile| TokenSettings { jwks: Some(file.path().to_owned()), ..settings() };
    check(settings(), "without a key no token can be verified");
    check(set(&empty), "not a key set");
    check(set(&secret), "shared secret");
    check(TokenSettings { jwks: Some("/nowhere".into()), ..settings() }, "auth.token.jwks: /nowhere: ");
    check(
        TokenSettings { root_certificates: Some(empty.path().to_owned()), ..settings() },
        "no certificate in it",
    );
    let service = Service::new(&rcgen::PKCS_ED25519);
    let bundle = file(&service.certificate.pem());
    check(
        TokenSettings {
            root_certificates: Some(bundle.path().to_owned()),
            algorithms: vec!["HS256".to_owned()],
            ..settings()
        },
        "\"HS256\" is not supported",
    );
}

#[test]
fn challenges_name_realm_service_and_scope() {
    let service = Service::new(&rcgen::PKCS_ED25519);
    let scope = [Scope::repository(&"team/app".parse().unwrap(), &[Action::Pull])];
    let authenticator = Authenticator::Token(service.verifier().into());
    assert_eq!(
        authenticator.challenge(&scope, Some(ChallengeProblem::InvalidToken), "https://here").unwrap(),
        r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:team/app:pull",error="invalid_token""#
    );
    let bundle = file(&service.certificate.pem());
    let redirected = TokenVerifier::new(TokenSettings {
        redirect_path: Some("/auth/token".to_owned()),
        root_certificates: Some(bundle.path().to_owned()),
        ..settings()
    });
    let challenge =
        Authenticator::Token(redirected.unwrap().into()).challenge(&[], None, "https://here").unwrap();
    assert_eq!(challenge, r#"Bearer realm="https://here/auth/token",service="registry.example""#);
}

/// The name that docker's own tools give a key, computed by openssl and base32:
/// `openssl x509 -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | head -c 30 | base32`.
#[test]
fn fingerprints_are_those_of_libtrust() {
    const PEM: &str = include_str!("testdata/rsa.pem");
    let verifier = verifier(PEM);
    assert!(verifier.keys.load().has("5A2M:HRVL:UQA5:QU6Y:QH56:ZTT7:V7YU:2NTZ:JVJ6:FUTE:LB6Q:XI4H"));
    assert!(verifier.keys.load().has("jFThFNfSL-cF4j_oyfqGgfXBIPIwYq2b5cIPmF30WJg"));
}

mod own;
