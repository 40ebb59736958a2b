//! Wrong passwords slow down the address that they come from. Kept in memory, for each process its own.
//!
//! Many people may sit behind one address, so that more is free than for a single user, and no delay is long. Right
//! passwords forgive nothing: who has one account could try those of others for ever in between.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use longshore_auth::Lockout;
use longshore_types::Timestamp;

/// Most addresses remembered.
const ADDRESSES_MAX: usize = 10_000;
/// After so long without a wrong password an address is as good as new.
const FORGET_AFTER: Duration = Duration::from_secs(15 * 60);

/// Addresses that wrong passwords came from.
#[derive(Debug)]
pub(super) struct Slowdown {
    lockout: Lockout,
    addresses: HashMap<IpAddr, (u32, Timestamp)>,
}

impl Slowdown {
    pub(super) fn new(lockout: Lockout) -> Self {
        Self { lockout, addresses: HashMap::new() }
    }

    /// How long an address must wait yet; `None` if it need not.
    pub(super) fn delay(&self, address: Option<IpAddr>, now: Timestamp) -> Option<Duration> {
        let (failures, last) = *self.addresses.get(&network(address?))?;
        if !self.lockout.is_delayed(failures, Some(last), now) {
            return None;
        }
        let until = self.lockout.delayed_until(failures, Some(last))?;
        let millis = until.unix_millis().saturating_sub(now.unix_millis());
        Some(Duration::from_millis(millis.max(1).unsigned_abs()))
    }

    /// Counts a wrong password.
    pub(super) fn failed(&mut self, address: Option<IpAddr>, now: Timestamp) {
        let Some(address) = address.map(network) else { return };
        if self.addresses.len() >= ADDRESSES_MAX && !self.addresses.contains_key(&address) {
            self.make_room(now);
        }
        let (failures, last) = self.addresses.entry(address).or_insert((0, now));
        if last.after(FORGET_AFTER) <= now {
            *failures = 0;
        }
        *failures = failures.saturating_add(1);
        // Requests do not end in the order in which they began.
        *last = now.max(*last);
    }

    /// Forgets what is old, or else the address that was quiet for longest.
    fn make_room(&mut self, now: Timestamp) {
        self.addresses.retain(|_, (_, last)| now < last.after(FORGET_AFTER));
        if self.addresses.len() >= ADDRESSES_MAX {
            let oldest =
                self.addresses.iter().min_by_key(|(_, (_, last))| *last).map(|(address, _)| *address);
            oldest.map(|address| self.addresses.remove(&address));
        }
    }
}

/// What one customer of a network has: an address of IPv4, or 64 bits of IPv6.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_millis(1_800_000_000_000 + seconds * 1000)
    }

    fn slowdown() -> Slowdown {
        let lockout = Lockout {
            free_failures: 2,
            first_delay: Duration::from_secs(1),
            delay_max: Duration::from_secs(60),
        };
        Slowdown::new(lockout)
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn an_address_is_slowed_down_and_forgotten() {
        let mut slowdown = slowdown();
        let bad = address("192.0.2.1");
        for _ in 0..2 {
            slowdown.failed(bad, at(0));
            assert_eq!(slowdown.delay(bad, at(0)), None);
        }
        slowdown.failed(bad, at(0));
        assert_eq!(slowdown.delay(bad, at(0)), Some(Duration::from_secs(1)));
        assert_eq!(slowdown.delay(address("::ffff:192.0.2.1"), at(0)), Some(Duration::from_secs(1)));
        assert_eq!(slowdown.delay(address("192.0.2.2"), at(0)), None);
        assert_eq!(slowdown.delay(bad, at(1)), None);
        for _ in 0..20 {
            slowdown.failed(bad, at(1));
        }
        assert_eq!(slowdown.delay(bad, at(1)), Some(Duration::from_secs(60)), "never longer");
        slowdown.failed(bad, at(16 * 60));
        assert_eq!(slowdown.delay(bad, at(16 * 60)), None, "as good as new");
        slowdown.failed(None, at(0));
        assert_eq!(slowdown.delay(None, at(0)), None);
    }

    #[test]
    fn who_has_many_addresses_gains_nothing_by_them() {
        let mut slowdown = slowdown();
        for last in 0..9 {
            slowdown.failed(address(&format!("2001:db8::{last}")), at(0));
        }
        assert!(slowdown.delay(address("2001:db8::ffff:1"), at(0)).is_some());
        assert!(slowdown.delay(address("2001:db8:0:1::1"), at(0)).is_none());
        for n in 0..ADDRESSES_MAX + 10 {
            slowdown.failed(Some(Ipv6Addr::from_bits((n as u128 + 1) << 64).into()), at(1));
        }
        assert_eq!(slowdown.addresses.len(), ADDRESSES_MAX);
    }
}
