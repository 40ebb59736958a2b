//! What was asked for lately, bounded in number whoever asks.

use std::{borrow::Borrow, collections::HashMap, hash::Hash, mem};

/// A map that forgets what was not asked for in longest. When its young half is full, that becomes the old one, and what
/// was left in the old one is forgotten: nothing is ever searched for something to forget, however many new keys come.
#[derive(Debug)]
pub(crate) struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    young_max: usize,
}

impl<K: Eq + Hash, V> Generations<K, V> {
    /// None, and never more than so many.
    pub(crate) fn new(entries_max: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), young_max: (entries_max / 2).max(1) }
    }

    /// What is there under a key, which is young again.
    pub(crate) fn get_mut<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if !self.young.contains_key(key) {
            let (key, value) = self.old.remove_entry(key)?;
            self.insert(key, value);
        }
        self.young.get_mut(key)
    }

    /// Keeps a value instead of what is there under the key.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        if self.young.len() >= self.young_max && !self.young.contains_key(&key) {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }

    /// How many there are; one that came twice may count twice.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays() {
        let mut kept = Generations::new(100);
        kept.insert("used".to_owned(), 0);
        kept.insert("unused".to_owned(), 0);
        for nth in 0..10_000 {
            kept.insert(format!("new {nth}"), nth);
            *kept.get_mut("used").expect("it was asked for a moment ago") += 1;
            assert!(kept.len() <= 100, "{}", kept.len());
        }
        assert_eq!(kept.get_mut("used"), Some(&mut 10_000));
        assert_eq!(kept.get_mut("new 9999"), Some(&mut 9999));
        assert_eq!(kept.get_mut("unused"), None);
        kept.insert("new 9999".to_owned(), 7);
        assert_eq!(kept.get_mut("new 9999"), Some(&mut 7));
        kept.clear();
        assert_eq!((kept.len(), kept.get_mut("used")), (0, None));
    }
}
