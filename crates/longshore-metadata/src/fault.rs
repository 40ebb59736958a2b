//! An index that fails on purpose.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use crate::{Metadata, MetadataError};

/// Makes one call to the index fail with [`MetadataError::Unavailable`]. The begin of a transaction counts as a call,
/// and so does each statement. A commit counts twice: it can fail before it does anything, and after it was done, when
/// only the answer is lost. Clones count together.
///
/// ```
/// # use longshore_metadata::{FaultPlan, Metadata, MetadataSettings};
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// # let settings = MetadataSettings { url: "sqlite::memory:".into(), connections_max: 2, durable: false };
/// let metadata = Metadata::open(&settings).await.unwrap();
/// for nth in 0.. {
///     let plan = FaultPlan::failing_call(nth);
///     let checked = metadata.clone().with_faults(&plan).check().await;
///     assert_eq!(checked.is_err(), plan.fired());
///     if !plan.fired() {
///         break;
///     }
/// }
/// # });
/// ```
#[derive(Clone)]
pub struct FaultPlan(Arc<Counter>);

struct Counter {
    nth: u64,
    /// How many calls are still to succeed; wraps around once it fired.
    left: AtomicU64,
    fired: AtomicBool,
}

impl FaultPlan {
    /// The `nth` call, counted from 0, fails.
    pub fn failing_call(nth: u64) -> Self {
        Self(Arc::new(Counter { nth, left: AtomicU64::new(nth), fired: AtomicBool::new(false) }))
    }

    /// No call fails: what an index begins with.
    pub(crate) fn none() -> Self {
        Self::failing_call(u64::MAX)
    }

    /// Counts calls; none fails.
    pub fn counting() -> Self {
        Self::none()
    }

    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        self.0.nth.wrapping_sub(self.0.left.load(Ordering::SeqCst))
    }

    /// Whether the fault has happened.
    pub fn fired(&self) -> bool {
        self.0.fired.load(Ordering::SeqCst)
    }

    /// Counts a call; an error when it is the one that fails.
    pub(crate) fn count(&self) -> Result<(), MetadataError> {
        if self.0.left.fetch_sub(1, Ordering::SeqCst) != 0 {
            return Ok(());
        }
        self.0.fired.store(true, Ordering::SeqCst);
        Err(MetadataError::Unavailable("a fault injected by a test".into()))
    }
}

impl Metadata {
    /// The same index, with calls that fail as planned. Other clones are left alone.
    pub fn with_faults(mut self, plan: &FaultPlan) -> Self {
        self.faults = plan.clone();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MetadataSettings;

    /// Begins, changes, commits; then whether it failed, and whether it lasted.
    async fn change(nth: u64) -> (bool, bool) {
        let settings =
            MetadataSettings { url: "sqlite::memory:".to_owned(), connections_max: 2, durable: false };
        let metadata = Metadata::open(&settings).await.unwrap();
        let plan = FaultPlan::failing_call(nth);
        let failing = metadata.clone().with_faults(&plan);
        let changed = async {
            let mut tx = failing.write().await?;
            let changed = tx.set_setting("changed", "yes").await;
            let committed = tx.commit().await;
            // A transaction in which a call failed must not last, even if somebody commits it.
            assert!(changed.is_ok() || committed.is_err());
            changed.and(committed)
        };
        let result = changed.await;
        assert_eq!(result.is_err(), plan.fired());
        assert!(matches!(result, Ok(()) | Err(MetadataError::Unavailable(_))), "{result:?}");
        (plan.fired(), metadata.read().await.unwrap().setting("changed").await.unwrap().is_some())
    }

    #[tokio::test]
    async fn exactly_the_nth_call_fails() {
        assert_eq!(change(0).await, (true, false), "begin");
        assert_eq!(change(1).await, (true, false), "statement");
        assert_eq!(change(2).await, (true, false), "commit, before its work");
        assert_eq!(change(3).await, (true, true), "commit, after its work");
        assert_eq!(change(4).await, (false, true), "none");
    }
}
