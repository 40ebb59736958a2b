//! The testkit against the reference registry: what it pushes and pulls must be right before it judges ours.

use longshore_testkit::{Distribution, Harm, RawConnection, Sink, blob_path, eventually, image, index};

#[tokio::test]
async fn images_go_to_the_reference_registry_and_back() {
    if !Distribution::is_installed() {
        eprintln!("skipped: {} is not installed", Distribution::PROGRAM);
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let registry = Distribution::serve(root.path()).await;
    let both = index(vec![image().build(), image().layers(3).docker().build()]).docker().build();
    registry.push_image("team/app", "v1", &both).await;
    assert_eq!(registry.pull_image("team/app", "v1").await, both.top().bytes);
    registry.get("/v2/team/app/manifests/none").await.assert_error(404, "MANIFEST_UNKNOWN");

    let layer = &both.blobs[0];
    Harm::FlipBit.apply(&blob_path(root.path(), &layer.digest));
    let error = registry.try_pull_image("team/app", "v1").await.unwrap_err();
    assert!(error.to_string().contains("another digest"), "{error}");
}

#[tokio::test]
async fn a_sink_keeps_what_is_posted() {
    let sink = Sink::start(503).await;
    let api = longshore_testkit::Api::new(sink.url());
    api.put(&sink.url(), r#"{"events":[1]}"#).await.assert_status(503);
    sink.answer(200);
    let address = sink.url().split('/').nth(2).unwrap().parse().unwrap();
    let mut raw = RawConnection::open(address).await;
    raw.write_part("POST", "/", "", 4, b"tr").await.unwrap();
    raw.write(b"ue").await.unwrap();
    assert_eq!(raw.read_reply().await.unwrap().status, 200);
    let posted = eventually("both requests", || async {
        let posted = sink.posted();
        (posted.len() == 2).then_some(posted)
    })
    .await;
    assert_eq!(posted[0].json["events"][0], 1);
    assert_eq!(posted[1].json, true);
}
