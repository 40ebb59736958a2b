//! Users, as administrators and they themselves see to them.
//!
//! The table of the management API says who may call what. Here is what depends on whom it is about: an access token
//! changes its owner's account only if it may; only administrators change what other administrators and auditors are; and
//! somebody is left who can.

mod passwords;
mod standing;

use longshore_auth::{Permission, Principal, Target, decide};
use longshore_metadata::{LOCAL_SOURCE, NewUser, ReadTx, UserFilter, UserId, UserOrder, UserRecord};
use serde_json::json;

use crate::{Accounts, Act, ManageError, first_start::check_password, retry::retry_on_conflict};

/// A user who is to be made. The password is kept here.
#[derive(Clone, Default)]
pub struct NewAccount {
    /// The name to log in with.
    pub name: String,
    /// Where mail goes; empty for nowhere.
    pub email: String,
    /// What people call them.
    pub real_name: String,
    /// A remark.
    pub comment: String,
    /// To log in with.
    pub password: String,
}

/// What is said about a user. What is not given stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// Where mail goes; empty for nowhere.
    pub email: Option<String>,
    /// What people call them.
    pub real_name: Option<String>,
    /// A remark.
    pub comment: Option<String>,
}

/// Longest text of a profile, in characters.
const PROFILE_CHARACTERS_MAX: usize = 255;

impl Accounts {
    /// Users in an order, without the first `skip`, and how many there are.
    pub async fn users(
        &self,
        filter: &UserFilter<'_>,
        order: UserOrder,
        skip: usize,
        limit: usize,
    ) -> Result<(Vec<UserRecord>, u64), ManageError> {
        let mut tx = self.inner.metadata.read().await?;
        let total = tx.users_count(filter).await?;
        Ok((tx.users_page(filter, order, None, skip, limit).await?.entries, total))
    }

    /// The user of that number.
    pub async fn user(&self, id: i64) -> Result<UserRecord, ManageError> {
        let user = self.inner.metadata.read().await?.user_by_id(UserId::of_number(id)).await?;
        user.ok_or_else(|| ManageError::unknown("user", id))
    }

    /// The user of that name, if there is one.
    pub async fn user_named(&self, name: &str) -> Result<Option<UserRecord>, ManageError> {
        Ok(self.inner.metadata.read().await?.user(name).await?)
    }

    /// Makes a local user.
    ///
    /// # Errors
    /// [`ManageError::Invalid`], [`ManageError::Conflict`] where name or address is taken.
    pub async fn create_user(&self, act: &Act, new: &NewAccount) -> Result<UserId, ManageError> {
        if let Some(problem) = self.name_problem(&new.name) {
            return Err(ManageError::Invalid(format!("username: the name {problem}")));
        }
        check_profile(&new.email, &new.real_name, &new.comment)?;
        check_password(&new.password)?;
        let hash = self.hash_password(&new.password).await?;
        retry_on_conflict(|| self.insert_account(act, new, &hash)).await
    }

    async fn insert_account(&self, act: &Act, new: &NewAccount, hash: &str) -> Result<UserId, ManageError> {
        let mut tx = self.inner.metadata.write().await?;
        let user = NewUser {
            name: &new.name,
            email: Some(new.email.as_str()).filter(|email| !email.is_empty()),
            real_name: &new.real_name,
            comment: &new.comment,
            source: LOCAL_SOURCE,
            password_hash: Some(hash),
            ..NewUser::default()
        };
        let taken = match user.email {
            Some(address) => tx.user_by_email(address).await?.is_some(),
            None => false,
        };
        let made = if taken { None } else { tx.insert_user(&user, act.circumstances.now).await? };
        let Some(id) = made else {
            return Err(ManageError::Conflict(format!(
                "there is a user of the name {} or with that email",
                new.name
            )));
        };
        act.record(&mut tx, "create_user", ("user", &new.name), None, "").await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Changes what is said about a user. A source says it itself of those whom it vouches for, but for the remark.
    pub async fn update_profile(&self, act: &Act, id: i64, profile: &Profile) -> Result<(), ManageError> {
        retry_on_conflict(|| self.write_profile(act, id, profile)).await
    }

    async fn write_profile(&self, act: &Act, id: i64, profile: &Profile) -> Result<(), ManageError> {
        let mut tx = self.inner.metadata.write().await?;
        let user = changed_by(act, &mut tx, id).await?;
        let email = profile.email.as_deref().unwrap_or(user.email.as_deref().unwrap_or_default());
        let real_name = profile.real_name.as_deref().unwrap_or(&user.real_name);
        let comment = profile.comment.as_deref().unwrap_or(&user.comment);
        check_profile(email, real_name, comment)?;
        let email = Some(email).filter(|email| !email.is_empty());
        if !user.is_local() && (email != user.email.as_deref() || real_name != user.real_name) {
            return Err(ManageError::Precondition(format!(
                "name and address of {} come from {}, and are changed there",
                user.name, user.source
            )));
        }
        // Administrators learn of a mistake; whoever changes their own would learn who else is here.
        if let Some(address) = email
            && !is_self(act, &user)
            && tx.user_by_email(address).await?.is_some_and(|other| other.id != user.id)
        {
            return Err(ManageError::Conflict("another user has that email".to_owned()));
        }
        tx.set_user_profile(user.id, email, real_name, comment, act.circumstances.now).await?;
        act.record(&mut tx, "update_user", ("user", &user.name), None, "").await?;
        Ok(tx.commit().await?)
    }

    /// Takes a user away for good, with memberships, access tokens and sessions. Their projects stay, and the record of
    /// what they did. One whom a source vouches for comes back as a new user with the next login there: to keep somebody
    /// out, disable them.
    ///
    /// # Errors
    /// [`ManageError::Precondition`] for oneself, and for the last administrator.
    pub async fn delete_user(&self, act: &Act, id: i64) -> Result<(), ManageError> {
        retry_on_conflict(|| self.remove_user(act, id)).await
    }

    async fn remove_user(&self, act: &Act, id: i64) -> Result<(), ManageError> {
        let mut tx = self.inner.metadata.write().await?;
        let admins = self.lock_standing(&mut tx, id).await?;
        let user = changed_by(act, &mut tx, id).await?;
        if is_self(act, &user) {
            return Err(ManageError::Precondition("nobody can delete themselves".to_owned()));
        }
        standing::leave_an_admin(&admins, &user)?;
        let projects = tx.projects_owned_by(user.id, 100).await?;
        tx.delete_user(user.id).await?;
        let detail = match projects.is_empty() {
            true => String::new(),
            false => json!({ "owned_projects": projects }).to_string(),
        };
        act.record(&mut tx, "delete_user", ("user", &user.name), None, &detail).await?;
        Ok(tx.commit().await?)
    }
}

/// Whether the caller is that user.
fn is_self(act: &Act, user: &UserRecord) -> bool {
    matches!(&act.access.principal, Principal::User { id, .. } if *id == user.id.number())
}

/// Whether the caller is an administrator who came with nothing that narrows that.
fn is_admin(act: &Act) -> bool {
    allows(act, Permission::USER_UPDATE)
        && act.access.principal.system_role() == longshore_auth::SystemRole::Admin
}

fn allows(act: &Act, permission: Permission) -> bool {
    decide(&act.access, &Target::SYSTEM, permission, &act.circumstances).allowed
}

/// The user of that number, whom the caller may change: themselves, if what they came with may do so; others, but
/// administrators and auditors only as an administrator.
async fn changed_by(act: &Act, tx: &mut ReadTx, id: i64) -> Result<UserRecord, ManageError> {
    let user = tx.user_by_id(UserId::of_number(id)).await?;
    let user = user.ok_or_else(|| ManageError::unknown("user", id))?;
    let allowed = if is_self(act, &user) {
        allows(act, Permission::PROFILE_UPDATE)
    } else {
        is_admin(act) || (!user.is_admin() && user.system_role == 0)
    };
    if allowed {
        Ok(user)
    } else {
        Err(ManageError::Forbidden(format!("{} may be changed by administrators only", user.name)))
    }
}

fn check_profile(email: &str, real_name: &str, comment: &str) -> Result<(), ManageError> {
    for (field, text) in [("email", email), ("realname", real_name), ("comment", comment)] {
        if text.chars().count() > PROFILE_CHARACTERS_MAX || text.chars().any(char::is_control) {
            let rule =
                format!("{field}: at most {PROFILE_CHARACTERS_MAX} characters, and no control characters");
            return Err(ManageError::Invalid(rule));
        }
    }
    // Whether it exists shows when mail is sent. Here it must only be no other text by mistake.
    let mail = email.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
    if !email.is_empty() && (!mail || email.contains(char::is_whitespace)) {
        return Err(ManageError::Invalid("email: expected an address as ann@example.org".to_owned()));
    }
    Ok(())
}

impl std::fmt::Debug for NewAccount {
    /// Says nothing of the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewAccount").field("name", &self.name).finish_non_exhaustive()
    }
}
