use crate::support::settings;
use longshore_metadata::{Metadata, MetadataError};
use longshore_testkit::Postgres;

/// Several processes that start together on an empty database: one makes the schema, the others find it.
async fn opened_many_times_at_once(url: String) {
    let tasks: Vec<_> = (0..6)
        .map(|n| {
            let settings = settings(&url);
            tokio::spawn(async move {
                let metadata = Metadata::open(&settings).await.unwrap();
                let mut tx = metadata.write().await.unwrap();
                tx.set_setting(&format!("{n}"), "here").await.unwrap();
                tx.commit().await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let metadata = Metadata::open(&settings(&url)).await.unwrap();
    let mut tx = metadata.read().await.unwrap();
    for n in 0..6 {
        assert!(tx.setting(&n.to_string()).await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_is_opened_many_times_at_once() {
    let folder = tempfile::tempdir().unwrap();
    opened_many_times_at_once(format!("sqlite://{}/index.sqlite3", folder.path().display())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_opened_many_times_at_once() {
    opened_many_times_at_once(Postgres::shared().fresh_database().unwrap()).await;
}

fn check_too_new(opened: Result<Metadata, MetadataError>) {
    let error = opened.err().expect("a newer schema must not be opened");
    assert!(matches!(error, MetadataError::TooNew { found: 999, known: 3 }), "{error}");
    assert!(error.to_string().contains("999"), "{error}");
}

#[tokio::test]
async fn a_newer_sqlite_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index.sqlite3");
    let settings = settings(&format!("sqlite://{}", path.display()));
    Metadata::open(&settings).await.unwrap().close().await;
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("INSERT INTO schema_version VALUES (999)", []).unwrap();
    drop(connection);
    check_too_new(Metadata::open(&settings).await);
}

#[tokio::test]
async fn a_newer_postgres_database_is_left_alone() {
    let url = Postgres::shared().fresh_database().unwrap();
    Metadata::open(&settings(&url)).await.unwrap().close().await;
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    client.execute("INSERT INTO schema_version VALUES (999)", &[]).await.unwrap();
    drop(client);
    connection.await.unwrap().unwrap();
    check_too_new(Metadata::open(&settings(&url)).await);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index.sqlite3");
    std::fs::write(&path, "certainly no database, and long enough to be looked at".repeat(100)).unwrap();
    let error = Metadata::open(&settings(&format!("sqlite://{}", path.display()))).await.err().unwrap();
    assert!(matches!(error, MetadataError::Corrupt(_)), "{error}");
}
