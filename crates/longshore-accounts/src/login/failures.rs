//! Refused logins as the record shows them: one row at once, and after a minute one more that says how many came meanwhile
//! from the same address by the same name. Whoever guesses cannot fill the record.

use std::{net::IpAddr, time::Duration};

use longshore_types::Timestamp;

use super::recent::Recent;

/// How long refusals are counted into one row.
const COUNT_FOR: Duration = Duration::from_secs(60);
/// Most pairs of an address and a name counted apart; all others count together.
const PAIRS_MAX: usize = 10_000;
/// Longest name in the record, in characters: somebody may have sent anything.
const NAME_CHARACTERS_MAX: usize = 128;

/// Where refused logins came from, and by which name; empty where none was given, or too many were.
pub(super) type FailureKey = (Option<IpAddr>, String);

/// Refused logins since their rows were written.
#[derive(Debug)]
pub(super) struct Failures {
    pairs: Recent<FailureKey, u32>,
    /// Those that found no room.
    others: u32,
}

impl Default for Failures {
    fn default() -> Self {
        Self { pairs: Recent::new(PAIRS_MAX), others: 0 }
    }
}

/// Refusals that have no row yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Uncounted {
    pub(super) key: FailureKey,
    pub(super) count: u32,
}

impl Failures {
    /// Notes a refusal. Whether it gets a row of its own now.
    pub(super) fn note(&mut self, address: Option<IpAddr>, name: &str, now: Timestamp) -> bool {
        let key = (address, short(name));
        if self.pairs.change(&key, now, |count| *count = count.saturating_add(1)) {
            return false;
        }
        // What was counted before and not written yet goes on being counted.
        let left = self.pairs.take(&key).unwrap_or_default();
        if self.pairs.insert(key, left, now, now.after(COUNT_FOR)) {
            return true;
        }
        self.others = self.others.saturating_add(1);
        false
    }

    /// Refusals that now get their rows.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<Uncounted> {
        let ended = self.pairs.take_ended(now).into_iter();
        let mut due: Vec<_> =
            ended.filter(|(_, count)| *count > 0).map(|(key, count)| Uncounted { key, count }).collect();
        let others = std::mem::take(&mut self.others);
        if others > 0 {
            due.push(Uncounted { key: (None, String::new()), count: others });
        }
        due
    }
}

/// A name as the record shows it.
pub(super) fn short(name: &str) -> String {
    name.chars().take(NAME_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_millis(seconds * 1000)
    }

    #[test]
    fn a_row_at_once_and_one_for_the_rest_of_the_minute() {
        let mut failures = Failures::default();
        let address: Option<IpAddr> = Some("192.0.2.1".parse().unwrap());
        assert!(failures.note(address, "ann", at(0)));
        assert!(failures.note(address, "bob", at(1)), "another name");
        assert!(failures.note(None, "ann", at(1)), "another address");
        for _ in 0..5 {
            assert!(!failures.note(address, "ann", at(30)));
        }
        assert_eq!(failures.due(at(59)), []);
        assert_eq!(failures.due(at(70)), [Uncounted { key: (address, "ann".to_owned()), count: 5 }]);
        assert!(failures.note(address, "ann", at(71)));
        assert!(!failures.note(address, "ann", at(72)) && failures.note(address, "ann", at(200)));
        let due = failures.due(at(300));
        assert_eq!(due, [Uncounted { key: (address, "ann".to_owned()), count: 1 }], "nothing is lost");
    }

    #[test]
    fn many_names_count_together() {
        let mut failures = Failures::default();
        let rows = (0..PAIRS_MAX + 50).filter(|n| failures.note(None, &n.to_string(), at(0))).count();
        assert_eq!(rows, PAIRS_MAX);
        assert_eq!(failures.due(at(1)), [Uncounted { key: (None, String::new()), count: 50 }]);
        assert!(failures.note(None, &"x".repeat(1000), at(100)));
        assert!(!failures.note(None, &"x".repeat(1001), at(100)), "shown alike");
    }
}
