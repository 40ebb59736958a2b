//! From where users, and robots, log in by a password. Wrong passwords of others do not hold them up there: what comes from such a
//! network has a count, and a delay, of its own. Kept in memory, for each process its own.

use std::{collections::HashMap, hash::Hash, net::IpAddr, time::Duration};

use longshore_auth::Lockout;
use longshore_metadata::UserId;
use longshore_types::Timestamp;

use super::failed::Failed;

/// How long a network is one that a user logs in from.
const KNOWN_FOR: Duration = Duration::from_secs(30 * 24 * 3600);
/// After so long without a wrong password there is nothing to wait for.
const FORGET_AFTER: Duration = Duration::from_secs(24 * 3600);
/// Most users remembered.
const USERS_MAX: usize = 10_000;
/// Most networks of one user: who has many addresses must not make others' be forgotten.
const NETWORKS_MAX: usize = 16;

/// Users and the networks that they log in from.
#[derive(Debug)]
pub(super) struct Known<K = UserId> {
    users: HashMap<K, Vec<Place>>,
}

impl<K> Default for Known<K> {
    fn default() -> Self {
        Self { users: HashMap::new() }
    }
}

#[derive(Debug)]
struct Place {
    network: IpAddr,
    seen_at: Timestamp,
    failed: Failed,
}

impl<K: Copy + Eq + Hash> Known<K> {
    /// A right password of the user came from there.
    pub(super) fn know(&mut self, user: K, network: IpAddr, now: Timestamp) {
        if self.users.len() >= USERS_MAX && !self.users.contains_key(&user) {
            self.make_room(now);
        }
        let places = self.users.entry(user).or_default();
        places.retain(|place| place.network != network && now < place.seen_at.after(KNOWN_FOR));
        // The last one is the latest.
        if places.len() >= NETWORKS_MAX {
            places.remove(0);
        }
        places.push(Place { network, seen_at: now, failed: Failed::none(now) });
    }

    /// Forgets what is old, or else the user who was away for longest.
    fn make_room(&mut self, now: Timestamp) {
        let seen_at = |places: &[Place]| places.last().map(|place| place.seen_at);
        self.users.retain(|_, places| seen_at(places).is_some_and(|at| now < at.after(KNOWN_FOR)));
        if self.users.len() >= USERS_MAX {
            let oldest = self.users.iter().min_by_key(|(_, places)| seen_at(places)).map(|(user, _)| *user);
            oldest.map(|user| self.users.remove(&user));
        }
    }

    fn place(&self, user: K, network: IpAddr, now: Timestamp) -> Option<&Place> {
        let places = self.users.get(&user)?;
        places.iter().find(|place| place.network == network && now < place.seen_at.after(KNOWN_FOR))
    }

    /// Whether the user logs in from there.
    pub(super) fn knows(&self, user: K, network: IpAddr, now: Timestamp) -> bool {
        self.place(user, network, now).is_some()
    }

    /// Whether even what comes from there must wait.
    pub(super) fn is_delayed(&self, user: K, network: IpAddr, lockout: &Lockout, now: Timestamp) -> bool {
        self.place(user, network, now).is_some_and(|place| place.failed.delay(lockout, now).is_some())
    }

    /// Counts a wrong password.
    pub(super) fn failed(&mut self, user: K, network: IpAddr, now: Timestamp) {
        let places = self.users.get_mut(&user).into_iter().flatten();
        for place in places.filter(|place| place.network == network) {
            place.failed.again(now, FORGET_AFTER);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_millis(1_800_000_000_000 + seconds * 1000)
    }

    fn address(n: u32) -> IpAddr {
        IpAddr::V4(n.into())
    }

    #[test]
    fn each_network_of_a_user_has_its_own_delay() {
        let (mut known, lockout) = (Known::default(), Lockout::default());
        let ann = UserId::of_number(1);
        assert!(!known.knows(ann, address(1), at(0)));
        known.failed(ann, address(1), at(0));
        known.know(ann, address(1), at(0));
        known.know(ann, address(2), at(0));
        for _ in 0..5 {
            assert!(!known.is_delayed(ann, address(1), &lockout, at(1)));
            known.failed(ann, address(1), at(1));
        }
        assert!(known.is_delayed(ann, address(1), &lockout, at(1)));
        assert!(!known.is_delayed(ann, address(2), &lockout, at(1)));
        assert!(!known.is_delayed(UserId::of_number(2), address(1), &lockout, at(1)));
        assert!(!known.is_delayed(ann, address(1), &lockout, at(2)));
        known.know(ann, address(1), at(2));
        known.failed(ann, address(1), at(2));
        assert!(!known.is_delayed(ann, address(1), &lockout, at(2)), "a right one forgives");
        assert!(!known.knows(ann, address(1), at(31 * 24 * 3600)));
    }

    #[test]
    fn one_user_with_many_addresses_drives_nobody_out() {
        let mut known = Known::default();
        let (ann, eve) = (UserId::of_number(1), UserId::of_number(2));
        known.know(ann, address(1), at(0));
        for n in 0..20_000 {
            known.know(eve, address(n), at(1));
        }
        assert!(known.knows(ann, address(1), at(1)));
        assert!(known.knows(eve, address(19_999), at(1)) && !known.knows(eve, address(19_000), at(1)));
        for n in 10..10_010 {
            known.know(UserId::of_number(n), address(1), at(2));
        }
        assert_eq!(known.users.len(), USERS_MAX);
        assert!(!known.knows(ann, address(1), at(2)), "who was away for longest");
        assert!(known.knows(UserId::of_number(10_009), address(1), at(2)));
    }
}
