//! Refused logins as the record shows them: one row at once, and after a minute one more that says how many came meanwhile
//! from the same address by the same name. Whoever guesses, also with ever new names, cannot fill the record.

use std::net::IpAddr;

use longshore_types::Timestamp;

use super::slowdown::network;
use crate::tally::{Counted, Tally, TallyLimits};

/// Names that refused logins of one network have rows for, and those of all, in a minute.
const LIMITS: TallyLimits = TallyLimits { of_origin: 20, of_all: 1000 };
/// Longest name in the record, in characters: somebody may have sent anything.
const NAME_CHARACTERS_MAX: usize = 128;

/// Where a refused login came from, and by which name; empty where none was given.
type Login = (Option<IpAddr>, String);
/// A network, if the address is known.
type Origin = Option<IpAddr>;

/// Refused logins since their rows were written.
#[derive(Debug)]
pub(super) struct Failures {
    tally: Tally<Origin, Login>,
}

impl Default for Failures {
    fn default() -> Self {
        Self { tally: Tally::new(LIMITS) }
    }
}

/// Refusals that have no row yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Uncounted {
    counted: Counted<Origin, Login>,
    count: u64,
}

impl Uncounted {
    /// From where; of many from one network, its first address.
    pub(super) fn address(&self) -> Option<IpAddr> {
        match &self.counted {
            Counted::Kind((address, _)) | Counted::Origin(address) => *address,
            Counted::Others => None,
        }
    }

    /// By which name, if it was one.
    pub(super) fn name(&self) -> &str {
        match &self.counted {
            Counted::Kind((_, name)) => name,
            Counted::Origin(_) | Counted::Others => "",
        }
    }

    /// For the record.
    pub(super) fn reason(&self) -> &'static str {
        match &self.counted {
            Counted::Kind(_) => "more refused logins",
            Counted::Origin(_) => "more refused logins by other names from this network",
            Counted::Others => "more refused logins from other networks",
        }
    }

    /// How many.
    pub(super) fn count(&self) -> u64 {
        self.count
    }
}

impl Failures {
    /// Notes a refusal. Whether it gets a row of its own now.
    pub(super) fn note(&mut self, address: Option<IpAddr>, name: &str, now: Timestamp) -> bool {
        self.tally.note(&address.map(network), &(address, short(name)), now)
    }

    /// Refusals that now get their rows; all of them where there is no moment.
    pub(super) fn due(&mut self, now: Option<Timestamp>) -> Vec<Uncounted> {
        let due = self.tally.due(now);
        due.into_iter().map(|(counted, count)| Uncounted { counted, count }).collect()
    }

    /// Those whose rows could not be written.
    pub(super) fn put_back(&mut self, uncounted: Vec<Uncounted>) {
        self.tally.put_back(uncounted.into_iter().map(|each| (each.counted, each.count)).collect());
    }
}

/// A name as the record shows it.
pub(super) fn short(name: &str) -> String {
    name.chars().take(NAME_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_gets_few_rows_whatever_names_it_tries() {
        let now = Timestamp::from_unix_millis(0);
        let mut failures = Failures::default();
        let address = |n: u32| Some(format!("2001:db8::{n}").parse().unwrap());
        let rows = (0..50).filter(|n| failures.note(address(*n), &n.to_string(), now)).count();
        assert_eq!(rows, 20);
        assert!(failures.note(Some("192.0.2.1".parse().unwrap()), "ann", now));
        let due = failures.due(None);
        let seen: Vec<_> = due.iter().map(|each| (each.address(), each.name(), each.count())).collect();
        assert_eq!(seen, [(Some("2001:db8::".parse().unwrap()), "", 30)]);
    }

    #[test]
    fn long_names_are_cut() {
        let now = Timestamp::from_unix_millis(0);
        let mut failures = Failures::default();
        assert!(failures.note(None, &"x".repeat(1000), now));
        assert!(!failures.note(None, &"x".repeat(1001), now), "shown alike");
    }
}
