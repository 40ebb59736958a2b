//! How the mixed load chooses: repeatable randomness, popularity by Zipf's law, sizes of layers.

/// A small generator (SplitMix64): the same seed gives the same sequence on every machine.
///
/// Its nth number depends on the seed and n alone, so that the content of a layer can be made from any place on.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

    /// Begins the sequence of `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The sequence of `seed` without its first `count` numbers.
    pub(crate) fn after(seed: u64, count: u64) -> Self {
        Self(seed.wrapping_add(Self::STEP.wrapping_mul(count)))
    }

    /// The next number.
    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(Self::STEP);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 up to but not including 1.
    pub(crate) fn unit(&mut self) -> f64 {
        // The 53 bits that a double holds.
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number below `bound`, which is at least 1.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next_u64() % bound
    }

    /// Puts `items` in an order of its own.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

/// Zipf's law with exponent 1: the nth most popular thing is asked for 1/n times as often as the first.
#[derive(Clone, Debug)]
pub(crate) struct Zipf {
    /// The sum of the weights up to and with each rank.
    sums: Vec<f64>,
}

impl Zipf {
    /// For `count` things, at least one.
    pub(crate) fn new(count: usize) -> Self {
        let sums = (1..=count.max(1)).scan(0.0, |sum, rank| {
            *sum += 1.0 / rank as f64;
            Some(*sum)
        });
        Self { sums: sums.collect() }
    }

    /// A rank, 0 the most popular.
    pub(crate) fn rank(&self, random: &mut Random) -> usize {
        let all = self.sums.last().copied().unwrap_or(1.0);
        let place = random.unit() * all;
        self.sums.partition_point(|sum| *sum <= place).min(self.sums.len() - 1)
    }
}

/// The median layer. With [`SPREAD`], 65% of layers are below 1 MB and 80% below 10 MB, as in the traces.
pub(crate) const MEDIAN_BYTES: f64 = 143_000.0;

/// The standard deviation of the logarithm of the sizes.
const SPREAD: f64 = 5.046;

/// The shares at which the traces tell the size, so that a cap must not move them: (share, bytes from there on).
const KNOWN: [(f64, u64); 4] = [(0.0, 0), (0.65, 1_000_000), (0.80, 10_000_000), (1.0, u64::MAX)];

/// An empty layer in gzip.
const SMALLEST_BYTES: u64 = 32;

/// Sizes of layers: lognormal, with a long tail up to a cap.
#[derive(Clone, Debug)]
pub(crate) struct LayerSizes {
    cap_bytes: u64,
}

impl LayerSizes {
    /// No layer is larger than `cap_bytes`. What would be is drawn again *among the large ones*: a cap shortens the
    /// tail, but there are still 35% of layers of 1 MB and more, and 20% of 10 MB and more, where it allows them at all.
    pub(crate) fn up_to(cap_bytes: u64) -> Self {
        Self { cap_bytes: cap_bytes.max(SMALLEST_BYTES) }
    }

    /// The size of one layer, in bytes.
    pub(crate) fn size_bytes(&self, random: &mut Random) -> u64 {
        loop {
            let share = random.unit();
            let part = KNOWN.windows(2).find(|part| share < part[1].0);
            let Some([(from, smallest), (to, _)]) = part else { continue };
            if *smallest > self.cap_bytes {
                continue;
            }
            // A few attempts: at worst one in three falls below the cap. After that, the cap itself.
            let again = (0..64).map(|_| from + (to - from) * random.unit());
            let sizes = std::iter::once(share).chain(again).map(lognormal_bytes);
            let fits = { sizes }.find(|size| *size <= self.cap_bytes);
            return fits.unwrap_or(self.cap_bytes).max(SMALLEST_BYTES);
        }
    }
}

/// The size that `share` of all layers are below.
fn lognormal_bytes(share: f64) -> u64 {
    (MEDIAN_BYTES.ln() + SPREAD * normal_quantile(share)).exp() as u64
}

/// The number that `share` of a normal distribution lies below, to a thousandth or better.
///
/// Abramowitz and Stegun, Handbook of Mathematical Functions, 26.2.23.
fn normal_quantile(share: f64) -> f64 {
    let tail = share.min(1.0 - share).max(1e-12);
    let t = (-2.0 * tail.ln()).sqrt();
    let above = 2.515517 + t * (0.802853 + t * 0.010328);
    let below = 1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308));
    let distance = t - above / below;
    if share < 0.5 { -distance } else { distance }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(cap_bytes: u64) -> Vec<u64> {
        let (mut random, sizes) = (Random::new(1), LayerSizes::up_to(cap_bytes));
        let mut drawn: Vec<u64> = (0..50_000).map(|_| sizes.size_bytes(&mut random)).collect();
        drawn.sort_unstable();
        drawn
    }

    fn share_below(sizes: &[u64], bytes: u64) -> f64 {
        sizes.partition_point(|size| *size < bytes) as f64 / sizes.len() as f64
    }

    #[track_caller]
    fn assert_near(value: f64, expected: f64, tolerance: f64) {
        assert!((value - expected).abs() <= tolerance, "{value} is not {expected} +- {tolerance}");
    }

    #[test]
    fn the_same_seed_gives_the_same_sequence_from_any_place() {
        let mut all = Random::new(7);
        let first: Vec<u64> = (0..10).map(|_| all.next_u64()).collect();
        let mut later = Random::after(7, 4);
        let rest: Vec<u64> = (0..6).map(|_| later.next_u64()).collect();
        assert_eq!(first[4..], rest);
        assert_ne!(first[0], Random::new(8).next_u64());
    }

    #[test]
    fn shuffling_keeps_every_item() {
        let mut items: Vec<u32> = (0..100).collect();
        Random::new(1).shuffle(&mut items);
        assert!(!items.is_sorted());
        items.sort_unstable();
        assert_eq!(items, Vec::from_iter(0..100));
    }

    #[test]
    fn popularity_falls_with_slope_one() {
        let (zipf, mut random) = (Zipf::new(1000), Random::new(1));
        let mut hits = vec![0u32; 1000];
        for _ in 0..1_000_000 {
            hits[zipf.rank(&mut random)] += 1;
        }
        // Least squares over the logarithms of the first 100, where there are enough hits.
        let points = hits[..100].iter().zip(1u32..);
        let points: Vec<(f64, f64)> =
            points.map(|(hits, rank)| (f64::from(rank).ln(), f64::from(*hits).ln())).collect();
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / 100.0;
        let (x, y) = (mean(|point| point.0), mean(|point| point.1));
        let up: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
        let across: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
        assert_near(up / across, -1.0, 0.02);
        assert!(hits.iter().all(|hits| *hits > 0), "the least popular are asked for, too");
    }

    #[test]
    fn one_thing_is_always_the_most_popular() {
        assert_eq!(Zipf::new(1).rank(&mut Random::new(1)), 0);
    }

    #[test]
    fn sizes_are_those_of_the_traces_whatever_the_cap() {
        for cap in [64_000_000, 2_000_000_000] {
            let sizes = sizes(cap);
            assert_near(share_below(&sizes, 1_000_000), 0.65, 0.01);
            assert_near(share_below(&sizes, 10_000_000), 0.80, 0.01);
            let median = sizes[sizes.len() / 2] as f64;
            assert_near(median / MEDIAN_BYTES, 1.0, 0.1);
            assert!(sizes[0] >= SMALLEST_BYTES);
            let largest = sizes[sizes.len() - 1];
            assert!(largest <= cap && largest > cap / 10 * 9, "a tail up to the cap, not {largest}");
        }
    }

    #[test]
    fn a_small_cap_leaves_small_layers() {
        let sizes = sizes(100_000);
        assert!(sizes[sizes.len() - 1] <= 100_000);
        assert!(share_below(&sizes, 100_000) > 0.99, "they are not all as large as the cap");
    }

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (share, quantile) in [(0.5, 0.0), (0.65, 0.38532), (0.8, 0.84162), (0.975, 1.95996)] {
            assert_near(normal_quantile(share), quantile, 0.001);
            assert_near(normal_quantile(1.0 - share), -quantile, 0.001);
        }
    }
}
