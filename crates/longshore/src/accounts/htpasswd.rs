//! `auth.htpasswd` where there are accounts: who is in the file logs in as a user, with the rights of that user.

use std::sync::Arc;

use longshore_auth::{AuthError, Htpasswd, HtpasswdSettings, SettingsError};
use longshore_identity::{Identity, PasswordSource, SourceError};

use crate::background::now;

/// What its users are marked with.
const NAME: &str = "htpasswd";

/// A file of names and bcrypt hashes as a source of identity.
#[derive(Debug)]
struct HtpasswdSource(Htpasswd);

/// A source over that file, which may come later.
pub(super) fn source(settings: &HtpasswdSettings) -> Result<Arc<dyn PasswordSource>, SettingsError> {
    let htpasswd = Htpasswd::new(settings.clone())?;
    if let Err(error) = htpasswd.check() {
        tracing::warn!("{error}");
    }
    Ok(Arc::new(HtpasswdSource(htpasswd)))
}

#[async_trait::async_trait]
impl PasswordSource for HtpasswdSource {
    fn name(&self) -> &str {
        NAME
    }

    async fn check(&self, name: &str, password: &str) -> Result<Identity, SourceError> {
        if name.is_empty() || password.is_empty() {
            return Err(SourceError::Refused);
        }
        match self.0.verify(name, password, now()).await {
            Ok(()) => Ok(identity(name)),
            Err(error) => Err(problem(error)),
        }
    }

    async fn look_up(&self, name: &str) -> Result<Identity, SourceError> {
        match self.0.knows(name, now()).await {
            Ok(true) => Ok(identity(name)),
            Ok(false) => Err(SourceError::Refused),
            Err(error) => Err(problem(error)),
        }
    }
}

/// A file says no more of somebody than the name.
fn identity(name: &str) -> Identity {
    Identity {
        external_id: name.to_owned(),
        former_id: None,
        name: name.to_owned(),
        email: None,
        real_name: String::new(),
        groups: Vec::new(),
        admin: false,
    }
}

fn problem(error: AuthError) -> SourceError {
    match error {
        AuthError::Missing | AuthError::Invalid(_) => SourceError::Refused,
        AuthError::Busy | AuthError::Unavailable(_) => SourceError::Unavailable(error.into()),
    }
}
