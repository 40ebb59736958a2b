//! Many pushes at the same time.

use longshore_metadata::{Metadata, MetadataError, ProjectId, QuotaLimit, retry_on_conflict};

use super::{counting, project_of, used};
use crate::support::{at, digest, linked_blob, name, on_both_databases, repository};

on_both_databases! {
    charges_at_the_same_time_keep_the_limit,
    charges_in_nested_projects_keep_every_limit,
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
            assert!(exceeded.used_bytes + exceeded.needed_bytes > exceeded.limit_bytes, "{exceeded}");
            return Ok(false);
        }
        result => result?,
    }
    tx.commit().await?;
    Ok(true)
}

/// Takes away what a push before brought.
async fn take_away(metadata: &Metadata, repository: &str, content: &str) -> Result<(), MetadataError> {
    let mut tx = metadata.write().await?;
    let app = tx.ensure_repository(&name(repository), at(1)).await?.id;
    tx.lock_repository(app).await?;
    let blob = tx.blob(&digest(content)).await?.unwrap().id;
    assert!(tx.unlink_blob(app, blob).await?);
    tx.commit().await
}

/// Pushes without a pause; every third push takes something away first. Returns what it holds in the end, and how often
/// something was refused.
async fn pusher(metadata: Metadata, repository: String, task: u64) -> (u64, u64) {
    let (mut held, mut refused) = (Vec::<(String, u64)>::new(), 0);
    for round in 0..ROUNDS {
        if round % 3 == 2
            && let Some((content, _)) = held.pop()
        {
            retry_on_conflict(|| take_away(&metadata, &repository, &content)).await.unwrap();
        }
        let (content, bytes) = (format!("{task} {round}"), 500 + 37 * task + round);
        // A free shard whose room went in the moment of the look stays locked: rarely, one of two has to begin again.
        let fits = retry_on_conflict(|| push(&metadata, &repository, &content, bytes)).await.unwrap();
        if fits {
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
    let push = |task| tokio::spawn(pusher(metadata.clone(), format!("team/app{}", task % 8), task));
    let tasks: Vec<_> = (0..TASKS).map(push).collect();
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

async fn project(metadata: &Metadata, text: &str) -> ProjectId {
    metadata.read().await.unwrap().project(&text.parse().unwrap()).await.unwrap().unwrap().id
}

async fn make_project(metadata: &Metadata, text: &str) -> Result<(), MetadataError> {
    let mut tx = metadata.write().await?;
    assert!(tx.insert_project(&text.parse().unwrap(), None, at(1)).await?.is_some());
    tx.commit().await
}

async fn delete_project(metadata: &Metadata, text: &str) -> Result<(), MetadataError> {
    let mut tx = metadata.write().await?;
    let id = tx.project(&text.parse().unwrap()).await?.unwrap().id;
    tx.lock_project(id).await?;
    tx.delete_project(id, at(1)).await?;
    tx.commit().await
}

async fn charges_in_nested_projects_keep_every_limit(metadata: Metadata) {
    counting(&metadata).await;
    for text in ["team", "team/a", "team/a/b"] {
        make_project(&metadata, text).await.unwrap();
    }
    const INNER_LIMIT: u64 = 30_000;
    let mut tx = metadata.write().await.unwrap();
    for (text, limit) in [("team", LIMIT), ("team/a", INNER_LIMIT)] {
        let id = tx.project(&text.parse().unwrap()).await.unwrap().unwrap().id;
        tx.set_quota(id, QuotaLimit::Bytes(limit), at(1)).await.unwrap();
    }
    tx.commit().await.unwrap();
    let places = ["team/app", "team/a/app", "team/a/b/app", "team/c/app"];
    let push = |task: u64| {
        let repository = format!("{}{}", places[task as usize % 4], task / 4 % 2);
        tokio::spawn(pusher(metadata.clone(), repository, task))
    };
    let tasks: Vec<_> = (0..TASKS).map(push).collect();
    // Meanwhile projects come and go, and take what lies in them along.
    for _ in 0..3 {
        retry_on_conflict(|| make_project(&metadata, "team/c")).await.unwrap();
        retry_on_conflict(|| make_project(&metadata, "team/a/b/app0")).await.unwrap();
        retry_on_conflict(|| delete_project(&metadata, "team/c")).await.unwrap();
        retry_on_conflict(|| delete_project(&metadata, "team/a/b/app0")).await.unwrap();
    }
    let (mut held, mut refused) = ([0; 4], 0);
    for (task, pusher) in tasks.into_iter().enumerate() {
        let (bytes, times) = pusher.await.unwrap();
        held[task % 4] += bytes;
        refused += times;
    }
    make_project(&metadata, "team/c").await.unwrap();
    let [top, a, b, c] = held;
    for (text, bytes) in [("team", top + a + b + c), ("team/a", a + b), ("team/a/b", b), ("team/c", c)] {
        let id = project(&metadata, text).await;
        assert_eq!(used(&metadata, id).await, bytes, "{text}: {held:?}");
    }
    assert!(a + b <= INNER_LIMIT && held.iter().sum::<u64>() <= LIMIT && refused > 0, "{held:?}, {refused}");
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
