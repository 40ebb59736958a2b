//! One event per request.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use longshore_http::{ACCESS_LOG_TARGET, TrustedProxies};
use longshore_testkit::{Blob, eventually};
use reqwest::Method;
use serde_json::Value;

use crate::server::TestServer;

/// No other test uses it: all of them write to the one log of this process.
const REPOSITORY: &str = "logged/app";

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn access(&self) -> Vec<Value> {
        let written = self.0.lock().unwrap().clone();
        // Another test may be in the middle of a line.
        let text = String::from_utf8_lossy(&written);
        let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let ours = |event: &Value| {
            event["target"] == ACCESS_LOG_TARGET && event["fields"]["repository"] == REPOSITORY
        };
        events.filter(ours).collect()
    }
}

#[tokio::test]
async fn every_request_is_one_event() {
    let lines = Lines::default();
    let writer = lines.clone();
    tracing_subscriber::fmt().json().with_writer(move || writer.clone()).init();
    let server = TestServer::start_with(|setup| {
        setup.http.trusted_proxies = TrustedProxies::parse(["127.0.0.1", "::1"]).unwrap();
    })
    .await;
    let blob = Blob::random(1000);
    server.api.push_blob(REPOSITORY, &blob).await;
    let path = format!("/v2/{REPOSITORY}/blobs/{}", blob.digest);
    let call = server.api.call(Method::GET, &path).header("X-Request-Id", "from-the-proxy");
    let call = call.header("User-Agent", "tester/1").header("X-Forwarded-For", "192.0.2.7");
    call.send().await.assert_status(200).assert_header("x-request-id", "from-the-proxy");

    // The event comes when the server is done with the reply, which may be after the client.
    let events =
        eventually("three events", async || Some(lines.access()).filter(|found| found.len() == 3)).await;
    let fields = &events[2]["fields"];
    for (key, wanted) in [
        ("method", Value::from("GET")),
        ("route", "/v2/<name>/blobs/<digest>".into()),
        ("repository", REPOSITORY.into()),
        ("status", 200.into()),
        ("sent_bytes", 1000.into()),
        ("received_bytes", 0.into()),
        ("complete", true.into()),
        ("client", "192.0.2.7".into()),
        ("user_agent", "tester/1".into()),
        ("request_id", "from-the-proxy".into()),
    ] {
        assert_eq!(fields[key], wanted, "{key} of {fields}");
    }
    assert_eq!(events[1]["fields"]["received_bytes"], 1000);
}
