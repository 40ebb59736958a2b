//! Which of many events get a row of their own: in each minute the first of its kind, and no more than so many of one
//! origin. All others are counted, and after the minute one row for each count says how many they were: nothing is silently
//! lost, and nobody fills the record.

use std::{collections::HashMap, hash::Hash, time::Duration};

use longshore_types::Timestamp;

/// How long events are counted into one row.
const COUNT_FOR: Duration = Duration::from_secs(60);
/// Most counts that wait to be written; beyond that they are put together.
const ENDED_MAX: usize = 10_000;

/// How many rows there may be in a minute. What is counted needs no more memory than that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TallyLimits {
    /// Of one origin.
    pub(crate) of_origin: usize,
    /// Of all.
    pub(crate) of_all: usize,
}

/// What a count is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Counted<O, K> {
    /// More of the same kind.
    Kind(K),
    /// More kinds of one origin than have rows.
    Origin(O),
    /// More origins than have rows.
    Others,
}

/// Counts of a minute, and of those before it that were not written yet.
#[derive(Debug)]
pub(crate) struct Tally<O, K> {
    limits: TallyLimits,
    begun: Option<Timestamp>,
    origins: HashMap<O, Origin>,
    kinds: HashMap<K, u64>,
    others: u64,
    ended: Vec<(Counted<O, K>, u64)>,
}

#[derive(Debug, Default)]
struct Origin {
    rows: usize,
    more: u64,
}

impl<O: Clone + Eq + Hash, K: Clone + Eq + Hash> Tally<O, K> {
    pub(crate) fn new(limits: TallyLimits) -> Self {
        Self {
            limits,
            begun: None,
            origins: HashMap::new(),
            kinds: HashMap::new(),
            others: 0,
            ended: Vec::new(),
        }
    }

    /// Notes an event. Whether it gets a row of its own now.
    pub(crate) fn note(&mut self, origin: &O, kind: &K, now: Timestamp) -> bool {
        if self.is_over(now) {
            self.end();
        }
        self.begun.get_or_insert(now);
        if let Some(more) = self.kinds.get_mut(kind) {
            *more = more.saturating_add(1);
            return false;
        }
        let room = self.kinds.len() < self.limits.of_all;
        match self.origins.get_mut(origin) {
            Some(known) if room && known.rows < self.limits.of_origin => known.rows += 1,
            Some(known) => {
                known.more = known.more.saturating_add(1);
                return false;
            }
            None if room => {
                self.origins.insert(origin.clone(), Origin { rows: 1, more: 0 });
            }
            None => {
                self.others = self.others.saturating_add(1);
                return false;
            }
        }
        self.kinds.insert(kind.clone(), 0);
        true
    }

    /// The counts of the minutes that are over; without a moment, also of the one that is not.
    pub(crate) fn due(&mut self, now: Option<Timestamp>) -> Vec<(Counted<O, K>, u64)> {
        if now.is_none_or(|now| self.is_over(now)) {
            self.end();
        }
        std::mem::take(&mut self.ended)
    }

    /// Counts that could not be written wait for the next time.
    pub(crate) fn put_back(&mut self, counts: Vec<(Counted<O, K>, u64)>) {
        for (counted, count) in counts {
            self.wait(counted, count);
        }
    }

    /// A minute is also over where the clock was set back.
    fn is_over(&self, now: Timestamp) -> bool {
        self.begun.is_some_and(|begun| begun.after(COUNT_FOR) <= now || now.after(COUNT_FOR) <= begun)
    }

    fn end(&mut self) {
        self.begun = None;
        for (kind, count) in std::mem::take(&mut self.kinds) {
            self.wait(Counted::Kind(kind), count);
        }
        for (origin, Origin { more, .. }) in std::mem::take(&mut self.origins) {
            self.wait(Counted::Origin(origin), more);
        }
        let others = std::mem::take(&mut self.others);
        self.wait(Counted::Others, others);
    }

    fn wait(&mut self, counted: Counted<O, K>, count: u64) {
        if count == 0 {
            return;
        }
        if self.ended.len() < ENDED_MAX {
            self.ended.push((counted, count));
        } else if let Some((last, sum)) = self.ended.last_mut() {
            *last = Counted::Others;
            *sum = sum.saturating_add(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_millis(1_800_000_000_000 + seconds * 1000)
    }

    fn tally(of_origin: usize, of_all: usize) -> Tally<u32, u32> {
        Tally::new(TallyLimits { of_origin, of_all })
    }

    #[test]
    fn a_row_at_once_and_one_for_the_rest_of_the_minute() {
        let mut tally = tally(10, 100);
        assert!(tally.note(&1, &1, at(0)) && tally.note(&1, &2, at(1)) && tally.note(&2, &3, at(1)));
        for _ in 0..5 {
            assert!(!tally.note(&1, &1, at(30)));
        }
        assert_eq!(tally.due(Some(at(59))), []);
        assert_eq!(tally.due(Some(at(60))), [(Counted::Kind(1), 5)]);
        assert_eq!(tally.due(Some(at(61))), [], "each once");
        assert!(tally.note(&1, &1, at(61)) && !tally.note(&1, &1, at(62)));
        // A new minute begins with an event, and nothing of the one before is lost.
        assert!(tally.note(&1, &1, at(200)));
        assert_eq!(tally.due(Some(at(201))), [(Counted::Kind(1), 1)]);
        assert!(!tally.note(&1, &1, at(202)));
        assert!(tally.note(&1, &1, at(0)), "the clock was set back");
        assert!(!tally.note(&1, &1, at(0)));
        assert_eq!(tally.due(None), [(Counted::Kind(1), 1), (Counted::Kind(1), 1)]);
    }

    #[test]
    fn an_origin_has_so_many_rows_and_all_have_so_many() {
        let mut tally = tally(3, 5);
        let rows = (0..10).filter(|kind| tally.note(&1, kind, at(0))).count();
        assert_eq!(rows, 3);
        let rows = (10..20).filter(|kind| tally.note(&2, kind, at(0))).count();
        assert_eq!(rows, 2);
        assert!(!tally.note(&3, &30, at(0)));
        assert!(!tally.note(&1, &0, at(0)), "one that has a row");
        let mut due = tally.due(Some(at(60)));
        due.sort_by_key(|(_, count)| *count);
        assert_eq!(due.len(), 4);
        assert!(due[..2].contains(&(Counted::Others, 1)) && due[..2].contains(&(Counted::Kind(0), 1)));
        assert_eq!(due[2..], [(Counted::Origin(1), 7), (Counted::Origin(2), 8)]);
        assert!(tally.note(&3, &30, at(60)), "another minute");
    }

    #[test]
    fn what_could_not_be_written_waits_and_the_sum_is_kept() {
        let mut tally = tally(usize::MAX, usize::MAX);
        let count = u32::try_from(ENDED_MAX).unwrap() + 20;
        for kind in 0..count {
            tally.note(&kind, &kind, at(0));
            tally.note(&kind, &kind, at(0));
        }
        let due = tally.due(Some(at(60)));
        assert_eq!(due.len(), ENDED_MAX);
        tally.put_back(due);
        let due = tally.due(Some(at(61)));
        assert_eq!(due.iter().map(|(_, count)| count).sum::<u64>(), u64::from(count));
    }
}
