//! What logging in keeps in memory, and passwords being checked: not many at a time, and not where requests are answered.

use std::{
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use longshore_auth::{
    Lockout, password,
    secret::{LoginKey, SecretHash},
};
use longshore_metadata::UserId;
use longshore_types::Timestamp;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    task::spawn_blocking,
};

use super::{
    asking::Asking,
    failed::Failed,
    failures::Failures,
    known::Known,
    lines::Lines,
    password::Count,
    recent::Recent,
    remembered::{REMEMBER, Remembered},
    robot_guesses::RobotGuesses,
    slowdown::Slowdown,
    usage::Usage,
};
use crate::{Accounts, LoginError, ManageError};

/// Logins that may wait for a core; more are turned away, so that guessing cannot pile up work.
const WAITING_MAX: usize = 256;
/// Most good logins remembered.
const REMEMBERED_MAX: usize = 10_000;
/// Most principals and addresses whose last recorded login is remembered.
const RECORDED_MAX: usize = 10_000;
/// Most people of sources, who are no users yet, whose wrong passwords are counted.
const STRANGERS_MAX: usize = 10_000;
/// How long they are.
const STRANGERS_FOR: Duration = Duration::from_secs(24 * 3600);
/// Most users of whom it is remembered that their sources do not know them any more.
const GONE_MAX: usize = 10_000;

/// When wrong passwords slow a name at a network down, or names a network: after the 30th one second, doubling up to one
/// minute.
const ADDRESS_LOCKOUT: Lockout =
    Lockout { free_failures: 30, first_delay: Duration::from_secs(1), delay_max: Duration::from_secs(60) };

/// Who was let in lately, by name, from where.
pub(super) type RecordedKey = (String, Option<IpAddr>);

/// What logging in keeps in memory.
pub(crate) struct Logins {
    pub(super) key: LoginKey,
    waiting: Semaphore,
    checking: Semaphore,
    /// Of guesses at one password.
    pub(super) lines: Lines<Count>,
    /// Of those who need a source's word about a user.
    pub(super) confirming: Lines<UserId>,
    pub(super) asking: Asking,
    pub(super) memory: Mutex<Memory>,
}

/// What changes of it.
pub(super) struct Memory {
    pub(super) remembered: Recent<[u8; 32], Remembered>,
    /// Secrets of robots, with their hashes, that were right.
    pub(super) robots: Recent<[u8; 32], ()>,
    pub(super) slowdown: Slowdown,
    pub(super) known: Known,
    /// Wrong secrets of robots, where somebody chose them.
    pub(super) robot_guesses: RobotGuesses,
    /// Wrong passwords of people of sources who are no users yet, by the hashes of the sources' names for them.
    pub(super) strangers: Recent<[u8; 32], Failed>,
    /// Users whom their sources do not know any more.
    pub(super) gone: Recent<UserId, ()>,
    pub(super) failures: Failures,
    pub(super) recorded: Recent<RecordedKey, ()>,
    pub(super) usage: Usage,
}

/// The right to keep a core busy.
pub(super) struct Turn<'a> {
    _checking: SemaphorePermit<'a>,
    _waiting: SemaphorePermit<'a>,
}

/// What a password is compared with.
pub(super) enum Compared {
    /// Nothing: there is nobody of that name, or nobody may log in by it. The work is done all the same.
    Nobody,
    /// The hash of a password.
    Password(String),
    /// The hash of a secret that may have been chosen by somebody.
    Secret(SecretHash),
}

impl Logins {
    /// With so many passwords checked at a time.
    pub(crate) fn new(parallel_max: usize) -> Self {
        let memory = Memory {
            remembered: Recent::new(REMEMBERED_MAX),
            robots: Recent::new(REMEMBERED_MAX),
            slowdown: Slowdown::new(ADDRESS_LOCKOUT),
            known: Known::default(),
            robot_guesses: RobotGuesses::default(),
            strangers: Recent::new(STRANGERS_MAX),
            gone: Recent::new(GONE_MAX),
            failures: Failures::default(),
            recorded: Recent::new(RECORDED_MAX),
            usage: Usage::default(),
        };
        Self {
            key: LoginKey::random(),
            waiting: Semaphore::new(WAITING_MAX),
            checking: Semaphore::new(parallel_max.max(1)),
            lines: Lines::default(),
            confirming: Lines::default(),
            asking: Asking::default(),
            memory: Mutex::new(memory),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Memory> {
        // Nothing that panics happens under the lock; were it so, the state would still be whole.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers the secret of a robot that was right.
    pub(super) fn remember_robot(&self, key: [u8; 32], now: Timestamp) {
        self.lock().robots.insert(key, (), now, now.after(REMEMBER));
    }

    /// Waits for a core, unless too many do. Who waits for something else has no place here any more: a source that does
    /// not answer keeps nobody out whom it does not know.
    pub(super) async fn turn(&self) -> Result<Turn<'_>, LoginError> {
        let full = LoginError::TooMany { retry_after: Duration::from_secs(1) };
        let waiting = self.waiting.try_acquire().map_err(|_| full)?;
        let checking =
            self.checking.acquire().await.map_err(|error| LoginError::Unavailable(error.into()))?;
        Ok(Turn { _checking: checking, _waiting: waiting })
    }
}

impl Memory {
    /// Counts a wrong password of somebody who is no user yet.
    pub(super) fn stranger_failed(&mut self, who: [u8; 32], now: Timestamp) {
        let mut failed = self.strangers.get(&who, now).copied().unwrap_or(Failed::none(now));
        failed.again(now, STRANGERS_FOR);
        self.strangers.insert(who, failed, now, now.after(STRANGERS_FOR));
    }
}

impl Turn<'_> {
    /// Whether the secret is the one it is compared with. Every outcome takes one check of a password.
    pub(super) async fn is_right(&self, secret: &str, compared: Compared) -> Result<bool, LoginError> {
        let secret = secret.to_owned();
        let check = move || match compared {
            Compared::Password(hash) => password::verify(&secret, &hash),
            Compared::Secret(hash) => {
                if !hash.is_slow() {
                    password::verify_nobody(&secret);
                }
                hash.verify(&secret)
            }
            Compared::Nobody => {
                password::verify_nobody(&secret);
                false
            }
        };
        spawn_blocking(check).await.map_err(|error| LoginError::Unavailable(error.into()))
    }
}

impl Accounts {
    /// Hashes a new password, in its turn.
    pub(crate) async fn hash_password(&self, new: &str) -> Result<String, ManageError> {
        let unavailable = |error: &dyn std::error::Error| {
            tracing::error!(%error, "cannot hash a password");
            ManageError::Unavailable("passwords cannot be set at the moment".to_owned())
        };
        let _turn = self.inner.logins.checking.acquire().await.map_err(|error| unavailable(&error))?;
        let new = new.to_owned();
        let hashed =
            spawn_blocking(move || password::hash(&new)).await.map_err(|error| unavailable(&error))?;
        hashed.map_err(|error| unavailable(&error))
    }
}
