//! notation: signatures with a certificate of our own making.

use longshore_testkit::TestRegistry;

use crate::{
    client::{Client, digest, host, restart},
    fixtures::fixtures,
};

const PLAIN: &str = "--insecure-registry";

/// A certificate as the Notary Project's specification asks of one that signs code, a signing key, and a policy that
/// trusts it.
async fn with_certificate() -> Client {
    let notation = Client::go("notation");
    let (key, certificate) = (notation.path("key.pem"), notation.path("cert.pem"));
    let new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"];
    let subject = ["-subj", "/C=DE/ST=Berlin/O=Longshore/CN=clients.test"];
    let usage = ["-addext", "keyUsage=critical,digitalSignature", "-addext", "extendedKeyUsage=codeSigning"];
    let leaf = ["-addext", "basicConstraints=critical,CA:false", "-keyout", &key, "-out", &certificate];
    Client::debian("openssl").ok(&[&new[..], &subject, &usage, &leaf].concat()).await;

    let keys = serde_json::json!({
        "default": "test",
        "keys": [{"name": "test", "keyPath": key, "certPath": certificate}],
    });
    notation.write("notation/signingkeys.json", keys.to_string());
    notation.ok(&["cert", "add", "--type", "ca", "--store", "test", &certificate]).await;
    let policy = serde_json::json!({
        "version": "1.0",
        "trustPolicies": [{
            "name": "test",
            "registryScopes": ["*"],
            "signatureVerification": {"level": "strict"},
            "trustStores": ["ca:test"],
            "trustedIdentities": ["x509.subject: C=DE, ST=Berlin, O=Longshore"],
        }],
    });
    let policy = notation.write("policy.json", policy.to_string());
    notation.ok(&["policy", "import", &policy]).await;
    notation
}

#[tokio::test]
async fn notation_signs_lists_and_verifies() {
    let mut registry = TestRegistry::start().await;
    let host = host(&registry);
    fixtures().await.push_two_architectures(&format!("{host}/multi/app:v1")).await;
    let image = format!("{host}/multi/app@{}", digest(&registry, "multi/app", "v1").await);
    let notation = with_certificate().await;

    notation.fails(&["verify", PLAIN, &image]).await;
    for format in ["jws", "cose"] {
        // By default notation keeps its list of signatures under a tag; with `false` it uses the referrers API.
        let how = ["--force-referrers-tag=false", "--signature-format", format];
        notation.ok(&[&["sign", PLAIN], &how[..], &[&image]].concat()).await;
    }
    restart(&mut registry).await;
    notation.ok(&["verify", PLAIN, &image]).await;
    let inspected = notation.ok(&["inspect", PLAIN, &image]).await;
    assert!(
        inspected.contains("application/jose+json") && inspected.contains("application/cose"),
        "{inspected}"
    );
    let tags = registry.get("/v2/multi/app/tags/list").await.json();
    assert_eq!(tags["tags"], serde_json::json!(["v1"]), "signatures are referrers, not tags");
}

#[tokio::test]
async fn notation_keeps_its_fallback_tag() {
    let registry = TestRegistry::start().await;
    let host = host(&registry);
    fixtures().await.push_two_architectures(&format!("{host}/multi/app:v1")).await;
    let image = format!("{host}/multi/app@{}", digest(&registry, "multi/app", "v1").await);
    let notation = with_certificate().await;
    notation.ok(&["sign", PLAIN, "--force-referrers-tag=true", &image]).await;
    notation.ok(&["verify", PLAIN, &image]).await;
    assert_eq!(notation.ok(&["ls", PLAIN, &image]).await.matches("sha256:").count(), 2);
    // Somebody else's certificate is not trusted.
    with_certificate().await.fails(&["verify", PLAIN, &image]).await;
}
