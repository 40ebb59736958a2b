//! `notifications.endpoints` in distribution's event form, kept across a restart.

use longshore_testkit::{Sink, TestRegistry, eventually, image};
use serde_json::{Value, json};

/// Every event that the sink was given.
fn events(sink: &Sink) -> Vec<Value> {
    let posted = sink.posted();
    posted.iter().filter_map(|posted| posted.json["events"].as_array()).flatten().cloned().collect()
}

fn find(events: &[Value], action: &str, field: &str, value: &str) -> Option<Value> {
    events.iter().find(|event| event["action"] == action && event["target"][field] == value).cloned()
}

#[tokio::test]
async fn events_wait_for_their_receiver_across_a_restart() {
    let sink = Sink::start(503).await;
    let mut registry = TestRegistry::builder()
        .set(
            "notifications.endpoints",
            json!([{
                "name": "sink", "url": sink.url(), "backoff": "100ms", "threshold": 3, "timeout": "2s",
                "headers": {"Authorization": ["Bearer secret"]},
            }]),
        )
        .spawn()
        .await;
    let content = image().build();
    registry.push_image("events/app", "v1", &content).await;
    registry.pull_image("events/app", "v1").await;
    registry.delete("/v2/events/app/manifests/v1").await.assert_status(202);
    eventually("a first attempt", || async { (!sink.posted().is_empty()).then_some(()) }).await;
    registry.restart().await;
    let refused = sink.posted().len();
    sink.answer(200);
    let digest = content.digest().to_string();
    let (push, delete) = eventually("both events after the restart", || async {
        let posted = sink.posted().split_off(refused);
        let events: Vec<Value> =
            posted.iter().filter_map(|posted| posted.json["events"].as_array()).flatten().cloned().collect();
        Some((find(&events, "push", "digest", &digest)?, find(&events, "delete", "tag", "v1")?))
    })
    .await;
    assert_eq!(push["target"]["repository"], "events/app");
    assert_eq!(push["target"]["tag"], "v1");
    assert_eq!(push["target"]["mediaType"], content.top().media_type);
    assert_eq!(push["target"]["size"], content.top().bytes.len());
    assert!(push["target"]["url"].as_str().is_some_and(|url| url.contains(&digest)), "{push}");
    assert_eq!(push["request"]["method"], "PUT");
    assert_ne!(push["id"], delete["id"]);
    let head = sink.posted().pop().unwrap().head.to_lowercase();
    assert!(head.contains("application/vnd.docker.distribution.events.v1+json"), "{head}");
    assert!(head.contains("authorization: bearer secret"), "{head}");
}

#[tokio::test]
async fn pulls_mounts_and_blobs_are_told_and_ignored_types_are_not() {
    let (all, few) = (Sink::start(200).await, Sink::start(200).await);
    let registry = TestRegistry::builder()
        .set(
            "notifications.endpoints",
            json!([
                {"name": "all", "url": all.url()},
                {"name": "few", "url": few.url(), "ignoredmediatypes": ["application/octet-stream"],
                 "ignore": {"actions": ["pull"]}},
            ]),
        )
        .spawn()
        .await;
    let content = image().build();
    registry.push_image("events/app", "v1", &content).await;
    let blob = content.blobs[0].digest.to_string();
    registry
        .post(&format!("/v2/events/new/blobs/uploads/?mount={blob}&from=events/app"))
        .await
        .assert_status(201);
    registry.pull_image("events/app", "v1").await;
    registry.delete(&format!("/v2/events/app/manifests/{}", content.digest())).await.assert_status(202);
    let digest = content.digest().to_string();
    eventually("all kinds of events", || async {
        let events = events(&all);
        find(&events, "push", "digest", &blob)?;
        find(&events, "push", "digest", &digest)?;
        find(&events, "mount", "fromRepository", "events/app")?;
        find(&events, "pull", "digest", &digest)?;
        find(&events, "delete", "digest", &digest)
    })
    .await;
    eventually("the delete at the other endpoint", || async {
        find(&events(&few), "delete", "digest", &digest)
    })
    .await;
    let events = events(&few);
    assert!(events.iter().all(|event| event["action"] != "pull"), "{events:?}");
    assert_eq!(find(&events, "push", "digest", &blob), None);
}
