//! Names and passwords.
//!
//! Whose password it is that somebody guesses at is known before it is looked at: for a name that the index does not know,
//! in whatever spelling, a source says it. Guesses at one password wait for each other, and each that is wrong is counted
//! before the next one is looked at.

use std::net::IpAddr;

use longshore_auth::{Access, Circumstances, password, secret::SecretHash};
use longshore_identity::{Identity, PasswordSource, SourceError};
use longshore_metadata::{GroupKind, UserId, UserRecord};
use tokio::time::{Duration, Instant, sleep_until};

use super::{
    Attempt, NAME_BYTES_MAX, SECRET_BYTES_MAX, Vouched,
    checks::Compared,
    folded,
    record::{Way, refused},
    remembered::Checked,
    slowdown::network,
};
use crate::{Accounts, LoginError, retry::retry_on_conflict};

/// The earliest that a refusal is answered where sources are asked, so that its time does not tell whether any was.
const REFUSAL_AFTER: Duration = Duration::from_millis(400);
const WAITS: &str = "too many wrong passwords: the next one is not looked at yet";
const NOBODY: &str = "nobody of that name with that password";

/// Somebody whose password was right.
pub(super) struct Admitted {
    pub(super) user: UserRecord,
    pub(super) way: Way,
    pub(super) checked: Checked,
}

/// Whom the delay after wrong passwords holds up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Delay {
    /// Whoever comes from a network that the user did not log in from; what comes from others has delays of its own. Else
    /// anybody who knows a name could keep its owner out, with a wrong password now and then.
    Strangers,
    /// Everybody: who asks has the user's browser already, and that may be somebody else.
    Everybody,
}

/// A password that somebody sends.
#[derive(Clone, Copy)]
struct Guess<'a> {
    attempt: &'a Attempt<'a>,
    name: &'a str,
    secret: &'a str,
    delay: Delay,
    /// Under what it is remembered if it is right.
    key: Option<[u8; 32]>,
    began: Instant,
}

/// Where wrong passwords are counted, and so what the next one waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Count {
    /// The user's row.
    Row(UserId),
    /// Of a user, what comes from a network that they log in from.
    Own(UserId, IpAddr),
    /// Somebody of a source who is no user yet, by the hash of the source's name for them.
    Stranger([u8; 32]),
    /// Nobody: there is nothing to guess, or it was not looked at. It takes the same work.
    Nobody,
}

/// What came of a password.
enum Outcome {
    Admitted(Box<Admitted>),
    /// It was found right a moment ago by a request like this one.
    Remembered(Box<Access>),
}

/// What came of comparing it.
enum Verdict {
    Right(Box<Admitted>),
    Wrong(&'static str),
}

impl Guess<'_> {
    fn is_usable(&self) -> bool {
        self.name.len() <= NAME_BYTES_MAX
            && !self.name.contains('\0')
            && self.secret.len() <= SECRET_BYTES_MAX
    }
}

impl Accounts {
    pub(super) async fn login_with_password(
        &self,
        attempt: &Attempt<'_>,
        name: &str,
        secret: &str,
    ) -> Result<Access, LoginError> {
        let key = self.inner.logins.key.digest(name, secret);
        if let Some(access) = self.remembered(attempt, &key).await? {
            return Ok(access);
        }
        let (delay, began) = (Delay::Strangers, Instant::now());
        let guess = Guess { attempt, name, secret, delay, key: Some(key), began };
        let Admitted { user, way, .. } = match self.check_password(&guess).await? {
            Outcome::Admitted(admitted) => *admitted,
            Outcome::Remembered(access) => return Ok(*access),
        };
        self.record_login(attempt, &user.name, Some(&user), &way).await;
        let mut tx = self.inner.metadata.read().await?;
        Ok(self.access_now(&mut tx, &user, attempt.circumstances.now).await?)
    }

    /// Who this is, if the password is right. Does not remember it, and writes no row of a login.
    pub(super) async fn admit_by_password(
        &self,
        attempt: &Attempt<'_>,
        name: &str,
        secret: &str,
    ) -> Result<Admitted, LoginError> {
        self.admit_with_delay(attempt, name, secret, Delay::Strangers).await
    }

    async fn admit_with_delay(
        &self,
        attempt: &Attempt<'_>,
        name: &str,
        secret: &str,
        delay: Delay,
    ) -> Result<Admitted, LoginError> {
        let guess = Guess { attempt, name, secret, delay, key: None, began: Instant::now() };
        match self.check_password(&guess).await? {
            Outcome::Admitted(admitted) => Ok(*admitted),
            Outcome::Remembered(_) => Err(refused("nothing is remembered without a key")),
        }
    }

    /// Whether this is somebody's password now. A wrong one counts and is recorded as a login with it would be.
    pub(crate) async fn check_own_password(
        &self,
        circumstances: &Circumstances,
        request_id: &str,
        name: &str,
        secret: &str,
    ) -> Result<(), LoginError> {
        let attempt = Attempt { circumstances, request_id };
        let outcome = self.admit_with_delay(&attempt, name, secret, Delay::Everybody).await;
        self.record_refusal(&attempt, name, outcome).await.map(drop)
    }

    async fn check_password(&self, guess: &Guess<'_>) -> Result<Outcome, LoginError> {
        let outcome = self.check(guess).await;
        if matches!(outcome, Err(LoginError::Refused(_))) && !self.inner.sources.is_empty() {
            sleep_until(guess.began + REFUSAL_AFTER).await;
        }
        outcome
    }

    async fn check(&self, guess: &Guess<'_>) -> Result<Outcome, LoginError> {
        let user = if guess.is_usable() { self.user_called(guess.name).await? } else { None };
        match user {
            Some(user) => self.check_user(guess, user.id, None).await,
            None => {
                self.check_address(guess, None)?;
                self.compare(guess, Compared::Nobody).await?;
                match guess.is_usable() {
                    true => self.ask_sources(guess).await,
                    false => Err(self.wrong(guess, Count::Nobody, "no name or password is so long").await?),
                }
            }
        }
    }

    async fn user_called(&self, name: &str) -> Result<Option<UserRecord>, LoginError> {
        let mut tx = self.inner.metadata.read().await?;
        let user = tx.user(name).await?;
        if user.is_some() || self.inner.sources.is_empty() {
            return Ok(user);
        }
        Ok(tx.user_of_source_by_folded_name(&folded(name)).await?)
    }

    /// Refuses what must wait because of what else came from its network.
    fn check_address(&self, guess: &Guess<'_>, count: Option<Count>) -> Result<(), LoginError> {
        let Circumstances { now, address, .. } = *guess.attempt.circumstances;
        if matches!(count, Some(Count::Own(..))) {
            return Ok(());
        }
        match self.inner.logins.lock().slowdown.delay(address, guess.name, now) {
            Some(retry_after) => Err(LoginError::TooMany { retry_after }),
            None => Ok(()),
        }
    }

    /// `called` is what the source calls the user, if it was asked just now; else it is the user's name.
    async fn check_user(
        &self,
        guess: &Guess<'_>,
        id: UserId,
        called: Option<&str>,
    ) -> Result<Outcome, LoginError> {
        let count = self.count_of(guess, id);
        self.check_address(guess, Some(count))?;
        let first = self.inner.logins.lines.join(count).await?;
        // The requests of one client come together: the first of them did the work for the others.
        if let Some(key) = &guess.key
            && let Some(access) = self.remembered(guess.attempt, key).await?
        {
            return Ok(Outcome::Remembered(Box::new(access)));
        }
        let user = self.inner.metadata.read().await?.user_by_id(id).await?;
        let barred = match &user {
            None => Some(NOBODY),
            Some(user) if user.disabled => Some("the user is disabled"),
            Some(user) => self.must_wait(guess, count, Some(user)).then_some(WAITS),
        };
        let (Some(user), None) = (user, barred) else {
            drop(first);
            self.compare(guess, Compared::Nobody).await?;
            // Not counted: others could keep the delay at its longest.
            return Err(self.wrong(guess, Count::Nobody, barred.unwrap_or(NOBODY)).await?);
        };
        let verdict = match user.is_local() {
            true => self.check_local(guess, user.clone()).await?,
            false => self.check_of_source(guess, user.clone(), called).await?,
        };
        self.settle(guess, count, Some(&user), verdict).await
    }

    /// Where wrong passwords of a user count.
    fn count_of(&self, guess: &Guess<'_>, user: UserId) -> Count {
        let Circumstances { now, address, .. } = *guess.attempt.circumstances;
        match address.map(network) {
            Some(network)
                if guess.delay == Delay::Strangers
                    && self.inner.logins.lock().known.knows(user, network, now) =>
            {
                Count::Own(user, network)
            }
            _ => Count::Row(user),
        }
    }

    fn must_wait(&self, guess: &Guess<'_>, count: Count, user: Option<&UserRecord>) -> bool {
        let (now, lockout) = (guess.attempt.circumstances.now, &self.inner.settings.lockout);
        match count {
            Count::Row(_) => {
                user.is_some_and(|user| lockout.is_delayed(user.failed_logins, user.last_failed_at, now))
            }
            Count::Own(user, network) => {
                self.inner.logins.lock().known.is_delayed(user, network, lockout, now)
            }
            Count::Stranger(who) => {
                let memory = self.inner.logins.lock();
                memory.strangers.get(&who, now).is_some_and(|failed| failed.delay(lockout, now).is_some())
            }
            Count::Nobody => false,
        }
    }

    /// One check of a password, in its turn.
    async fn compare(&self, guess: &Guess<'_>, compared: Compared) -> Result<bool, LoginError> {
        let turn = self.inner.logins.turn().await?;
        turn.is_right(if guess.is_usable() { guess.secret } else { "" }, compared).await
    }

    async fn check_local(&self, guess: &Guess<'_>, mut user: UserRecord) -> Result<Verdict, LoginError> {
        let compared = user.password_hash.clone().map_or(Compared::Nobody, Compared::Password);
        if !self.compare(guess, compared).await? {
            return Ok(Verdict::Wrong("wrong password"));
        }
        let mut hash = user.password_hash.clone().unwrap_or_default();
        if password::needs_rehash(&hash) {
            let new = self.hash_password(guess.secret).await;
            let new = new.map_err(|error| LoginError::Unavailable(error.into()))?;
            let mut tx = self.inner.metadata.write().await?;
            tx.rehash_password(user.id, &hash, &new).await?;
            tx.commit().await?;
            user.password_hash = Some(new.clone());
            hash = new;
        }
        Ok(Verdict::right(user, Way::Password, Checked::Password(hash)))
    }

    /// The CLI secret, or else the password that the source knows. Only the source that vouches for a user is asked.
    async fn check_of_source(
        &self,
        guess: &Guess<'_>,
        user: UserRecord,
        called: Option<&str>,
    ) -> Result<Verdict, LoginError> {
        let secret = self.inner.metadata.read().await?.cli_secret(user.id).await?;
        let hash = secret.as_ref().map(|(_, hash)| SecretHash::from_bytes(hash));
        let right = self.compare(guess, hash.map_or(Compared::Nobody, Compared::Secret)).await?;
        if let (true, Some((id, hash))) = (right, secret) {
            let user = self.confirmed(guess.attempt, user).await?;
            return Ok(Verdict::right(user, Way::CliSecret(id), Checked::CliSecret(hash)));
        }
        if self.inner.settings.providers.contains(&user.source) {
            return Ok(Verdict::Wrong("the user logs in at a provider"));
        }
        let Some(source) = self.inner.sources.iter().find(|source| source.name() == user.source) else {
            tracing::warn!(
                user = user.name,
                source = user.source,
                "nobody can check the password of {}: no source is called {}",
                user.name,
                user.source
            );
            return Ok(Verdict::Wrong("no such source of identity"));
        };
        self.check_at(guess, &**source, called.unwrap_or(&user.name)).await
    }

    async fn check_at(
        &self,
        guess: &Guess<'_>,
        source: &dyn PasswordSource,
        name: &str,
    ) -> Result<Verdict, LoginError> {
        match self.ask(source, guess.began, source.check(name, guess.secret)).await {
            Ok(identity) => {
                let vouched = Vouched { source: source.name(), groups: GroupKind::Ldap, identity: &identity };
                let Attempt { circumstances, request_id } = *guess.attempt;
                let user = self.onboard(&vouched, circumstances, request_id).await?;
                let name = source.name().to_owned();
                Ok(Verdict::right(user, Way::Source(name.clone()), Checked::Source(name)))
            }
            Err(SourceError::Refused) => Ok(Verdict::Wrong("refused by the source")),
            Err(error @ SourceError::Unavailable(_)) => Err(LoginError::Unavailable(error.into())),
        }
    }

    /// A name that the index does not know so: the sources say whose it is, and the first that accepts the password decides.
    async fn ask_sources(&self, guess: &Guess<'_>) -> Result<Outcome, LoginError> {
        let (mut unavailable, mut refusal) = (None, None);
        for source in &self.inner.sources {
            match self.ask(&**source, guess.began, source.look_up(guess.name)).await {
                Ok(identity) => match self.check_found(guess, &**source, &identity).await {
                    Err(error @ LoginError::Refused(_)) => refusal = Some(error),
                    decided => return decided,
                },
                Err(SourceError::Refused) => {}
                Err(error @ SourceError::Unavailable(_)) => unavailable = Some(error),
            }
        }
        match (unavailable, refusal) {
            // It might have known the name.
            (Some(error), _) => Err(LoginError::Unavailable(error.into())),
            (None, Some(refusal)) => Err(refusal),
            (None, None) => Err(self.wrong(guess, Count::Nobody, NOBODY).await?),
        }
    }

    /// The name is somebody's in a source: a user by another spelling, or nobody yet.
    async fn check_found(
        &self,
        guess: &Guess<'_>,
        source: &dyn PasswordSource,
        identity: &Identity,
    ) -> Result<Outcome, LoginError> {
        if let Some(user) = self.user_of_identity(source.name(), identity).await? {
            return self.check_user(guess, user.id, Some(guess.name)).await;
        }
        let who = self.inner.logins.key.digest(source.name(), &identity.external_id);
        let count = Count::Stranger(who);
        let first = self.inner.logins.lines.join(count).await?;
        if self.must_wait(guess, count, None) {
            drop(first);
            return Err(self.wrong(guess, Count::Nobody, WAITS).await?);
        }
        let verdict = match self.check_at(guess, source, guess.name).await? {
            Verdict::Wrong(_) => Verdict::Wrong(NOBODY),
            right @ Verdict::Right(_) => right,
        };
        self.settle(guess, count, None, verdict).await
    }

    async fn user_of_identity(
        &self,
        source: &str,
        identity: &Identity,
    ) -> Result<Option<UserRecord>, LoginError> {
        let mut tx = self.inner.metadata.read().await?;
        for id in [Some(&identity.external_id), identity.former_id.as_ref()].into_iter().flatten() {
            if let Some(user) = tx.user_of_source(source, id).await? {
                return Ok(Some(user));
            }
        }
        Ok(tx.user(&identity.name).await?.filter(|user| user.source == source))
    }

    /// Counts what came out, before the next one is looked at.
    async fn settle(
        &self,
        guess: &Guess<'_>,
        count: Count,
        before: Option<&UserRecord>,
        verdict: Verdict,
    ) -> Result<Outcome, LoginError> {
        let Circumstances { now, address, .. } = *guess.attempt.circumstances;
        match verdict {
            Verdict::Right(admitted) => {
                if let Some(network) = address.map(network) {
                    self.inner.logins.lock().known.know(admitted.user.id, network, now);
                }
                self.forgive(before, count, now).await;
                if let Some(key) = guess.key {
                    self.remember(key, &admitted, now);
                }
                Ok(Outcome::Admitted(admitted))
            }
            Verdict::Wrong(reason) => Err(self.wrong(guess, count, reason).await?),
        }
    }

    /// Counts a wrong password, and says so. Whoever it was, it takes one write.
    async fn wrong(
        &self,
        guess: &Guess<'_>,
        count: Count,
        reason: &'static str,
    ) -> Result<LoginError, LoginError> {
        let Circumstances { now, address, .. } = *guess.attempt.circumstances;
        let user = {
            let mut memory = self.inner.logins.lock();
            memory.slowdown.failed(address, guess.name, now);
            match count {
                Count::Row(user) => user,
                Count::Own(user, network) => {
                    memory.known.failed(user, network, now);
                    UserId::NOBODY
                }
                Count::Stranger(who) => {
                    memory.stranger_failed(who, now);
                    UserId::NOBODY
                }
                Count::Nobody => UserId::NOBODY,
            }
        };
        retry_on_conflict(async || {
            // Nobody was promised anything: the count may be lost with the power.
            let mut tx = self.inner.metadata.write_relaxed().await?;
            tx.login_failed(user, now).await?;
            tx.commit().await
        })
        .await?;
        Ok(refused(reason))
    }

    /// A right password forgives the wrong ones before it, but not those of strangers while these go on: whoever guesses
    /// must not begin anew each time that the user logs in.
    async fn forgive(&self, user: Option<&UserRecord>, count: Count, now: longshore_types::Timestamp) {
        let Some(user) = user.filter(|user| user.failed_logins > 0) else { return };
        let quiet = self.inner.settings.lockout.delay_max;
        let goes_on = user.last_failed_at.is_some_and(|last| now < last.after(quiet));
        if matches!(count, Count::Own(..)) && goes_on {
            return;
        }
        let written = retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write_relaxed().await?;
            tx.login_succeeded(user.id, now).await?;
            tx.commit().await
        });
        if let Err(error) = written.await {
            tracing::warn!(%error, user = user.name, "cannot forget the wrong passwords of before");
        }
    }
}

impl Verdict {
    fn right(user: UserRecord, way: Way, checked: Checked) -> Self {
        Self::Right(Box::new(Admitted { user, way, checked }))
    }
}
