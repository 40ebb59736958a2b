//! The URLs in replies, with and without proxies in front.

use longshore_http::{HttpSettings, TrustedProxies};
use reqwest::Method;

use crate::server::TestServer;

/// The beginning of the `Location` that an upload through a proxy gets.
async fn base(choose: impl FnOnce(&mut HttpSettings)) -> String {
    let server = TestServer::start_with(|setup| choose(&mut setup.http)).await;
    let uploads = "/v2/app/blobs/uploads/";
    let call = server.api.call(Method::POST, uploads).header("Content-Length", "0");
    let call = call.header("Host", "inner").header("X-Forwarded-Proto", "https");
    let reply = call.header("X-Forwarded-Host", "registry.example").send().await.assert_status(202);
    let location = reply.location();
    let (base, id) = location.split_once(uploads).expect("the location has the path that was asked");
    assert_eq!(id.len(), 32);
    base.to_owned()
}

#[tokio::test]
async fn locations_are_relative_until_the_host_is_known() {
    let trusted = || TrustedProxies::parse(["127.0.0.0/8", "::1"]).unwrap();
    assert_eq!(base(|_| {}).await, "");
    assert_eq!(base(|http| http.trusted_proxies = trusted()).await, "");
    assert_eq!(base(|http| http.relative_urls = Some(false)).await, "", "nobody is trusted");
    let absolute = base(|http| {
        http.relative_urls = Some(false);
        http.trusted_proxies = trusted();
    });
    assert_eq!(absolute.await, "https://registry.example");
    assert_eq!(base(|http| http.host = Some("https://set.example/".to_owned())).await, "https://set.example");
}

#[tokio::test]
async fn everything_lies_under_the_prefix() {
    let server = TestServer::start_with(|setup| setup.http.prefix = "/my/registry/".to_owned()).await;
    server.api.get("/my/registry/v2/").await.assert_status(200);
    server.api.get("/v2/").await.assert_error(404, "UNSUPPORTED");
    server.api.get("/livez").await.assert_status(200);
    let begun = server.api.post("/my/registry/v2/app/blobs/uploads/").await.assert_status(202);
    assert!(begun.location().starts_with("/my/registry/v2/app/blobs/uploads/"));
    server.api.get(&begun.location()).await.assert_status(204);
}
