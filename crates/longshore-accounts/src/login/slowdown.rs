//! Wrong passwords slow down the network that they come from. Kept in memory, for each process its own.
//!
//! Many people may sit behind one address. So what one name did wrong there delays that name alone: a program with an old
//! password keeps nobody else out. Only who tries many names delays the network, and that is nothing to users who log in
//! from there anyway ([`super::known`]). Right passwords forgive nothing: who has one account could try those of others for
//! ever in between.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher as _,
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use longshore_auth::Lockout;
use longshore_types::Timestamp;

use super::{failed::Failed, folded};

/// Most networks remembered.
const NETWORKS_MAX: usize = 10_000;
/// Most names of one network that are remembered apart.
const NAMES_MAX: usize = 64;
/// After so long without a wrong password a name, or a network, is as good as new.
const FORGET_AFTER: Duration = Duration::from_secs(15 * 60);

/// Networks that wrong passwords came from.
#[derive(Debug)]
pub(super) struct Slowdown {
    lockout: Lockout,
    networks: HashMap<IpAddr, Network>,
    hasher: RandomState,
}

#[derive(Debug)]
struct Network {
    /// Wrong passwords for each name, by its hash.
    names: HashMap<u64, Failed>,
    /// Names that were tried with wrong passwords.
    tried: Failed,
}

impl Slowdown {
    pub(super) fn new(lockout: Lockout) -> Self {
        Self { lockout, networks: HashMap::new(), hasher: RandomState::new() }
    }

    fn hash(&self, name: &str) -> u64 {
        self.hasher.hash_one(folded(name))
    }

    /// How long that name must wait yet at an address; `None` if it need not.
    pub(super) fn delay(&self, address: Option<IpAddr>, name: &str, now: Timestamp) -> Option<Duration> {
        let Network { names, tried } = self.networks.get(&network(address?))?;
        let of_name = names.get(&self.hash(name)).and_then(|failed| failed.delay(&self.lockout, now));
        of_name.max(tried.delay(&self.lockout, now))
    }

    /// Counts a wrong password.
    pub(super) fn failed(&mut self, address: Option<IpAddr>, name: &str, now: Timestamp) {
        let Some(address) = address.map(network) else { return };
        if self.networks.len() >= NETWORKS_MAX && !self.networks.contains_key(&address) {
            self.make_room(now);
        }
        let hash = self.hash(name);
        let network = self.networks.entry(address).or_insert_with(|| Network::new(now));
        if network.failed(hash, now) && network.tried.delay(&self.lockout, now).is_some() {
            tracing::warn!(
                network = %address,
                names = network.tried.count,
                "wrong passwords for many names come from {address}: logins by names that do not log in from there \
                 wait. If that is a proxy, name it in http.trusted_proxies"
            );
        }
    }

    /// Forgets what is old, or else the network that was quiet for longest.
    fn make_room(&mut self, now: Timestamp) {
        self.networks.retain(|_, network| !network.last().is_over(now, FORGET_AFTER));
        if self.networks.len() >= NETWORKS_MAX {
            let oldest = self.networks.iter().min_by_key(|(_, network)| network.last().last);
            let oldest = oldest.map(|(address, _)| *address);
            oldest.map(|address| self.networks.remove(&address));
        }
    }
}

impl Network {
    fn new(now: Timestamp) -> Self {
        Self { names: HashMap::new(), tried: Failed::none(now) }
    }

    /// What failed last.
    fn last(&self) -> Failed {
        let names = self.names.values().max_by_key(|failed| failed.last);
        *names.filter(|failed| failed.last > self.tried.last).unwrap_or(&self.tried)
    }

    /// Counts a wrong password. Whether the name is one that was not tried lately.
    fn failed(&mut self, name: u64, now: Timestamp) -> bool {
        let known = self.names.get_mut(&name).filter(|failed| !failed.is_over(now, FORGET_AFTER));
        if let Some(failed) = known {
            failed.again(now, FORGET_AFTER);
            return false;
        }
        if self.names.len() >= NAMES_MAX {
            let oldest = self.names.iter().min_by_key(|(_, failed)| failed.last).map(|(name, _)| *name);
            oldest.map(|name| self.names.remove(&name));
        }
        self.names.insert(name, Failed { count: 1, last: now });
        self.tried.again(now, FORGET_AFTER);
        true
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

    const SECOND: Option<Duration> = Some(Duration::from_secs(1));

    #[test]
    fn a_name_is_slowed_down_where_it_fails_and_forgotten() {
        let mut slowdown = slowdown();
        let bad = address("192.0.2.1");
        for _ in 0..2 {
            slowdown.failed(bad, "ci", at(0));
            assert_eq!(slowdown.delay(bad, "ci", at(0)), None);
        }
        slowdown.failed(bad, "CI ", at(0));
        assert_eq!(slowdown.delay(bad, "ci", at(0)), SECOND);
        assert_eq!(slowdown.delay(address("::ffff:192.0.2.1"), "Ci", at(0)), SECOND);
        assert_eq!(slowdown.delay(address("192.0.2.2"), "ci", at(0)), None);
        assert_eq!(slowdown.delay(bad, "admin", at(0)), None, "it is not their fault");
        assert_eq!(slowdown.delay(bad, "ci", at(1)), None);
        for _ in 0..20 {
            slowdown.failed(bad, "ci", at(1));
        }
        assert_eq!(slowdown.delay(bad, "ci", at(1)), Some(Duration::from_secs(60)), "never longer");
        assert_eq!(slowdown.delay(bad, "admin", at(1)), None, "however often");
        slowdown.failed(bad, "ci", at(16 * 60));
        assert_eq!(slowdown.delay(bad, "ci", at(16 * 60)), None, "as good as new");
        slowdown.failed(None, "ci", at(0));
        assert_eq!(slowdown.delay(None, "ci", at(0)), None);
    }

    #[test]
    fn many_names_slow_their_network_down() {
        let mut slowdown = slowdown();
        let bad = address("192.0.2.1");
        for n in 0..3 {
            slowdown.failed(bad, &format!("user{n}"), at(0));
        }
        assert_eq!(slowdown.delay(bad, "admin", at(0)), SECOND);
        assert_eq!(slowdown.delay(bad, "admin", at(1)), None);
        for n in 0..1000 {
            slowdown.failed(bad, &format!("user{n}"), at(1));
        }
        assert_eq!(slowdown.delay(bad, "admin", at(1)), Some(Duration::from_secs(60)));
        assert_eq!(slowdown.networks.values().next().unwrap().names.len(), NAMES_MAX);
        assert_eq!(slowdown.delay(bad, "admin", at(61)), None);
    }

    #[test]
    fn who_has_many_addresses_gains_nothing_by_them() {
        let mut slowdown = slowdown();
        for last in 0..9 {
            slowdown.failed(address(&format!("2001:db8::{last}")), "ann", at(0));
        }
        assert!(slowdown.delay(address("2001:db8::ffff:1"), "ann", at(0)).is_some());
        assert!(slowdown.delay(address("2001:db8:0:1::1"), "ann", at(0)).is_none());
        for n in 0..NETWORKS_MAX + 10 {
            slowdown.failed(Some(Ipv6Addr::from_bits((n as u128 + 1) << 64).into()), "ann", at(1));
        }
        assert_eq!(slowdown.networks.len(), NETWORKS_MAX);
    }
}
