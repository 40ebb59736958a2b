//! What the index takes of memory: bounds that no clock can blur.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::alloc::System;

use longshore_metadata::{BulkFill, Metadata, MetadataSettings, NewManifest, RepositoryId, TagEventAction};
use longshore_types::{Digest, MediaType, Reference, RepositoryName, Tag, Timestamp};
use stats_alloc::{INSTRUMENTED_SYSTEM, Stats, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const CACHE_BYTES: u64 = 2 << 20;
/// What a reader of SQLite keeps of pages.
const READER_BYTES: i64 = 2 << 20;
/// Code that is met for the first time, statements, and what the allocator does not give back.
const SLACK_BYTES: i64 = 3 << 20;

/// Bytes that are allocated now.
fn allocated() -> i64 {
    let Stats { bytes_allocated, bytes_deallocated, .. } = ALLOCATOR.stats();
    bytes_allocated as i64 - bytes_deallocated as i64
}

fn tag(number: usize) -> Tag {
    format!("v1.2.{number:06}").parse().unwrap()
}

/// Puts manifests of that many bytes under a tag each.
async fn push(metadata: &Metadata, name: &RepositoryName, count: usize, payload_bytes: usize) {
    let now = Timestamp::from_unix_millis(0);
    let mut tx = metadata.write().await.unwrap();
    let repository: RepositoryId = tx.ensure_repository(name, now).await.unwrap().id;
    tx.lock_repository(repository).await.unwrap();
    for number in 0..count {
        let payload = format!("{payload_bytes}/{number:>payload_bytes$}").into_bytes();
        let manifest = NewManifest {
            repository,
            digest: Digest::sha256(&payload),
            media_type: &MediaType::OCI_MANIFEST,
            artifact_type: None,
            subject: None,
            annotations: &Default::default(),
            payload: &payload,
            references: &[],
        };
        let record = tx.put_manifest(&manifest, now).await.unwrap();
        tx.set_tag(repository, &tag(number), &record, TagEventAction::Push, None, now).await.unwrap();
    }
    tx.commit().await.unwrap();
}

/// One after the other: what one of them allocates would count for the other.
#[tokio::test]
async fn memory_is_bounded_by_the_cache() {
    what_is_counted_is_what_is_allocated().await;
    reading_a_large_index_takes_no_more_than_the_cache().await;
}

/// Memory of this process that is in use, files that are mapped included.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<i64>().unwrap() * 1024
}

/// Every page of an index that is much larger than all that may be kept of it.
async fn reading_a_large_index_takes_no_more_than_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("index.sqlite3");
    let settings =
        MetadataSettings { url: format!("sqlite://{}", file.display()), connections_max: 2, durable: false };
    let now = Timestamp::from_unix_millis(0);
    let fill = BulkFill {
        repository: "team/big".parse().unwrap(),
        manifests: 20_000,
        blobs: 100,
        now,
        review_after: now,
    };
    let metadata = Metadata::open(&settings).await.unwrap();
    metadata.fill(&fill, &|_| ()).await.unwrap();
    metadata.close().await;

    let metadata = Metadata::open_cached(&settings, CACHE_BYTES).await.unwrap();
    let before = resident();
    for number in 0..fill.manifests {
        let reference = Reference::Tag(BulkFill::tag(number));
        assert!(metadata.manifest(&fill.repository, &reference).await.unwrap().is_some());
    }
    let grown = resident() - before;
    let kept = metadata.cached_bytes() as i64 + 2 * READER_BYTES;
    let bound = kept + SLACK_BYTES;
    let index_bytes = std::fs::metadata(&file).unwrap().len() as i64;
    assert!(index_bytes > 2 * bound, "an index of {index_bytes} bytes would not show it");
    assert!(grown <= bound, "{grown} bytes more are resident, {kept} are kept on purpose");
    metadata.close().await;
}

async fn what_is_counted_is_what_is_allocated() {
    let settings = MetadataSettings { url: "sqlite::memory:".to_owned(), connections_max: 2, durable: false };
    for (payload_bytes, by_digest) in [(200, false), (700, false), (700, true), (6_000, false)] {
        let metadata = Metadata::open_cached(&settings, CACHE_BYTES).await.unwrap();
        let name: RepositoryName = "team/app".parse().unwrap();
        // Twice as many as there is room for: what was put out leaves something behind, too.
        let count = 2 * CACHE_BYTES as usize / (payload_bytes + 500);
        push(&metadata, &name, count, payload_bytes).await;
        let references: Vec<Reference> = (0..count).map(|number| Reference::Tag(tag(number))).collect();
        let pull = async |reference: &Reference| metadata.manifest(&name, reference).await.unwrap().unwrap();
        // Connections and their statements.
        let first = pull(&references[0]).await;
        pull(&Reference::Digest(first.digest)).await;
        let (before, counted_before) = (allocated(), metadata.cached_bytes());
        for reference in &references[1..] {
            // Handed out once and dropped, as after a pull.
            let pulled = pull(reference).await;
            drop(pulled.payload.clone());
            if by_digest {
                pull(&Reference::Digest(pulled.digest)).await;
            }
        }
        let (real, counted) = (allocated() - before, metadata.cached_bytes() - counted_before);
        let case = format!(
            "{payload_bytes} bytes each, by digest: {by_digest}: {counted} counted, {real} allocated"
        );
        assert!(counted > CACHE_BYTES / 2 && counted <= CACHE_BYTES, "{case}");
        let off = (real as f64 / counted as f64 - 1.0).abs();
        assert!(off < 0.15, "{case}");
        metadata.close().await;
    }
}
