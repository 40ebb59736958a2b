//! Wrong secrets of robots whose secret somebody chose. Such a one can be guessed as a password can, from many addresses at
//! once, and is slowed down as that is; networks that the robot logs in from have a count of their own, so that guesses of
//! others hold no pipeline up. Kept in memory, for each process its own.

use std::{collections::HashMap, net::IpAddr, time::Duration};

use longshore_auth::Lockout;
use longshore_metadata::RobotId;
use longshore_types::Timestamp;

use super::{failed::Failed, known::Known, slowdown::network};

/// After so long without a wrong secret there is nothing to wait for.
const FORGET_AFTER: Duration = Duration::from_secs(24 * 3600);
/// Most robots remembered.
const ROBOTS_MAX: usize = 10_000;

/// Guesses at robots, from where they do not log in, and from where they do.
#[derive(Debug, Default)]
pub(super) struct RobotGuesses {
    known: Known<RobotId>,
    failed: HashMap<RobotId, Failed>,
}

impl RobotGuesses {
    /// Whether the next secret from there is not looked at yet.
    pub(super) fn is_delayed(
        &self,
        robot: RobotId,
        address: Option<IpAddr>,
        lockout: &Lockout,
        now: Timestamp,
    ) -> bool {
        match self.known_network(robot, address, now) {
            Some(network) => self.known.is_delayed(robot, network, lockout, now),
            None => self.failed.get(&robot).is_some_and(|failed| failed.delay(lockout, now).is_some()),
        }
    }

    /// Counts a wrong secret.
    pub(super) fn failed(&mut self, robot: RobotId, address: Option<IpAddr>, now: Timestamp) {
        if let Some(network) = self.known_network(robot, address, now) {
            return self.known.failed(robot, network, now);
        }
        if self.failed.len() >= ROBOTS_MAX && !self.failed.contains_key(&robot) {
            self.failed.retain(|_, failed| !failed.is_over(now, FORGET_AFTER));
            if self.failed.len() >= ROBOTS_MAX {
                let oldest =
                    self.failed.iter().min_by_key(|(_, failed)| failed.last).map(|(robot, _)| *robot);
                oldest.map(|robot| self.failed.remove(&robot));
            }
        }
        self.failed.entry(robot).or_insert_with(|| Failed::none(now)).again(now, FORGET_AFTER);
    }

    /// The right secret came from there. From a network that was known it forgives nothing elsewhere: a pipeline that runs
    /// every minute would forgive every guess.
    pub(super) fn right(&mut self, robot: RobotId, address: Option<IpAddr>, now: Timestamp) {
        if self.known_network(robot, address, now).is_none() {
            self.failed.remove(&robot);
        }
        if let Some(address) = address {
            self.known.know(robot, network(address), now);
        }
    }

    fn known_network(&self, robot: RobotId, address: Option<IpAddr>, now: Timestamp) -> Option<IpAddr> {
        address.map(network).filter(|network| self.known.knows(robot, *network, now))
    }
}
