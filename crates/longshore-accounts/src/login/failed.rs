//! How often something failed in a row, and when last.

use std::time::Duration;

use longshore_auth::Lockout;
use longshore_types::Timestamp;

/// Failures of one kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failed {
    pub(super) count: u32,
    pub(super) last: Timestamp,
}

impl Failed {
    pub(super) fn none(now: Timestamp) -> Self {
        Self { count: 0, last: now }
    }

    /// One more. After so long without any it is as if there had been none.
    pub(super) fn again(&mut self, now: Timestamp, forget_after: Duration) {
        if self.is_over(now, forget_after) {
            self.count = 0;
        }
        self.count = self.count.saturating_add(1);
        // Requests do not end in the order in which they began.
        self.last = now.max(self.last);
    }

    pub(super) fn is_over(&self, now: Timestamp, forget_after: Duration) -> bool {
        self.last.after(forget_after) <= now
    }

    /// How long to wait yet; `None` if there is no need.
    pub(super) fn delay(&self, lockout: &Lockout, now: Timestamp) -> Option<Duration> {
        if !lockout.is_delayed(self.count, Some(self.last), now) {
            return None;
        }
        let until = lockout.delayed_until(self.count, Some(self.last))?;
        let millis = until.unix_millis().saturating_sub(now.unix_millis());
        Some(Duration::from_millis(millis.max(1).unsigned_abs()))
    }
}
