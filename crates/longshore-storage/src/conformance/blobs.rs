//! The contract of [`BlobStore`].

use std::sync::Arc;

use futures_util::TryStreamExt;
use longshore_types::{ByteRange, Digest, DigestAlgorithm, RangesSpec};

use super::{collect, content, read_blob};
use crate::{Blob, BlobStat, BlobStore, StoreError};

pub(super) async fn check(store: &impl BlobStore) {
    absent_content_is_not_found(store).await;
    what_was_put_is_read(store).await;
    content_is_put_once(store).await;
    ranges_are_exact(store).await;
    open_content_outlives_its_removal(store).await;
    many_are_removed_at_once(store).await;
    listing_knows_everything(store).await;
    damage_is_set_aside(store).await;
    concurrent_puts_agree(store).await;
    store.check().await.expect("a working store is healthy");
}

async fn absent_content_is_not_found(store: &impl BlobStore) {
    let (digest, _) = content(10);
    assert!(matches!(store.stat(&digest).await, Err(StoreError::NotFound)));
    assert!(matches!(store.open(&digest).await, Err(StoreError::NotFound)));
    assert!(matches!(store.set_aside(&digest).await, Err(StoreError::NotFound)));
    assert!(!store.remove(&digest).await.expect("to remove what is not there is no error"));
}

async fn what_was_put_is_read(store: &impl BlobStore) {
    for algorithm in DigestAlgorithm::ALL {
        for size in [0, 1, 4096, 70_000, 3_000_000] {
            let (_, bytes) = content(size);
            let bytes = bytes.slice(..size);
            let digest = Digest::of(algorithm, &bytes);
            store.put(&digest, bytes.clone()).await.expect("content is stored");
            let stat = store.stat(&digest).await.expect("it is there");
            assert_eq!((stat.digest, stat.size_bytes), (digest, size as u64));
            assert_eq!(store.open(&digest).await.expect("it opens").size_bytes(), size as u64);
            assert_eq!(read_blob(store, &digest).await.expect("it is read"), bytes);
            assert!(store.remove(&digest).await.expect("it is removed"));
            assert!(matches!(store.stat(&digest).await, Err(StoreError::NotFound)));
            assert!(!store.remove(&digest).await.expect("the second time there is nothing"));
        }
    }
}

async fn content_is_put_once(store: &impl BlobStore) {
    let (digest, bytes) = content(1000);
    for _ in 0..2 {
        store.put(&digest, bytes.clone()).await.expect("content may be stored again");
    }
    assert_eq!(read_blob(store, &digest).await.expect("it is read"), bytes);
    assert!(store.remove(&digest).await.expect("it is removed"));
    assert!(matches!(store.open(&digest).await, Err(StoreError::NotFound)));
}

async fn many_are_removed_at_once(store: &impl BlobStore) {
    let content = [&b"first of many"[..], b"second of many", b"never stored", b"stays"];
    let digests = content.map(Digest::sha256);
    for there in [0, 1, 3] {
        let bytes = bytes::Bytes::from_static(content[there]);
        store.put(&digests[there], bytes).await.expect("content is stored");
    }
    let answers = store.remove_many(&digests[..3]).await;
    let answers: Vec<bool> = answers.into_iter().map(|answer| answer.expect("it is removed")).collect();
    assert_eq!(answers, [true, true, false]);
    for digest in &digests[..3] {
        assert!(matches!(store.stat(digest).await, Err(StoreError::NotFound)));
    }
    assert!(store.remove(&digests[3]).await.expect("it was left"));
    assert!(store.remove_many(&[]).await.is_empty());
}

async fn ranges_are_exact(store: &impl BlobStore) {
    let (digest, bytes) = content(1_500_000);
    store.put(&digest, bytes.clone()).await.expect("content is stored");
    let blob = store.open(&digest).await.expect("it opens");
    for header in ["0-0", "5-", "-1", "524287-524288", "1000-1400000", "1499999-", "65536-131071"] {
        let range = range(header, bytes.len() as u64);
        let read = collect(blob.stream(range)).await.expect("a range is read");
        assert_eq!(read, bytes[range.first() as usize..=range.last() as usize], "{header}");
    }
    let (one, two) = (range("0-9", 100), range("10-19", 100));
    let both = futures_util::future::try_join(collect(blob.stream(two)), collect(blob.stream(one)));
    assert_eq!(
        both.await.expect("streams do not disturb one another"),
        (bytes[10..20].into(), bytes[..10].into())
    );
}

fn range(header: &str, size_bytes: u64) -> ByteRange {
    let ranges: RangesSpec = format!("bytes={header}").parse().expect("a range header");
    ranges.resolve(size_bytes).expect("inside the content")[0]
}

async fn open_content_outlives_its_removal(store: &impl BlobStore) {
    let (digest, bytes) = content(2_000_000);
    store.put(&digest, bytes.clone()).await.expect("content is stored");
    let blob: Arc<dyn Blob> = store.open(&digest).await.expect("it opens");
    let mut stream = blob.stream(range("0-", bytes.len() as u64));
    let first = stream.try_next().await.expect("it is read").expect("it is not empty");
    assert!(store.remove(&digest).await.expect("it is removed while it is read"));
    let rest = collect(stream).await.expect("reading goes on");
    assert_eq!([&first[..], &rest].concat(), bytes);
}

async fn listing_knows_everything(store: &impl BlobStore) {
    let stored: Vec<_> = (0..20).map(|i| content(40 + i)).collect();
    for (digest, bytes) in &stored {
        store.put(digest, bytes.clone()).await.expect("content is stored");
    }
    let (gone, _) = &stored[0];
    store.remove(gone).await.expect("one is removed");
    let listed: Vec<BlobStat> = store.list().try_collect().await.expect("the store is listed");
    for (digest, bytes) in &stored {
        let entries: Vec<_> = listed.iter().filter(|stat| stat.digest == *digest).collect();
        assert_eq!(entries.len(), usize::from(digest != gone), "{digest}");
        assert!(entries.iter().all(|stat| stat.size_bytes == bytes.len() as u64));
    }
    let (digest, _) = stored[1];
    let stat = store.stat(&digest).await.expect("it is there");
    assert!(listed.contains(&stat), "a listing says what stat says");
}

async fn damage_is_set_aside(store: &impl BlobStore) {
    let (digest, bytes) = content(100);
    store.put(&digest, bytes.clone()).await.expect("content is stored");
    let place = store.set_aside(&digest).await.expect("it is set aside");
    assert!(!place.is_empty());
    assert!(matches!(store.open(&digest).await, Err(StoreError::NotFound)));
    store.put(&digest, bytes.clone()).await.expect("it is stored again");
    assert_eq!(read_blob(store, &digest).await.expect("it is read"), bytes);
    assert_ne!(place, store.set_aside(&digest).await.expect("it is set aside again"));
}

async fn concurrent_puts_agree(store: &impl BlobStore) {
    let (digest, bytes) = content(100_000);
    let puts = (0..8).map(|_| store.put(&digest, bytes.clone()));
    futures_util::future::try_join_all(puts).await.expect("all succeed");
    assert_eq!(read_blob(store, &digest).await.expect("it is read"), bytes);
}
