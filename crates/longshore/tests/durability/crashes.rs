//! kill -9 at random moments of concurrent pushes and deletes.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use longshore_testkit::{
    Api, Blob, Builder, Content, Postgres, Random, TestRegistry, eventually, image, index,
};
use reqwest::Method;

const ROUNDS: u64 = 4;
const CLIENTS: u64 = 4;

/// What the registry has promised.
#[derive(Default)]
struct Promises {
    /// These tags point to these manifests.
    kept: Vec<(String, String, Content)>,
    /// These tags are gone.
    gone: Vec<(String, String)>,
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    push_under_fire(TestRegistry::builder()).await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9_of_a_busy_collection() {
    push_under_fire(crate::collection::eager()).await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9_with_postgresql() {
    let url = Postgres::shared().fresh_database().unwrap();
    push_under_fire(TestRegistry::builder().set("metadata.url", url)).await;
}

async fn push_under_fire(builder: Builder) {
    let mut registry = builder.spawn().await;
    let mut random = Random::new(0x5ea_f00d);
    let promises = Arc::new(Mutex::new(Promises::default()));
    let shared = Blob::random(40_000);
    for round in 0..ROUNDS {
        let requests = Arc::new(AtomicUsize::new(0));
        let mut clients = Vec::new();
        for client in 0..CLIENTS {
            let work = push_and_delete(
                Api::clone(&registry),
                Random::new(round * 100 + client),
                format!("crash/r{round}c{client}"),
                shared.clone(),
                promises.clone(),
                requests.clone(),
            );
            clients.push(tokio::spawn(work));
        }
        let moment = 5 + random.below(60);
        eventually("the moment to kill", || async {
            (requests.load(Ordering::SeqCst) >= moment).then_some(())
        })
        .await;
        registry.kill_9().await;
        for client in clients {
            client.await.unwrap();
        }
        registry.start_again().await;
        keeps(&registry, &promises).await;
    }
    assert!(!promises.lock().unwrap().kept.is_empty(), "nothing was acknowledged: kill later");
    registry.stop().await;
    registry.run(&["verify"]).await.assert_success();
    registry.run(&["gc"]).await.assert_success();
    registry.start_again().await;
    keeps(&registry, &promises).await;
}

/// Fails when a promise is broken.
async fn keeps(registry: &TestRegistry, promises: &Mutex<Promises>) {
    let (kept, gone) = {
        let promises = promises.lock().unwrap();
        (promises.kept.clone(), promises.gone.clone())
    };
    for (repository, tag, content) in kept {
        assert_eq!(registry.pull_image(&repository, &tag).await, content.top().bytes);
    }
    for (repository, tag) in gone {
        registry.get(&format!("/v2/{repository}/manifests/{tag}")).await.assert_status(404);
    }
}

/// Pushes images and deletes some again until the registry is killed.
async fn push_and_delete(
    api: Api,
    mut random: Random,
    repository: String,
    shared: Blob,
    promises: Arc<Mutex<Promises>>,
    requests: Arc<AtomicUsize>,
) {
    for nth in 0.. {
        let mut content = image().seed(random.next_u64()).layers(2).layer_bytes(30_000).build();
        if random.below(3) == 0 {
            content = index(vec![content, image().seed(random.next_u64()).build()]).build();
        }
        content.blobs.push(shared.clone());
        let tag = format!("t{nth}");
        for blob in &content.blobs {
            if api.try_push_blob(&repository, blob).await.is_err() {
                return;
            }
            requests.fetch_add(2, Ordering::SeqCst);
        }
        // The blobs again is what a client does that was not sure of them.
        match api.try_push_image(&repository, &tag, &content).await {
            Ok(()) => {}
            // Collection was faster than this client.
            Err(error) if error.to_string().contains("MANIFEST_BLOB_UNKNOWN") => continue,
            Err(_) => return,
        }
        requests.fetch_add(1, Ordering::SeqCst);
        if random.below(4) > 0 {
            promises.lock().unwrap().kept.push((repository.clone(), tag, content));
            continue;
        }
        let path = format!("/v2/{repository}/manifests/{tag}");
        match api.call(Method::DELETE, &path).try_send().await {
            Ok(reply) => assert_eq!(reply.status, 202, "{reply:?}"),
            Err(_) => return,
        }
        promises.lock().unwrap().gone.push((repository.clone(), tag));
    }
}
