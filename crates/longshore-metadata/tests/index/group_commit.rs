//! SQLite's writers take turns and are committed together.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::support::{at, digest, settings};
use longshore_metadata::{BlobId, Metadata, MetadataError};

struct Index {
    folder: tempfile::TempDir,
    metadata: Metadata,
}

impl Index {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let metadata = open_in(folder.path()).await;
        Self { folder, metadata }
    }

    fn file(&self, suffix: &str) -> PathBuf {
        self.folder.path().join(format!("index.sqlite3{suffix}"))
    }

    /// How many commits the write-ahead log holds (SQLite, "WAL-mode File Format"): frames whose header gives the size
    /// of the database, which only the last frame of a commit does.
    fn commits(&self) -> usize {
        let log = std::fs::read(self.file("-wal")).unwrap();
        let number = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap());
        let frame = 24 + number(8) as usize;
        (32..log.len()).step_by(frame).filter(|&at| number(at + 4) != 0).count()
    }
}

async fn open_in(folder: &Path) -> Metadata {
    Metadata::open(&settings(&format!("sqlite://{}/index.sqlite3", folder.display()))).await.unwrap()
}

async fn set(metadata: &Metadata, key: String) -> Result<(), MetadataError> {
    let mut tx = metadata.write().await?;
    tx.set_setting(&key, "set").await?;
    tx.commit().await
}

async fn is_set(metadata: &Metadata, key: &str) -> bool {
    metadata.read().await.unwrap().setting(key).await.unwrap().is_some()
}

/// Whoever waits when a turn ends is committed together with it. One thread, so that the order is known.
#[tokio::test]
async fn those_who_wait_are_committed_together() {
    let index = Index::open().await;
    let mut first = index.metadata.write().await.unwrap();
    first.set_setting("first", "set").await.unwrap();
    let waiting: Vec<_> = (0..20)
        .map(|n| {
            let metadata = index.metadata.clone();
            tokio::spawn(async move { set(&metadata, n.to_string()).await })
        })
        .collect();
    tokio::task::yield_now().await; // All of them run up to where they wait.
    let before = index.commits();
    first.commit().await.unwrap();
    for task in waiting {
        task.await.unwrap().unwrap();
    }
    assert_eq!(index.commits() - before, 1);
    for n in 0..20 {
        assert!(is_set(&index.metadata, &n.to_string()).await);
    }
}

/// One that fails, and one that is dropped, take nothing with them from those who are committed together with them.
#[tokio::test]
async fn a_failure_in_the_group_is_nobody_elses() {
    let index = Index::open().await;
    let mut first = index.metadata.write().await.unwrap();
    let blob: BlobId = first.ensure_blob(&digest("layer"), 1, at(1)).await.unwrap().id;
    let metadata = index.metadata.clone();
    let failing = tokio::spawn(async move {
        let mut tx = metadata.write().await.unwrap();
        tx.set_setting("failed", "set").await.unwrap();
        let repository = tx.ensure_repository(&"app".parse().unwrap(), at(1)).await.unwrap().id;
        tx.link_blob(repository, blob, at(1)).await.unwrap();
        let error = tx.delete_blob(blob).await.unwrap_err();
        assert!(matches!(error, MetadataError::Conflict(_)), "{error}");
        tx.commit().await.unwrap_err()
    });
    let metadata = index.metadata.clone();
    let dropped = tokio::spawn(async move {
        let mut tx = metadata.write().await.unwrap();
        tx.set_setting("dropped", "set").await.unwrap();
    });
    let metadata = index.metadata.clone();
    let last = tokio::spawn(async move { set(&metadata, "last".to_owned()).await });
    tokio::task::yield_now().await;
    first.commit().await.unwrap();
    failing.await.unwrap();
    dropped.await.unwrap();
    last.await.unwrap().unwrap();
    assert!(index.metadata.read().await.unwrap().blob(&digest("layer")).await.unwrap().is_some());
    assert!(is_set(&index.metadata, "last").await);
    for lost in ["failed", "dropped"] {
        assert!(!is_set(&index.metadata, lost).await, "{lost}");
    }
}

/// A writer that is alone with an unfinished turn keeps no lock: another process can write.
#[tokio::test(flavor = "multi_thread")]
async fn two_processes_take_turns() {
    let index = Index::open().await;
    // A second index on the same file stands for another process: it shares nothing but the file.
    let other = open_in(index.folder.path()).await;
    let tasks: Vec<_> = (0..40)
        .map(|n| {
            let metadata = if n % 2 == 0 { index.metadata.clone() } else { other.clone() };
            tokio::spawn(async move {
                if n % 5 == 0 {
                    drop(metadata.write().await.unwrap());
                }
                set(&metadata, n.to_string()).await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    for n in 0..40 {
        assert!(is_set(&other, &n.to_string()).await && is_set(&index.metadata, &n.to_string()).await);
    }
}

/// Many writers, some dropped half way, some cancelled while they wait for their commit. What was acknowledged is in a
/// copy of the files made right after, as a crash would leave them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_on_the_disk() {
    let index = Index::open().await;
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let (metadata, acknowledged) = (index.metadata.clone(), acknowledged.clone());
            tokio::spawn(async move {
                let mut kept = Vec::new();
                for n in 0..30 {
                    let key = format!("{writer} {n}");
                    match n % 5 {
                        3 => {
                            let mut tx = metadata.write().await.unwrap();
                            tx.set_setting(&format!("dropped {key}"), "set").await.unwrap();
                        }
                        4 => {
                            let cancelled = {
                                let (metadata, key) = (metadata.clone(), key.clone());
                                tokio::spawn(async move { set(&metadata, key).await })
                            };
                            tokio::task::yield_now().await;
                            cancelled.abort();
                            let _ = cancelled.await;
                        }
                        _ => {
                            set(&metadata, key.clone()).await.unwrap();
                            acknowledged.fetch_add(1, Ordering::SeqCst);
                            kept.push(key);
                        }
                    }
                }
                kept
            })
        })
        .collect();
    let mut copies = Vec::new();
    while acknowledged.load(Ordering::SeqCst) < 8 * 18 {
        let before = acknowledged.load(Ordering::SeqCst);
        let copy = tempfile::tempdir().unwrap();
        // The log is far from its first checkpoint: the file does not change while the log is copied.
        for suffix in ["", "-wal"] {
            std::fs::copy(index.file(suffix), copy.path().join(format!("index.sqlite3{suffix}"))).unwrap();
        }
        if copies.len() < 20 {
            copies.push((before, copy));
        }
        tokio::task::yield_now().await;
    }
    let mut keys = Vec::new();
    for writer in writers {
        keys.extend(writer.await.unwrap());
    }
    for key in &keys {
        assert!(is_set(&index.metadata, key).await, "{key}");
    }
    for (before, copy) in copies {
        let path = copy.path().join("index.sqlite3");
        let connection = rusqlite::Connection::open(path).unwrap();
        let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, u32>(0)).unwrap();
        assert!(count("SELECT COUNT(*) FROM settings") as usize >= before);
        assert_eq!(count("SELECT COUNT(*) FROM settings WHERE key LIKE 'dropped%'"), 0);
        let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
    }
}

/// Closing waits for the turns under way and loses nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_waits_for_commits() {
    let index = Index::open().await;
    let writers: Vec<_> = (0..20)
        .map(|n| {
            let metadata = index.metadata.clone();
            tokio::spawn(async move { (n, set(&metadata, n.to_string()).await) })
        })
        .collect();
    tokio::task::yield_now().await;
    index.metadata.close().await;
    let again = open_in(index.folder.path()).await;
    for writer in writers {
        let (n, result) = writer.await.unwrap();
        match result {
            Ok(()) => assert!(is_set(&again, &n.to_string()).await, "{n} was acknowledged"),
            Err(error) => {
                assert!(matches!(error, MetadataError::Unavailable(_)), "{error}");
                assert!(!is_set(&again, &n.to_string()).await, "{n} failed");
            }
        }
    }
}
