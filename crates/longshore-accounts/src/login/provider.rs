//! Somebody for whom an OpenID provider vouches.

use longshore_identity::Identity;
use longshore_metadata::GroupKind;

use super::{Attempt, Vouched, record::refused};
use crate::{Accounts, LoginError, NewSession};

impl<'a> Vouched<'a> {
    /// What an OpenID provider says.
    pub(crate) fn by_provider(source: &'a str, identity: &'a Identity) -> Self {
        Self { source, groups: GroupKind::Oidc, identity }
    }
}

impl Accounts {
    /// Whether the person is a user here, or one of that name waits for them.
    pub(crate) async fn is_known(&self, vouched: &Vouched<'_>) -> Result<bool, LoginError> {
        let Vouched { source, identity, .. } = *vouched;
        let mut tx = self.inner.metadata.read().await?;
        if tx.user_of_source(source, &identity.external_id).await?.is_some() {
            return Ok(true);
        }
        let named = tx.user(&identity.name).await?;
        Ok(named.is_some_and(|user| user.source == source && user.external_id.is_none()))
    }

    /// Begins a session of the person, who becomes a user by that if they are none. `renames`: whether a user is called what
    /// the provider calls them; else they keep the name that they chose. A refusal is recorded.
    pub(crate) async fn enter(
        &self,
        vouched: &Vouched<'_>,
        renames: bool,
        attempt: &Attempt<'_>,
    ) -> Result<NewSession, LoginError> {
        let outcome = self.enter_unrecorded(vouched, renames, attempt).await;
        self.record_refusal(attempt, &vouched.identity.name, outcome).await
    }

    async fn enter_unrecorded(
        &self,
        vouched: &Vouched<'_>,
        renames: bool,
        attempt: &Attempt<'_>,
    ) -> Result<NewSession, LoginError> {
        let mut identity = vouched.identity.clone();
        if !renames {
            let mut tx = self.inner.metadata.read().await?;
            if let Some(user) = tx.user_of_source(vouched.source, &identity.external_id).await? {
                identity.name = user.name;
            }
        }
        let vouched = Vouched { identity: &identity, ..*vouched };
        let user = self.onboard(&vouched, attempt.circumstances, attempt.request_id).await?;
        self.begin_session_by(&user, vouched.source, attempt).await
    }

    /// Makes a user with the name that the person chose; `false` if somebody has it. Whoever it is: also a user that this
    /// source vouches for is another person, or would be known.
    pub(crate) async fn make_named(
        &self,
        vouched: &Vouched<'_>,
        attempt: &Attempt<'_>,
    ) -> Result<bool, LoginError> {
        if self.inner.metadata.read().await?.user(&vouched.identity.name).await?.is_some() {
            return Ok(false);
        }
        let outcome = self.onboard(vouched, attempt.circumstances, attempt.request_id).await;
        self.record_refusal(attempt, &vouched.identity.name, outcome).await?;
        Ok(true)
    }

    /// Records that somebody came from a provider and was not believed.
    pub(crate) async fn refuse_provided(
        &self,
        attempt: &Attempt<'_>,
        name: &str,
        reason: &str,
    ) -> Result<(), LoginError> {
        match self.record_refusal::<()>(attempt, name, Err(refused(reason))).await {
            Err(error @ LoginError::Unavailable(_)) => Err(error),
            _ => Ok(()),
        }
    }
}
