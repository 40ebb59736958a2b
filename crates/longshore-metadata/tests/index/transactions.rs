use crate::support::{at, name, on_both_databases, repository, settings};
use longshore_metadata::{Metadata, MetadataError};

on_both_databases! {
    what_is_not_committed_leaves_no_trace,
    a_reader_sees_nothing_uncommitted,
    reading_goes_on_while_somebody_writes,
    the_check_reads_and_writes,
    a_closed_index_says_so,
    a_cancelled_transaction_leaves_no_trace,
}

async fn what_is_not_committed_leaves_no_trace(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    tx.set_setting("kept", "1").await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = metadata.write().await.unwrap();
    tx.set_setting("kept", "2").await.unwrap();
    tx.set_setting("dropped", "1").await.unwrap();
    assert_eq!(tx.setting("kept").await.unwrap().as_deref(), Some("2"));
    drop(tx);
    let mut tx = metadata.write().await.unwrap();
    assert_eq!(tx.setting("kept").await.unwrap().as_deref(), Some("1"));
    assert_eq!(tx.setting("dropped").await.unwrap(), None);
}

async fn a_reader_sees_nothing_uncommitted(metadata: Metadata) {
    let mut writer = metadata.write().await.unwrap();
    writer.set_setting("k", "v").await.unwrap();
    let mut reader = metadata.read().await.unwrap();
    assert_eq!(reader.setting("k").await.unwrap(), None);
    drop(reader);
    writer.commit().await.unwrap();
    let mut reader = metadata.read().await.unwrap();
    assert_eq!(reader.setting("k").await.unwrap().as_deref(), Some("v"));
}

async fn reading_goes_on_while_somebody_writes(metadata: Metadata) {
    let mut reader = metadata.read().await.unwrap();
    assert_eq!(reader.setting("k").await.unwrap(), None);
    let mut writer = metadata.write().await.unwrap();
    writer.set_setting("k", "v").await.unwrap();
    writer.commit().await.unwrap();
    // On SQLite the reader stays at its state, on PostgreSQL it sees the new one; neither waits.
    reader.setting("k").await.unwrap();
}

async fn the_check_reads_and_writes(metadata: Metadata) {
    metadata.check().await.unwrap();
    metadata.check().await.unwrap();
}

async fn a_closed_index_says_so(metadata: Metadata) {
    metadata.close().await;
    for error in [metadata.read().await.err(), metadata.write().await.err(), metadata.check().await.err()] {
        assert!(matches!(error, Some(MetadataError::Unavailable(_))), "{error:?}");
    }
    metadata.close().await;
}

async fn a_cancelled_transaction_leaves_no_trace(metadata: Metadata) {
    let mut tx = metadata.write().await.unwrap();
    let id = repository(&mut tx, "app").await;
    tx.commit().await.unwrap();
    // Cut off at every await in turn. The repository is locked, so one that stayed open would stop the next.
    for polls in 0..40 {
        let work = async {
            let mut tx = metadata.write().await.unwrap();
            tx.lock_repository(id).await.unwrap();
            tx.set_setting("half", "1").await.unwrap();
            tx.ensure_repository(&name("half"), at(1)).await.unwrap();
            std::future::pending::<()>().await;
        };
        poll_at_most(polls, work).await;
    }
    let mut tx = metadata.write().await.unwrap();
    tx.lock_repository(id).await.unwrap();
    assert_eq!(tx.setting("half").await.unwrap(), None);
    assert_eq!(tx.repository(&name("half")).await.unwrap(), None);
    tx.set_setting("whole", "1").await.unwrap();
    tx.commit().await.unwrap();
}

/// Polls a future that many times, as it asks for it, and drops it; gives up on one that waits for ever.
async fn poll_at_most(polls: usize, future: impl Future) {
    let mut future = Box::pin(future);
    for _ in 0..polls {
        let once = std::future::poll_fn(|cx| std::task::Poll::Ready(future.as_mut().poll(cx).is_ready()));
        if once.await {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Opened again after being dropped, not closed: what was committed is there.
#[tokio::test]
async fn a_file_opens_again() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&format!("sqlite://{}/new/index.sqlite3", folder.path().display()));
    for n in 0..5 {
        let metadata = Metadata::open(&settings).await.unwrap();
        let mut tx = metadata.write().await.unwrap();
        let before = tx.setting("n").await.unwrap();
        assert_eq!(before, (n > 0).then(|| (n - 1).to_string()));
        tx.set_setting("n", &n.to_string()).await.unwrap();
        tx.commit().await.unwrap();
        if n == 3 {
            metadata.close().await;
            let files = std::fs::read_dir(folder.path().join("new")).unwrap().count();
            assert_eq!(files, 1, "closing leaves one file");
        }
    }
}

/// The index names everything that is private: nobody else on the machine reads it.
#[tokio::test]
async fn the_files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&format!("sqlite://{}/index ?mode=x%20.sqlite3", folder.path().display()));
    let metadata = Metadata::open(&settings).await.unwrap();
    metadata.check().await.unwrap();
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    let file = "index ?mode=x%20.sqlite3";
    assert_eq!(names, [file.to_owned(), format!("{file}-shm"), format!("{file}-wal")]);
}

#[tokio::test]
async fn a_wrong_address_says_what_is_right() {
    for url in ["", "mysql://host/db", "sqlite:", "sqlite://", "/var/lib/index"] {
        let error = Metadata::open(&settings(url)).await.err().unwrap();
        assert!(matches!(&error, MetadataError::Settings(_)), "{url}: {error}");
        assert!(error.to_string().contains("postgres://"), "{error}");
    }
    let error = Metadata::open(&settings("sqlite:///proc/no/index")).await.err().unwrap();
    assert!(matches!(error, MetadataError::Unavailable(_)), "{error}");
}
