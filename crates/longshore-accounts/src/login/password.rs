//! Names and passwords.

use std::time::Duration;

use longshore_auth::{Access, Circumstances, password, secret::SecretHash};
use longshore_identity::{Identity, SourceError};
use longshore_metadata::{AccessTokenId, GroupKind, UserRecord};
use tokio::time::{Instant, sleep_until};

use super::{
    Attempt, NAME_BYTES_MAX, SECRET_BYTES_MAX, Vouched,
    checks::{Compared, Place, Turn},
    record::{Way, wrong_secret},
    remembered::Checked,
};
use crate::{Accounts, LoginError};

/// The earliest that a refusal is answered where sources are asked, so that its time does not tell whether any was.
const REFUSAL_AFTER: Duration = Duration::from_millis(400);

/// Somebody whose password was right.
pub(super) struct Admitted {
    pub(super) user: UserRecord,
    pub(super) way: Way,
    pub(super) checked: Checked,
}

/// Whom the delay after wrong passwords holds up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Delay {
    /// Whoever comes from an address that the user did not log in from. Else anybody who knows a name could keep its owner
    /// out, with a wrong password now and then.
    Strangers,
    /// Everybody: who asks has the user's browser already, and that may be somebody else.
    Everybody,
}

/// What is known of a name before its password is checked.
enum Found {
    /// Nobody of that name: sources may know it.
    Nobody,
    /// A user who may not log in now, and why, for the record.
    Barred(&'static str),
    /// A local user.
    Local(UserRecord),
    /// A user of a source, and the CLI secret if there is one.
    OfSource(UserRecord, Option<(AccessTokenId, Vec<u8>)>),
}

impl Accounts {
    pub(super) async fn login_with_password(
        &self,
        attempt: &Attempt<'_>,
        name: &str,
        secret: &str,
    ) -> Result<Access, LoginError> {
        let now = attempt.circumstances.now;
        let key = self.inner.logins.key.digest(name, secret);
        if let Some(access) = self.remembered(attempt, &key).await? {
            return Ok(access);
        }
        let place = self.inner.logins.place(attempt.circumstances.address, now)?;
        let turn = place.turn().await?;
        // The requests of one client come together: the first of them did the work for the others.
        if let Some(access) = self.remembered(attempt, &key).await? {
            return Ok(access);
        }
        let admitted = self.check_password(attempt, name, secret, Delay::Strangers, (place, turn)).await?;
        let Admitted { user, way, .. } = &admitted;
        self.forgive(user, now).await?;
        self.record_login(attempt, &user.name, Some(user), way).await?;
        let mut tx = self.inner.metadata.read().await?;
        let access = self.access_now(&mut tx, user, now).await?;
        drop(tx);
        self.remember(key, admitted, now);
        Ok(access)
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
        let place = self.inner.logins.place(attempt.circumstances.address, attempt.circumstances.now)?;
        let turn = place.turn().await?;
        self.check_password(attempt, name, secret, delay, (place, turn)).await
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

    async fn check_password(
        &self,
        attempt: &Attempt<'_>,
        name: &str,
        secret: &str,
        delay: Delay,
        (place, turn): (Place<'_>, Turn<'_>),
    ) -> Result<Admitted, LoginError> {
        let began = Instant::now();
        let outcome = self.check_in_turn(attempt, name, secret, delay, turn).await;
        drop(place);
        if let Ok(Admitted { user, .. }) = &outcome {
            let Circumstances { now, address, .. } = *attempt.circumstances;
            self.inner.logins.know(user.id, address, now);
        }
        if matches!(outcome, Err(LoginError::Refused(_))) && !self.inner.sources.is_empty() {
            sleep_until(began + REFUSAL_AFTER).await;
        }
        outcome
    }

    async fn check_in_turn(
        &self,
        attempt: &Attempt<'_>,
        name: &str,
        secret: &str,
        delay: Delay,
        turn: Turn<'_>,
    ) -> Result<Admitted, LoginError> {
        let usable = name.len() <= NAME_BYTES_MAX && !name.contains('\0') && secret.len() <= SECRET_BYTES_MAX;
        let found = if usable { self.find_by_name(attempt, name, delay).await? } else { Found::Nobody };
        let compared = match &found {
            Found::Nobody | Found::Barred(_) | Found::OfSource(_, None) => Compared::Nobody,
            Found::Local(user) => user.password_hash.clone().map_or(Compared::Nobody, Compared::Password),
            Found::OfSource(_, Some((_, hash))) => Compared::Secret(SecretHash::from_bytes(hash)),
        };
        let right = turn.is_right(if usable { secret } else { "" }, compared).await?;
        // Sources are asked without keeping a core from others.
        drop(turn);
        match found {
            Found::Local(user) if right => self.admit_local(user, secret).await,
            Found::OfSource(user, Some((id, hash))) if right => {
                Ok(Admitted { user, way: Way::CliSecret(id), checked: Checked::CliSecret(hash) })
            }
            Found::OfSource(user, _) => self.ask_source_of(attempt, &user, secret).await,
            Found::Nobody if usable => self.ask_sources(attempt, name, secret).await,
            Found::Nobody => Err(wrong_secret(None, "no name or password is so long")),
            Found::Local(user) => Err(wrong_secret(Some(user.id), "wrong password")),
            // Not counted: others could keep the delay at its longest.
            Found::Barred(reason) => Err(wrong_secret(None, reason)),
        }
    }

    async fn find_by_name(
        &self,
        attempt: &Attempt<'_>,
        name: &str,
        delay: Delay,
    ) -> Result<Found, LoginError> {
        let Circumstances { now, address, .. } = *attempt.circumstances;
        let mut tx = self.inner.metadata.read().await?;
        let mut user = tx.user(name).await?;
        if user.is_none() && !self.inner.sources.is_empty() {
            user = tx.user_of_source_by_folded_name(&folded(name)).await?;
        }
        let Some(user) = user else { return Ok(Found::Nobody) };
        Ok(if user.disabled {
            Found::Barred("the user is disabled")
        } else if self.inner.settings.lockout.is_delayed(user.failed_logins, user.last_failed_at, now)
            && (delay == Delay::Everybody || !self.inner.logins.knows(user.id, address, now))
        {
            Found::Barred("too many wrong passwords: the next one is not looked at yet")
        } else if user.is_local() {
            Found::Local(user)
        } else {
            let secret = tx.cli_secret(user.id).await?;
            Found::OfSource(user, secret)
        })
    }

    async fn admit_local(&self, mut user: UserRecord, secret: &str) -> Result<Admitted, LoginError> {
        let mut hash = user.password_hash.clone().unwrap_or_default();
        if password::needs_rehash(&hash) {
            let new =
                self.hash_password(secret).await.map_err(|error| LoginError::Unavailable(error.into()))?;
            let mut tx = self.inner.metadata.write().await?;
            tx.rehash_password(user.id, &hash, &new).await?;
            tx.commit().await?;
            user.password_hash = Some(new.clone());
            hash = new;
        }
        Ok(Admitted { user, way: Way::Password, checked: Checked::Password(hash) })
    }

    /// Only the source that vouches for a user is asked about that user.
    async fn ask_source_of(
        &self,
        attempt: &Attempt<'_>,
        user: &UserRecord,
        secret: &str,
    ) -> Result<Admitted, LoginError> {
        if self.inner.settings.providers.contains(&user.source) {
            return Err(wrong_secret(Some(user.id), "the user logs in at a provider"));
        }
        let Some(source) = self.inner.sources.iter().find(|source| source.name() == user.source) else {
            tracing::warn!(
                user = user.name,
                source = user.source,
                "nobody can check the password of {}: no source is called {}",
                user.name,
                user.source
            );
            return Err(wrong_secret(Some(user.id), "no such source of identity"));
        };
        match source.check(&user.name, secret).await {
            Ok(identity) => self.admit_identity(attempt, source.name(), &identity).await,
            Err(SourceError::Refused) => Err(wrong_secret(Some(user.id), "refused by the source")),
            Err(error @ SourceError::Unavailable(_)) => Err(LoginError::Unavailable(error.into())),
        }
    }

    /// A name that the index does not know: the first source that accepts the password says who it is.
    async fn ask_sources(
        &self,
        attempt: &Attempt<'_>,
        name: &str,
        secret: &str,
    ) -> Result<Admitted, LoginError> {
        let mut unavailable = None;
        for source in &self.inner.sources {
            match source.check(name, secret).await {
                Ok(identity) => return self.admit_identity(attempt, source.name(), &identity).await,
                Err(SourceError::Refused) => {}
                Err(error @ SourceError::Unavailable(_)) => {
                    tracing::warn!(source = source.name(), "a source of identity cannot be asked");
                    unavailable = Some(error);
                }
            }
        }
        match unavailable {
            // It might have known the name.
            Some(error) => Err(LoginError::Unavailable(error.into())),
            None => Err(wrong_secret(None, "nobody of that name with that password")),
        }
    }

    async fn admit_identity(
        &self,
        attempt: &Attempt<'_>,
        source: &str,
        identity: &Identity,
    ) -> Result<Admitted, LoginError> {
        let vouched = Vouched { source, groups: GroupKind::Ldap, identity };
        let user = self.onboard(&vouched, attempt.circumstances, attempt.request_id).await?;
        let checked = Checked::Source(source.to_owned());
        Ok(Admitted { user, way: Way::Source(source.to_owned()), checked })
    }
}

/// A name as directories compare it: to them `Ann` and `ann ` are ann, and so must their wrong passwords be counted.
fn folded(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase()
}
