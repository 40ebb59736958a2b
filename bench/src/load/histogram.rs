//! How often something took how long.

use std::time::Duration;

/// Buckets for each power of two: an error of less than 1%.
const STEPS: u64 = 128;
const STEPS_BITS: u32 = STEPS.trailing_zeros();

/// Counts durations in buckets that grow with them. Made empty, takes no memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Histogram {
    /// As long as the largest value needs.
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    /// Counts one.
    pub(crate) fn record(&mut self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = bucket_of(nanoseconds);
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.total += 1;
    }

    /// Adds what another one has counted.
    pub(crate) fn merge(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
    }

    /// How many were counted.
    pub(crate) fn len(&self) -> u64 {
        self.total
    }

    /// The duration that `percent` of those counted do not exceed; zero if none was.
    pub(crate) fn percentile(&self, percent: f64) -> Duration {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a rank among counts that are far from 2^52"
        )]
        let rank = (self.total as f64 * percent / 100.0).ceil() as u64;
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank.max(1) {
                return Duration::from_nanos(largest_in(bucket));
            }
        }
        Duration::ZERO
    }
}

/// Values below [`STEPS`] have a bucket each; above, each power of two is parted into `STEPS` buckets.
fn bucket_of(value: u64) -> usize {
    let shift = (u64::BITS - value.leading_zeros()).saturating_sub(STEPS_BITS + 1);
    let bucket = u64::from(shift) * STEPS + (value >> shift);
    usize::try_from(bucket).unwrap_or(usize::MAX)
}

/// The largest value that falls into a bucket.
fn largest_in(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let shift = (bucket / STEPS).saturating_sub(1);
    let value = bucket - shift * STEPS;
    ((value + 1) << shift).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_what_falls_into_it_and_errs_by_less_than_a_hundredth() {
        let mut last = 0;
        for value in (0..10_000).chain([1 << 20, (1 << 20) + 12_345, 999_999_999, u64::MAX >> 8, u64::MAX]) {
            let bucket = bucket_of(value);
            assert!(bucket >= last, "buckets are in order: {value}");
            last = bucket;
            let largest = largest_in(bucket);
            assert!(largest >= value, "{value} is in a bucket that ends at {largest}");
            assert!((largest - value) <= value / 100, "{value} is taken for {largest}");
        }
    }

    #[test]
    fn percentiles_are_ranks() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(50.0), Duration::ZERO);
        for nanoseconds in 1..=100 {
            histogram.record(Duration::from_nanos(nanoseconds));
        }
        for percent in [1.0, 50.0, 99.0, 100.0] {
            assert_eq!(histogram.percentile(percent).as_nanos() as f64, percent);
        }
        assert_eq!(histogram.percentile(0.0), Duration::from_nanos(1));
    }

    #[test]
    fn merging_is_counting_both() {
        let (mut a, mut b, mut both) = (Histogram::default(), Histogram::default(), Histogram::default());
        for (n, nanoseconds) in [5, 700, 80_000, 9_000_000].into_iter().enumerate() {
            let duration = Duration::from_nanos(nanoseconds);
            if n % 2 == 0 {
                a.record(duration)
            } else {
                b.record(duration)
            }
            both.record(duration);
        }
        a.merge(&b);
        assert_eq!(a, both);
        assert_eq!(a.len(), 4);
    }
}
