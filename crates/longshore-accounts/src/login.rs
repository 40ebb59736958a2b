//! Logging in: who sends these credentials, and what may they do?
//!
//! A name that begins as robots' do is a robot's. A secret in the form of an access token is one. Anything else is a
//! password: of a local user, or of one that a source vouches for. A user belongs to one source, and logs in through no
//! other: whoever gets a name of that kind in another source gets nothing of the user's.
//!
//! Whatever is wrong (no such name, a wrong password, a disabled user, one who must wait) is answered alike and takes the
//! same work: one check of a password. Where sources are asked as well, refusals come after a fixed time at the earliest,
//! so that nothing tells which source a name belongs to.

mod asking;
mod certificate;
mod checks;
mod confirmation;
mod failed;
mod failures;
mod known;
mod lines;
mod onboarding;
mod password;
mod provider;
mod recent;
mod record;
mod remembered;
mod robot_guesses;
mod session;
mod slowdown;
mod source_changes;
mod token;
mod usage;
mod workload;

use longshore_auth::{
    Access, Circumstances, Grant, GrantKind, GrantScope, Permission, PermissionSet, secret::is_access_token,
};
use longshore_metadata::{MetadataError, ReadTx, UserRecord};
use longshore_types::Timestamp;

pub use confirmation::ConfirmationSettings;
pub use onboarding::Vouched;
pub(crate) use session::session_label;
pub use session::{NewSession, SessionId};

pub(crate) use self::{checks::Logins, slowdown::network, workload::Wish};
use crate::{Accounts, Credentials, Csrf, LoginError};

/// A login that is being looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt<'a> {
    pub(crate) circumstances: &'a Circumstances,
    pub(crate) request_id: &'a str,
}

/// Longest name considered, in bytes.
const NAME_BYTES_MAX: usize = 255;
/// Longest password considered, in bytes: sources may have longer ones than local users.
const SECRET_BYTES_MAX: usize = 4096;

impl Accounts {
    /// Who sends these credentials, and what they may do. Nobody in particular for [`Credentials::None`] and for a session
    /// that has ended.
    ///
    /// # Errors
    /// See [`LoginError`]. Refusals are counted and recorded, and the next ones may be slowed down.
    pub async fn login(
        &self,
        credentials: &Credentials,
        circumstances: &Circumstances,
        request_id: &str,
    ) -> Result<Access, LoginError> {
        let attempt = Attempt { circumstances, request_id };
        match credentials {
            Credentials::None => Ok(Access::anonymous()),
            Credentials::Basic { name, secret } => self.login_by_name(&attempt, name, secret).await,
            Credentials::Bearer(secret) => self.login_by_bearer(&attempt, secret).await,
            Credentials::Session { id, csrf } => self.login_by_session(&attempt, id, csrf).await,
            Credentials::Certificate(chain) => {
                let (access, _) = self.login_by_certificate(chain, &[], circumstances, request_id).await?;
                Ok(access)
            }
        }
    }

    async fn login_by_name(
        &self,
        attempt: &Attempt<'_>,
        name: &str,
        secret: &str,
    ) -> Result<Access, LoginError> {
        let outcome = if let Some(robot) = self.without_robot_prefix(name) {
            self.login_robot(attempt, (name, robot), secret).await
        } else if is_access_token(secret) {
            self.login_with_access_token(attempt, Some(name), secret).await
        } else {
            let outcome = self.login_with_password(attempt, name, secret).await;
            let outcome = self.record_refusal(attempt, name, outcome).await;
            return self.hide_who_is_local(name, outcome).await;
        };
        self.record_refusal(attempt, name, outcome).await
    }

    async fn login_by_bearer(&self, attempt: &Attempt<'_>, secret: &str) -> Result<Access, LoginError> {
        let outcome = if is_access_token(secret) {
            self.login_with_access_token(attempt, None, secret).await
        } else {
            self.login_robot_by_secret(attempt, secret).await
        };
        self.record_refusal(attempt, "", outcome).await
    }

    async fn login_by_session(
        &self,
        attempt: &Attempt<'_>,
        id: &str,
        csrf: &Csrf,
    ) -> Result<Access, LoginError> {
        let Some(id) = SessionId::parse(id) else { return Ok(Access::anonymous()) };
        let Some(access) = self.access_of_session(attempt, &id).await? else {
            return Ok(Access::anonymous());
        };
        match csrf {
            Csrf::NotNeeded => Ok(access),
            Csrf::Token(Some(token)) if id.is_csrf_token(token) => Ok(access),
            Csrf::Token(_) => Err(LoginError::Csrf),
        }
    }

    /// Whether a name is a robot's.
    pub(crate) fn is_robot_name(&self, name: &str) -> bool {
        self.without_robot_prefix(name).is_some()
    }

    /// The name of a robot without its prefix, if it is one's.
    fn without_robot_prefix<'a>(&self, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(self.running().robot_prefix.as_str())
    }

    /// What a user may do now. Whose password has expired may change it, and nothing else.
    async fn access_now(
        &self,
        tx: &mut ReadTx,
        user: &UserRecord,
        now: Timestamp,
    ) -> Result<Access, MetadataError> {
        let mut access = self.access_of_user(tx, user, now).await?;
        if self.has_expired_password(user, now) {
            let own = PermissionSet::of(&[Permission::PROFILE_READ, Permission::PROFILE_UPDATE]);
            let origin = "the password has expired";
            access.ceiling = Some(vec![Grant::new(GrantScope::System, GrantKind::Role, own, origin)]);
        }
        Ok(access)
    }

    /// Whether a local user must change the password first.
    pub fn has_expired_password(&self, user: &UserRecord, now: Timestamp) -> bool {
        let (Some(lifetime), Some(changed_at)) =
            (self.inner.settings.password_lifetime, user.password_changed_at)
        else {
            return false;
        };
        user.is_local() && changed_at.after(lifetime) <= now
    }
}

/// A name as directories compare it: to them `Ann` and `ann ` are ann, and so must their wrong passwords be counted.
fn folded(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

impl From<MetadataError> for LoginError {
    fn from(error: MetadataError) -> Self {
        Self::Unavailable(error.into())
    }
}
