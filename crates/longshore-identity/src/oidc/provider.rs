//! A provider, and the two halves of a login at it.

use std::sync::Arc;

use longshore_types::Timestamp;
use reqwest::Url;

use super::{
    Callback, LoginState, OidcSettings,
    claims::{self, Said},
    flow::{self, Tokens},
    id_token::{self, Expected},
};
use crate::{
    FetchError, Identity, Secret, SettingsError, TokenError,
    issuer::{Issuer, VerifyError},
    jwt::{Claims, SignedToken},
    web::{Allowed, Web, issuer_url},
};

/// Why nobody is logged in.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// What the browser brought does not belong to the login that it began: too late, begun elsewhere, or forged.
    #[error("this is not the answer to a login that was begun here: {0}")]
    Callback(&'static str),
    /// The provider, or the user there, said no.
    #[error("the provider refuses: {error} {description}")]
    Refused {
        /// OAuth's word for it.
        error: String,
        /// What the provider says besides; may be empty.
        description: String,
    },
    /// The provider's ID token is not accepted.
    #[error("the provider's ID token is not accepted")]
    Token(#[source] TokenError),
    /// Userinfo is about somebody else, or a refresh is.
    #[error("the provider speaks of another user than before")]
    Subject,
    /// There is no name to go by.
    #[error("the provider gives no usable user name in the claim {0:?}")]
    Username(String),
    /// The provider cannot be asked, or does not answer as it should.
    #[error("the provider cannot be asked")]
    Unavailable(#[source] FetchError),
    /// The system has no random numbers.
    #[error("no random numbers: {0}")]
    Random(String),
}

impl From<FetchError> for OidcError {
    fn from(error: FetchError) -> Self {
        Self::Unavailable(error)
    }
}

impl From<VerifyError> for OidcError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Token(error) => Self::Token(error),
            VerifyError::Fetch(error) => Self::Unavailable(error),
        }
    }
}

/// Somebody who logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcLogin {
    /// Who it is.
    pub identity: Identity,
    /// By which groups can be asked for again without the user, if the provider gave one (scope `offline_access`).
    pub refresh_token: Option<Secret>,
}

/// A provider.
#[derive(Debug)]
pub struct OidcProvider {
    settings: OidcSettings,
    issuer: Arc<Issuer>,
}

impl OidcProvider {
    /// Checks the settings; asks nobody.
    ///
    /// # Errors
    /// When a setting cannot work.
    pub fn new(settings: OidcSettings) -> Result<Self, SettingsError> {
        settings.check()?;
        let url = issuer_url("issuer", &settings.issuer)?;
        let allowed = Allowed::new(url.clone(), &settings.endpoint_hosts);
        let web = Web::new(allowed, settings.ca_file.as_deref(), settings.timeout)?;
        let issuer = Issuer::new(&settings.issuer, url, web, None, settings.keys_pause);
        Ok(Self { settings, issuer: Arc::new(issuer) })
    }

    /// The settings.
    pub fn settings(&self) -> &OidcSettings {
        &self.settings
    }

    /// Whether the provider answers and is the one that it should be.
    ///
    /// # Errors
    /// When not.
    pub async fn ping(&self) -> Result<(), OidcError> {
        self.issuer.metadata().await?;
        Ok(())
    }

    /// Begins a login: where to send the browser, and what to keep in a cookie of it. `redirect_uri` is where the
    /// provider sends it back to, as it is registered there.
    ///
    /// # Errors
    /// When the provider cannot be asked for its addresses.
    pub async fn begin(&self, redirect_uri: &str, now: Timestamp) -> Result<(Url, LoginState), OidcError> {
        let metadata = self.issuer.metadata().await?;
        let endpoint = flow::endpoint(
            &metadata.issuer,
            metadata.authorization_endpoint.as_ref(),
            "authorization_endpoint",
        )?;
        let state = LoginState::new(&self.settings.name, redirect_uri, now.after(self.settings.login_time))?;
        Ok((flow::authorization_url(&self.settings, endpoint, &state)?, state))
    }

    /// Ends a login: who came back. Each `LoginState` is good for one answer; delete its cookie, whatever comes out.
    ///
    /// # Errors
    /// See [`OidcError`].
    pub async fn finish(
        &self,
        callback: &Callback,
        state: &LoginState,
        now: Timestamp,
    ) -> Result<OidcLogin, OidcError> {
        let metadata = self.issuer.metadata().await?;
        let code = flow::code(&self.settings, &metadata, callback, state, now)?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.reveal()),
            ("redirect_uri", state.redirect_uri.as_str()),
            ("code_verifier", state.verifier.reveal()),
        ];
        let tokens = flow::exchange(&self.settings, self.issuer.web(), &metadata, &form).await?;
        let id_token = tokens
            .id_token
            .as_deref()
            .ok_or(OidcError::Token(TokenError::Malformed("there is none".to_owned())))?;
        let (subject, claims) = self.verify(id_token, Some(state.nonce.reveal()), &tokens, now).await?;
        self.login(&subject, &claims, tokens).await
    }

    /// Asks again about somebody who logged in before: their groups now. The former refresh token is of no use
    /// afterwards if a new one came.
    ///
    /// # Errors
    /// [`OidcError::Refused`] when the provider does not know them any more; see [`OidcError`].
    pub async fn refresh(
        &self,
        refresh_token: &Secret,
        external_id: &str,
        now: Timestamp,
    ) -> Result<OidcLogin, OidcError> {
        let metadata = self.issuer.metadata().await?;
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.reveal())];
        let tokens = flow::exchange(&self.settings, self.issuer.web(), &metadata, &form).await?;
        let known = external_id.strip_prefix(&self.settings.issuer).and_then(|rest| rest.strip_prefix(' '));
        let known = known.ok_or(OidcError::Subject)?;
        // Section 12.2: it may come without an ID token; then userinfo alone says who it is.
        let claims = match &tokens.id_token {
            Some(id_token) => {
                let (subject, claims) = self.verify(id_token, None, &tokens, now).await?;
                if subject != known {
                    return Err(OidcError::Subject);
                }
                claims
            }
            None => Claims::default(),
        };
        let mut login = self.login(known, &claims, tokens).await?;
        login.refresh_token = login.refresh_token.or_else(|| Some(refresh_token.clone()));
        Ok(login)
    }

    /// The subject and claims of an ID token of this provider for us.
    async fn verify(
        &self,
        id_token: &str,
        nonce: Option<&str>,
        tokens: &Tokens,
        now: Timestamp,
    ) -> Result<(String, Claims), OidcError> {
        let token = SignedToken::parse(id_token).map_err(OidcError::Token)?;
        let claims = self.issuer.verify(&token).await?;
        let expected = Expected {
            issuer: &self.settings.issuer,
            client_id: &self.settings.client_id,
            nonce,
            access_token: tokens.access_token.as_ref().map(Secret::reveal),
            algorithm: token.algorithm(),
        };
        let subject = id_token::check(&claims, expected, now).map_err(OidcError::Token)?.to_owned();
        Ok((subject, claims))
    }

    async fn login(&self, subject: &str, claims: &Claims, tokens: Tokens) -> Result<OidcLogin, OidcError> {
        let userinfo = self.userinfo(subject, claims, &tokens).await?;
        let said = Said { subject, id_token: claims, userinfo: userinfo.as_ref() };
        let identity = claims::identity(&self.settings, &said)?;
        Ok(OidcLogin { identity, refresh_token: tokens.refresh_token })
    }

    /// Userinfo, if the ID token leaves something out and there is userinfo.
    async fn userinfo(
        &self,
        subject: &str,
        claims: &Claims,
        tokens: &Tokens,
    ) -> Result<Option<Claims>, OidcError> {
        let metadata = self.issuer.metadata().await?;
        let (Some(endpoint), Some(token)) = (&metadata.userinfo_endpoint, &tokens.access_token) else {
            // Without a word about the subject nobody vouches for a refresh.
            return if claims.text("sub").is_some() { Ok(None) } else { Err(OidcError::Subject) };
        };
        if !claims::needs_userinfo(&self.settings, claims) {
            return Ok(None);
        }
        let userinfo = flow::userinfo(self.issuer.web(), endpoint, token).await?;
        // Section 5.3.2: the same user, or nothing of it counts.
        if userinfo.text("sub") != Some(subject) {
            return Err(OidcError::Subject);
        }
        Ok(Some(userinfo))
    }
}
