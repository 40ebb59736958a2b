//! What is written of logins: the record, how often a wrong password came, when somebody was last there.
//!
//! A login with a name and a secret is recorded once in ten minutes for each caller and address: clients log in with each
//! request. Logins on the pages are all recorded. Of refusals see [`super::failures`].

use std::{net::IpAddr, time::Duration};

use longshore_metadata::{AccessTokenId, MetadataError, NewAuditEvent, RobotId, UserId, UserRecord, WriteTx};
use longshore_types::{Timestamp, error_chain};
use serde_json::json;

use super::{
    Attempt,
    failures::{Uncounted, short},
};
use crate::{Accounts, LoginError, retry::retry_on_conflict};

/// How long a login like the one before has no row of its own.
const RECORD_EVERY: Duration = Duration::from_secs(10 * 60);
/// Most sessions forgotten at a time.
const SESSIONS_MAX: usize = 500;

/// By what somebody logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// A local user's password.
    Password,
    /// A source of that name.
    Source(String),
    /// A user's CLI secret.
    CliSecret(AccessTokenId),
    /// A user's access token.
    AccessToken(AccessTokenId),
    /// A robot's secret.
    Robot(RobotId),
    /// A trust rule of that name, which stands for a robot.
    TrustRule(RobotId, String),
    /// The certificate of a connection, of a user or a robot.
    Certificate(Option<RobotId>),
}

impl Way {
    /// For the record.
    fn word(&self) -> &str {
        match self {
            Self::Password => "password",
            Self::Source(name) => name,
            Self::CliSecret(_) => "cli-secret",
            Self::AccessToken(_) => "access-token",
            Self::Robot(_) => "robot",
            Self::TrustRule(_, name) => name,
            Self::Certificate(_) => "certificate",
        }
    }
}

/// Why credentials are not good, for the log and the record.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
struct Refusal {
    reason: String,
    /// Whether it was a guess at something that can be guessed, and is not counted yet.
    guess: bool,
}

/// Credentials are not good: such that nobody could have guessed, or that were counted already.
pub(super) fn refused(reason: impl Into<String>) -> LoginError {
    LoginError::Refused(Box::new(Refusal { reason: reason.into(), guess: false }))
}

/// A wrong secret of a robot: it counts against the network that it came from.
pub(super) fn wrong_secret(reason: impl Into<String>) -> LoginError {
    LoginError::Refused(Box::new(Refusal { reason: reason.into(), guess: true }))
}

/// What a row of the record says of a login.
struct LoginRow<'a> {
    at: Timestamp,
    operation: &'static str,
    kind: &'static str,
    name: &'a str,
    address: Option<IpAddr>,
    request_id: &'a str,
    succeeded: bool,
    detail: String,
}

impl LoginRow<'_> {
    async fn write(&self, tx: &mut WriteTx) -> Result<(), MetadataError> {
        let address = self.address.map(|address| address.to_string()).unwrap_or_default();
        tx.record_audit(&NewAuditEvent {
            at: self.at,
            operation: self.operation,
            resource_type: self.kind,
            resource: self.name,
            project: None,
            actor: if self.name.is_empty() { "anonymous" } else { self.name },
            address: &address,
            request_id: self.request_id,
            succeeded: self.succeeded,
            detail: &self.detail,
        })
        .await
    }
}

/// Writes the row of somebody who logged in on the pages, or out there.
pub(super) async fn record_session(
    tx: &mut WriteTx,
    attempt: &Attempt<'_>,
    operation: &'static str,
    name: &str,
    by: &str,
) -> Result<(), MetadataError> {
    let row = LoginRow {
        at: attempt.circumstances.now,
        operation,
        kind: "user",
        name,
        address: attempt.circumstances.address,
        request_id: attempt.request_id,
        succeeded: true,
        detail: json!({ "by": by }).to_string(),
    };
    row.write(tx).await
}

impl Accounts {
    /// Notes a login that was good, of a user or, without one, of a robot. It is good also where the index cannot be
    /// written: then it is in the log, and recorded the next time.
    pub(super) async fn record_login(
        &self,
        attempt: &Attempt<'_>,
        name: &str,
        user: Option<&UserRecord>,
        way: &Way,
    ) {
        let (now, address) = (attempt.circumstances.now, attempt.circumstances.address);
        let key = (format!("{} {name}", way.word()), address);
        let due = {
            let mut memory = self.inner.logins.lock();
            if let Some(user) = user {
                memory.usage.user(user.id, now);
            }
            match way {
                Way::AccessToken(id) | Way::CliSecret(id) => memory.usage.token(*id, now),
                Way::Robot(id) | Way::TrustRule(id, _) | Way::Certificate(Some(id)) => {
                    memory.usage.robot(*id, now)
                }
                Way::Password | Way::Source(_) | Way::Certificate(None) => {}
            }
            memory.recorded.get(&key, now).is_none()
        };
        if !due {
            return;
        }
        let row = LoginRow {
            at: now,
            operation: "login_user",
            kind: if user.is_some() { "user" } else { "robot" },
            name,
            address,
            request_id: attempt.request_id,
            succeeded: true,
            detail: json!({ "by": way.word() }).to_string(),
        };
        let written = retry_on_conflict(async || {
            let mut tx = self.inner.metadata.write().await?;
            row.write(&mut tx).await?;
            tx.commit().await
        });
        match written.await {
            Ok(()) => {
                self.inner.logins.lock().recorded.insert(key, (), now, now.after(RECORD_EVERY));
            }
            Err(error) => {
                let (error, by) = (error_chain(&error), way.word());
                tracing::error!(name, by, ?address, error, "{name} logged in, and it cannot be recorded");
            }
        }
    }

    /// Counts a refusal, unless it was, and records it, whatever else came out.
    pub(super) async fn record_refusal<T>(
        &self,
        attempt: &Attempt<'_>,
        name: &str,
        outcome: Result<T, LoginError>,
    ) -> Result<T, LoginError> {
        let Err(LoginError::Refused(reason)) = &outcome else { return outcome };
        let refusal = reason.downcast_ref::<Refusal>();
        let guess = refusal.is_some_and(|refusal| refusal.guess);
        let (now, address) = (attempt.circumstances.now, attempt.circumstances.address);
        let due = {
            let mut memory = self.inner.logins.lock();
            if guess {
                memory.slowdown.failed(address, name, now);
            }
            memory.failures.note(address, name, now)
        };
        if !due && !guess {
            return outcome;
        }
        let row = LoginRow {
            at: now,
            operation: "login_user",
            kind: if self.without_robot_prefix(name).is_some() { "robot" } else { "user" },
            name: &short(name),
            address,
            request_id: attempt.request_id,
            succeeded: false,
            detail: json!({ "reason": reason.to_string() }).to_string(),
        };
        retry_on_conflict(|| self.write_refusal(due.then_some(&row), guess, now)).await?;
        outcome
    }

    async fn write_refusal(
        &self,
        row: Option<&LoginRow<'_>>,
        guess: bool,
        now: Timestamp,
    ) -> Result<(), MetadataError> {
        // Nobody was promised anything: the row may be lost with the power.
        let mut tx = self.inner.metadata.write_relaxed().await?;
        if guess {
            // As much work as for a user.
            tx.login_failed(UserId::NOBODY, now).await?;
        }
        if let Some(row) = row {
            row.write(&mut tx).await?;
        }
        tx.commit().await
    }

    /// What is to be done every few seconds beside the requests: writes when users, robots, access tokens and sessions were
    /// last used and what was refused, and forgets sessions that have ended.
    pub async fn tend_logins(&self, now: Timestamp) -> Result<(), MetadataError> {
        self.write_down(now, Some(now)).await?;
        let mut tx = self.inner.metadata.write_relaxed().await?;
        tx.delete_expired_sessions(now, SESSIONS_MAX).await?;
        tx.commit().await
    }

    /// The same at the end: counts of refusals are written whose minute is not over.
    pub async fn wind_up(&self, now: Timestamp) -> Result<(), MetadataError> {
        self.write_down(now, None).await
    }

    async fn write_down(&self, now: Timestamp, until: Option<Timestamp>) -> Result<(), MetadataError> {
        let (usage, due) = {
            let mut memory = self.inner.logins.lock();
            (std::mem::take(&mut memory.usage), memory.failures.due(until))
        };
        if !due.is_empty()
            && let Err(error) = self.write_uncounted(&due, now).await
        {
            self.inner.logins.lock().failures.put_back(due);
            return Err(error);
        }
        self.write_refusals(now, until).await?;
        if !usage.is_empty() {
            let mut tx = self.inner.metadata.write_relaxed().await?;
            usage.write(&mut tx).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    async fn write_uncounted(&self, due: &[Uncounted], now: Timestamp) -> Result<(), MetadataError> {
        let mut tx = self.inner.metadata.write_relaxed().await?;
        for uncounted in due {
            let name = uncounted.name();
            let row = LoginRow {
                at: now,
                operation: "login_user",
                kind: if self.without_robot_prefix(name).is_some() { "robot" } else { "user" },
                name,
                address: uncounted.address(),
                request_id: "",
                succeeded: false,
                detail: json!({ "reason": uncounted.reason(), "count": uncounted.count() }).to_string(),
            };
            row.write(&mut tx).await?;
        }
        tx.commit().await
    }
}
