//! cosign: signatures and attestations with a key pair, without a transparency log and without a network.

use longshore_testkit::TestRegistry;

use crate::{
    client::{Client, digest, host, restart},
    fixtures::fixtures,
};

const VERIFY: [&str; 4] = ["--key", "cosign.pub", "--insecure-ignore-tlog=true", "--timeout=60s"];

async fn with_keys() -> Client {
    let cosign =
        Client::go("cosign").environment("COSIGN_PASSWORD", "secret").environment("COSIGN_YES", "true");
    cosign.ok(&["generate-key-pair"]).await;
    // A signing configuration without services: nothing is asked of a log, an authority or a clock.
    cosign.ok(&["signing-config", "create", "--out", "none.json"]).await;
    cosign
}

#[tokio::test]
async fn cosign_signs_attests_and_verifies_by_referrers() {
    let mut registry = TestRegistry::start().await;
    let host = host(&registry);
    let tagged = format!("{host}/multi/app:v1");
    fixtures().await.push_two_architectures(&tagged).await;
    let image = format!("{host}/multi/app@{}", digest(&registry, "multi/app", "v1").await);
    let cosign = with_keys().await;
    let sign = ["--key", "cosign.key", "--signing-config", "none.json"];
    let verify = [&["verify"], &VERIFY[..], &[&image]].concat();

    cosign.fails(&verify).await;
    cosign.ok(&[&["sign"], &sign[..], &[&image]].concat()).await;
    let predicate = cosign.write("predicate.json", r#"{"tested": true}"#);
    let attest = ["attest", "--type", "custom", "--predicate", &predicate];
    cosign.ok(&[&attest[..], &sign[..], &[&image]].concat()).await;
    restart(&mut registry).await;

    cosign.ok(&verify).await;
    cosign.ok(&[&["verify-attestation", "--type", "custom"], &VERIFY[..], &[&image]].concat()).await;
    let tags = registry.get("/v2/multi/app/tags/list").await.json();
    assert_eq!(tags["tags"], serde_json::json!(["v1"]), "signatures are referrers, not tags");

    // Another key's signature does not count.
    let other = with_keys().await;
    other.fails(&verify).await;
}

#[tokio::test]
async fn cosign_signs_and_verifies_by_tags_as_older_versions_do() {
    let registry = TestRegistry::start().await;
    let host = host(&registry);
    fixtures().await.push_two_architectures(&format!("{host}/multi/app:v1")).await;
    let image = format!("{host}/multi/app@{}", digest(&registry, "multi/app", "v1").await);
    let cosign = with_keys().await;
    let old = ["--new-bundle-format=false"];
    let sign = ["sign", "--key", "cosign.key", "--use-signing-config=false", "--tlog-upload=false"];
    // Twice: the second signature is added to the manifest of the first.
    for signer in ["one", "two"] {
        cosign.ok(&[&sign[..], &["-a", &format!("signer={signer}")], &old, &[&image]].concat()).await;
    }
    let verified = cosign.ok(&[&["verify"], &VERIFY[..], &old, &[&image]].concat()).await;
    assert!(verified.contains(r#""signer":"one""#) && verified.contains(r#""signer":"two""#), "{verified}");
}
