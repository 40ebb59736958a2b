//! What a user is beyond projects, whether they may log in at all, and who vouches for them.

use longshore_auth::SystemRole;
use longshore_metadata::{LOCAL_SOURCE, UserId, UserRecord, WriteTx};
use serde_json::json;

use super::{changed_by, is_admin};
use crate::{Accounts, Act, ManageError, retry::retry_on_conflict};

/// What is to be different about a user.
#[derive(Clone, Copy, Debug)]
enum Change<'a> {
    Role(SystemRole),
    Disabled(bool),
    Source(&'a str, Option<&'a str>),
}

impl Accounts {
    /// Says what a user is beyond projects. What a source says of its users comes on top.
    ///
    /// # Errors
    /// [`ManageError::Forbidden`] for everybody but administrators; [`ManageError::Precondition`] where nobody would be an
    /// administrator any more.
    pub async fn set_system_role(&self, act: &Act, id: i64, role: SystemRole) -> Result<(), ManageError> {
        retry_on_conflict(|| self.change_standing(act, id, Change::Role(role))).await
    }

    /// Says whether a user may log in. A user who may not has no sessions; access tokens come back to life with the user.
    ///
    /// # Errors
    /// As [`Accounts::set_system_role`], but that whoever may change users may do this to those who are neither
    /// administrators nor auditors.
    pub async fn set_user_disabled(&self, act: &Act, id: i64, disabled: bool) -> Result<(), ManageError> {
        retry_on_conflict(|| self.change_standing(act, id, Change::Disabled(disabled))).await
    }

    /// Has another source vouch for a user: `local`, or one of the configuration. Number, memberships and access tokens
    /// stay. Without the source's own name for the user it is taken from the next login of that name there. A local user
    /// has no password at first.
    ///
    /// # Errors
    /// As [`Accounts::set_system_role`]; [`ManageError::Invalid`] for a source that there is not.
    pub async fn set_user_source(
        &self,
        act: &Act,
        id: i64,
        source: &str,
        external_id: Option<&str>,
    ) -> Result<(), ManageError> {
        if !self.knows_source(source) {
            return Err(ManageError::Invalid(format!("source: there is none called {source}")));
        }
        let change = Change::Source(source, external_id.filter(|_| source != LOCAL_SOURCE));
        retry_on_conflict(|| self.change_standing(act, id, change)).await
    }

    fn knows_source(&self, name: &str) -> bool {
        let inner = &self.inner;
        name == LOCAL_SOURCE
            || inner.sources.iter().any(|source| source.name() == name)
            || inner.settings.providers.iter().any(|provider| provider == name)
    }

    /// Locks what somebody is, and who administers: until commit nobody can change either, and what is read from here on is
    /// what counts. Everybody locks in this order. Returns the administrators who can log in: a source that is not
    /// configured lets nobody in.
    pub(super) async fn lock_standing(&self, tx: &mut WriteTx, id: i64) -> Result<Vec<UserId>, ManageError> {
        tx.lock_active_admins().await?;
        tx.lock_user(UserId::of_number(id)).await?;
        // Whoever became one while this waited, this user perhaps, is not among those of before.
        let admins = tx.lock_active_admins().await?;
        let usable = admins.into_iter().filter(|(_, source)| self.knows_source(source));
        Ok(usable.map(|(admin, _)| admin).collect())
    }

    async fn change_standing(&self, act: &Act, id: i64, change: Change<'_>) -> Result<(), ManageError> {
        let now = act.circumstances.now;
        let mut tx = self.inner.metadata.write().await?;
        let admins = self.lock_standing(&mut tx, id).await?;
        let user = changed_by(act, &mut tx, id).await?;
        if !matches!(change, Change::Disabled(_)) && !is_admin(act) {
            return Err(ManageError::Forbidden("only administrators may do this".to_owned()));
        }
        let detail = match change {
            Change::Role(role) => {
                if role != SystemRole::Admin && !user.source_admin {
                    leave_an_admin(&admins, &user)?;
                }
                tx.set_system_role(user.id, code(role), now).await?;
                json!({ "system_role": word(role) })
            }
            Change::Disabled(disabled) => {
                if disabled {
                    leave_an_admin(&admins, &user)?;
                    Self::end_sessions(&mut tx, user.id).await?;
                }
                tx.set_user_disabled(user.id, disabled, now).await?;
                json!({ "disabled": disabled })
            }
            Change::Source(source, external_id) => {
                if let Some(external_id) = external_id
                    && let Some(other) = tx.user_of_source(source, external_id).await?
                    && other.id != user.id
                {
                    return Err(ManageError::Conflict(format!(
                        "{external_id} of {source} is {} here",
                        other.name
                    )));
                }
                // Whether the source knows this administrator shows at the next login only.
                leave_an_admin(&admins, &user)?;
                tx.bind_user(user.id, source, external_id, now).await?;
                Self::end_sessions(&mut tx, user.id).await?;
                json!({ "source": source })
            }
        };
        act.record(&mut tx, "update_user", ("user", &user.name), None, &detail.to_string()).await?;
        Ok(tx.commit().await?)
    }
}

/// Checks that somebody who can log in is an administrator also without this user. Nothing to check where the user is none
/// that counts.
pub(super) fn leave_an_admin(admins: &[UserId], user: &UserRecord) -> Result<(), ManageError> {
    if !admins.contains(&user.id) || admins.iter().any(|admin| *admin != user.id) {
        return Ok(());
    }
    Err(ManageError::Precondition(format!("{} is the last administrator who can log in", user.name)))
}

/// For the index.
fn code(role: SystemRole) -> u8 {
    match role {
        SystemRole::None => 0,
        SystemRole::Auditor => 1,
        SystemRole::Admin => 2,
    }
}

/// For the record.
fn word(role: SystemRole) -> &'static str {
    match role {
        SystemRole::None => "none",
        SystemRole::Auditor => "auditor",
        SystemRole::Admin => "admin",
    }
}
