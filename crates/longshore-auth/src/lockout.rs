//! How wrong passwords slow an account down: after some failures each next one doubles the wait, up to a limit. Nobody is
//! shut out for good, or anybody who knows a name could do that to its owner.

use std::time::Duration;

use longshore_types::Timestamp;

/// How far two requests' ideas of now may be apart without a clock having been set back.
const APART_MAX: Duration = Duration::from_secs(3600);

/// When a delay begins and how long it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lockout {
    /// Failures in a row that cost no delay.
    pub free_failures: u32,
    /// The delay after one failure more.
    pub first_delay: Duration,
    /// The longest delay.
    pub delay_max: Duration,
}

impl Default for Lockout {
    /// After the fifth failure one second, doubling up to 15 minutes.
    fn default() -> Self {
        Self {
            free_failures: 4,
            first_delay: Duration::from_secs(1),
            delay_max: Duration::from_secs(15 * 60),
        }
    }
}

impl Lockout {
    /// Until when no login of the account is looked at, after so many failures in a row, the last of them then. `None`
    /// when the next may come at once.
    ///
    /// Who comes too early must be answered as for a wrong password, and not be counted: counting would let others keep
    /// the delay at its longest.
    pub fn delayed_until(&self, failures: u32, last_failed_at: Option<Timestamp>) -> Option<Timestamp> {
        let beyond = failures.checked_sub(self.free_failures)?.checked_sub(1)?;
        let factor = 1_u32.checked_shl(beyond).unwrap_or(u32::MAX);
        Some(last_failed_at?.after(self.first_delay.saturating_mul(factor).min(self.delay_max)))
    }

    /// Whether a login at `now` must wait.
    pub fn is_delayed(&self, failures: u32, last_failed_at: Option<Timestamp>, now: Timestamp) -> bool {
        // A failure far in the future is a clock that was set back; it must not keep anybody out for longer than the limit.
        // One a little in the future came while this request was still on its way.
        self.delayed_until(failures, last_failed_at)
            .is_some_and(|until| now < until && until <= now.after(self.delay_max.saturating_add(APART_MAX)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_800_000_000_000;

    #[test]
    fn delays_double_up_to_the_limit() {
        let failed = Timestamp::from_unix_millis(NOW);
        let delay = |failures| {
            let until = Lockout::default().delayed_until(failures, Some(failed))?;
            Some((until.unix_millis() - NOW) / 1000)
        };
        let delays: Vec<_> = (0..17).map(delay).collect();
        let expected = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900].map(Some);
        assert_eq!(delays[..5], [None; 5]);
        assert_eq!(delays[5..], expected);
        assert_eq!(delay(u32::MAX), Some(900), "never for good");
        assert_eq!(Lockout::default().delayed_until(9, None), None);
    }

    #[test]
    fn a_delay_ends() {
        let lockout = Lockout::default();
        let at = |millis| Timestamp::from_unix_millis(NOW + millis);
        assert!(lockout.is_delayed(5, Some(at(0)), at(0)));
        assert!(lockout.is_delayed(5, Some(at(0)), at(999)));
        assert!(!lockout.is_delayed(5, Some(at(0)), at(1000)));
        assert!(!lockout.is_delayed(4, Some(at(0)), at(0)));
        assert!(lockout.is_delayed(99, Some(at(1)), at(0)), "a request that began before the failure");
        assert!(!lockout.is_delayed(99, Some(at(24 * 3_600_000)), at(0)), "the clock was set back");
    }

    fn any_lockout() -> impl Strategy<Value = Lockout> {
        let duration = |most| (1..most).prop_map(Duration::from_millis);
        (0..20_u32, duration(10_000_u64), duration(10_000_000_u64)).prop_map(
            |(free_failures, first_delay, delay_max)| Lockout { free_failures, first_delay, delay_max },
        )
    }

    proptest! {
        /// A delay begins after the free failures and at once, grows with failures, and ends after its longest time.
        #[test]
        fn a_delay_begins_grows_and_ends(lockout in any_lockout(), failures in any::<u32>(), more in 0..100_u32) {
            let at = |millis| Timestamp::from_unix_millis(NOW + millis);
            let until = |failures| lockout.delayed_until(failures, Some(at(0)));
            if failures <= lockout.free_failures {
                prop_assert_eq!(until(failures), None);
                prop_assert!(!lockout.is_delayed(failures, Some(at(0)), at(0)));
            } else {
                let end = until(failures).unwrap();
                let longest = at(0).after(lockout.delay_max);
                prop_assert!(at(0) < end && end <= longest);
                prop_assert!(end <= until(failures.saturating_add(more)).unwrap());
                prop_assert!(lockout.is_delayed(failures, Some(at(0)), at(0)));
                prop_assert!(!lockout.is_delayed(failures, Some(at(0)), end));
                prop_assert!(!lockout.is_delayed(failures, Some(at(0)), longest));
            }
        }

        /// Whoever comes while it lasts waits, and whoever comes later does not, wherever in time.
        #[test]
        fn a_delay_is_a_span(lockout in any_lockout(), failures in 1..64_u32, after in -3_600_000..20_000_000_i64) {
            let at = |millis| Timestamp::from_unix_millis(NOW + millis);
            let until = lockout.delayed_until(failures, Some(at(0)));
            let delayed = lockout.is_delayed(failures, Some(at(0)), at(after));
            // Requests whose clock is up to an hour behind wait as well.
            prop_assert_eq!(delayed, until.is_some_and(|until| at(after) < until));
        }

        /// However somebody times their guesses, no more are looked at than the delays leave room for; and in the end they
        /// are let in.
        #[test]
        fn guesses_are_few_however_they_are_timed(pauses in prop::collection::vec(0..2_000_u64, 1..400)) {
            let lockout = Lockout::default();
            let (mut now, mut failures, mut last) = (0_i64, 0_u32, None);
            let mut looked_at = 0_u32;
            for pause in pauses {
                now += i64::try_from(pause).unwrap();
                let moment = Timestamp::from_unix_millis(NOW + now);
                if !lockout.is_delayed(failures, last, moment) {
                    (failures, last, looked_at) = (failures + 1, Some(moment), looked_at + 1);
                }
            }
            // After the free ones each takes twice as long as the one before.
            let doublings = (now / 1000 + 1).ilog2();
            prop_assert!(looked_at <= lockout.free_failures + 1 + doublings, "{looked_at} in {now} ms");
            let end = Timestamp::from_unix_millis(NOW + now).after(lockout.delay_max);
            prop_assert!(!lockout.is_delayed(failures, last, end));
        }
    }
}
