//! What pulls ask is answered from memory, and never wrongly.

use std::{
    future::poll_fn,
    pin::pin,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    task::Poll,
    time::Duration,
};

use longshore_metadata::{FaultPlan, ManifestRecord, Metadata, MetadataError, TagEventAction};
use longshore_testkit::Postgres;
use longshore_types::{Digest, MediaType, Reference};
use tokio::time::Instant;

use crate::support::*;

const CACHE_BYTES: u64 = 8 << 20;

async fn cached(url: &str) -> Metadata {
    Metadata::open_cached(&settings(url), CACHE_BYTES).await.unwrap()
}

/// An empty index with a cache, on each database.
async fn both() -> [Metadata; 2] {
    [cached("sqlite::memory:").await, cached(&Postgres::shared().fresh_database().unwrap()).await]
}

/// Writes `app` with manifests `0` to `9`, each with a tag of the same name, and `latest` on the first; and a blob.
async fn fill(metadata: &Metadata) -> Vec<ManifestRecord> {
    let mut tx = metadata.write().await.unwrap();
    let app = repository(&mut tx, "app").await;
    let mut records = Vec::new();
    for n in 0..10 {
        let record = draft(&n.to_string()).put(&mut tx, app, at(1)).await;
        push_tag(&mut tx, &format!("v{n}"), &record, at(1)).await;
        records.push(record);
    }
    push_tag(&mut tx, "latest", &records[0], at(1)).await;
    linked_blob(&mut tx, app, "blob").await;
    tx.commit().await.unwrap();
    records
}

fn by_tag(text: &str) -> Reference {
    Reference::Tag(tag(text))
}

async fn pull(metadata: &Metadata, reference: &Reference) -> Option<String> {
    let manifest = metadata.manifest(&name("app"), reference).await.unwrap()?;
    assert_eq!(manifest.digest, Digest::sha256(&manifest.payload));
    Some(String::from_utf8(manifest.payload.to_vec()).unwrap())
}

async fn is_linked(metadata: &Metadata) -> bool {
    metadata.blob_in(&name("app"), &digest("blob")).await.unwrap().is_some()
}

async fn point(metadata: &Metadata, text: &str, to: &ManifestRecord) -> Result<(), MetadataError> {
    let mut tx = metadata.write().await?;
    tx.lock_repository(to.repository).await?;
    tx.set_tag(to.repository, &tag(text), to, TagEventAction::Push, None, at(2)).await?;
    tx.commit().await
}

/// Asks until no call to the database is needed. A listener may need a moment before the cache is used.
async fn warm(metadata: &Metadata, reference: &Reference) {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let plan = FaultPlan::counting();
        let counted = metadata.clone().with_faults(&plan);
        pull(&counted, reference).await.unwrap();
        assert!(is_linked(&counted).await);
        if plan.calls() == 0 {
            return;
        }
        assert!(Instant::now() < until, "the cache is never used");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_shows_as_soon_as_it_is_committed() {
    for metadata in both().await {
        let records = fill(&metadata).await;
        let (latest, first) = (by_tag("latest"), Reference::Digest(records[0].digest));
        let app = records[0].repository;
        warm(&metadata, &latest).await;
        warm(&metadata, &first).await;
        assert_eq!(pull(&metadata, &latest).await.unwrap(), "0");

        // What is dropped changes nothing.
        let mut tx = metadata.write().await.unwrap();
        tx.lock_repository(app).await.unwrap();
        tx.delete_tag(app, &tag("latest"), None, at(2)).await.unwrap();
        drop(tx);
        assert_eq!(pull(&metadata, &latest).await.unwrap(), "0");

        point(&metadata, "latest", &records[1]).await.unwrap();
        assert_eq!(pull(&metadata, &latest).await.unwrap(), "1");
        warm(&metadata, &latest).await;

        // The same bytes under another type.
        let mut tx = metadata.write().await.unwrap();
        tx.lock_repository(app).await.unwrap();
        let again = crate::support::Draft { media_type: MediaType::OCI_INDEX, ..draft("1") };
        again.put(&mut tx, app, at(2)).await;
        tx.commit().await.unwrap();
        for reference in [&latest, &by_tag("v1"), &Reference::Digest(records[1].digest)] {
            let manifest = metadata.manifest(&name("app"), reference).await.unwrap().unwrap();
            assert_eq!(manifest.media_type, MediaType::OCI_INDEX, "{reference}");
        }

        let mut tx = metadata.write().await.unwrap();
        tx.lock_repository(app).await.unwrap();
        tx.delete_tag(app, &tag("latest"), None, at(3)).await.unwrap();
        tx.delete_tag(app, &tag("v0"), None, at(3)).await.unwrap();
        tx.mark_manifest_deleted(records[0].id, at(3)).await.unwrap();
        let blob = tx.blob(&digest("blob")).await.unwrap().unwrap();
        assert!(tx.unlink_blob(app, blob.id).await.unwrap());
        assert!(!tx.unlink_blob(app, blob.id).await.unwrap());
        tx.commit().await.unwrap();
        assert_eq!((pull(&metadata, &latest).await, pull(&metadata, &first).await), (None, None));
        assert!(!is_linked(&metadata).await);

        let mut tx = metadata.write().await.unwrap();
        tx.lock_repository(app).await.unwrap();
        tx.restore_manifest(records[0].id).await.unwrap();
        tx.link_blob(app, blob.id, at(4)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(pull(&metadata, &first).await.unwrap(), "0");
        warm(&metadata, &first).await;
        let mut tx = metadata.write().await.unwrap();
        tx.lock_repository(app).await.unwrap();
        tx.purge_manifest(records[0].id).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(pull(&metadata, &first).await, None);
        metadata.close().await;
    }
}

/// Whatever call fails, and whether or not the change lasted: what is read is what the database says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_call_leaves_nothing_stale() {
    for metadata in both().await {
        let records = fill(&metadata).await;
        for nth in 0.. {
            warm(&metadata, &by_tag("latest")).await;
            let plan = FaultPlan::failing_call(nth);
            let to = &records[1 + nth as usize % 9];
            let result = point(&metadata.clone().with_faults(&plan), "latest", to).await;
            assert_eq!(result.is_err(), plan.fired());
            let shown = pull(&metadata, &by_tag("latest")).await.unwrap();
            let mut tx = metadata.read().await.unwrap();
            let kept = tx.manifest(&name("app"), &by_tag("latest")).await.unwrap().unwrap();
            assert_eq!(shown.as_bytes(), kept.payload, "call {nth}");
            if !plan.fired() {
                assert!(nth > 4, "{nth} calls");
                break;
            }
        }
    }
}

/// A caller who goes away while the commit is under way: from when the new state was seen once, nobody sees the old.
#[tokio::test]
async fn a_dropped_commit_shows_whole_or_not_at_all() {
    for metadata in both().await {
        let records = fill(&metadata).await;
        for (n, to) in records.iter().enumerate().skip(1) {
            warm(&metadata, &by_tag("latest")).await;
            {
                let mut tx = metadata.write().await.unwrap();
                tx.lock_repository(to.repository).await.unwrap();
                tx.set_tag(to.repository, &tag("latest"), to, TagEventAction::Push, None, at(2))
                    .await
                    .unwrap();
                let mut commit = pin!(tx.commit());
                let _ = poll_fn(|cx| Poll::Ready(commit.as_mut().poll(cx))).await;
            }
            let mut new_seen = false;
            for _ in 0..200 {
                let seen = pull(&metadata, &by_tag("latest")).await.unwrap();
                assert!(!new_seen || seen == n.to_string());
                new_seen |= seen == n.to_string();
                tokio::task::yield_now().await;
            }
            // Whatever became of it, it is over after the next transaction on the same repository.
            point(&metadata, "latest", to).await.unwrap();
            assert_eq!(pull(&metadata, &by_tag("latest")).await.unwrap(), n.to_string());
        }
    }
}

/// Moves the tags `t0` to `t3` upwards through manifests whose content is their number.
struct Storm {
    records: Vec<ManifestRecord>,
    /// The number up to which each tag is acknowledged.
    acknowledged: [AtomicU64; 4],
    ended: AtomicBool,
}

const STEPS: u64 = 60;

impl Storm {
    async fn prepare(metadata: &Metadata) -> Self {
        let mut tx = metadata.write().await.unwrap();
        let app = repository(&mut tx, "app").await;
        let mut records = Vec::new();
        for n in 0..=STEPS {
            records.push(draft(&n.to_string()).put(&mut tx, app, at(1)).await);
        }
        for n in 0..4 {
            push_tag(&mut tx, &format!("t{n}"), &records[0], at(1)).await;
        }
        tx.commit().await.unwrap();
        Self { records, acknowledged: Default::default(), ended: AtomicBool::new(false) }
    }

    async fn write(&self, metadata: &Metadata, tag: usize) {
        for n in 1..=STEPS {
            point(metadata, &format!("t{tag}"), &self.records[n as usize]).await.unwrap();
            self.acknowledged[tag].store(n, Ordering::SeqCst);
        }
    }

    /// Reads never go back, and where the writer is of this process they miss nothing that was acknowledged. Returns how
    /// many reads there were.
    async fn read(&self, metadata: &Metadata, same_process: bool) -> u64 {
        let (mut seen, mut reads) = ([0; 4], 0);
        while !self.ended.load(Ordering::SeqCst) {
            for (tag, seen) in seen.iter_mut().enumerate() {
                let acknowledged = self.acknowledged[tag].load(Ordering::SeqCst);
                let read: u64 = pull(metadata, &by_tag(&format!("t{tag}"))).await.unwrap().parse().unwrap();
                assert!(read >= *seen, "{read} after {seen} was seen");
                assert!(
                    !same_process || read >= acknowledged,
                    "{read} after {acknowledged} was acknowledged"
                );
                *seen = read;
                reads += 1;
            }
            tokio::task::yield_now().await;
        }
        reads
    }

    /// Four writers over the first, readers over all of them.
    async fn run(self, metadatas: &[Metadata]) {
        let storm = std::sync::Arc::new(self);
        let readers: Vec<_> = (0..6)
            .map(|n| {
                let (storm, metadata) = (storm.clone(), metadatas[n % metadatas.len()].clone());
                let same_process = n % metadatas.len() == 0;
                tokio::spawn(async move { storm.read(&metadata, same_process).await })
            })
            .collect();
        let writers: Vec<_> = (0..4)
            .map(|tag| {
                let (storm, metadata) = (storm.clone(), metadatas[0].clone());
                tokio::spawn(async move { storm.write(&metadata, tag).await })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        for metadata in metadatas {
            for tag in 0..4 {
                eventually(metadata, &by_tag(&format!("t{tag}")), &STEPS.to_string()).await;
            }
        }
        storm.ended.store(true, Ordering::SeqCst);
        for reader in readers {
            assert!(reader.await.unwrap() > 0);
        }
    }
}

async fn eventually(metadata: &Metadata, reference: &Reference, content: &str) {
    let until = Instant::now() + Duration::from_secs(20);
    while pull(metadata, reference).await.as_deref() != Some(content) {
        assert!(Instant::now() < until, "{reference} never becomes {content}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reads_never_go_back_in_one_process() {
    for metadata in both().await {
        let storm = Storm::prepare(&metadata).await;
        storm.run(&[metadata]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reads_never_go_back_at_another_replica() {
    let url = Postgres::shared().fresh_database().unwrap();
    let metadatas = [cached(&url).await, cached(&url).await];
    let records = fill(&metadatas[0]).await;
    // The cache of the second is in use, and it hears.
    warm(&metadatas[1], &by_tag("latest")).await;
    point(&metadatas[0], "latest", &records[5]).await.unwrap();
    eventually(&metadatas[1], &by_tag("latest"), "5").await;
    Storm::prepare(&metadatas[0]).await.run(&metadatas).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn another_process_on_the_same_file_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/index.sqlite3", folder.path().display());
    let metadatas = [cached(&url).await, cached(&url).await];
    let records = fill(&metadatas[0]).await;
    warm(&metadatas[1], &by_tag("latest")).await;
    point(&metadatas[0], "latest", &records[5]).await.unwrap();
    eventually(&metadatas[1], &by_tag("latest"), "5").await;
    Storm::prepare(&metadatas[0]).await.run(&metadatas).await;
}

/// Turns that end without a trace, and commits of our own, are no changes by another process: nothing else is forgotten.
#[tokio::test]
async fn own_transactions_forget_nothing_else() {
    let metadata = cached("sqlite::memory:").await;
    let records = fill(&metadata).await;
    warm(&metadata, &by_tag("v3")).await;
    for n in 0..20 {
        let mut tx = metadata.write().await.unwrap();
        tx.set_setting("dropped", "1").await.unwrap();
        drop(tx);
        point(&metadata, "latest", &records[n % 2]).await.unwrap();
        let plan = FaultPlan::counting();
        pull(&metadata.clone().with_faults(&plan), &by_tag("v3")).await.unwrap();
        assert_eq!(plan.calls(), 0, "after {n}");
    }
}

/// While nobody listens, everything is asked; afterwards the cache is used again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_was_cut_off_comes_back() {
    let server = Postgres::start().unwrap();
    let url = server.fresh_database().unwrap();
    let metadatas = [cached(&url).await, cached(&url).await];
    let records = fill(&metadatas[0]).await;
    warm(&metadatas[1], &by_tag("latest")).await;
    server.restart().unwrap();
    // Connections that idled in the pools may take a moment to notice.
    let until = Instant::now() + Duration::from_secs(20);
    while let Err(error) = point(&metadatas[0], "latest", &records[7]).await {
        assert!(Instant::now() < until, "{error:?}");
        tokio::task::yield_now().await;
    }
    while metadatas[1].check().await.is_err() {
        assert!(Instant::now() < until);
        tokio::task::yield_now().await;
    }
    eventually(&metadatas[1], &by_tag("latest"), "7").await;
    warm(&metadatas[1], &by_tag("latest")).await;
    point(&metadatas[0], "latest", &records[8]).await.unwrap();
    eventually(&metadatas[1], &by_tag("latest"), "8").await;
}
