//! Whether a source still vouches for a user who came with something that the source did not check: an access token, a CLI
//! secret, a session.
//!
//! A directory's word counts for a few minutes; then the directory is asked again, by whoever comes next. What it says
//! counts at once: who is not there any more comes in with nothing, and groups are those of now. While it does not answer
//! its last word goes on counting, but not for ever. Providers cannot be asked about somebody: their word counts from one
//! login to the next, if that is not too far away. The word of a source that is not configured does not count.

use std::time::Duration;

use longshore_auth::Circumstances;
use longshore_identity::{Identity, PasswordSource, SourceError};
use longshore_metadata::{GroupKind, MetadataError, NewAuditEvent, UserRecord};
use longshore_types::Timestamp;
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::{Attempt, Vouched, record::refused};
use crate::{Accounts, LoginError, retry::retry_on_conflict};

/// How long somebody waits for a directory whose last word still counts.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long it is remembered that a source does not know somebody.
const GONE_FOR: Duration = Duration::from_secs(60);
/// Administrators looked at in one go.
const ADMINS_MAX: usize = 100;
/// How old the word about an administrator may be who does nothing.
const ADMINS_EVERY: Duration = Duration::from_secs(3600);
/// How far two clocks may be apart.
const APART_MAX: Duration = Duration::from_secs(3600);

/// How long the word of a source counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfirmationSettings {
    /// How old a directory's word may be before it is asked again. From `accounts.confirmation.every`.
    pub every: Duration,
    /// How long its last word counts while it does not answer. From `accounts.confirmation.grace`.
    pub grace: Duration,
    /// How long the word of a provider counts after a login there. From `accounts.confirmation.provider`.
    pub provider: Duration,
}

impl Default for ConfirmationSettings {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(15 * 60),
            grace: Duration::from_secs(24 * 3600),
            provider: Duration::from_secs(30 * 24 * 3600),
        }
    }
}

/// What a source's last word about a user is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// It counts.
    Counts,
    /// It counts where no newer one can be had.
    Old,
    /// It does not count.
    Over,
}

impl Accounts {
    fn word_about(&self, user: &UserRecord, now: Timestamp) -> Word {
        if user.is_local() {
            return Word::Counts;
        }
        let ConfirmationSettings { every, grace, provider } = self.inner.settings.confirmation;
        let Some(at) = user.confirmed_at else { return Word::Over };
        let within = |age: Duration| now < at.after(age);
        if self.inner.settings.providers.contains(&user.source) {
            return if within(provider) { Word::Counts } else { Word::Over };
        }
        // A moment far in the future is a clock that was set back.
        let of_our_time = at <= now.after(APART_MAX);
        match self.source_of(user) {
            Some(_) if within(every) && of_our_time => Word::Counts,
            Some(_) if within(grace) => Word::Old,
            Some(_) | None => Word::Over,
        }
    }

    fn source_of(&self, user: &UserRecord) -> Option<&dyn PasswordSource> {
        self.inner.sources.iter().map(|source| &**source).find(|source| source.name() == user.source)
    }

    /// Whether what a source said of a user still counts: that they are an administrator, in which groups they are.
    pub(crate) fn is_vouched_for(&self, user: &UserRecord, now: Timestamp) -> bool {
        self.word_about(user, now) != Word::Over
    }

    /// The user, as the source has them now, if it still vouches for them.
    pub(super) async fn confirmed(
        &self,
        attempt: &Attempt<'_>,
        user: UserRecord,
    ) -> Result<UserRecord, LoginError> {
        let began = Instant::now();
        let word = self.word_about(&user, attempt.circumstances.now);
        if word == Word::Counts {
            return Ok(user);
        }
        let Some(source) = self.source_of(&user) else {
            return Err(refused(format!("{} has not vouched for the user for too long", user.source)));
        };
        if word == Word::Old {
            // One asks for all who come meanwhile, and not while it is known that nobody answers.
            let Some(_first) = self.inner.logins.confirming.join_if_empty(user.id) else { return Ok(user) };
            if self.is_silent(source.name()) {
                return Ok(user);
            }
            let asked = timeout(PATIENCE, self.ask_about(attempt, source, &user, began)).await;
            return match asked {
                Ok(Err(LoginError::Unavailable(error))) => {
                    tracing::warn!(%error, user = user.name, "what {} said last counts", source.name());
                    Ok(user)
                }
                Ok(answered) => answered,
                Err(_) => Ok(user),
            };
        }
        let _first = self.inner.logins.confirming.join(user.id).await?;
        // Somebody else may have asked meanwhile.
        let user = self.inner.metadata.read().await?.user_by_id(user.id).await?;
        let user = user.ok_or_else(|| refused("the user is gone"))?;
        match self.word_about(&user, attempt.circumstances.now) {
            Word::Over => self.ask_about(attempt, source, &user, began).await,
            Word::Counts | Word::Old => Ok(user),
        }
    }

    async fn ask_about(
        &self,
        attempt: &Attempt<'_>,
        source: &dyn PasswordSource,
        user: &UserRecord,
        since: Instant,
    ) -> Result<UserRecord, LoginError> {
        let now = attempt.circumstances.now;
        let unknown = || refused(format!("{} does not know the user any more", source.name()));
        if self.inner.logins.lock().gone.get(&user.id, now).is_some() {
            return Err(unknown());
        }
        match self.ask(source, since, source.look_up(&user.name)).await {
            Ok(identity) if is_same(user, &identity) => {
                let vouched = Vouched { source: source.name(), groups: GroupKind::Ldap, identity: &identity };
                self.onboard(&vouched, attempt.circumstances, attempt.request_id).await
            }
            // Nobody, or somebody else by now.
            Ok(_) | Err(SourceError::Refused) => {
                retry_on_conflict(|| self.write_gone(attempt, user)).await?;
                self.inner.logins.lock().gone.insert(user.id, (), now, now.after(GONE_FOR));
                Err(unknown())
            }
            Err(error @ SourceError::Unavailable(_)) => Err(LoginError::Unavailable(error.into())),
        }
    }

    /// Ends what a user has by the word of the source, and the sessions. The user stays, and so do access tokens: they are
    /// good again once the source knows the user again.
    async fn write_gone(&self, attempt: &Attempt<'_>, user: &UserRecord) -> Result<(), MetadataError> {
        let now = attempt.circumstances.now;
        let mut tx = self.inner.metadata.write().await?;
        tx.lock_user(user.id).await?;
        if !tx.unconfirm_user(user.id, &user.source, now).await? {
            return Ok(());
        }
        tx.set_groups_of_user(user.id, &[]).await?;
        Self::end_sessions(&mut tx, user.id).await?;
        tx.record_audit(&NewAuditEvent {
            at: now,
            operation: "update_user",
            resource_type: "user",
            resource: &user.name,
            project: None,
            actor: "system",
            address: "",
            request_id: attempt.request_id,
            succeeded: true,
            detail: &json!({ "source": user.source, "vouched_for": false }).to_string(),
        })
        .await?;
        tx.commit().await
    }

    /// Asks about those who administer by the word of a source and were not seen for an hour, so that everybody who lists
    /// administrators sees who is one. To be called every few minutes.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub async fn confirm_administrators(&self, now: Timestamp) -> Result<(), MetadataError> {
        let before = Timestamp::from_unix_millis(now.unix_millis() - millis(ADMINS_EVERY));
        let admins =
            self.inner.metadata.read().await?.source_admins_confirmed_before(before, ADMINS_MAX).await?;
        let circumstances = Circumstances::at(now);
        let attempt = Attempt { circumstances: &circumstances, request_id: "" };
        for user in admins {
            let Some(source) = self.source_of(&user) else { continue };
            if self.is_silent(source.name()) {
                continue;
            }
            match self.ask_about(&attempt, source, &user, Instant::now()).await {
                Ok(_) => {}
                Err(error) => tracing::info!(%error, user = user.name, "asked about an administrator"),
            }
        }
        Ok(())
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Whether the source means the person whom the user stands for.
fn is_same(user: &UserRecord, identity: &Identity) -> bool {
    let Some(known) = &user.external_id else { return true };
    *known == identity.external_id || identity.former_id.as_ref() == Some(known)
}
