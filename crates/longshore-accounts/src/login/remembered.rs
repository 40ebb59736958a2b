//! Good logins are remembered for a minute, so that clients that send a password with each request do not pay for its hash
//! each time. What was checked is remembered with them: once that changes they count no more, at once.

use std::time::Duration;

use longshore_auth::Access;
use longshore_metadata::{ReadTx, UserId, UserRecord};
use longshore_types::Timestamp;

use super::{Attempt, password::Admitted, record::Way};
use crate::{Accounts, LoginError};

/// How long a login that was good is taken as good.
pub(super) const REMEMBER: Duration = Duration::from_secs(60);

/// A login that was good.
#[derive(Clone, Debug)]
pub(super) struct Remembered {
    user: UserId,
    way: Way,
    checked: Checked,
}

/// What a login was found good by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Checked {
    /// This hash of a local user's password.
    Password(String),
    /// This hash of the user's CLI secret.
    CliSecret(Vec<u8>),
    /// The source of that name.
    Source(String),
}

impl Checked {
    /// Whether it would still be.
    async fn holds(&self, tx: &mut ReadTx, user: &UserRecord) -> Result<bool, LoginError> {
        Ok(match self {
            Self::Password(hash) => user.is_local() && user.password_hash.as_ref() == Some(hash),
            Self::Source(source) => user.source == *source,
            Self::CliSecret(hash) => {
                let secret = tx.cli_secret(user.id).await?;
                !user.is_local() && secret.is_some_and(|(_, kept)| kept == *hash)
            }
        })
    }
}

impl Accounts {
    /// What a login may do that was good a short while ago, and still is. One read of the user's row.
    pub(super) async fn remembered(
        &self,
        attempt: &Attempt<'_>,
        key: &[u8; 32],
    ) -> Result<Option<Access>, LoginError> {
        let (now, logins) = (attempt.circumstances.now, &self.inner.logins);
        let found = logins.lock().remembered.get(key, now).cloned();
        let Some(Remembered { user: id, way, checked }) = found else { return Ok(None) };
        let Some(user) = self.still_good(attempt, id, &checked).await? else {
            logins.lock().remembered.take(key);
            return Ok(None);
        };
        let access = self.access_now(&mut self.inner.metadata.read().await?, &user, now).await?;
        self.record_login(attempt, &user.name, Some(&user), &way).await;
        Ok(Some(access))
    }

    /// The user, if what was checked still holds and their source still vouches for them.
    async fn still_good(
        &self,
        attempt: &Attempt<'_>,
        id: UserId,
        checked: &Checked,
    ) -> Result<Option<UserRecord>, LoginError> {
        let mut tx = self.inner.metadata.read().await?;
        let Some(user) = tx.user_by_id(id).await?.filter(|user| !user.disabled) else { return Ok(None) };
        if !checked.holds(&mut tx, &user).await? {
            return Ok(None);
        }
        drop(tx);
        match self.confirmed(attempt, user).await {
            Ok(user) => Ok(Some(user)),
            Err(LoginError::Refused(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Remembers a good login.
    pub(super) fn remember(&self, key: [u8; 32], admitted: &Admitted, now: Timestamp) {
        let Admitted { user, way, checked } = admitted;
        let remembered = Remembered { user: user.id, way: way.clone(), checked: checked.clone() };
        self.inner.logins.lock().remembered.insert(key, remembered, now, now.after(REMEMBER));
    }
}
