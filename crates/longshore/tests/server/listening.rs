//! Where and how the registry is reached: sockets, prefixes, hosts, proxies, health.

use longshore_testkit::{Api, TestRegistry, eventually, image};
use reqwest::Method;

#[tokio::test]
async fn a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("registry.sock");
    let mut registry = TestRegistry::builder()
        .set("http.net", "unix")
        .set("http.addr", socket.to_string_lossy())
        .spawn()
        .await;
    registry.push_image("socket/app", "v1", &image().build()).await;
    // A socket that a crash left behind is no obstacle.
    registry.kill_9().await;
    assert!(socket.exists());
    registry.start_again().await;
    registry.pull_image("socket/app", "v1").await;
    registry.stop().await;
}

#[tokio::test]
async fn a_prefix() {
    let registry = TestRegistry::builder().set("http.prefix", "/registry/").spawn().await;
    registry.get("/v2/").await.assert_status(404);
    let api = Api::new(format!("{}/registry", registry.base()));
    api.get("/v2/").await.assert_status(200);
    let begun = api.post("/v2/prefix/app/blobs/uploads/").await.assert_status(202);
    assert!(begun.location().starts_with("/registry/v2/"), "{begun:?}");
    registry.delete(&begun.location()).await.assert_status(204);
}

#[tokio::test]
async fn locations_are_relative_unless_told_otherwise() {
    let check = async |registry: &TestRegistry, headers: &[(&str, &str)], start: &str| {
        let call = registry.call(Method::POST, "/v2/where/app/blobs/uploads/");
        let call = headers.iter().fold(call, |call, (name, value)| call.header(name, value));
        let location = call.send().await.assert_status(202).location();
        assert!(location.starts_with(start), "{location} for {headers:?}");
    };
    let forwarded = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.example.com")];
    let relative = TestRegistry::start().await;
    check(&relative, &[], "/v2/where/app/blobs/uploads/").await;
    check(&relative, &forwarded, "/v2/where/app/blobs/uploads/").await;

    let host = TestRegistry::builder().set("http.host", "https://registry.example.com").spawn().await;
    check(&host, &[], "https://registry.example.com/v2/").await;
    check(&host, &forwarded, "https://registry.example.com/v2/").await;

    // Absolute addresses need somebody to believe: what a proxy says counts only when the proxy is trusted.
    let absolute = TestRegistry::builder().set("http.relativeurls", false).spawn().await;
    check(&absolute, &[], "/v2/where/app/blobs/uploads/").await;
    check(&absolute, &forwarded, "/v2/where/app/blobs/uploads/").await;
    let trusting = TestRegistry::builder()
        .set("http.relativeurls", false)
        .set("http.trusted_proxies", serde_json::json!(["127.0.0.0/8"]))
        .spawn()
        .await;
    check(&trusting, &forwarded, "https://evil.example.com/v2/").await;
    check(&trusting, &[("Forwarded", "proto=https;host=real.example.com")], "https://real.example.com/v2/")
        .await;
}

#[tokio::test]
async fn headers_of_the_operator_are_on_every_answer() {
    let registry = TestRegistry::builder()
        .set("http.headers", serde_json::json!({"X-Content-Type-Options": ["nosniff"], "X-Team": "ours"}))
        .spawn()
        .await;
    for path in ["/v2/", "/v2/no/such/manifests/v1", "/nowhere"] {
        let reply = registry.get(path).await;
        assert_eq!((reply.header("x-content-type-options"), reply.header("x-team")), ("nosniff", "ours"));
    }
}

#[tokio::test]
async fn health_and_metrics() {
    let registry = TestRegistry::start().await;
    registry.push_image("health/app", "v1", &image().build()).await;
    registry.pull_image("health/app", "v1").await;
    registry.get("/livez").await.assert_status(200);
    registry.get("/readyz").await.assert_status(200);
    let metrics = registry.get("/metrics").await.assert_status(200);
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    assert!(text.contains("# TYPE"), "{text}");
    assert!(!text.contains("health/app"), "labels name routes, never repositories: {text}");
    // Storage that is gone is noticed.
    std::fs::rename(registry.data(), registry.folder().join("away")).unwrap();
    eventually("the notice that storage is gone", || async {
        (registry.get("/readyz").await.status == 503).then_some(())
    })
    .await;
    registry.get("/livez").await.assert_status(200);
}

#[tokio::test]
async fn metrics_on_a_listener_of_their_own() {
    let registry = TestRegistry::builder()
        .set("http.debug.addr", "127.0.0.1:0")
        .set("http.debug.prometheus.enabled", true)
        .set("http.debug.prometheus.path", "/stats")
        .spawn()
        .await;
    let lines = registry.log();
    let line = lines.iter().find(|line| line.contains("debug listener")).expect("it says where");
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    let debug = Api::new(format!("http://{}", line["address"].as_str().unwrap()));
    let metrics = debug.get("/stats").await.assert_status(200);
    assert!(String::from_utf8_lossy(&metrics.body).contains("# TYPE"));
    debug.get("/readyz").await.assert_status(200);
    debug.get("/v2/").await.assert_status(404);
    registry.get("/metrics").await.assert_status(404);
}

#[tokio::test]
async fn a_registry_that_is_read_only() {
    let mut registry = TestRegistry::start().await;
    let content = image().build();
    registry.push_image("still/app", "v1", &content).await;
    registry.stop().await;
    registry.set("storage.maintenance.readonly.enabled", true);
    registry.start_again().await;
    registry.pull_image("still/app", "v1").await;
    registry.post("/v2/still/app/blobs/uploads/").await.assert_error(405, "UNSUPPORTED");
    registry.put_manifest("still/app", "v2", content.top()).await.assert_error(405, "UNSUPPORTED");
    registry.delete("/v2/still/app/manifests/v1").await.assert_error(405, "UNSUPPORTED");
}

#[tokio::test]
async fn a_configuration_that_is_wrong_stops_the_start_and_says_why() {
    for (key, value, said) in [
        ("http.adress", "127.0.0.1:0", "http.addr"),
        ("limits.manifest_bytes_max", "lots", "limits.manifest_bytes_max"),
        ("storage.s3.bucket", "b", "storage"),
        ("http.tls.certificate", "/nowhere/server.crt", "http.tls.key"),
        ("auth.htpasswd.realm", "no file named", "auth.htpasswd.path"),
    ] {
        let output = TestRegistry::builder().set(key, value).spawn_and_fail().await;
        assert!(!output.status.success(), "{key}");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains(said), "{key}: {text}");
    }
}
