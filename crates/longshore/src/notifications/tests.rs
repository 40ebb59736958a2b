use longshore_metadata::MetadataSettings;
use longshore_registry::{EventAction, RequestInfo};
use longshore_testkit::Sink;
use longshore_types::{Digest, MediaType};
use serde_json::json;

use super::*;
use crate::config::Sources;

fn event(number: u64) -> Event {
    Event {
        id: format!("event-{number}"),
        at_unix_millis: 1_795_249_431_250,
        action: EventAction::Push,
        repository: "team/app".to_owned(),
        tag: Some("v1".to_owned()),
        digest: Some(Digest::sha256(b"x")),
        media_type: Some(MediaType::OCI_MANIFEST),
        size_bytes: Some(1),
        from_repository: None,
        references: Vec::new(),
        actor: Some("ann".to_owned()),
        request: RequestInfo {
            id: "r1".to_owned(),
            addr: "10.0.0.9:1234".to_owned(),
            host: "registry.example:5000".to_owned(),
            method: "PUT".to_owned(),
            useragent: "docker".to_owned(),
        },
    }
}

fn config(endpoints: &serde_json::Value) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.yml");
    let config = json!({ "notifications": { "endpoints": endpoints }, "http": { "addr": "127.0.0.1:5000" } });
    std::fs::write(&path, config.to_string()).unwrap();
    Sources { file: Some(&path), ..Sources::default() }.load().unwrap().config
}

async fn index() -> Metadata {
    let settings = MetadataSettings { url: "sqlite::memory:".to_owned(), connections_max: 4, durable: false };
    Metadata::open(&settings).await.unwrap()
}

async fn queue(metadata: &Metadata, events: impl IntoIterator<Item = Event>) {
    let mut tx = metadata.write().await.unwrap();
    for event in events {
        let payload = serde_json::to_string(&event).unwrap();
        tx.enqueue_job(NOTIFICATION_JOB, &payload, now(), now()).await.unwrap();
    }
    tx.commit().await.unwrap();
}

fn provider() {
    // Another test may have been first.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

fn ids(sink: &Sink) -> Vec<String> {
    sink.posted().iter().map(|posted| posted.json["events"][0]["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn envelopes_are_those_of_distribution() {
    let config = config(&json!([]));
    let source = Source::new(&config);
    let mut envelope = source.envelope(&event(1));
    let instance = envelope["events"][0]["source"]["instanceID"].take();
    assert_eq!(instance.as_str().unwrap().len(), 32);
    let digest = Digest::sha256(b"x").to_string();
    let wanted = json!({ "events": [{
        "id": "event-1",
        "timestamp": "2026-11-21T08:23:51.250Z",
        "action": "push",
        "target": {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "size": 1,
            "digest": digest,
            "length": 1,
            "repository": "team/app",
            "url": format!("http://registry.example:5000/v2/team/app/manifests/{digest}"),
            "tag": "v1",
        },
        "request": {
            "id": "r1", "addr": "10.0.0.9:1234", "host": "registry.example:5000", "method": "PUT", "useragent": "docker",
        },
        "actor": { "name": "ann" },
        "source": { "addr": "127.0.0.1:5000", "instanceID": null },
    }] });
    assert_eq!(envelope, wanted);

    let blob = Event { media_type: Some(MediaType::OCTET_STREAM), actor: None, tag: None, ..event(2) };
    let envelope = source.envelope(&blob);
    let url = envelope["events"][0]["target"]["url"].as_str().unwrap();
    assert!(url.contains("/blobs/"), "{url}");
    assert_eq!(envelope["events"][0]["actor"], json!({}));

    let deleted =
        Event { action: EventAction::Delete, digest: None, media_type: None, size_bytes: None, ..event(3) };
    let envelope = source.envelope(&deleted);
    assert_eq!(envelope["events"][0]["target"], json!({ "repository": "team/app", "tag": "v1" }));
}

#[tokio::test]
async fn every_endpoint_gets_what_it_wants_in_order() {
    provider();
    let (all, some) = (Sink::start(200).await, Sink::start(202).await);
    let config = config(&json!([
        { "name": "all", "url": all.url(), "headers": { "X-Token": ["hush"] } },
        { "name": "some", "url": some.url(), "ignore": { "actions": ["pull"] },
          "ignoredmediatypes": ["application/octet-stream"] },
        { "name": "none", "url": "http://127.0.0.1:1/", "disabled": true },
    ]));
    let metadata = index().await;
    let blob = Event { media_type: Some(MediaType::OCTET_STREAM), ..event(2) };
    let pull = Event { action: EventAction::Pull, ..event(3) };
    queue(&metadata, [event(1), blob, pull, event(4)]).await;

    let (stop, stopping) = watch::channel(false);
    let mut tasks = JoinSet::new();
    Notifier::new(&config, metadata.clone()).unwrap().start(&mut tasks, &stopping);
    longshore_testkit::eventually("all events", || async {
        (all.posted().len() == 4 && some.posted().len() == 2).then_some(())
    })
    .await;
    assert_eq!(ids(&all), ["event-1", "event-2", "event-3", "event-4"]);
    assert_eq!(ids(&some), ["event-1", "event-4"]);
    let head = all.posted()[0].head.to_lowercase();
    assert!(head.contains("x-token: hush") && head.contains(envelope::CONTENT_TYPE), "{head}");

    stop.send_replace(true);
    while tasks.join_next().await.is_some() {}
    let mut tx = metadata.read().await.unwrap();
    for queue in [NOTIFICATION_JOB, "notification:all", "notification:some"] {
        assert_eq!(tx.jobs_count(queue).await.unwrap(), 0, "{queue}");
    }
}

#[tokio::test]
async fn what_fails_is_tried_again_in_order_also_after_a_restart() {
    provider();
    let (sink, other) = (Sink::start(503).await, Sink::start(200).await);
    let config = config(&json!([
        { "name": "down", "url": sink.url(), "backoff": "20ms", "timeout": "1s" },
        { "name": "up", "url": other.url() },
    ]));
    let metadata = index().await;
    queue(&metadata, [event(1), event(2)]).await;
    let start = || {
        let (stop, stopping) = watch::channel(false);
        let mut tasks = JoinSet::new();
        Notifier::new(&config, metadata.clone()).unwrap().start(&mut tasks, &stopping);
        (stop, tasks)
    };
    let (stop, mut tasks) = start();
    longshore_testkit::eventually("tries", || async {
        (sink.posted().len() >= 3 && other.posted().len() == 2).then_some(())
    })
    .await;
    assert!(ids(&sink).iter().all(|id| id == "event-1"), "the second waits for the first");
    stop.send_replace(true);
    while tasks.join_next().await.is_some() {}

    sink.answer(200);
    let tried = sink.posted().len();
    let (stop, mut tasks) = start();
    longshore_testkit::eventually("both", || async { (sink.posted().len() == tried + 2).then_some(()) })
        .await;
    assert_eq!(ids(&sink)[tried..], ["event-1", "event-2"]);
    stop.send_replace(true);
    while tasks.join_next().await.is_some() {}
    assert_eq!(other.posted().len(), 2);
}

#[tokio::test]
async fn an_event_that_is_refused_holds_up_no_other() {
    provider();
    let sink = Sink::start(400).await;
    let config = config(&json!([{ "name": "picky", "url": sink.url(), "backoff": "1h", "threshold": 1 }]));
    let metadata = index().await;
    queue(&metadata, [event(1), event(2)]).await;
    let (stop, stopping) = watch::channel(false);
    let mut tasks = JoinSet::new();
    Notifier::new(&config, metadata).unwrap().start(&mut tasks, &stopping);
    longshore_testkit::eventually("both tries", || async { (sink.posted().len() == 2).then_some(()) }).await;
    assert_eq!(ids(&sink), ["event-1", "event-2"]);
    stop.send_replace(true);
    while tasks.join_next().await.is_some() {}
}
