//! JWT-SVIDs: tokens of a SPIFFE trust domain (the JWT-SVID specification).

use std::path::PathBuf;

use longshore_identity::{
    TokenError,
    workload::{TrustDomainSettings, TrustIssuerSettings, TrustSettings, Workload, WorkloadError, Workloads},
};
use longshore_testkit::TokenSigner;
use serde_json::{Value, json};

use crate::support::{AUDIENCE, merge, now, now_seconds, rule, write_keys};

/// A trust domain with its bundle in a file.
struct Domain {
    signer: TokenSigner,
    bundle: PathBuf,
    settings: TrustSettings,
    folder: tempfile::TempDir,
}

impl Domain {
    fn new(signer: TokenSigner) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bundle = folder.path().join("bundle.json");
        write_keys(&bundle, &[svid_key(&signer)]);
        let domain = TrustDomainSettings {
            name: "example.org".to_owned(),
            bundle_file: Some(bundle.clone()),
            x509_bundle_file: None,
        };
        Self {
            signer,
            bundle,
            settings: TrustSettings { issuers: Vec::new(), domains: vec![domain] },
            folder,
        }
    }

    fn workloads(&self) -> Workloads {
        Workloads::new(&self.settings).unwrap()
    }

    fn token(&self, change: &Value) -> String {
        self.signer.sign(&claims(change))
    }
}

fn svid_key(signer: &TokenSigner) -> Value {
    let mut key = signer.jwk();
    key["use"] = json!("jwt-svid");
    key
}

/// As SPIRE makes them: sub, aud, exp, iat.
fn claims(change: &Value) -> Value {
    let mut claims = json!({
        "sub": "spiffe://example.org/ns/ci/sa/builder", "aud": [AUDIENCE],
        "iat": now_seconds(), "exp": now_seconds() + 300,
    });
    merge(&mut claims, change);
    claims
}

async fn verify(workloads: &Workloads, token: &str) -> Result<Workload, TokenError> {
    match workloads.verify_token(token, now()).await {
        Ok(workload) => Ok(workload),
        Err(WorkloadError::Token(error)) => Err(error),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_workload_of_the_domain() {
    for signer in [TokenSigner::es256("a"), TokenSigner::rs256("a")] {
        let domain = Domain::new(signer);
        let workload = verify(&domain.workloads(), &domain.token(&json!({}))).await.unwrap();
        assert_eq!(workload.issuer(), "spiffe://example.org");
        assert_eq!(workload.subject(), "spiffe://example.org/ns/ci/sa/builder");
        let trusts = |issuer: &str, pattern: &str| rule(issuer, &[("sub", pattern)]).matches(&workload);
        assert!(trusts("spiffe://example.org", "spiffe://example.org/ns/ci/sa/*"));
        assert!(!trusts("spiffe://example.org", "spiffe://example.org/ns/prod/*"));
        assert!(!trusts("spiffe://other.org", "spiffe://example.org/ns/ci/sa/*"));
        assert!(!trusts("https://example.org", "spiffe://example.org/ns/ci/sa/*"));
    }
}

#[tokio::test]
async fn what_the_specification_refuses() {
    let domain = Domain::new(TokenSigner::es256("a"));
    let workloads = domain.workloads();
    let nobody = || TokenError::Issuer(String::new());
    for (change, expected) in [
        (json!({ "sub": "spiffe://other.org/a" }), nobody()),
        (json!({ "sub": "spiffe://example.org" }), nobody()),
        (json!({ "sub": "spiffe://example.org/../b" }), nobody()),
        (json!({ "sub": "spiffe://EXAMPLE.org/a" }), nobody()),
        (json!({ "sub": null }), nobody()),
        (json!({ "aud": null }), TokenError::Claim("aud")),
        (json!({ "exp": null }), TokenError::Claim("exp")),
        (json!({ "exp": now_seconds() - 90 }), TokenError::Expired),
    ] {
        assert_eq!(verify(&workloads, &domain.token(&change)).await, Err(expected), "{change}");
    }
    let stranger = TokenSigner::es256("a").sign(&claims(&json!({})));
    assert_eq!(verify(&workloads, &stranger).await, Err(TokenError::Signature));
    // Kinds of tokens that are none of these.
    for kind in ["at+jwt", "logout+jwt", ""] {
        let header = json!({ "alg": "ES256", "kid": "a", "typ": kind });
        let result = verify(&workloads, &domain.signer.sign_with(&header, &claims(&json!({})))).await;
        assert!(matches!(result, Err(TokenError::Malformed(_))), "{kind}: {result:?}");
    }
    let header = json!({ "alg": "ES256", "kid": "a", "typ": "JOSE" });
    verify(&workloads, &domain.signer.sign_with(&header, &claims(&json!({})))).await.unwrap();
    // Not among the specification's algorithms.
    let domain = Domain::new(TokenSigner::new("a", jsonwebtoken::Algorithm::EdDSA));
    assert_eq!(verify(&domain.workloads(), &domain.token(&json!({}))).await, Err(TokenError::Algorithm));
}

/// A bundle holds keys for certificates, too, and those sign no tokens.
#[tokio::test]
async fn keys_of_another_use() {
    let domain = Domain::new(TokenSigner::es256("a"));
    for used in [json!("sig"), json!("x509"), json!(null)] {
        let mut key = svid_key(&domain.signer);
        merge(&mut key, &json!({ "use": used }));
        write_keys(&domain.bundle, &[key]);
        let result = verify(&domain.workloads(), &domain.token(&json!({}))).await;
        assert_eq!(result, Err(TokenError::UnknownKey), "{used}");
    }
}

#[tokio::test]
async fn a_bundle_that_rotates() {
    let domain = Domain::new(TokenSigner::es256("a"));
    let workloads = domain.workloads();
    verify(&workloads, &domain.token(&json!({}))).await.unwrap();
    let next = TokenSigner::es256("next");
    write_keys(&domain.bundle, &[svid_key(&domain.signer), svid_key(&next)]);
    verify(&workloads, &next.sign(&claims(&json!({})))).await.unwrap();
    verify(&workloads, &domain.token(&json!({}))).await.unwrap();
    write_keys(&domain.bundle, &[svid_key(&next)]);
    assert_eq!(verify(&workloads, &domain.token(&json!({}))).await, Err(TokenError::UnknownKey));
}

/// An issuer of OpenID tokens may name anything as subject: it does not become the trust domain by that. And the trust
/// domain does not become the issuer.
#[tokio::test]
async fn issuers_do_not_speak_for_domains() {
    let mut domain = Domain::new(TokenSigner::es256("a"));
    let issuer = TokenSigner::es256("a");
    let jwks = domain.folder.path().join("jwks.json");
    write_keys(&jwks, &[issuer.jwk()]);
    let ci = "https://ci.example.org";
    domain
        .settings
        .issuers
        .push(TrustIssuerSettings { jwks_file: Some(jwks), ..TrustIssuerSettings::new(ci) });
    let workloads = domain.workloads();
    let workload = verify(&workloads, &issuer.sign(&claims(&json!({ "iss": ci })))).await.unwrap();
    assert_eq!(workload.issuer(), ci);
    assert!(!rule("spiffe://example.org", &[("sub", "spiffe://example.org/*")]).matches(&workload));
    assert_eq!(verify(&workloads, &domain.token(&json!({ "iss": ci }))).await, Err(TokenError::Signature));
    // SPIRE may write an issuer that nobody configured: the domain speaks.
    let named =
        verify(&workloads, &domain.token(&json!({ "iss": "https://spire.example.org" }))).await.unwrap();
    assert_eq!(named.issuer(), "spiffe://example.org");
}

#[tokio::test]
async fn settings_that_cannot_work() {
    let domain = Domain::new(TokenSigner::es256("a"));
    let refused = |change: &dyn Fn(&mut TrustDomainSettings)| {
        let mut settings = domain.settings.clone();
        change(&mut settings.domains[0]);
        Workloads::new(&settings).unwrap_err().to_string()
    };
    for name in ["", "Example.org", "spiffe://example.org", "example.org/a"] {
        assert!(refused(&|it| it.name = name.to_owned()).starts_with("name:"), "{name}");
    }
    assert!(refused(&|it| it.bundle_file = None).starts_with("bundle_file:"));
    assert!(refused(&|it| it.bundle_file = Some("/nowhere/bundle".into())).starts_with("bundle_file:"));
    assert!(
        refused(&|it| it.x509_bundle_file = Some(domain.bundle.clone())).starts_with("x509_bundle_file:")
    );
    let mut twice = domain.settings.clone();
    twice.domains.push(twice.domains[0].clone());
    assert!(Workloads::new(&twice).unwrap_err().to_string().contains("twice"));
}
