//! Waiting for a state, with a deadline.

use std::{
    future::Future,
    time::{Duration, Instant},
};

/// How long tests wait for anything before they fail. Far above what a healthy machine needs.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Asks `look` again and again until it answers `Some`.
///
/// # Panics
/// After [`DEADLINE`], naming `what` was waited for.
pub async fn eventually<T, F, Fut>(what: &str, mut look: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Option<T>>,
{
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < DEADLINE, "waited {DEADLINE:?} in vain for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Lets `work` take at most [`DEADLINE`].
///
/// # Panics
/// When it takes longer, naming `what` it was.
pub async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, work).await {
        Ok(value) => value,
        Err(_) => panic!("{what} took longer than {DEADLINE:?}"),
    }
}
