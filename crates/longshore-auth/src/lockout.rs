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
}
