//! The audit record through the real program: written with the change, forwarded across a crash, exported, and verified.

use longshore_testkit::{Sink, TestRegistry, eventually, image};
use serde_json::{Value, json};

fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// "operation resource" of each row.
fn told(rows: &[Value]) -> Vec<String> {
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    rows.iter().map(|row| format!("{} {}", text(row, "operation"), text(row, "resource"))).collect()
}

/// What came to the sink, each row once, in the order of the chain.
fn forwarded(sink: &Sink, taken_after: usize) -> Vec<Value> {
    let posted = sink.posted().split_off(taken_after);
    let mut rows: Vec<Value> = posted.iter().flat_map(|posted| rows(&posted.body)).collect();
    rows.sort_by_key(|row| row["sequence"].as_u64());
    rows.dedup();
    rows
}

#[tokio::test]
async fn what_is_done_is_recorded_exported_and_verified() {
    let registry = TestRegistry::builder().set("accounts.audit.enabled", true).spawn().await;
    let content = image().build();
    registry.push_image("team/app", "v1", &content).await;
    registry.pull_image("team/app", "v1").await;
    registry.delete("/v2/team/app/manifests/v1").await.assert_status(202);
    // Pulls are recorded beside them, and places in the chain are given out after that.
    let exported = eventually("the whole record", || async {
        let exported = registry.run(&["audit", "export"]).await.assert_success();
        let rows = rows(&exported);
        (rows.len() >= 3 && rows.iter().all(|row| row["sequence"].is_u64())).then_some(rows)
    })
    .await;
    let wanted = ["create_artifact team/app:v1", "pull_artifact team/app:v1", "delete_tag team/app:v1"];
    let mut found = told(&exported);
    found.sort();
    let mut sorted = wanted;
    sorted.sort_unstable();
    assert_eq!(found, sorted);
    let push = exported.iter().find(|row| row["operation"] == "create_artifact").unwrap();
    assert_eq!(
        (&push["actor"], &push["project"], &push["address"]),
        (&json!("anonymous"), &json!("team"), &json!("127.0.0.1"))
    );
    assert_eq!(push["detail"]["digest"], content.digest().to_string());
    assert!(push["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{push}");

    let csv = registry.run(&["audit", "export", "--format", "csv", "--since", "1h"]).await.assert_success();
    assert_eq!(csv.lines().count(), 4, "{csv}");
    assert!(csv.starts_with("sequence,hash,id,time,operation,"), "{csv}");
    let nothing = registry.run(&["audit", "export", "--until", "2026-01-01"]).await.assert_success();
    assert_eq!(nothing, "");
    assert_eq!(registry.run(&["audit", "export", "--since", "lately"]).await.code, Some(2));

    let said = registry.run(&["audit", "verify"]).await.assert_success();
    assert!(said.contains("compared 3 rows") && said.contains("all is well"), "{said}");
    let last = exported.iter().max_by_key(|row| row["sequence"].as_u64()).unwrap();
    assert!(said.contains(last["hash"].as_str().unwrap()), "{said}");
}

#[tokio::test]
async fn a_row_that_was_changed_or_removed_shows() {
    let mut registry = TestRegistry::builder().set("accounts.audit.enabled", true).spawn().await;
    for name in ["one", "two", "three"] {
        registry.push_image(&format!("team/{name}"), "v1", &image().build()).await;
    }
    eventually("the seal", || async {
        let said = registry.run(&["audit", "verify"]).await.assert_success();
        said.contains("compared 3 rows").then_some(())
    })
    .await;
    registry.stop().await;
    let index = rusqlite::Connection::open(registry.data().join("longshore/index.sqlite3")).unwrap();
    index.execute("UPDATE audit_events SET actor = 'somebody else' WHERE sequence = 2", []).unwrap();
    let finished = registry.run(&["audit", "verify"]).await;
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert!(finished.stdout.contains("number 2 of the chain, is not what was sealed"), "{finished:?}");
    index.execute("DELETE FROM audit_events WHERE sequence = 2", []).unwrap();
    let finished = registry.run(&["audit", "verify"]).await;
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert!(finished.stdout.contains("number 2 of the chain is missing"), "{finished:?}");
}

#[tokio::test]
async fn copies_wait_for_their_receiver_across_a_crash() {
    let sink = Sink::start(503).await;
    let mut registry = TestRegistry::builder()
        .set("accounts.audit.enabled", true)
        .set("accounts.audit.pulls", false)
        .set(
            "accounts.audit.forward",
            json!([{"http": sink.url(), "headers": {"Authorization": ["Splunk hush"]}}]),
        )
        .spawn()
        .await;
    // It is known from the first look on, which is at the start.
    registry.push_image("team/first", "v1", &image().build()).await;
    registry.pull_image("team/first", "v1").await;
    eventually("a first attempt", || async { (!sink.posted().is_empty()).then_some(()) }).await;
    registry.push_image("team/second", "v1", &image().build()).await;
    registry.kill_9().await;
    let refused = sink.posted().len();
    sink.answer(200);
    registry.start_again().await;
    let rows = eventually("both rows", || async {
        let rows = forwarded(&sink, refused);
        (rows.len() >= 2).then_some(rows)
    })
    .await;
    assert_eq!(told(&rows), ["create_artifact team/first:v1", "create_artifact team/second:v1"]);
    let head = sink.posted().pop().unwrap().head.to_lowercase();
    assert!(head.contains("authorization: splunk hush"), "{head}");
    let shown = registry.run(&["config", "show"]).await.assert_success();
    assert!(!shown.contains("hush") && !shown.contains(&sink.url()), "{shown}");
}
