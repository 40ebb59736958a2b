//! Transactions that stood in each other's way are run again.

use std::time::Duration;

use crate::MetadataError;

/// How often a transaction is tried before the caller hears of the conflict.
const TRIES_MAX: u32 = 10;

/// An error that may mean no more than "try again".
pub trait MayConflict {
    /// Whether it was [`MetadataError::Conflict`].
    fn is_conflict(&self) -> bool;
}

impl MayConflict for MetadataError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict(_))
    }
}

/// Runs `attempt`, a whole transaction from begin to commit, until it meets no conflict; at most ten times.
///
/// # Errors
/// Those of `attempt`; the last conflict where each try met one.
pub async fn retry_on_conflict<T, E, F>(mut attempt: impl FnMut() -> F) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
    E: MayConflict,
{
    let mut tries = 1;
    loop {
        match attempt().await {
            Err(error) if error.is_conflict() && tries < TRIES_MAX => {
                // Whoever was in the way needs a moment to end: 2 ms, 4 ms, ... together one second.
                tokio::time::sleep(Duration::from_millis(1 << tries)).await;
                tries += 1;
            }
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    async fn conflicting(times: u32) -> (u32, Result<(), MetadataError>) {
        let tries = Cell::new(0);
        let result = retry_on_conflict(|| {
            tries.set(tries.get() + 1);
            let conflict = tries.get() <= times;
            async move { if conflict { Err(MetadataError::Conflict("busy".into())) } else { Ok(()) } }
        })
        .await;
        (tries.get(), result)
    }

    #[tokio::test(start_paused = true)]
    async fn a_conflict_is_tried_again_but_not_for_ever() {
        assert!(matches!(conflicting(0).await, (1, Ok(()))));
        assert!(matches!(conflicting(9).await, (10, Ok(()))));
        assert!(matches!(conflicting(u32::MAX).await, (10, Err(MetadataError::Conflict(_)))));
    }

    #[tokio::test]
    async fn another_error_is_not_tried_again() {
        let tries = Cell::new(0);
        let result: Result<(), _> = retry_on_conflict(|| {
            tries.set(tries.get() + 1);
            async { Err(MetadataError::Corrupt("row".into())) }
        })
        .await;
        assert!(matches!((tries.get(), result), (1, Err(MetadataError::Corrupt(_)))));
    }
}
