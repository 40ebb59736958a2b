//! How the mixed load chooses: popularity by Zipf's law, sizes of layers as in the traces.

use crate::content::Random;

/// A number from 0 up to but not including 1.
fn unit(random: &mut Random) -> f64 {
    // The 53 bits that a double holds.
    (random.next() >> 11) as f64 / (1u64 << 53) as f64
}

/// Puts `items` in an order of its own.
pub(super) fn shuffle<T>(items: &mut [T], random: &mut Random) {
    for last in (1..items.len()).rev() {
        items.swap(last, random.below(last as u64 + 1) as usize);
    }
}

/// Zipf's law with exponent 1: the nth most popular thing is asked for 1/n times as often as the first.
#[derive(Clone, Debug)]
pub(super) struct Zipf {
    /// The sum of the weights up to and with each rank.
    sums: Vec<f64>,
}

impl Zipf {
    /// For `count` things, at least one.
    pub(super) fn new(count: usize) -> Self {
        let sums = (1..=count.max(1)).scan(0.0, |sum, rank| {
            *sum += 1.0 / rank as f64;
            Some(*sum)
        });
        Self { sums: sums.collect() }
    }

    /// A rank, 0 the most popular.
    pub(super) fn rank(&self, random: &mut Random) -> usize {
        let all = self.sums.last().copied().unwrap_or(1.0);
        let place = unit(random) * all;
        self.sums.partition_point(|sum| *sum <= place).min(self.sums.len() - 1)
    }
}

/// The median layer. With [`SPREAD`], 65% of layers are below 1 MB and 80% below 10 MB, as in the traces.
pub(super) const MEDIAN_BYTES: f64 = 143_000.0;

/// The standard deviation of the logarithm of the sizes.
const SPREAD: f64 = 5.046;

/// The shares at which the traces tell the size, so that a cap must not move them: (share, bytes from there on).
const KNOWN: [(f64, u64); 4] = [(0.0, 0), (0.65, 1_000_000), (0.80, 10_000_000), (1.0, u64::MAX)];

/// An empty layer in gzip.
const SMALLEST_BYTES: u64 = 32;

/// Sizes of layers: lognormal, with a long tail up to a cap.
#[derive(Clone, Debug)]
pub(super) struct LayerSizes {
    cap_bytes: u64,
}

impl LayerSizes {
    /// No layer is larger than `cap_bytes`. What would be is drawn again *among the large ones*: a cap shortens the
    /// tail, but there are still 35% of layers of 1 MB and more, and 20% of 10 MB and more, where it allows them at all.
    pub(super) fn up_to(cap_bytes: u64) -> Self {
        Self { cap_bytes: cap_bytes.max(SMALLEST_BYTES) }
    }

    /// The size of one layer, in bytes.
    pub(super) fn size_bytes(&self, random: &mut Random) -> u64 {
        loop {
            let share = unit(random);
            let part = KNOWN.windows(2).find(|part| share < part[1].0);
            let Some([(from, smallest), (to, _)]) = part else { continue };
            if *smallest > self.cap_bytes {
                continue;
            }
            // A few attempts: at worst one in three falls below the cap. After that, the cap itself.
            let again = (0..64).map(|_| from + (to - from) * unit(random));
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
        let (mut random, sizes) = (Random::seeded(1), LayerSizes::up_to(cap_bytes));
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
    fn shuffling_keeps_every_item() {
        let mut items: Vec<u32> = (0..100).collect();
        shuffle(&mut items, &mut Random::seeded(1));
        assert!(!items.is_sorted());
        items.sort_unstable();
        assert_eq!(items, Vec::from_iter(0..100));
    }

    #[test]
    fn popularity_falls_with_slope_one() {
        let (zipf, mut random) = (Zipf::new(1000), Random::seeded(1));
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
        assert_eq!(Zipf::new(1).rank(&mut Random::seeded(1)), 0);
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
