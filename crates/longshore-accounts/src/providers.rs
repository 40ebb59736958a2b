//! Logins at OpenID providers: the two halves, and what the browser keeps between them.
//!
//! What must be remembered of a login that was begun is sealed in a cookie of the browser that began it: any replica can go
//! on, nothing is kept for logins that come to no end, and what another browser brings is of no use.

mod cookie;
mod return_path;

use std::time::Duration;

use longshore_auth::{Circumstances, SecretKey};
use longshore_identity::{
    Identity,
    oidc::{Callback, OidcError, OidcProvider},
};
use longshore_types::{Timestamp, error_chain};

use self::cookie::{BegunLogin, UnnamedUser};
pub use self::return_path::ReturnPath;
use crate::{Accounts, LoginError, NewSession, Vouched, login::Attempt};

/// How long somebody may take to choose a name.
const NAMING_TIME: Duration = Duration::from_secs(600);
/// Longest sealed text: browsers keep cookies of 4,096 bytes, name and attributes included.
const COOKIE_BYTES_MAX: usize = 3800;

/// The providers at which people log in, in the order of the configuration.
pub struct Providers {
    accounts: Accounts,
    providers: Vec<OidcProvider>,
    secret: SecretKey,
}

/// Where to send a browser, and what it keeps.
#[derive(Clone, Debug)]
pub struct SentAway {
    /// The address at the provider.
    pub address: String,
    /// For a cookie.
    pub cookie: String,
    /// How long that is of use.
    pub lifetime: Duration,
}

/// Somebody came back from a provider.
#[derive(Debug)]
pub enum CameBack {
    /// And is logged in.
    LoggedIn {
        /// The session that began.
        session: Box<NewSession>,
        /// Where they wanted to go.
        return_to: ReturnPath,
    },
    /// For the first time, and chooses a name now.
    Unnamed {
        /// For a cookie.
        cookie: String,
        /// How long that is of use.
        lifetime: Duration,
    },
}

/// Somebody who chose a name, and is a user now. Logging in once more takes no effort: the provider knows them.
#[derive(Clone, Debug)]
pub struct Named {
    /// At which provider.
    pub source: String,
    /// Where they wanted to go.
    pub return_to: ReturnPath,
}

/// Why somebody is not logged in.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// No provider is configured, or none of that name.
    #[error("there is no such provider")]
    Unknown,
    /// Too long to be remembered.
    #[error("the addresses are too long")]
    TooLong,
    /// The browser did not begin this login, or long ago.
    #[error("this is not the answer to a login that this browser began")]
    NotBegun(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The provider said no, or something that is not believed. What it said is for the log.
    #[error("the provider vouches for nobody")]
    Refused(#[source] OidcError),
    /// The name cannot be a user's; a sentence that goes on after "the name".
    #[error("the name {0}")]
    Name(&'static str),
    /// The provider does not answer as it should.
    #[error("the provider cannot be asked")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The provider vouches for somebody who may not come in.
    #[error(transparent)]
    Login(#[from] LoginError),
}

impl Providers {
    /// Puts the parts together. `secret` seals what browsers keep.
    pub fn new(accounts: Accounts, providers: Vec<OidcProvider>, secret: SecretKey) -> Self {
        Self { accounts, providers, secret }
    }

    /// The first one, or the one of that name.
    fn find(&self, source: Option<&str>) -> Result<&OidcProvider, ProviderError> {
        let meant = |provider: &&OidcProvider| source.is_none_or(|name| provider.settings().name == name);
        self.providers.iter().find(meant).ok_or(ProviderError::Unknown)
    }

    /// Begins a login at the first provider, or at the one of that name. `callback` is the address that it sends the browser
    /// back to.
    ///
    /// # Errors
    /// See [`ProviderError`].
    pub async fn begin(
        &self,
        source: Option<&str>,
        callback: &str,
        return_to: ReturnPath,
        now: Timestamp,
    ) -> Result<SentAway, ProviderError> {
        let provider = self.find(source)?;
        let begun = provider.begin(callback, now).await;
        let (address, login) = begun.map_err(|error| ProviderError::Unavailable(error.into()))?;
        let cookie = cookie::seal(&self.secret, &BegunLogin { login, return_to })?;
        Ok(SentAway { address: address.into(), cookie, lifetime: provider.settings().login_time })
    }

    /// Ends a login. `cookie` is what [`Self::begin`] gave, `query` what the provider added to the callback's address. A
    /// refusal is recorded. The browser shall forget the cookie, whatever comes out.
    ///
    /// # Errors
    /// See [`ProviderError`].
    pub async fn finish(
        &self,
        cookie: Option<&str>,
        query: &str,
        circumstances: &Circumstances,
        request_id: &str,
    ) -> Result<CameBack, ProviderError> {
        let attempt = Attempt { circumstances, request_id };
        let (provider, identity, return_to) = match self.who(cookie, query, circumstances.now).await {
            Ok(found) => found,
            Err(error @ (ProviderError::NotBegun(_) | ProviderError::Refused(_))) => {
                self.accounts.refuse_provided(&attempt, "", &error_chain(&error)).await?;
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        let settings = provider.settings();
        let vouched = Vouched::by_provider(&settings.name, &identity);
        let chooses = !settings.auto_onboard && self.accounts.settings().onboarding;
        if chooses && !self.accounts.is_known(&vouched).await? {
            let until = circumstances.now.after(NAMING_TIME);
            let unnamed = UnnamedUser::new(&settings.name, &identity, return_to, until);
            let cookie = cookie::seal(&self.secret, &unnamed)?;
            return Ok(CameBack::Unnamed { cookie, lifetime: NAMING_TIME });
        }
        let session = self.accounts.enter(&vouched, settings.auto_onboard, &attempt).await?;
        Ok(CameBack::LoggedIn { session: session.into(), return_to })
    }

    async fn who(
        &self,
        cookie: Option<&str>,
        query: &str,
        now: Timestamp,
    ) -> Result<(&OidcProvider, Identity, ReturnPath), ProviderError> {
        let BegunLogin { login, return_to } = cookie::open(&self.secret, cookie)?;
        let provider = self.find(Some(login.source()))?;
        let callback = Callback::from_query(query).map_err(refused)?;
        let identity = provider.finish(&callback, &login, now).await.map_err(refused)?.identity;
        Ok((provider, identity, return_to))
    }

    /// The name that somebody without one is called by at the provider. `cookie` is that of [`CameBack::Unnamed`].
    ///
    /// # Errors
    /// [`ProviderError::NotBegun`].
    pub fn suggested_name(&self, cookie: Option<&str>, now: Timestamp) -> Result<String, ProviderError> {
        Ok(self.unnamed(cookie, now)?.suggested_name)
    }

    fn unnamed(&self, cookie: Option<&str>, now: Timestamp) -> Result<UnnamedUser, ProviderError> {
        let unnamed: UnnamedUser = cookie::open(&self.secret, cookie)?;
        match unnamed.is_over(now) {
            true => Err(ProviderError::NotBegun("it took too long".into())),
            false => Ok(unnamed),
        }
    }

    /// Makes a user of somebody who chose a name.
    ///
    /// # Errors
    /// See [`ProviderError`]; with [`ProviderError::Name`] they may choose another one.
    pub async fn name(
        &self,
        cookie: Option<&str>,
        name: &str,
        circumstances: &Circumstances,
        request_id: &str,
    ) -> Result<Named, ProviderError> {
        let unnamed = self.unnamed(cookie, circumstances.now)?;
        if let Some(problem) = self.accounts.name_problem(name) {
            return Err(ProviderError::Name(problem));
        }
        let identity = unnamed.named(name);
        let attempt = Attempt { circumstances, request_id };
        match self.accounts.make_named(&Vouched::by_provider(&unnamed.source, &identity), &attempt).await? {
            true => Ok(Named { source: unnamed.source, return_to: unnamed.return_to }),
            false => Err(ProviderError::Name("is somebody else's")),
        }
    }
}

/// Whose fault it is.
fn refused(error: OidcError) -> ProviderError {
    match error {
        OidcError::Callback(_) => ProviderError::NotBegun(error.into()),
        OidcError::Refused { .. } | OidcError::Token(_) | OidcError::Subject | OidcError::Username(_) => {
            ProviderError::Refused(error)
        }
        OidcError::Unavailable(_) | OidcError::Random(_) => ProviderError::Unavailable(error.into()),
    }
}
