//! Guesses at one password are looked at one after the other: each knows what came of the one before. However many come at
//! once, no more are looked at than would be if they came one by one, and of right ones the first does the work for all.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Mutex as Turns, OwnedMutexGuard};

use crate::LoginError;

/// Most that may wait in one line.
const WAITING_MAX: usize = 256;

/// Lines of those who wait, by what they wait for.
#[derive(Debug)]
pub(super) struct Lines<K> {
    lines: Arc<Mutex<HashMap<K, Arc<Turns<()>>>>>,
}

/// The first place in a line.
#[derive(Debug)]
pub(super) struct FirstInLine<K: Eq + Hash> {
    key: K,
    lines: Arc<Mutex<HashMap<K, Arc<Turns<()>>>>>,
    turn: Option<OwnedMutexGuard<()>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that panics happens under the lock.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K> Default for Lines<K> {
    fn default() -> Self {
        Self { lines: Arc::default() }
    }
}

impl<K: Clone + Eq + Hash> Lines<K> {
    /// Waits until nobody is before.
    ///
    /// # Errors
    /// [`LoginError::TooMany`] where the line is too long.
    pub(super) async fn join(&self, key: K) -> Result<FirstInLine<K>, LoginError> {
        let line = Arc::clone(locked(&self.lines).entry(key.clone()).or_default());
        // From here on the line is left, and forgotten if it is empty, also when the waiting is given up.
        let mut first = FirstInLine { key, lines: Arc::clone(&self.lines), turn: None };
        if Arc::strong_count(&line) > WAITING_MAX {
            return Err(LoginError::TooMany { retry_after: Duration::from_secs(1) });
        }
        first.turn = Some(line.lock_owned().await);
        Ok(first)
    }

    /// The first place if nobody has it.
    pub(super) fn join_if_empty(&self, key: K) -> Option<FirstInLine<K>> {
        let line = Arc::clone(locked(&self.lines).entry(key.clone()).or_default());
        let mut first = FirstInLine { key, lines: Arc::clone(&self.lines), turn: None };
        first.turn = Some(line.try_lock_owned().ok()?);
        Some(first)
    }
}

impl<K: Eq + Hash> Drop for FirstInLine<K> {
    fn drop(&mut self) {
        self.turn = None;
        let mut lines = locked(&self.lines);
        if lines.get(&self.key).is_some_and(|line| Arc::strong_count(line) == 1) {
            lines.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn one_at_a_time_and_nothing_is_left() {
        let (lines, inside) = (Arc::new(Lines::default()), Arc::new(AtomicU32::new(0)));
        let tasks = (0..50).map(|n| {
            let (lines, inside) = (Arc::clone(&lines), Arc::clone(&inside));
            tokio::spawn(async move {
                let first = lines.join(n % 2).await.unwrap();
                assert!(inside.fetch_add(1, Ordering::SeqCst) < 2, "one of each line");
                tokio::task::yield_now().await;
                inside.fetch_sub(1, Ordering::SeqCst);
                drop(first);
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        assert!(locked(&lines.lines).is_empty());
    }

    #[tokio::test]
    async fn a_line_has_an_end_and_may_be_left() {
        let lines = Arc::new(Lines::default());
        let first = lines.join("ann").await.unwrap();
        assert!(lines.join_if_empty("ann").is_none() && lines.join_if_empty("bob").is_some());
        let waiting: Vec<_> = (0..WAITING_MAX)
            .map(|_| {
                let lines = Arc::clone(&lines);
                tokio::spawn(async move { lines.join("ann").await.map(drop) })
            })
            .collect();
        // Each turn lets one of them go on at least.
        for _ in 0..=WAITING_MAX {
            tokio::task::yield_now().await;
        }
        assert!(matches!(lines.join("ann").await, Err(LoginError::TooMany { .. })));
        lines.join("bob").await.unwrap();
        for task in waiting {
            task.abort();
            let _ = task.await;
        }
        drop(first);
        assert!(locked(&lines.lines).is_empty());
    }
}
