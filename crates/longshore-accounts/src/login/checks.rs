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
    failures::Failures,
    recent::Recent,
    remembered::{REMEMBER, Remembered},
    slowdown::{Slowdown, network},
    usage::Usage,
};
use crate::{Accounts, LoginError, ManageError};

/// Logins that may wait for a core; more are turned away, so that guessing cannot pile up work.
const WAITING_MAX: usize = 256;
/// Most good logins remembered.
const REMEMBERED_MAX: usize = 10_000;
/// Most principals and addresses whose last recorded login is remembered.
const RECORDED_MAX: usize = 10_000;
/// Most users and addresses that they logged in from.
const KNOWN_MAX: usize = 10_000;
/// How long an address is one that a user logs in from.
const KNOWN_FOR: Duration = Duration::from_secs(30 * 24 * 3600);

/// When wrong passwords slow an address down: after the 30th one second, doubling up to one minute.
const ADDRESS_LOCKOUT: Lockout =
    Lockout { free_failures: 30, first_delay: Duration::from_secs(1), delay_max: Duration::from_secs(60) };

/// Who was let in lately, by name, from where.
pub(super) type RecordedKey = (String, Option<IpAddr>);

/// What logging in keeps in memory.
pub(crate) struct Logins {
    pub(super) key: LoginKey,
    waiting: Semaphore,
    checking: Semaphore,
    pub(super) memory: Mutex<Memory>,
}

/// What changes of it.
pub(super) struct Memory {
    pub(super) remembered: Recent<[u8; 32], Remembered>,
    /// Secrets of robots, with their hashes, that were right.
    pub(super) robots: Recent<[u8; 32], ()>,
    pub(super) slowdown: Slowdown,
    /// From where users logged in by a password.
    pub(super) known: Recent<(UserId, IpAddr), ()>,
    pub(super) failures: Failures,
    pub(super) recorded: Recent<RecordedKey, ()>,
    pub(super) usage: Usage,
}

/// A place among those who wait for their password to be checked.
pub(super) struct Place<'a> {
    checking: &'a Semaphore,
    _waiting: SemaphorePermit<'a>,
}

/// The right to keep a core busy.
pub(super) struct Turn<'a> {
    _checking: SemaphorePermit<'a>,
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
            known: Recent::new(KNOWN_MAX),
            failures: Failures::default(),
            recorded: Recent::new(RECORDED_MAX),
            usage: Usage::default(),
        };
        Self {
            key: LoginKey::random(),
            waiting: Semaphore::new(WAITING_MAX),
            checking: Semaphore::new(parallel_max.max(1)),
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

    /// A user's password came from there, and was right.
    pub(super) fn know(&self, user: UserId, address: Option<IpAddr>, now: Timestamp) {
        if let Some(address) = address {
            self.lock().known.insert((user, network(address)), (), now, now.after(KNOWN_FOR));
        }
    }

    /// Whether one did lately.
    pub(super) fn knows(&self, user: UserId, address: Option<IpAddr>, now: Timestamp) -> bool {
        address.is_some_and(|address| self.lock().known.get(&(user, network(address)), now).is_some())
    }

    /// Begins to wait for a turn, unless the address must not try at all yet, or too many wait.
    pub(super) fn place(&self, address: Option<IpAddr>, now: Timestamp) -> Result<Place<'_>, LoginError> {
        if let Some(retry_after) = self.lock().slowdown.delay(address, now) {
            return Err(LoginError::TooMany { retry_after });
        }
        let full = LoginError::TooMany { retry_after: Duration::from_secs(1) };
        let waiting = self.waiting.try_acquire().map_err(|_| full)?;
        Ok(Place { checking: &self.checking, _waiting: waiting })
    }
}

impl<'a> Place<'a> {
    pub(super) async fn turn(&self) -> Result<Turn<'a>, LoginError> {
        let checking =
            self.checking.acquire().await.map_err(|error| LoginError::Unavailable(error.into()))?;
        Ok(Turn { _checking: checking })
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
