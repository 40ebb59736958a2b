//! How much somebody may do in a time: a bucket of tokens that fills again steadily, and pulls counted in windows as
//! Docker Hub does. Both are values: whoever keeps them says what time it is. [`RateLimiter`] keeps those of everybody who
//! came lately.

mod limited;
mod limiter;

use std::{fmt, time::Duration};

use longshore_types::Timestamp;

pub use self::{
    limited::{LimitKind, Limited, Pulls},
    limiter::{BySource, OwnLimit, ProjectLimit, ProjectLimits, RateLimitSettings, RateLimiter, Source},
};

/// Requests do not come here in the order in which they began: one may have waited for its login. Further apart than
/// this they are not, unless the clock was set back.
const OUT_OF_ORDER_MAX: Duration = Duration::from_secs(10 * 60);

/// Whether `now` is before `then` because the clock was set back.
fn is_set_back(now: Timestamp, then: Timestamp) -> bool {
    now.after(OUT_OF_ORDER_MAX) < then
}

/// How many requests may come at once, and how many in the long run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    /// What a full bucket holds: the most that may come at once.
    pub capacity: u32,
    /// How many tokens it gets a second; may be a fraction.
    pub refill_per_second: f64,
}

impl RateLimit {
    /// So many a second in the long run, and at once what comes in the time of `burst`; one at least.
    pub fn per_second(count: u32, burst: Duration) -> Self {
        let at_once = u128::from(count).saturating_mul(burst.as_millis()) / 1000;
        let capacity = u32::try_from(at_once).unwrap_or(u32::MAX).max(1);
        Self { capacity, refill_per_second: f64::from(count) }
    }
}

/// What is left in the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remaining(pub u32);

/// How long to wait before there is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RetryAfter(pub Duration);

impl RetryAfter {
    /// Whole seconds for the header `Retry-After`, rounded up, one at least.
    pub fn seconds(self) -> u64 {
        self.0.as_millis().div_ceil(1000).max(1).try_into().unwrap_or(u64::MAX)
    }
}

/// A bucket of tokens, full at first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TokenBucket {
    tokens: f64,
    counted_at: Timestamp,
}

impl TokenBucket {
    /// A full one.
    pub fn full(limit: &RateLimit, now: Timestamp) -> Self {
        Self { tokens: f64::from(limit.capacity), counted_at: now }
    }

    /// Takes `count` tokens, or none if there are not so many. More than the capacity is taken as the capacity: it needs
    /// a full bucket.
    ///
    /// # Errors
    /// How long to wait. With a limit that never fills again that is a year.
    pub fn take(&mut self, limit: &RateLimit, now: Timestamp, count: u32) -> Result<Remaining, RetryAfter> {
        self.fill(limit, now);
        let wanted = f64::from(count.min(limit.capacity));
        let missing = wanted - self.tokens;
        // The sum of many small refills may fall short of a whole token by some digits at the far end.
        if missing > 1e-6 {
            return Err(RetryAfter(waiting_time(missing, limit.refill_per_second)));
        }
        self.tokens = (self.tokens - wanted).max(0.0);
        Ok(Remaining(whole(self.tokens)))
    }

    /// Whether it is full again, so that forgetting it changes nothing.
    pub fn is_full(&self, limit: &RateLimit, now: Timestamp) -> bool {
        let mut then = *self;
        then.fill(limit, now);
        then.tokens >= f64::from(limit.capacity)
    }

    fn fill(&mut self, limit: &RateLimit, now: Timestamp) {
        let millis = now.unix_millis().saturating_sub(self.counted_at.unix_millis());
        // An older request gives nothing back: many of them would fill the bucket. Nor does a clock that was set back.
        if millis < 0 && !is_set_back(now, self.counted_at) {
            return;
        }
        let gained =
            Duration::from_millis(millis.max(0).unsigned_abs()).as_secs_f64() * limit.refill_per_second;
        self.tokens = (self.tokens + gained.max(0.0)).min(f64::from(limit.capacity));
        self.counted_at = now;
    }
}

/// How long `tokens` take to come.
fn waiting_time(tokens: f64, per_second: f64) -> Duration {
    const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
    let exact = Duration::try_from_secs_f64(tokens / per_second).unwrap_or(LONGEST);
    // Moments are whole milliseconds: who waits so long must find it there.
    Duration::from_millis(u64::try_from(exact.as_millis() + 1).unwrap_or(u64::MAX)).min(LONGEST)
}

fn whole(tokens: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "never negative; a cast from float rounds down, as is wanted, and saturates"
    )]
    let whole = (tokens + 1e-6) as u32;
    whole
}

/// How many pulls there may be in a window of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullLimit {
    /// Pulls in a window.
    pub pulls: u32,
    /// The length of a window; Docker Hub's is six hours.
    pub window: Duration,
}

/// The pulls of somebody in the present window, which began with the first of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullWindow {
    began_at: Timestamp,
    pulls: u32,
}

/// A number for the headers `ratelimit-limit` and `ratelimit-remaining`: `76;w=21600`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InWindow {
    /// How many pulls.
    pub pulls: u32,
    /// In how long.
    pub window: Duration,
}

impl fmt::Display for InWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};w={}", self.pulls, self.window.as_secs())
    }
}

impl PullLimit {
    /// The limit itself, for `ratelimit-limit`.
    pub fn header(&self) -> InWindow {
        InWindow { pulls: self.pulls, window: self.window }
    }
}

impl PullWindow {
    /// A window that begins now.
    pub fn new(now: Timestamp) -> Self {
        Self { began_at: now, pulls: 0 }
    }

    /// Counts a pull and says how many are left, or that there are none.
    ///
    /// # Errors
    /// How long it is until the next window. The pull was not counted.
    pub fn take(&mut self, limit: &PullLimit, now: Timestamp) -> Result<InWindow, RetryAfter> {
        if self.is_over(limit, now) {
            *self = Self::new(now);
        }
        if self.pulls >= limit.pulls {
            let millis = self.began_at.after(limit.window).unix_millis().saturating_sub(now.unix_millis());
            return Err(RetryAfter(Duration::from_millis(millis.max(0).unsigned_abs())));
        }
        self.pulls += 1;
        Ok(self.left(limit))
    }

    /// Takes back a pull that was counted and then refused by another limit.
    pub fn give_back(&mut self) {
        self.pulls = self.pulls.saturating_sub(1);
    }

    /// How many pulls are left, for `ratelimit-remaining`; counts nothing, as a `HEAD` at Docker Hub does not.
    pub fn remaining(&self, limit: &PullLimit, now: Timestamp) -> InWindow {
        if self.is_over(limit, now) { limit.header() } else { self.left(limit) }
    }

    /// Whether it has ended, so that forgetting it changes nothing. One that begins in the future, because a clock was
    /// set back, has ended too.
    pub fn is_over(&self, limit: &PullLimit, now: Timestamp) -> bool {
        now >= self.began_at.after(limit.window) || is_set_back(now, self.began_at)
    }

    fn left(&self, limit: &PullLimit) -> InWindow {
        InWindow { pulls: limit.pulls.saturating_sub(self.pulls), window: limit.window }
    }
}

#[cfg(test)]
mod tests;
