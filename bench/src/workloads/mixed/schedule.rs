//! What clients of the mixed load do, in which order: 100 requests at a time, in the shares of the traces.

use super::distribution::shuffle;
use crate::content::Random;

/// What one client does from beginning to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visit {
    /// Somebody looks whether a tag has moved: HEAD by tag.
    Poll,
    /// Somebody pulls: HEAD by tag, GET by digest, then that many layers; of three, all, of two, the lowest was
    /// there already.
    Pull(usize),
    /// Somebody pushes a new image, after HEAD of one of its layers, and somebody else pulls it at once: GET by tag, then
    /// all three layers.
    PushAndPull,
}

/// Layers of an image.
pub(super) const LAYERS: usize = 3;

/// How many visits of each kind make 100 requests: 25 for a manifest by tag and 15 by digest, 50 GETs and 5 HEADs of
/// blobs, 5 pushes.
const VISITS: [(Visit, usize); 4] =
    [(Visit::Poll, 5), (Visit::Pull(2), 10), (Visit::Pull(LAYERS), 5), (Visit::PushAndPull, 5)];

/// How many of them there are.
const DECK: u64 = 25;

/// The order of visits that a seed stands for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    seed: u64,
}

impl Schedule {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The nth visit, and the randomness for its choices. Each 25 visits have the shares of the whole.
    pub(super) fn visit(&self, nth: u64) -> (Visit, Random) {
        let mut deck: Vec<Visit> = VISITS.into_iter().flat_map(|(visit, count)| vec![visit; count]).collect();
        shuffle(&mut deck, &mut Random::seeded(self.seed ^ (nth / DECK).rotate_left(32)));
        let place = usize::try_from(nth % DECK).unwrap_or(0);
        (deck[place], Random::seeded(self.seed.wrapping_add(nth).rotate_left(17)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests: manifest by tag, manifest by digest, GET of a blob, HEAD of a blob, push.
    fn requests(visit: Visit) -> [usize; 5] {
        match visit {
            Visit::Poll => [1, 0, 0, 0, 0],
            Visit::Pull(layers) => [1, 1, layers, 0, 0],
            Visit::PushAndPull => [1, 0, LAYERS, 1, 1],
        }
    }

    #[test]
    fn every_hundred_requests_have_the_shares_of_the_traces() {
        let schedule = Schedule::new(1);
        for deck in 0..20 {
            let mut sums = [0; 5];
            for nth in deck * DECK..(deck + 1) * DECK {
                let visit = requests(schedule.visit(nth).0);
                sums.iter_mut().zip(visit).for_each(|(sum, count)| *sum += count);
            }
            assert_eq!(sums, [25, 15, 50, 5, 5]);
        }
    }

    #[test]
    fn a_seed_repeats_itself_and_decks_differ() {
        let visits = |seed, from: u64| -> Vec<_> {
            let schedule = Schedule::new(seed);
            (from..from + DECK)
                .map(|nth| schedule.visit(nth))
                .map(|(visit, mut random)| (visit, random.next()))
                .collect()
        };
        assert_eq!(visits(1, 0), visits(1, 0));
        assert_ne!(visits(1, 0), visits(2, 0));
        let kinds = |from| visits(1, from).into_iter().map(|(visit, _)| visit).collect::<Vec<_>>();
        assert_ne!(kinds(0), kinds(DECK));
    }
}
