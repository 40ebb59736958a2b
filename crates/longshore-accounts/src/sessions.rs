//! Looking at sessions, and ending them.

use longshore_metadata::{SessionRecord, UserId, UserRecord};
use longshore_types::Timestamp;
use serde_json::json;

use crate::{Accounts, Act, ManageError, SessionId, login::session_label, retry::retry_on_conflict};

/// Most sessions shown; a user has no more.
const SHOWN_MAX: usize = 100;

/// A session, as its user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionDetails {
    /// What it is called. Nobody can use it to be logged in.
    pub label: String,
    /// From where the login came; empty if that is not known.
    pub address: String,
    /// When the login was.
    pub created_at: Timestamp,
    /// When a request last came, give or take a minute.
    pub last_seen_at: Timestamp,
    /// When it ends if nothing more comes.
    pub expires_at: Timestamp,
    /// Whether it is the one that asks.
    pub is_current: bool,
}

impl Accounts {
    /// The sessions of a user that have not ended, those used last first.
    ///
    /// # Errors
    /// [`ManageError::Unknown`] for no such user.
    pub async fn sessions_of(
        &self,
        user: i64,
        current: Option<&SessionId>,
        now: Timestamp,
    ) -> Result<Vec<SessionDetails>, ManageError> {
        let mut tx = self.inner.metadata.read().await?;
        let user = tx.user_by_id(UserId::of_number(user)).await?;
        let user = user.map(|user| user.id).ok_or_else(|| ManageError::unknown("user", "of this number"))?;
        let current = current.map(SessionId::label);
        let details = |(hash, session): (Vec<u8>, SessionRecord)| {
            let label = session_label(&hash);
            SessionDetails {
                is_current: current.as_ref() == Some(&label),
                label,
                address: session.address,
                created_at: session.created_at,
                last_seen_at: session.last_seen_at,
                expires_at: session.expires_at,
            }
        };
        let mut sessions: Vec<_> =
            tx.sessions_of(user, now, SHOWN_MAX).await?.into_iter().map(details).collect();
        sessions.sort_by_key(|session| std::cmp::Reverse(session.last_seen_at));
        Ok(sessions)
    }

    /// Ends a session of a user.
    ///
    /// # Errors
    /// [`ManageError::Unknown`] for none of that label.
    pub async fn end_session_of(&self, act: &Act, user: i64, label: &str) -> Result<(), ManageError> {
        retry_on_conflict(|| self.end_labelled(act, user, label)).await
    }

    async fn end_labelled(&self, act: &Act, user: i64, label: &str) -> Result<(), ManageError> {
        let unknown = || ManageError::unknown("session", label);
        let mut tx = self.inner.metadata.write().await?;
        let user: UserRecord = tx.user_by_id(UserId::of_number(user)).await?.ok_or_else(unknown)?;
        let sessions = tx.sessions_of(user.id, act.circumstances.now, SHOWN_MAX).await?;
        let found = sessions.into_iter().find(|(hash, _)| session_label(hash) == label);
        let (hash, session) = found.ok_or_else(unknown)?;
        tx.delete_session(&hash).await?;
        let detail = json!({ "session": label, "address": session.address }).to_string();
        act.record(&mut tx, "logout_user", ("user", &user.name), None, &detail).await?;
        Ok(tx.commit().await?)
    }
}
