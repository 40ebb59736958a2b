use bytes::Bytes;
use longshore_types::{MediaType, Timestamp};

use super::*;
use crate::{ManifestId, ManifestRecord, StoredManifest};

const ID: RepositoryId = RepositoryId(1);

fn cache(size_bytes: u64) -> Arc<Cache> {
    let cache = Cache::new(size_bytes).unwrap();
    cache.lease().hold();
    cache
}

fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

fn key(tag: &str) -> Key {
    Key::Tag(ID, tag.parse().unwrap())
}

fn manifest(payload: &[u8]) -> Option<Entry> {
    let record = ManifestRecord {
        id: ManifestId(1),
        repository: ID,
        digest: Digest::sha256(payload),
        media_type: MediaType::OCI_MANIFEST,
        artifact_type: None,
        subject: None,
        size_bytes: payload.len() as u64,
        pushed_at: Timestamp::from_unix_millis(0),
        deleted_at: None,
    };
    Some(Entry::Manifest(Arc::new(StoredManifest { record, payload: payload.to_vec() }.into())))
}

fn cached(cache: &Cache, tag: &str) -> Option<Bytes> {
    cache.manifest(ID, &reference(tag)).map(|manifest| manifest.payload.clone())
}

#[test]
fn an_answer_is_kept_only_if_nothing_changed_meanwhile() {
    let cache = cache(1 << 20);
    let settle = |note| cache.settle(note, key("v1"), manifest(b"old"));
    // Noted before the change; settled while it is under way, and after.
    for after in [false, true] {
        let note = cache.note(&key("v1"));
        let changing = cache.begin_change(vec![key("v1")]);
        if after {
            drop(changing);
            settle(note);
        } else {
            settle(note);
            drop(changing);
        }
        assert_eq!(cached(&cache, "v1"), None, "{after}");
    }
    // Noted during the change: it may have read what was before.
    let changing = cache.begin_change(vec![key("v1")]);
    let note = cache.note(&key("v1"));
    drop(changing);
    settle(note);
    assert_eq!(cached(&cache, "v1"), None);
    // Another change of the same key is still under way.
    let changing = cache.begin_change(vec![key("v1")]);
    drop(cache.begin_change(vec![key("v1"), key("v1")]));
    settle(cache.note(&key("v1")));
    assert_eq!(cached(&cache, "v1"), None);
    drop(changing);
    // Nothing happened.
    settle(cache.note(&key("v1")));
    assert_eq!(cached(&cache, "v1").unwrap(), "old");
    // A change takes it out before it can be seen, and so does news from elsewhere.
    let changing = cache.begin_change(vec![key("v1")]);
    assert_eq!(cached(&cache, "v1"), None);
    drop(changing);
    for forget in [Cache::forget_everything, |cache: &Cache| cache.forget(&key("v1"))] {
        let note = cache.note(&key("v1"));
        cache.settle(cache.note(&key("v1")), key("v1"), manifest(b"old"));
        assert!(cached(&cache, "v1").is_some());
        forget(&cache);
        assert_eq!(cached(&cache, "v1"), None);
        settle(note);
        assert_eq!(cached(&cache, "v1"), None, "it was read before the news");
    }
}

/// Another process moved the tag between two reads, and its news are not here yet.
#[test]
fn old_never_comes_after_new() {
    let cache = cache(1 << 20);
    // The earlier reader comes back last.
    let (early, late) = (cache.note(&key("v1")), cache.note(&key("v1")));
    cache.settle(late, key("v1"), manifest(b"new"));
    cache.settle(early, key("v1"), manifest(b"old"));
    assert_ne!(cached(&cache, "v1").as_deref(), Some(&b"old"[..]));
    // It comes back first; the later one makes sure that nobody finds it any more.
    let (early, late) = (cache.note(&key("v2")), cache.note(&key("v2")));
    cache.settle(early, key("v2"), manifest(b"old"));
    cache.settle(late, key("v2"), manifest(b"new"));
    assert_ne!(cached(&cache, "v2").as_deref(), Some(&b"old"[..]));
    // The new answer is that there is none.
    let (early, late) = (cache.note(&key("v3")), cache.note(&key("v3")));
    cache.settle(late, key("v3"), None);
    cache.settle(early, key("v3"), manifest(b"old"));
    assert_eq!(cached(&cache, "v3"), None);
    // There and back again: the reader in the middle must not be the last word.
    let first = cache.note(&key("v4"));
    cache.settle(first, key("v4"), manifest(b"x"));
    drop(cache.entries.remove(&key("v4").borrowed()));
    let (middle, last) = (cache.note(&key("v4")), cache.note(&key("v4")));
    cache.settle(last, key("v4"), manifest(b"x"));
    cache.settle(middle, key("v4"), manifest(b"y"));
    assert_ne!(cached(&cache, "v4").as_deref(), Some(&b"y"[..]));
}

/// However many read the same at once, one of the first answers stays, also right after a change.
#[test]
fn many_readers_at_once_do_not_keep_each_other_out() {
    let cache = cache(1 << 20);
    let changing = cache.begin_change(vec![key("v1")]);
    let during: Vec<Note> = (0..32).map(|_| cache.note(&key("v1"))).collect();
    drop(changing);
    let after: Vec<Note> = (0..32).map(|_| cache.note(&key("v1"))).collect();
    for (during, after) in during.into_iter().zip(after) {
        cache.settle(during, key("v1"), manifest(b"new"));
        cache.settle(after, key("v1"), manifest(b"new"));
        assert_eq!(cached(&cache, "v1").unwrap(), "new");
    }
}

#[test]
fn without_a_lease_nothing_is_kept() {
    let cache = Cache::new(1 << 20).unwrap();
    assert!(!cache.lease().is_valid());
    cache.settle(cache.note(&key("v1")), key("v1"), manifest(b"x"));
    assert_eq!(cached(&cache, "v1"), None);
    let hour = std::time::Duration::from_secs(3600);
    cache.lease().extend(cache.lease().now(), hour);
    cache.settle(cache.note(&key("v1")), key("v1"), manifest(b"x"));
    assert!(cache.lease().is_valid() && cached(&cache, "v1").is_some());
    cache.lease().end();
    assert!(!cache.lease().is_valid());
    cache.lease().let_go(hour);
    assert!(!cache.lease().is_valid(), "it was not held");
    cache.lease().hold();
    cache.lease().let_go(hour);
    assert!(cache.lease().is_valid());
}

#[test]
fn it_holds_no_more_than_its_size() {
    for payload_bytes in [0, 600, 20_000, 300_000] {
        let size_bytes = 4 << 20;
        let cache = cache(size_bytes);
        let mut inserted = 0;
        for n in 0..100_000 {
            let payload = vec![b'x'; payload_bytes];
            inserted += payload_bytes + 300;
            if inserted > 10 * size_bytes as usize {
                break;
            }
            let key = key(&format!("v{n}"));
            cache.settle(cache.note(&key), key, manifest(&payload));
            assert!(cache.weight_bytes() <= size_bytes);
        }
        let weight = cache.weight_bytes();
        assert!(weight > size_bytes / 2, "{payload_bytes}: {weight} of {size_bytes} bytes are used");
        let entries =
            cache.entries.iter().map(|(key, entry)| quick_cache::Weighter::weight(&Weigher, &key, &entry));
        assert_eq!(entries.sum::<u64>(), weight);
    }
    assert!(Cache::new(0).is_none());
}
