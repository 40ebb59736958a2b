//! Personal access tokens: what users give to programs instead of their password. A token can do what its user can, or
//! less.

use longshore_auth::{Grant, GrantKind, Permission, Principal, Secret, Target, secret::SecretHash};
use longshore_metadata::{AccessTokenId, AccessTokenRecord, UserId};

use crate::{
    Accounts, Act, ManageError,
    retry::retry_on_conflict,
    robots::{NewSecret, ScopedPermissions, check_scopes_count, expiry, merged, scoped},
    stored_grants,
};

/// Longest name, in characters.
const NAME_CHARACTERS_MAX: usize = 128;
/// Most tokens that a user has.
const TOKENS_MAX: u64 = 1000;

/// What a new access token is made of.
#[derive(Clone, Debug)]
pub struct NewAccessToken {
    /// What the user calls it.
    pub name: String,
    /// For how many days it is good; -1 for ever.
    pub days: i64,
    /// What it narrows its user to; `None` narrows nothing.
    pub permissions: Option<Vec<ScopedPermissions>>,
}

/// A token and what is shown with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessTokenDetails {
    /// Its row.
    pub record: AccessTokenRecord,
    /// What it narrows its user to; `None` narrows nothing.
    pub permissions: Option<Vec<ScopedPermissions>>,
}

impl From<AccessTokenRecord> for AccessTokenDetails {
    fn from(record: AccessTokenRecord) -> Self {
        let kept =
            |json: &str| scoped(stored_grants::from_json(json, GrantKind::Robot, &"access token".into()));
        Self { permissions: record.permissions.as_deref().map(kept), record }
    }
}

impl Accounts {
    /// Makes an access token of the caller.
    pub async fn create_access_token(
        &self,
        act: &Act,
        new: &NewAccessToken,
    ) -> Result<NewSecret<AccessTokenDetails>, ManageError> {
        let Principal::User { id, .. } = act.access.principal else {
            return Err(ManageError::Forbidden("only users have access tokens".to_owned()));
        };
        // It could have more than the one that it is made with, and outlive it.
        if act.access.ceiling.is_some() {
            let message = "an access token cannot make others: log in with your password";
            return Err(ManageError::Forbidden(message.to_owned()));
        }
        check_name(&new.name)?;
        let user = UserId::of_number(id);
        let now = act.circumstances.now;
        let expires_at = expiry(now, new.days)?;
        let permissions = new.permissions.as_deref().map(to_json).transpose()?;
        let secret = Secret::random_access_token();
        let hash = SecretHash::of_random(secret.reveal()).to_bytes();
        let id = retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            if tx.access_tokens_count(user).await? >= TOKENS_MAX {
                let message = format!("nobody has more than {TOKENS_MAX} access tokens");
                return Err(ManageError::Precondition(message));
            }
            let made = tx
                .insert_access_token(user, &new.name, &hash, permissions.as_deref(), expires_at, now)
                .await?;
            let Some(id) = made else {
                return Err(ManageError::Conflict(format!("you have an access token {} already", new.name)));
            };
            let detail = serde_json::json!({ "duration": new.days }).to_string();
            act.record(&mut tx, "create_access_token", ("access_token", &new.name), None, &detail).await?;
            tx.commit().await?;
            Ok(id)
        })
        .await?;
        let record = self.known_token(user, id).await?;
        Ok(NewSecret { record: record.into(), secret })
    }

    /// The access tokens of a user, part of them, and how many there are. Of others than oneself, for who may read users.
    pub async fn list_access_tokens(
        &self,
        act: &Act,
        user: UserId,
        skip: usize,
        limit: usize,
    ) -> Result<(Vec<AccessTokenDetails>, u64), ManageError> {
        self.check_tokens(act, user, (Permission::ACCESS_TOKEN_LIST, Permission::USER_READ)).await?;
        let mut tx = self.inner.metadata.read().await?;
        let total = tx.access_tokens_count(user).await?;
        let found = tx.access_tokens_page(user, skip, limit).await?;
        Ok((found.into_iter().map(Into::into).collect(), total))
    }

    /// An access token of a user; who may read it as in [`Accounts::list_access_tokens`].
    pub async fn access_token(
        &self,
        act: &Act,
        user: UserId,
        id: AccessTokenId,
    ) -> Result<AccessTokenDetails, ManageError> {
        self.check_tokens(act, user, (Permission::ACCESS_TOKEN_READ, Permission::USER_READ)).await?;
        Ok(self.known_token(user, id).await?.into())
    }

    /// Makes an access token of a user useless. Of others than oneself, for who may change users.
    pub async fn revoke_access_token(
        &self,
        act: &Act,
        user: UserId,
        id: AccessTokenId,
    ) -> Result<(), ManageError> {
        self.check_tokens(act, user, (Permission::ACCESS_TOKEN_DELETE, Permission::USER_UPDATE)).await?;
        retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            let token = tx.access_token(user, id).await?;
            let token = token.ok_or_else(|| ManageError::unknown("access token", id.number()))?;
            let owner = tx.user_by_id(user).await?.map(|user| user.name).unwrap_or_default();
            tx.delete_access_token(id).await?;
            let detail = serde_json::json!({ "user": owner }).to_string();
            act.record(&mut tx, "delete_access_token", ("access_token", &token.name), None, &detail).await?;
            Ok(tx.commit().await?)
        })
        .await
    }

    /// Whether the caller may do this to tokens of that user: to their own by the first permission, to those of others by
    /// the second.
    async fn check_tokens(
        &self,
        act: &Act,
        user: UserId,
        (own, others): (Permission, Permission),
    ) -> Result<(), ManageError> {
        let is_own = matches!(act.access.principal, Principal::User { id, .. } if id == user.number());
        let permission = if is_own { own } else { others };
        if !self.may(&act.access, &Target::SYSTEM, permission, &act.circumstances) {
            return Err(ManageError::lacks(permission));
        }
        match self.inner.metadata.read().await?.user_by_id(user).await? {
            Some(_) => Ok(()),
            None => Err(ManageError::unknown("user", user.number())),
        }
    }

    async fn known_token(&self, user: UserId, id: AccessTokenId) -> Result<AccessTokenRecord, ManageError> {
        let found = self.inner.metadata.read().await?.access_token(user, id).await?;
        found.ok_or_else(|| ManageError::unknown("access token", id.number()))
    }
}

/// Nothing is asked of who the user is and what they have: it only narrows.
fn to_json(given: &[ScopedPermissions]) -> Result<String, ManageError> {
    check_scopes_count(given)?;
    if given.is_empty() || given.iter().any(|given| given.permissions.is_empty()) {
        return Err(ManageError::Invalid("permissions must name at least one".to_owned()));
    }
    let grant =
        |given: &ScopedPermissions| Grant::new(given.scope.clone(), GrantKind::Robot, given.permissions, "");
    Ok(stored_grants::to_json(&merged(given.iter().map(grant).collect())))
}

fn check_name(name: &str) -> Result<(), ManageError> {
    let fits = !name.trim().is_empty()
        && name.chars().count() <= NAME_CHARACTERS_MAX
        && !name.chars().any(char::is_control);
    match fits {
        true => Ok(()),
        false => Err(ManageError::Invalid(format!("name must have 1 to {NAME_CHARACTERS_MAX} characters"))),
    }
}
