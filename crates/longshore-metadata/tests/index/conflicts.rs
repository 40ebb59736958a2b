//! Two transactions that want the same thing. On SQLite they take turns; on PostgreSQL they meet.

use crate::support::{at, digest, draft, linked_blob, name, on_both_databases, postgres, repository, tag};
use longshore_metadata::{BlobId, Metadata, MetadataError, TagEventAction};

on_both_databases! {
    pushes_and_collection_of_the_same_blobs,
    pushes_of_the_same_manifest_and_tag,
}

/// Runs a transaction again until it meets no other, as callers do.
macro_rules! until_no_conflict {
    ($transaction:expr) => {{
        let mut tries = 0;
        loop {
            match $transaction.await {
                Err(MetadataError::Conflict(_)) if tries < 10 => tries += 1,
                result => break result.unwrap(),
            }
        }
    }};
}

async fn push_blob(metadata: &Metadata, text: &str, content: &str) -> Result<BlobId, MetadataError> {
    let mut tx = metadata.write().await?;
    let app = tx.ensure_repository(&name(text), at(1)).await?.id;
    tx.lock_repository(app).await?;
    let blob = tx.ensure_blob(&digest(content), 1, at(1)).await?.id;
    tx.link_blob(app, blob, at(1)).await?;
    tx.commit().await?;
    Ok(blob)
}

async fn unlink(metadata: &Metadata, text: &str, blob: BlobId) -> Result<bool, MetadataError> {
    let mut tx = metadata.write().await?;
    let app = tx.ensure_repository(&name(text), at(1)).await?.id;
    tx.lock_repository(app).await?;
    let unlinked = tx.unlink_blob(app, blob).await?;
    tx.commit().await?;
    Ok(unlinked)
}

async fn collect(metadata: &Metadata, content: &str) -> Result<(), MetadataError> {
    let mut tx = metadata.write().await?;
    if let Some(blob) = tx.lock_blob(&digest(content)).await?
        && !tx.blob_is_linked(blob.id).await?
    {
        tx.delete_blob(blob.id).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn push_and_unlink(metadata: Metadata, text: String) {
    for round in 0..25 {
        let content = (round % 3).to_string();
        let blob = until_no_conflict!(push_blob(&metadata, &text, &content));
        // What was acknowledged is there, whatever collection did meanwhile; nobody else unlinks here.
        let mut tx = metadata.read().await.unwrap();
        let found = tx.blob_in(&name(&text), &digest(&content)).await.unwrap();
        assert_eq!(found.map(|found| found.id), Some(blob), "{text} lost {content}");
        drop(tx);
        assert!(until_no_conflict!(unlink(&metadata, &text, blob)));
    }
}

async fn pushes_and_collection_of_the_same_blobs(metadata: Metadata) {
    let mut tasks = Vec::new();
    for worker in 0..3 {
        tasks.push(tokio::spawn(push_and_unlink(metadata.clone(), format!("app{worker}"))));
    }
    for _ in 0..2 {
        let metadata = metadata.clone();
        tasks.push(tokio::spawn(async move {
            for round in 0..50 {
                until_no_conflict!(collect(&metadata, &(round % 3).to_string()));
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

async fn push_tag(metadata: &Metadata, worker: i64) -> Result<(), MetadataError> {
    let mut tx = metadata.write().await?;
    let app = tx.ensure_repository(&name("app"), at(1)).await?.id;
    tx.lock_repository(app).await?;
    let record = draft(&(worker % 2).to_string()).put(&mut tx, app, at(worker)).await;
    tx.set_tag(app, &tag("v1"), &record, TagEventAction::Push, None, at(worker)).await?;
    tx.commit().await
}

async fn pushes_of_the_same_manifest_and_tag(metadata: Metadata) {
    let pushers: Vec<_> = (0..6)
        .map(|worker| {
            let metadata = metadata.clone();
            tokio::spawn(async move { until_no_conflict!(push_tag(&metadata, worker)) })
        })
        .collect();
    for pusher in pushers {
        pusher.await.unwrap();
    }
    let mut tx = metadata.read().await.unwrap();
    let app = tx.repository(&name("app")).await.unwrap().unwrap().id;
    let mut events = tx.tag_events(app, None, None, 100).await.unwrap().entries;
    events.reverse();
    assert_eq!(events.len(), 6);
    // One chain: each change begins where the one before ended.
    assert_eq!(events[0].from, None);
    assert!(events.windows(2).all(|pair| pair[0].to == pair[1].from), "{events:?}");
    let standing = tx.tag(app, &tag("v1")).await.unwrap().unwrap();
    assert_eq!(Some(standing.digest), events[5].to);
}

fn assert_conflict<T: std::fmt::Debug>(result: Result<T, MetadataError>) {
    assert!(matches!(result, Err(MetadataError::Conflict(_))), "{result:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_waits_for_collection_and_finds_the_blob_gone() {
    let metadata = postgres().await;
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, "app").await;
    let blob = tx.ensure_blob(&digest("layer"), 5, at(1)).await.unwrap().id;
    tx.commit().await.unwrap();

    let mut collection = metadata.write().await.unwrap();
    collection.lock_blob(&digest("layer")).await.unwrap();
    collection.delete_blob(blob).await.unwrap();
    let mut push = metadata.write().await.unwrap();
    let (linked, ()) = tokio::join!(push.link_blob(app, blob, at(1)), async {
        collection.commit().await.unwrap();
    });
    assert_conflict(linked);
    // A mount that looks first sees that it is gone, too.
    drop(push);
    let mut mount = metadata.write().await.unwrap();
    assert_eq!(mount.lock_blob(&digest("layer")).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn collection_waits_for_a_push_and_finds_the_link() {
    let metadata = postgres().await;
    let mut push = metadata.write().await.unwrap();
    let app = repository(&mut push, "app").await;
    push.commit().await.unwrap();
    for locked in [true, false] {
        let content = format!("layer {locked}");
        let mut setup = metadata.write().await.unwrap();
        let blob = setup.ensure_blob(&digest(&content), 5, at(1)).await.unwrap().id;
        setup.commit().await.unwrap();

        let mut push = metadata.write().await.unwrap();
        if locked {
            push.lock_blob(&digest(&content)).await.unwrap();
        }
        push.link_blob(app, blob, at(1)).await.unwrap();
        let mut collection = metadata.write().await.unwrap();
        let look = async {
            if locked {
                collection.lock_blob(&digest(&content)).await.unwrap().unwrap();
                assert!(collection.blob_is_linked(blob).await.unwrap());
            } else {
                // Even a collector that forgets to look cannot take it: the foreign key holds.
                assert_conflict(collection.delete_blob(blob).await);
            }
        };
        tokio::join!(look, async { push.commit().await.unwrap() });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_cannot_be_set_on_a_manifest_that_is_being_purged() {
    let metadata = postgres().await;
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, "app").await;
    let manifest = draft("m").put(&mut tx, app, at(1)).await;
    tx.commit().await.unwrap();
    let mut purge = metadata.write().await.unwrap();
    purge.purge_manifest(manifest.id).await.unwrap();
    let mut push = metadata.write().await.unwrap();
    // Without the repository's lock, which would make it wait earlier.
    let tag = tag("v1");
    let (set, ()) =
        tokio::join!(push.set_tag(app, &tag, &manifest, TagEventAction::Push, None, at(2)), async {
            purge.commit().await.unwrap();
        });
    assert_conflict(set);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_is_a_conflict() {
    let metadata = postgres().await;
    let mut tx = metadata.write().await.unwrap();
    let (a, b) = (repository(&mut tx, "a").await, repository(&mut tx, "b").await);
    tx.commit().await.unwrap();
    let (mut one, mut two) = (metadata.write().await.unwrap(), metadata.write().await.unwrap());
    one.lock_repository(a).await.unwrap();
    two.lock_repository(b).await.unwrap();
    // The server ends one of the two; the other gets its lock when that one is dropped.
    let first = async {
        let result = one.lock_repository(b).await;
        drop(one);
        result
    };
    let second = async {
        let result = two.lock_repository(a).await;
        drop(two);
        result
    };
    let (first, second) = tokio::join!(first, second);
    assert_conflict(if first.is_err() { first } else { second });
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_do_not_wait_for_the_repository() {
    let metadata = postgres().await;
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, "app").await;
    tx.commit().await.unwrap();
    let mut push = metadata.write().await.unwrap();
    push.lock_repository(app).await.unwrap();
    // Naming a locked repository in a foreign key is no change of it.
    let mut other = metadata.write().await.unwrap();
    let blob = other.ensure_blob(&digest("layer"), 5, at(1)).await.unwrap().id;
    other.link_blob(app, blob, at(1)).await.unwrap();
    other.commit().await.unwrap();
    linked_blob(&mut push, app, "layer").await;
    push.commit().await.unwrap();
}
