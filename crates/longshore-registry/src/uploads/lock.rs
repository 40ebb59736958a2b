//! One writer an upload at a time, within this process.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use longshore_types::UploadId;

/// The uploads that are being changed.
#[derive(Clone, Default)]
pub(crate) struct UploadLocks(Arc<Mutex<HashSet<UploadId>>>);

/// The right to change an upload, until it is dropped.
pub(crate) struct UploadLock {
    locks: UploadLocks,
    id: UploadId,
}

impl UploadLocks {
    /// The lock of that upload; `None` while somebody else has it.
    pub(crate) fn try_lock(&self, id: UploadId) -> Option<UploadLock> {
        self.held().insert(id).then(|| UploadLock { locks: self.clone(), id })
    }

    /// A panic elsewhere cannot leave the set half changed.
    fn held(&self) -> MutexGuard<'_, HashSet<UploadId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UploadLock {
    fn drop(&mut self) {
        self.locks.held().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let (locks, id) = (UploadLocks::default(), UploadId::random());
        let lock = locks.try_lock(id);
        assert!(lock.is_some() && locks.try_lock(id).is_none());
        assert!(locks.try_lock(UploadId::random()).is_some());
        drop(lock);
        assert!(locks.try_lock(id).is_some());
    }
}
