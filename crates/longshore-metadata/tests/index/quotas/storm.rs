//! Many pushes at the same time.

use longshore_metadata::{Metadata, MetadataError, QuotaLimit};

use super::{counting, project_of, used};
use crate::support::{at, digest, linked_blob, name, on_both_databases, repository};

on_both_databases! {
    charges_at_the_same_time_keep_the_limit,
}

const TASKS: u64 = 32;
const ROUNDS: u64 = 6;
/// Less than all of them would take.
const LIMIT: u64 = 100_000;

/// Links one content of its own in a transaction of its own; `false` when it does not fit.
async fn push(
    metadata: &Metadata,
    repository: &str,
    content: &str,
    bytes: u64,
) -> Result<bool, MetadataError> {
    let mut tx = metadata.write().await?;
    let app = tx.ensure_repository(&name(repository), at(1)).await?.id;
    tx.lock_repository(app).await?;
    let blob = tx.ensure_blob(&digest(content), bytes, at(1)).await?.id;
    match tx.link_blob(app, blob, at(1)).await {
        Err(MetadataError::QuotaExceeded(exceeded)) => {
            assert!(exceeded.used_bytes + exceeded.needed_bytes > LIMIT, "{exceeded}");
            return Ok(false);
        }
        result => result?,
    }
    tx.commit().await?;
    Ok(true)
}

/// Pushes without a pause; every third push takes something away first.
async fn pusher(metadata: Metadata, task: u64) -> (u64, u64) {
    let (mut held, mut refused) = (Vec::<(String, u64)>::new(), 0);
    let repository = format!("team/app{}", task % 8);
    for round in 0..ROUNDS {
        if round % 3 == 2
            && let Some((content, _)) = held.pop()
        {
            let mut tx = metadata.write().await.unwrap();
            let app = tx.ensure_repository(&name(&repository), at(1)).await.unwrap().id;
            tx.lock_repository(app).await.unwrap();
            let blob = tx.blob(&digest(&content)).await.unwrap().unwrap().id;
            assert!(tx.unlink_blob(app, blob).await.unwrap());
            tx.commit().await.unwrap();
        }
        let (content, bytes) = (format!("{task} {round}"), 500 + 37 * task + round);
        // No conflict: nobody here waits for another in a circle.
        if push(&metadata, &repository, &content, bytes).await.unwrap() {
            held.push((content, bytes));
        } else {
            refused += 1;
        }
    }
    (held.iter().map(|(_, bytes)| bytes).sum(), refused)
}

async fn charges_at_the_same_time_keep_the_limit(metadata: Metadata) {
    counting(&metadata).await;
    let mut tx = metadata.write().await.unwrap();
    let mut team = None;
    for number in 0..8 {
        let app = repository(&mut tx, &format!("team/app{number}")).await;
        team = Some(project_of(&mut tx, app).await);
    }
    let team = team.unwrap();
    tx.set_quota(team, QuotaLimit::Bytes(LIMIT), at(1)).await.unwrap();
    tx.commit().await.unwrap();
    let tasks: Vec<_> = (0..TASKS).map(|task| tokio::spawn(pusher(metadata.clone(), task))).collect();
    let (mut held, mut refused) = (0, 0);
    for task in tasks {
        let (bytes, times) = task.await.unwrap();
        held += bytes;
        refused += times;
    }
    assert_eq!(used(&metadata, team).await, held);
    assert!(held <= LIMIT && refused > 0, "{held} held, {refused} refused");
    assert!(held > LIMIT - 3000, "room was left: {held}");
}

/// What one push has changed and not committed keeps no other waiting.
#[tokio::test(flavor = "multi_thread")]
async fn pushes_into_one_project_do_not_wait_for_each_other() {
    let url = longshore_testkit::Postgres::shared().fresh_database().unwrap();
    let settings =
        longshore_metadata::MetadataSettings { connections_max: 16, ..crate::support::settings(&url) };
    let metadata = Metadata::open(&settings).await.unwrap();
    counting(&metadata).await;
    let mut tx = metadata.write().await.unwrap();
    let mut team = None;
    for number in 0..12 {
        let app = repository(&mut tx, &format!("team/app{number}")).await;
        team = Some(project_of(&mut tx, app).await);
    }
    let team = team.unwrap();
    // Every shard gets its share of this.
    tx.set_quota(team, QuotaLimit::Bytes(1600), at(1)).await.unwrap();
    let first = repository(&mut tx, "team/app0").await;
    linked_blob(&mut tx, first, "first").await;
    tx.commit().await.unwrap();
    let mut under_way = Vec::new();
    for number in 0..12 {
        let push = async {
            let mut tx = metadata.write().await.unwrap();
            let app = repository(&mut tx, &format!("team/app{number}")).await;
            linked_blob(&mut tx, app, &format!("layer {number}")).await;
            tx
        };
        under_way.push(longshore_testkit::within("a push beside others", push).await);
    }
    for push in under_way {
        push.commit().await.unwrap();
    }
    assert_eq!(used(&metadata, team).await, 5 + 10 * 7 + 2 * 8);
}
