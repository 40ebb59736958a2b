//! Health and metrics.

use longshore_http::DebugSettings;
use longshore_testkit::Api;

use crate::server::{TestServer, free_port};

fn line<'a>(metrics: &'a str, start: &str) -> Option<&'a str> {
    metrics.lines().find_map(|line| line.strip_prefix(start)?.strip_prefix(' '))
}

#[tokio::test]
async fn the_main_listener_tells_nobody_how_busy_it_is() {
    let server = TestServer::start().await;
    server.api.get("/metrics").await.assert_error(404, "UNSUPPORTED");
    server.api.get("/livez").await.assert_status(200).assert_body(b"ok\n");
    server.api.get("/readyz").await.assert_status(200).assert_body(b"ok\n");
    server.api.head("/readyz").await.assert_status(200).assert_body(b"");
    server.api.get("/").await.assert_status(200);
    server.api.get("/debug/health").await.assert_error(404, "UNSUPPORTED");
}

#[tokio::test]
async fn metrics_name_routes_and_no_repositories() {
    let server = TestServer::start_with(|setup| setup.http.metrics_on_main = true).await;
    server.api.get("/v2/secret/manifests/v1").await.assert_status(404);
    server.api.get("/v2/secret/manifests/v2").await.assert_status(404);
    let reply = server.api.get("/metrics").await.assert_status(200);
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    let labels = "{route=\"/v2/<name>/manifests/<reference>\",method=\"GET\",status=\"4xx\"}";
    assert_eq!(line(&text, &format!("longshore_http_requests_total{labels}")), Some("2"), "{text}");
    assert_eq!(line(&text, "longshore_http_requests_in_flight"), Some("1"), "this one");
    assert!(!text.contains("secret"));
    assert!(text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn the_debug_listener_has_health_and_metrics() {
    let server = TestServer::start_with(|setup| {
        setup.http.debug =
            Some(DebugSettings { listen: free_port(), metrics_path: Some("/numbers".to_owned()) });
    })
    .await;
    let debug = Api::new(format!("http://{}", server.debug_address.unwrap()));
    debug.get("/debug/health").await.assert_status(200).assert_body(b"{}");
    debug.get("/readyz").await.assert_status(200);
    debug.get("/numbers").await.assert_status(200);
    debug.get("/metrics").await.assert_status(404);
    debug.get("/v2/").await.assert_status(404);
    debug.post("/numbers").await.assert_status(405);
}
