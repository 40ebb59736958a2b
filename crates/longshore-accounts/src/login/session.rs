//! Who is logged in on the pages.
//!
//! A session's id is 256 random bits in a cookie; the index has its hash. The token that changes must show is a hash of the
//! id too, so that it is the session's and nobody else's, and need not be kept.

use longshore_auth::{Access, Circumstances, secret::SecretHash};
use longshore_metadata::{SessionRecord, UserId, UserRecord, WriteTx};
use longshore_types::{Digest, Timestamp};

use super::{
    Attempt,
    record::{Way, record_session, refused},
    usage::SessionUse,
};
use crate::{Accounts, LoginError, retry::retry_on_conflict};

/// Most sessions of one user; the oldest end for new ones.
const SESSIONS_MAX: usize = 50;
/// A request that comes sooner after the one before does not change the row.
const SEEN_EVERY_MILLIS: i64 = 60_000;
/// Bytes of an id.
const ID_BYTES: usize = 32;

/// The id of a session, which its browser alone knows.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionId(String);

/// A session that has just begun.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// For the cookie.
    pub id: SessionId,
    /// When it ends at the latest.
    pub ends_at: Timestamp,
    /// Whose it is.
    pub user: UserRecord,
}

impl std::fmt::Debug for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionId(***)")
    }
}

impl SessionId {
    /// A new one.
    ///
    /// # Panics
    /// When the system has no random bytes to give.
    fn random() -> Self {
        let mut bytes = [0_u8; ID_BYTES];
        getrandom::fill(&mut bytes).expect("the system gives random bytes");
        Self(hex(&bytes))
    }

    /// The value of a cookie, if it has the form of an id.
    pub fn parse(text: &str) -> Option<Self> {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == 2 * ID_BYTES && text.bytes().all(digit)).then(|| Self(text.to_owned()))
    }

    /// For the cookie.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What changes that are made with this session must show.
    pub fn csrf_token(&self) -> String {
        Digest::sha256(format!("CSRF token of session {}", self.0).as_bytes()).hex()
    }

    /// Whether this is that token, in constant time.
    pub(super) fn is_csrf_token(&self, token: &str) -> bool {
        SecretHash::of_random(&self.csrf_token()).verify(token)
    }

    fn hash(&self) -> Vec<u8> {
        SecretHash::of_random(&self.0).to_bytes()
    }

    /// What people call it.
    pub(crate) fn label(&self) -> String {
        session_label(&self.hash())
    }
}

/// What people call the session of an id with that hash: enough of it to tell sessions apart, and of no other use.
pub(crate) fn session_label(hash: &[u8]) -> String {
    let digest = Digest::sha256(hash).hex();
    digest.get(..32).unwrap_or(&digest).to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Accounts {
    /// Logs somebody in on the pages, by name and password. Access tokens and robots are for programs.
    ///
    /// # Errors
    /// As [`Accounts::login`].
    pub async fn log_in(
        &self,
        name: &str,
        password: &str,
        circumstances: &Circumstances,
        request_id: &str,
    ) -> Result<NewSession, LoginError> {
        let attempt = Attempt { circumstances, request_id };
        let outcome = self.log_in_by_password(&attempt, name, password).await;
        let outcome = self.record_refusal(&attempt, name, outcome).await;
        self.hide_who_is_local(name, outcome).await
    }

    async fn log_in_by_password(
        &self,
        attempt: &Attempt<'_>,
        name: &str,
        password: &str,
    ) -> Result<NewSession, LoginError> {
        if self.without_robot_prefix(name).is_some() {
            return Err(refused("robots do not log in on the pages"));
        }
        let admitted = self.admit_by_password(attempt, name, password).await?;
        match admitted.way {
            Way::Password | Way::Source(_) => {}
            Way::CliSecret(_)
            | Way::AccessToken(_)
            | Way::Robot(_)
            | Way::TrustRule(..)
            | Way::Certificate(_) => {
                return Err(refused("a secret for programs opens no session"));
            }
        }
        self.begin_session(&admitted.user, attempt.circumstances, attempt.request_id).await
    }

    /// Begins a session of somebody who proved to be that user: by a password, or to a provider.
    pub async fn begin_session(
        &self,
        user: &UserRecord,
        circumstances: &Circumstances,
        request_id: &str,
    ) -> Result<NewSession, LoginError> {
        self.begin_session_by(user, "session", &Attempt { circumstances, request_id }).await
    }

    /// The same; `by` says for the record what they proved it to.
    pub(crate) async fn begin_session_by(
        &self,
        user: &UserRecord,
        by: &str,
        attempt: &Attempt<'_>,
    ) -> Result<NewSession, LoginError> {
        let id = SessionId::random();
        retry_on_conflict(|| self.write_session(attempt, user, by, &id)).await?;
        let ends_at = attempt.circumstances.now.after(self.inner.settings.session_lifetime);
        Ok(NewSession { id, ends_at, user: user.clone() })
    }

    async fn write_session(
        &self,
        attempt: &Attempt<'_>,
        user: &UserRecord,
        by: &str,
        id: &SessionId,
    ) -> Result<(), LoginError> {
        let now = attempt.circumstances.now;
        let mut tx = self.inner.metadata.write().await?;
        // Who was disabled or got another password at this moment has no session afterwards: those changes lock the row
        // too, and end all sessions.
        tx.lock_user(user.id).await?;
        let current = tx.user_by_id(user.id).await?.filter(|current| !current.disabled);
        if current.is_none_or(|current| current.password_hash != user.password_hash) {
            return Err(refused("the user was changed meanwhile"));
        }
        let address = attempt.circumstances.address.map(|address| address.to_string()).unwrap_or_default();
        let expires_at = self.expiry(now, now);
        let session =
            SessionRecord { user: user.id, address, created_at: now, last_seen_at: now, expires_at };
        tx.trim_sessions_of(user.id, SESSIONS_MAX - 1).await?;
        tx.insert_session(&id.hash(), &session).await?;
        tx.user_seen(user.id, now).await?;
        record_session(&mut tx, attempt, "login_user", &user.name, by).await?;
        Ok(tx.commit().await?)
    }

    /// When a session ends that began then and was last used then.
    fn expiry(&self, began: Timestamp, seen: Timestamp) -> Timestamp {
        let settings = &self.inner.settings;
        began.after(settings.session_lifetime).min(seen.after(self.running().session_idle))
    }

    /// Ends a session. One that is not there has ended already.
    pub async fn log_out(
        &self,
        id: &SessionId,
        circumstances: &Circumstances,
        request_id: &str,
    ) -> Result<(), LoginError> {
        let attempt = Attempt { circumstances, request_id };
        Ok(retry_on_conflict(|| self.end_session(&attempt, id)).await?)
    }

    async fn end_session(
        &self,
        attempt: &Attempt<'_>,
        id: &SessionId,
    ) -> Result<(), longshore_metadata::MetadataError> {
        let mut tx = self.inner.metadata.write().await?;
        let Some(session) = tx.session(&id.hash()).await? else { return Ok(()) };
        tx.delete_session(&id.hash()).await?;
        if session.expires_at > attempt.circumstances.now
            && let Some(user) = tx.user_by_id(session.user).await?
        {
            record_session(&mut tx, attempt, "logout_user", &user.name, "session").await?;
        }
        tx.commit().await
    }

    /// What somebody may do who is logged in on the pages; none if the session has ended.
    pub(super) async fn access_of_session(
        &self,
        attempt: &Attempt<'_>,
        id: &SessionId,
    ) -> Result<Option<Access>, LoginError> {
        let now = attempt.circumstances.now;
        let hash = id.hash();
        let mut tx = self.inner.metadata.read().await?;
        let Some(session) = tx.session(&hash).await?.filter(|session| now < session.expires_at) else {
            return Ok(None);
        };
        let Some(user) = tx.user_by_id(session.user).await?.filter(|user| !user.disabled) else {
            return Ok(None);
        };
        drop(tx);
        let user = match self.confirmed(attempt, user).await {
            Ok(user) => user,
            Err(LoginError::Refused(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let access = self.access_now(&mut self.inner.metadata.read().await?, &user, now).await?;
        if now.unix_millis().saturating_sub(session.last_seen_at.unix_millis()) >= SEEN_EVERY_MILLIS {
            let usage = SessionUse { seen_at: now, expires_at: self.expiry(session.created_at, now) };
            self.inner.logins.lock().usage.session(hash, usage);
        }
        Ok(Some(access))
    }

    /// Ends all sessions of a user but one, as part of a change: a new password.
    pub(crate) async fn end_other_sessions(
        tx: &mut WriteTx,
        user: UserId,
        kept: &SessionId,
    ) -> Result<u64, longshore_metadata::MetadataError> {
        tx.delete_other_sessions_of(user, &kept.hash()).await
    }

    /// Ends all sessions of a user, as part of a change: a new password, being disabled.
    pub(crate) async fn end_sessions(
        tx: &mut WriteTx,
        user: UserId,
    ) -> Result<u64, longshore_metadata::MetadataError> {
        tx.delete_sessions_of(user).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_random_and_say_nothing_in_logs() {
        let (one, two) = (SessionId::random(), SessionId::random());
        assert!(one != two && one.reveal().len() == 64);
        assert!(SessionId::parse(one.reveal()).is_some_and(|parsed| parsed == one));
        assert!(!format!("{one:?}").contains(one.reveal()));
        for bad in ["", "a", &"g".repeat(64), &"A".repeat(64), &"a".repeat(65)] {
            assert!(SessionId::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn csrf_tokens_are_a_sessions_own() {
        let (one, two) = (SessionId::random(), SessionId::random());
        assert!(one.is_csrf_token(&one.csrf_token()));
        assert!(
            !one.is_csrf_token(&two.csrf_token())
                && !one.is_csrf_token("")
                && !one.is_csrf_token(one.reveal())
        );
        assert_ne!(
            one.csrf_token().into_bytes(),
            hex(&one.hash()).into_bytes(),
            "the index does not give it away"
        );
    }
}
