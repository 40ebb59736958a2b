//! What only a server does: it goes away and comes back.

use std::time::Duration;

use crate::support::{repository, settings};
use longshore_metadata::{Metadata, MetadataError, MetadataSettings};
use longshore_testkit::{Certificate, Postgres};
use tokio::time::Instant;

fn assert_unavailable<T>(result: Result<T, MetadataError>) {
    let error = result.err().expect("there is no server");
    assert!(matches!(error, MetadataError::Unavailable(_)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_survives_a_restart_of_the_server() {
    let server = Postgres::start().unwrap();
    let metadata = Metadata::open(&settings(&server.fresh_database().unwrap())).await.unwrap();
    let mut tx = metadata.write().await.unwrap();
    tx.set_setting("kept", "1").await.unwrap();
    tx.commit().await.unwrap();

    let mut cut_off = metadata.write().await.unwrap();
    cut_off.set_setting("lost", "1").await.unwrap();
    let mut reader = metadata.read().await.unwrap();
    reader.setting("kept").await.unwrap();
    server.restart().unwrap();
    assert_unavailable(reader.setting("kept").await);
    assert_unavailable(cut_off.set_setting("lost", "2").await);
    assert_unavailable(cut_off.commit().await);
    drop(reader);

    // Connections that idled in the pool may take a moment to notice.
    let until = Instant::now() + Duration::from_secs(20);
    while let Err(error) = metadata.check().await {
        assert!(Instant::now() < until, "{error:?}");
        tokio::task::yield_now().await;
    }
    let mut tx = metadata.write().await.unwrap();
    assert_eq!(tx.setting("kept").await.unwrap().as_deref(), Some("1"));
    assert_eq!(tx.setting("lost").await.unwrap(), None);
    tx.commit().await.unwrap();

    server.stop().unwrap();
    assert_unavailable(metadata.check().await);
    assert_unavailable(metadata.read().await);
    server.start_again().unwrap();
    metadata.check().await.unwrap();
}

/// A pool smaller than the number of transactions, each cut off somewhere: no connection comes back unclean.
#[tokio::test(flavor = "multi_thread")]
async fn the_pool_stays_clean() {
    let url = Postgres::shared().fresh_database().unwrap();
    let metadata = Metadata::open(&MetadataSettings { connections_max: 2, ..settings(&url) }).await.unwrap();
    let mut tx = metadata.write().await.unwrap();
    let id = repository(&mut tx, "app").await;
    tx.commit().await.unwrap();
    let tasks: Vec<_> = (0..30)
        .map(|n| {
            let metadata = metadata.clone();
            tokio::spawn(async move {
                let mut tx = metadata.write().await.unwrap();
                tx.lock_repository(id).await.unwrap();
                match n % 3 {
                    0 => drop(tx.set_setting("dropped", "1").await),
                    1 => {
                        // A failed statement, which aborts the transaction on the server.
                        let twice = tx.enqueue_job("\0", "{}", crate::support::at(1), crate::support::at(1));
                        twice.await.unwrap_err();
                        tx.commit().await.unwrap_err();
                    }
                    _ => {
                        tx.set_setting(&format!("kept {n}"), "1").await.unwrap();
                        tx.commit().await.unwrap();
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let mut tx = metadata.read().await.unwrap();
    assert_eq!(tx.setting("dropped").await.unwrap(), None);
    for n in (2..30).step_by(3) {
        assert!(tx.setting(&format!("kept {n}")).await.unwrap().is_some(), "{n}");
    }
}

/// Every error on the way, down to its last source, keeps the password to itself.
#[tokio::test]
async fn no_error_tells_the_password() {
    for url in [
        "postgres://user:hunter2@127.0.0.1:1/db",
        "postgres://user:hunter2@no-such-host.invalid/db?sslmode=disable",
        "postgres://user:hunter2@127.0.0.1:port/db",
        "postgres://user:hunter2@127.0.0.1/db?sslmode=wrong",
        "postgres://127.0.0.1:1/db?user=u&password=hunter2",
    ] {
        let error = Metadata::open(&settings(url)).await.err().unwrap();
        let told = format!("{error} {error:?} {:?}", settings(url));
        assert!(!told.contains("hunter2"), "{told}");
        let mut source = std::error::Error::source(&error);
        while let Some(error) = source {
            assert!(!error.to_string().contains("hunter2"), "{error}");
            source = error.source();
        }
    }
}

/// Encrypted and checked, or not at all.
#[tokio::test]
async fn connections_are_encrypted() {
    let (server, certificate) = Postgres::start_encrypted().unwrap();
    let url = server.fresh_database().unwrap();
    let trusted = format!("sslrootcert={}", certificate.certificate.display());
    let metadata = Metadata::open(&settings(&format!("{url}?sslmode=require&{trusted}"))).await.unwrap();
    metadata.check().await.unwrap();

    // The server refuses plain connections, so the one above was none.
    assert_unavailable(Metadata::open(&settings(&format!("{url}?sslmode=disable"))).await);
    let folder = tempfile::tempdir().unwrap();
    let stranger = Certificate::write(folder.path()).certificate;
    let wrong = format!("{url}?sslmode=require&sslrootcert={}", stranger.display());
    assert_unavailable(Metadata::open(&settings(&wrong)).await);
    // A server that speaks no TLS is not talked to in plain text.
    let plain = Postgres::shared().fresh_database().unwrap();
    assert_unavailable(Metadata::open(&settings(&format!("{plain}&sslmode=require&{trusted}"))).await);
}
