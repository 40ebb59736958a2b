//! An index that was filled at once is the one that pushes would have made.

use bytes::Bytes;
use longshore_metadata::{BulkFill, Metadata, MetadataSettings};
use longshore_registry::VerifyOptions;
use longshore_storage::{BlobStore, MemoryStore};
use longshore_types::Digest;
use rusqlite::{Connection, types::Value};

use crate::support::*;

fn fill() -> BulkFill {
    let (now, review_after) = (start(), start().after(HOUR));
    BulkFill { repository: name("team/big"), manifests: 450, blobs: 7, now, review_after }
}

/// A registry over an index in a file, made by `make`; and every row of every table.
async fn made(make: impl AsyncFnOnce(&TestRegistry)) -> (tempfile::TempDir, TestRegistry, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("index.sqlite3");
    let url = format!("sqlite://{}", path.display());
    let settings_of_index = MetadataSettings { url, connections_max: 4, durable: false };
    let metadata = Metadata::open(&settings_of_index).await.unwrap();
    let registry = TestRegistry::over(metadata.clone(), MemoryStore::new(), settings());
    make(&registry).await;
    let rows = rows(&Connection::open(&path).unwrap());
    (folder, registry, rows)
}

fn rows(connection: &Connection) -> Vec<String> {
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let mut names = connection.prepare(names).unwrap();
    let tables: Vec<String> = names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut found = Vec::new();
    for table in tables {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values: Vec<Value> = (0..columns).map(|column| row.get(column).unwrap()).collect();
            found.push(format!("{table} {values:?}"));
        }
    }
    found.sort();
    found
}

async fn fill_at_once(registry: &TestRegistry) {
    let told = std::sync::Mutex::new(Vec::new());
    registry.metadata.fill(&fill(), &|done| told.lock().unwrap().push(done)).await.unwrap();
    assert_eq!(told.into_inner().unwrap(), [450]);
    for number in 0..fill().blobs {
        let blob = BulkFill::blob(number);
        registry.store.put(&Digest::sha256(&blob), Bytes::from(blob)).await.unwrap();
    }
}

async fn fill_by_pushes(registry: &TestRegistry) {
    let repository = fill().repository;
    for number in 0..fill().blobs {
        let blob = BulkFill::blob(number);
        let (digest, size) = (Digest::sha256(&blob), Some(blob.len() as u64));
        registry.push_blob(&call(), &repository, &digest, size, body(&blob)).await.unwrap();
    }
    for (tag, manifest) in fill().content() {
        push_manifest(registry, &call(), &repository, Some(tag.as_str()), &manifest).await.unwrap();
    }
}

#[tokio::test]
async fn filling_writes_the_rows_that_pushes_write() {
    let (_, _, filled) = made(fill_at_once).await;
    let (_, _, pushed) = made(fill_by_pushes).await;
    assert!(filled.len() > 450 * 6, "{} rows", filled.len());
    for (filled, pushed) in filled.iter().zip(&pushed) {
        assert_eq!(filled, pushed);
    }
    assert_eq!(filled.len(), pushed.len());
}

#[tokio::test]
async fn a_filled_registry_is_sound_and_loses_nothing_to_collection() {
    let (_folder, registry, _) = made(fill_at_once).await;
    registry.assert_sound().await;
    assert!(registry.collect(start().after(9 * DAY)).await.is_empty());
    let options = VerifyOptions { set_aside: false, parallel: 2 };
    let report = registry.verify(&options, &()).await.unwrap();
    assert_eq!((report.damage.as_slice(), report.blobs), (&[][..], 7));
    for number in [0, 201, 449] {
        assert_pulls(&registry, &fill().repository, &by_tag(BulkFill::tag(number).as_str())).await;
    }
}
