//! When users, robots, access tokens and sessions were last used: noted in memory, written in batches beside the requests.

use std::{collections::HashMap, hash::Hash};

use longshore_metadata::{AccessTokenId, MetadataError, RobotId, UserId, WriteTx};
use longshore_types::Timestamp;

/// Most of each kind noted between two writes; the others are noted when they come again.
const NOTED_MAX: usize = 10_000;

/// What was used since the last write, and when last.
#[derive(Debug, Default)]
pub(super) struct Usage {
    users: HashMap<UserId, Timestamp>,
    robots: HashMap<RobotId, Timestamp>,
    tokens: HashMap<AccessTokenId, Timestamp>,
    sessions: HashMap<Vec<u8>, SessionUse>,
}

/// A session was used: when, and until when it lasts therefore.
#[derive(Clone, Copy, Debug)]
pub(super) struct SessionUse {
    pub(super) seen_at: Timestamp,
    pub(super) expires_at: Timestamp,
}

fn note<K: Eq + Hash, V>(noted: &mut HashMap<K, V>, key: K, value: V) {
    if noted.len() < NOTED_MAX || noted.contains_key(&key) {
        noted.insert(key, value);
    }
}

impl Usage {
    pub(super) fn user(&mut self, id: UserId, at: Timestamp) {
        note(&mut self.users, id, at);
    }

    pub(super) fn robot(&mut self, id: RobotId, at: Timestamp) {
        note(&mut self.robots, id, at);
    }

    pub(super) fn token(&mut self, id: AccessTokenId, at: Timestamp) {
        note(&mut self.tokens, id, at);
    }

    pub(super) fn session(&mut self, id_hash: Vec<u8>, usage: SessionUse) {
        note(&mut self.sessions, id_hash, usage);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.users.is_empty() && self.robots.is_empty() && self.tokens.is_empty() && self.sessions.is_empty()
    }

    /// Writes all of it. Rows are changed in one order everywhere, so that replicas do not wait for each other in a ring.
    pub(super) async fn write(self, tx: &mut WriteTx) -> Result<(), MetadataError> {
        for (id, at) in sorted(self.users) {
            tx.user_seen(id, at).await?;
        }
        for (id, at) in sorted(self.robots) {
            tx.robot_used(id, at).await?;
        }
        for (id, at) in sorted(self.tokens) {
            tx.access_token_used(id, at).await?;
        }
        for (id_hash, usage) in sorted(self.sessions) {
            tx.touch_session(&id_hash, usage.seen_at, usage.expires_at).await?;
        }
        Ok(())
    }
}

fn sorted<K: Ord, V>(noted: HashMap<K, V>) -> Vec<(K, V)> {
    let mut noted: Vec<_> = noted.into_iter().collect();
    noted.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    noted
}
