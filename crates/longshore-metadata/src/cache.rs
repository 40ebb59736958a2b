//! Manifests and links that were read lately, in memory.
//!
//! A look-up that hits asks nothing of the database. What it finds is exact:
//!
//! 1. *Nothing stale stays.* A transaction notes the keys whose answers it changes ([`Key`]). Before its commit can
//!    become visible, [`Cache::begin_change`] marks the stripe of each key and removes the entry; the mark is taken off
//!    when the commit or its failure is final ([`Changing`]). On SQLite the mark waits with the turn for the commit of
//!    the group, so a caller that goes away takes nothing with it.
//! 2. *Nothing stale comes in.* A reader that missed notes the stripe's version *before* its read transaction begins
//!    ([`Cache::note`]). Its answer is kept only if no change is marked and the version is the same
//!    ([`Cache::settle`]); marking and unmarking both raise it. Note, mark and settle hold the stripe's lock. So an answer that is
//!    kept was read after every change before the note was final, and no change was marked since.
//!    An entry that a look-up finds is therefore what the database holds at that moment: a commit that makes it wrong
//!    would have removed it first.
//! 3. *Never old after new*, also where the change comes from another process, which marks nothing here. Of two readers
//!    that missed the same key, the one that read earlier may come back later. So settling is counted, and the last
//!    answer is remembered by a fingerprint: an answer is kept only if nobody settled the stripe since its note, or
//!    everybody with the same answer. One that is not kept removes the entry, unless it agrees with the last answer.
//! 4. *Changes by other processes* arrive as notifications (PostgreSQL) or are noticed by a counter of the database
//!    (SQLite). They remove entries and raise versions as our own do, but after the commit: for as long as the news
//!    takes, what was true before is served. How long that may be is bounded by a [`Lease`], which is extended only by
//!    proof that all news up to a moment have been heard; without it every look-up misses.
//!
//! A commit on PostgreSQL whose answer never came is such a change too: nobody was told that it succeeded, and if it
//! did, its own notification says so. Only what exists is kept, never that something is missing. Rows of repositories
//! are never deleted, so the row of a name never changes.

mod key;
mod lease;
mod stripe;

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use longshore_types::{Digest, Reference, RepositoryName};

pub(crate) use key::Key;
use key::KeyRef;
pub(crate) use lease::Lease;
pub(crate) use stripe::Note;
use stripe::Stripe;

use crate::{BlobId, BlobRecord, ManifestContent, RepositoryId};

/// More stripes refuse fewer answers for the sake of a neighbour.
const STRIPES: usize = 1024;

/// What an entry costs beside what its key and value point to: its place in the table and the lists, and the counters
/// and allocator's share of what hangs on it. Rounded up.
const ENTRY_BYTES: u64 = 256;

/// What stands in the cache. A clone copies no content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Repository(RepositoryId),
    Manifest(Arc<ManifestContent>),
    Link { blob: BlobId, size_bytes: u64 },
}

pub(crate) struct Cache {
    entries: quick_cache::sync::Cache<Key, Entry, Weigher>,
    stripes: Box<[Mutex<Stripe>]>,
    hasher: RandomState,
    lease: Lease,
}

/// The marks of a transaction that is being committed. Dropped when its end is final.
pub(crate) struct Changing {
    cache: Arc<Cache>,
    keys: Vec<Key>,
}

#[derive(Clone)]
struct Weigher;

impl quick_cache::Weighter<Key, Entry> for Weigher {
    fn weight(&self, key: &Key, entry: &Entry) -> u64 {
        let content = match entry {
            Entry::Manifest(manifest) => manifest.weight_bytes(),
            Entry::Repository(_) | Entry::Link { .. } => 0,
        };
        ENTRY_BYTES + key.heap_bytes() + content
    }
}

impl Cache {
    /// A cache of so many bytes; `None` for none.
    pub(crate) fn new(size_bytes: u64) -> Option<Arc<Self>> {
        // Few entries are smaller than half of this; it only sizes the table and the memory of what was evicted.
        let expected = usize::try_from(size_bytes / (4 * ENTRY_BYTES)).unwrap_or(usize::MAX);
        (size_bytes > 0).then(|| {
            Arc::new(Self {
                entries: quick_cache::sync::Cache::with_weighter(expected, size_bytes, Weigher),
                stripes: (0..STRIPES).map(|_| Mutex::default()).collect(),
                hasher: RandomState::new(),
                lease: Lease::default(),
            })
        })
    }

    pub(crate) fn lease(&self) -> &Lease {
        &self.lease
    }

    /// The row of a repository. The caller has looked at the lease; what this finds never changes.
    pub(crate) fn repository(&self, name: &RepositoryName) -> Option<RepositoryId> {
        match self.entries.get(&KeyRef::Repository(name.as_str())) {
            Some(Entry::Repository(id)) => Some(id),
            _ => None,
        }
    }

    pub(crate) fn keep_repository(&self, name: &RepositoryName, id: RepositoryId) {
        self.entries.insert(Key::Repository(name.clone()), Entry::Repository(id));
    }

    /// The manifest that a tag or digest names. The caller has looked at the lease.
    pub(crate) fn manifest(
        &self,
        repository: RepositoryId,
        reference: &Reference,
    ) -> Option<Arc<ManifestContent>> {
        let key = match reference {
            Reference::Tag(tag) => KeyRef::Tag(repository, tag.as_str()),
            Reference::Digest(digest) => KeyRef::Manifest(repository, digest),
        };
        match self.entries.get(&key) {
            Some(Entry::Manifest(manifest)) => Some(manifest),
            _ => None,
        }
    }

    /// A blob that the repository links. The caller has looked at the lease.
    pub(crate) fn link(&self, repository: RepositoryId, digest: &Digest) -> Option<BlobRecord> {
        match self.entries.get(&KeyRef::Link(repository, digest)) {
            Some(Entry::Link { blob, size_bytes }) => {
                Some(BlobRecord { id: blob, digest: *digest, size_bytes })
            }
            _ => None,
        }
    }

    /// To be called before the transaction begins that reads what `key` stands for.
    pub(crate) fn note(&self, key: &Key) -> Note {
        self.stripe(key).note()
    }

    /// Keeps what was read, if that is certainly still so; to be called before it is handed out.
    pub(crate) fn settle(&self, note: Note, key: Key, found: Option<Entry>) {
        let fingerprint = self.hasher.hash_one((&key, found.as_ref().map(Entry::identity)));
        let mut stripe = self.stripe(&key);
        let (last, kept) = stripe.settle(note, fingerprint);
        match found {
            Some(entry) if kept && self.lease.is_valid() => self.entries.insert(key, entry),
            // What stands there, if anything does, is the same.
            Some(_) if last == Some(fingerprint) => {}
            _ => drop(self.entries.remove(&key)),
        }
    }

    /// Marks what a transaction changes and takes it out. To be called before its commit can become visible.
    pub(crate) fn begin_change(self: &Arc<Self>, keys: Vec<Key>) -> Option<Changing> {
        for key in &keys {
            let mut stripe = self.stripe(key);
            stripe.begin_change();
            self.entries.remove(key);
        }
        (!keys.is_empty()).then(|| Changing { cache: self.clone(), keys })
    }

    /// Takes out what another process has changed.
    pub(crate) fn forget(&self, key: &Key) {
        let mut stripe = self.stripe(key);
        stripe.raise();
        self.entries.remove(key);
    }

    /// Takes out everything: another process may have changed anything.
    pub(crate) fn forget_everything(&self) {
        // First the versions: whatever is read from here on is new.
        for stripe in &self.stripes {
            lock(stripe).raise();
        }
        self.entries.clear();
    }

    fn stripe(&self, key: &Key) -> MutexGuard<'_, Stripe> {
        let hash = self.hasher.hash_one(key) as usize;
        lock(&self.stripes[hash % self.stripes.len()])
    }

    /// What the entries weigh together.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn weight_bytes(&self) -> u64 {
        self.entries.weight()
    }
}

impl Entry {
    /// What tells it from other answers for the same key.
    fn identity(&self) -> (i64, Option<(&Digest, &str)>) {
        match self {
            Self::Repository(id) => (id.0, None),
            Self::Manifest(manifest) => (0, Some((&manifest.digest, manifest.media_type.as_str()))),
            Self::Link { blob, .. } => (blob.0, None),
        }
    }
}

impl Drop for Changing {
    fn drop(&mut self) {
        for key in &self.keys {
            self.cache.stripe(key).end_change();
        }
    }
}

fn lock(stripe: &Mutex<Stripe>) -> MutexGuard<'_, Stripe> {
    stripe.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
