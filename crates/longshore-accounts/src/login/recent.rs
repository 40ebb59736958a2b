//! What was lately, bounded in number.

use std::{collections::HashMap, hash::Hash};

use longshore_types::Timestamp;

/// Values that hold until a moment each.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    entries: HashMap<K, (V, Timestamp)>,
    entries_max: usize,
    /// Where there was no room: until when there is none. Looking through all for every newcomer would be dear.
    full_until: Option<Timestamp>,
}

impl<K: Eq + Hash, V> Recent<K, V> {
    /// None, and never more than so many.
    pub(super) fn new(entries_max: usize) -> Self {
        Self { entries: HashMap::new(), entries_max, full_until: None }
    }

    /// What is there under a key at `now`.
    pub(super) fn get(&self, key: &K, now: Timestamp) -> Option<&V> {
        self.entries.get(key).filter(|(_, until)| now < *until).map(|(value, _)| value)
    }

    /// Keeps a value. Where there is no room, those that no longer hold make some; else it is not kept, and the answer is
    /// `false`.
    pub(super) fn insert(&mut self, key: K, value: V, now: Timestamp, until: Timestamp) -> bool {
        if self.entries.len() >= self.entries_max && !self.entries.contains_key(&key) {
            if self.full_until.is_some_and(|until| now < until) {
                return false;
            }
            self.entries.retain(|_, (_, until)| now < *until);
            self.full_until = None;
            if self.entries.len() >= self.entries_max {
                self.full_until = self.entries.values().map(|(_, until)| *until).min();
                return false;
            }
        }
        self.entries.insert(key, (value, until));
        true
    }

    /// Takes out what is under a key, whether it holds or not.
    pub(super) fn take(&mut self, key: &K) -> Option<V> {
        let taken = self.entries.remove(key).map(|(value, _)| value);
        if taken.is_some() {
            self.full_until = None;
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_unix_millis(millis)
    }

    #[test]
    fn what_is_over_makes_room() {
        let mut recent = Recent::new(2);
        assert!(recent.insert("a", 1, at(0), at(10)) && recent.insert("b", 2, at(0), at(20)));
        assert!(!recent.insert("c", 3, at(9), at(30)), "there is no room");
        assert!(recent.insert("a", 4, at(9), at(10)), "it has its place already");
        assert_eq!(recent.get(&"a", at(9)), Some(&4));
        assert_eq!(recent.get(&"a", at(10)), None);
        assert!(recent.insert("c", 3, at(10), at(30)));
        assert_eq!(recent.take(&"c"), Some(3));
        assert_eq!(recent.get(&"c", at(20)), None);
        assert!(recent.insert("c", 3, at(10), at(30)) && !recent.insert("d", 1, at(10), at(30)));
        assert_eq!(recent.take(&"c"), Some(3));
        assert!(recent.insert("c", 3, at(10), at(30)), "there is room at once");
        assert_eq!(recent.get(&"c", at(29)), Some(&3));
        assert_eq!(recent.get(&"c", at(30)), None);
    }
}
