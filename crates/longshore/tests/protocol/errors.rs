//! Spec "Error Codes" and "Determining Support".

use longshore_testkit::{RawConnection, TestRegistry, image};
use reqwest::Method;

#[tokio::test]
async fn determining_support() {
    let registry = TestRegistry::start().await;
    let reply = registry.get("/v2/").await.assert_status(200);
    // Docker looks for it before it goes on.
    reply.assert_header("docker-distribution-api-version", "registry/2.0");
}

#[tokio::test]
async fn names_that_are_none() {
    let registry = TestRegistry::start().await;
    let digest = image().build().digest();
    for name in ["UPPER", "a//b", "-a", "a/.b", "a..b", "%2e%2e/%2e%2e", "a%00b", &"a".repeat(256)] {
        for path in [
            format!("/v2/{name}/tags/list"),
            format!("/v2/{name}/manifests/v1"),
            format!("/v2/{name}/blobs/{digest}"),
            format!("/v2/{name}/referrers/{digest}"),
        ] {
            // Written by hand: a client would tidy the path.
            let mut raw = RawConnection::open(registry.address()).await;
            raw.write(format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n")).await.unwrap();
            let reply = raw.read_reply().await.unwrap();
            let body = String::from_utf8(reply.body).unwrap();
            assert!(reply.status == 400 && body.contains("NAME_INVALID"), "{path}: {} {body}", reply.status);
        }
        let path = format!("/v2/{name}/blobs/uploads/");
        let mut raw = RawConnection::open(registry.address()).await;
        raw.write_part("POST", &path, "", 0, b"").await.unwrap();
        assert_eq!(raw.read_reply().await.unwrap().status, 400, "{path}");
    }
}

#[tokio::test]
async fn paths_and_methods_that_are_none() {
    let registry = TestRegistry::start().await;
    registry.push_image("spec/app", "v1", &image().build()).await;
    for path in
        ["/v2/spec/app", "/v2/spec/app/", "/v2/spec/app/manifests", "/v2/spec/app/what/v1", "/v3/", "/v2x"]
    {
        let reply = registry.get(path).await;
        assert_eq!(reply.status, 404, "{reply:?}");
    }
    for (method, path) in [
        (Method::POST, "/v2/spec/app/manifests/v1"),
        (Method::PATCH, "/v2/spec/app/manifests/v1"),
        (Method::PUT, "/v2/spec/app/tags/list"),
        (Method::DELETE, "/v2/_catalog"),
        (Method::POST, "/v2/"),
    ] {
        let reply = registry.call(method, path).send().await.assert_error(405, "UNSUPPORTED");
        assert!(!reply.header("allow").is_empty(), "{reply:?}");
    }
}

#[tokio::test]
async fn unknown_repositories() {
    let registry = TestRegistry::start().await;
    let digest = image().build().digest();
    registry.get("/v2/no/such/manifests/v1").await.assert_error(404, "NAME_UNKNOWN");
    registry.get("/v2/no/such/tags/list").await.assert_error(404, "NAME_UNKNOWN");
    registry.get(&format!("/v2/no/such/blobs/{digest}")).await.assert_status(404);
    registry.delete("/v2/no/such/manifests/v1").await.assert_error(404, "NAME_UNKNOWN");
}
