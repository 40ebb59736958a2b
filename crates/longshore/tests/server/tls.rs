//! HTTPS, and certificates that change under way.

use longshore_testkit::{Api, Builder, Certificate, TestRegistry, client_builder, eventually, image};

fn serving(certificate: &Certificate) -> Builder {
    TestRegistry::builder()
        .set("http.tls.certificate", certificate.certificate.to_string_lossy())
        .set("http.tls.key", certificate.key.to_string_lossy())
}

fn api(registry: &TestRegistry, client: reqwest::ClientBuilder) -> Api {
    Api::with_client(format!("https://localhost:{}", registry.address().port()), client)
}

#[tokio::test]
async fn a_new_certificate_is_served_without_dropping_connections() {
    let folder = tempfile::tempdir().unwrap();
    let old = Certificate::write(folder.path());
    let registry = serving(&old).spawn().await;
    let before = api(&registry, old.client());
    before.push_image("tls/app", "v1", &image().build()).await;
    let response = before.get("/v2/").await.assert_status(200);
    assert_eq!(response.body, "{}");

    let new = Certificate::write(folder.path());
    registry.hang_up();
    eventually("the new certificate", || async {
        api(&registry, new.client()).call(reqwest::Method::GET, "/v2/").try_send().await.ok()
    })
    .await;
    // This client trusts the old certificate only: it can go on because its connection stayed open.
    before.pull_image("tls/app", "v1").await;
    let fresh = api(&registry, old.client()).call(reqwest::Method::GET, "/v2/").try_send().await;
    fresh.expect_err("a new connection gets the new certificate");

    // A broken certificate changes nothing.
    std::fs::write(&new.certificate, "no certificate").unwrap();
    registry.hang_up();
    api(&registry, new.client()).get("/v2/").await.assert_status(200);
}

#[tokio::test]
async fn http2_and_http1_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::write(folder.path());
    let registry = serving(&certificate).spawn().await;
    let content = image().layers(3).layer_bytes(300_000).build();
    api(&registry, certificate.client().http2_prior_knowledge()).push_image("tls/app", "v1", &content).await;
    api(&registry, certificate.client().http1_only()).pull_image("tls/app", "v1").await;
    api(&registry, certificate.client()).pull_image("tls/app", "v1").await;
}

#[tokio::test]
async fn old_versions_are_refused_from_the_minimum_on() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::write(folder.path());
    let registry = serving(&certificate).set("http.tls.minimumtls", "tls1.3").spawn().await;
    let old = certificate.client().tls_version_max(reqwest::tls::Version::TLS_1_2);
    let refused = api(&registry, old).call(reqwest::Method::GET, "/v2/").try_send().await;
    refused.expect_err("TLS 1.2 is below the minimum");
    api(&registry, certificate.client()).get("/v2/").await.assert_status(200);
}

#[tokio::test]
async fn clients_show_certificates_of_the_named_authorities() {
    let (folder, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (server, client) = (Certificate::write(folder.path()), Certificate::write(theirs.path()));
    let registry = serving(&server)
        .set("http.tls.clientcas", serde_json::json!([client.certificate.to_string_lossy()]))
        .spawn()
        .await;
    let refused = api(&registry, server.client()).call(reqwest::Method::GET, "/v2/").try_send().await;
    refused.expect_err("a client without a certificate is refused");
    let pem = [client.pem.clone(), std::fs::read_to_string(&client.key).unwrap()].concat();
    let identity = reqwest::Identity::from_pem(pem.as_bytes()).unwrap();
    api(&registry, server.client().identity(identity)).get("/v2/").await.assert_status(200);
}

#[tokio::test]
async fn http2_without_tls_where_it_is_switched_on() {
    let registry = TestRegistry::builder().set("http.h2c.enabled", true).spawn().await;
    let api = Api::with_client(registry.base(), client_builder().http2_prior_knowledge());
    api.push_image("h2c/app", "v1", &image().build()).await;
    api.pull_image("h2c/app", "v1").await;
    registry.pull_image("h2c/app", "v1").await;
}
