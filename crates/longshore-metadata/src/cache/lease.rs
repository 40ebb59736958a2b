//! How long the cache may be believed without news of other processes.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Says whether every change by another process, up to a moment that is not long ago, has been heard of. A new one is
/// not valid.
#[derive(Debug)]
pub(crate) struct Lease {
    epoch: Instant,
    /// Valid until so many microseconds after the epoch.
    until: AtomicU64,
    /// Valid until it is let go: nobody else can change anything meanwhile.
    held: AtomicBool,
}

impl Default for Lease {
    fn default() -> Self {
        Self { epoch: Instant::now(), until: AtomicU64::new(0), held: AtomicBool::new(false) }
    }
}

impl Lease {
    /// Moments as the other methods count them.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    pub(crate) fn is_valid(&self) -> bool {
        self.held.load(Ordering::Acquire) || self.now() < self.until.load(Ordering::Acquire)
    }

    /// All changes before `heard_at` have been heard of.
    pub(crate) fn extend(&self, heard_at: u64, by: Duration) {
        let by = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
        self.until.store(heard_at.saturating_add(by), Ordering::Release);
    }

    /// Nobody else can change anything until [`Lease::let_go`].
    pub(crate) fn hold(&self) {
        self.held.store(true, Ordering::Release);
    }

    /// From now on others can; until now they could not.
    pub(crate) fn let_go(&self, by: Duration) {
        if self.held.load(Ordering::Acquire) {
            self.extend(self.now(), by);
            self.held.store(false, Ordering::Release);
        }
    }

    /// News may be missed from here on.
    pub(crate) fn end(&self) {
        self.until.store(0, Ordering::Release);
        self.held.store(false, Ordering::Release);
    }
}
