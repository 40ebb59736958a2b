//! Passwords of local users, and the CLI secrets of the others.

use longshore_auth::{Secret, secret::SecretHash};
use longshore_metadata::{UserId, UserRecord};
use serde_json::json;

use super::{changed_by, is_self};
use crate::{
    Accounts, Act, LoginError, ManageError, SessionId, first_start::check_password, retry::retry_on_conflict,
};

impl Accounts {
    /// Gives a local user another password. Whoever changes their own shows the old one, and a wrong one counts as a wrong
    /// login. All sessions of the user end, and logins that were good before are looked at again.
    ///
    /// # Errors
    /// [`ManageError::Precondition`] for users whose password is not here; [`ManageError::Invalid`] for a new password that
    /// is too weak or the old one; [`ManageError::Forbidden`] for a wrong old one.
    pub async fn change_password(
        &self,
        act: &Act,
        id: i64,
        old: Option<&str>,
        new: &str,
    ) -> Result<(), ManageError> {
        self.change_password_and_stay(act, id, old, new, None).await
    }

    /// The same, but that whoever changes their own stays logged in by that session.
    ///
    /// # Errors
    /// As there.
    pub async fn change_password_and_stay(
        &self,
        act: &Act,
        id: i64,
        old: Option<&str>,
        new: &str,
        kept: Option<&SessionId>,
    ) -> Result<(), ManageError> {
        let user = changed_by(act, &mut self.inner.metadata.read().await?, id).await?;
        if !user.is_local() {
            let problem = format!("the password of {} is not here, but in {}", user.name, user.source);
            return Err(ManageError::Precondition(problem));
        }
        check_password(new)?;
        if is_self(act, &user) {
            self.check_old(act, &user, old.unwrap_or_default()).await?;
            if old == Some(new) {
                return Err(ManageError::Invalid("the new password is the old one".to_owned()));
            }
        }
        let hash = self.hash_password(new).await?;
        let own = is_self(act, &user);
        retry_on_conflict(|| self.write_password(act, &user, &hash, own, kept)).await
    }

    async fn check_old(&self, act: &Act, user: &UserRecord, old: &str) -> Result<(), ManageError> {
        let checked = self.check_own_password(&act.circumstances, &act.request_id, &user.name, old).await;
        checked.map_err(|error| match error {
            LoginError::Refused(_) | LoginError::Csrf => {
                ManageError::Forbidden("the old password is wrong".to_owned())
            }
            LoginError::TooMany { retry_after } => ManageError::TooMany { retry_after },
            LoginError::Unavailable(error) => {
                tracing::error!(%error, "cannot check a password");
                ManageError::Unavailable("passwords cannot be checked at the moment".to_owned())
            }
        })
    }

    async fn write_password(
        &self,
        act: &Act,
        checked: &UserRecord,
        hash: &str,
        own: bool,
        kept: Option<&SessionId>,
    ) -> Result<(), ManageError> {
        let mut tx = self.inner.metadata.write().await?;
        tx.lock_user(checked.id).await?;
        let user = changed_by(act, &mut tx, checked.id.number()).await?;
        // Of two who change it at the same time, the second showed a password that is no longer the old one.
        if !user.is_local()
            || (own && user.password_hash != checked.password_hash && user.updated_at != checked.updated_at)
        {
            return Err(ManageError::Conflict(format!("{} was changed meanwhile", user.name)));
        }
        tx.set_password(user.id, hash, act.circumstances.now).await?;
        match kept.filter(|_| own) {
            Some(kept) => Self::end_other_sessions(&mut tx, user.id, kept).await?,
            None => Self::end_sessions(&mut tx, user.id).await?,
        };
        let detail = json!({ "password": if own { "changed" } else { "reset" } }).to_string();
        act.record(&mut tx, "update_user", ("user", &user.name), None, &detail).await?;
        Ok(tx.commit().await?)
    }

    /// Gives a user of a source another CLI secret, for `docker login`: the one that is given, or, for an empty one, a
    /// random one. Returns it. It is kept as an access token that narrows nothing, and can be revoked as such.
    ///
    /// # Errors
    /// [`ManageError::Precondition`] for local users, who have a password; [`ManageError::Invalid`] for a secret that a
    /// password could not be; [`ManageError::Forbidden`] for somebody else's.
    pub async fn set_cli_secret(&self, act: &Act, id: i64, secret: &str) -> Result<Secret, ManageError> {
        let user = changed_by(act, &mut self.inner.metadata.read().await?, id).await?;
        if user.is_local() {
            let problem = format!("{} has a password here, and needs no CLI secret", user.name);
            return Err(ManageError::Precondition(problem));
        }
        // An access token may narrow what its user may do; from it no secret is made that does not.
        if act.access.ceiling.is_some() {
            return Err(ManageError::Forbidden("an access token cannot make a CLI secret".to_owned()));
        }
        let secret = match secret {
            "" => Secret::random(),
            chosen => {
                check_password(chosen)?;
                Secret::new(chosen)
            }
        };
        let hash = SecretHash::from_bytes(self.hash_password(secret.reveal()).await?.as_bytes());
        retry_on_conflict(|| self.write_cli_secret(act, user.id, &hash)).await?;
        Ok(secret)
    }

    async fn write_cli_secret(&self, act: &Act, id: UserId, hash: &SecretHash) -> Result<(), ManageError> {
        let mut tx = self.inner.metadata.write().await?;
        let user = changed_by(act, &mut tx, id.number()).await?;
        tx.set_cli_secret(user.id, &hash.to_bytes(), act.circumstances.now).await?;
        let detail = json!({ "cli_secret": "changed" }).to_string();
        act.record(&mut tx, "update_user", ("user", &user.name), None, &detail).await?;
        Ok(tx.commit().await?)
    }
}
