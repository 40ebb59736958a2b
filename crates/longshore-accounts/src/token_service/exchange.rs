//! Who asks for a token: by credentials of ours, or, for programs, by somebody else's token. What that is worth, trust
//! rules say, and no secret is kept for it.

use longshore_auth::{Access, Circumstances};
use longshore_identity::workload::WorkloadError;
use longshore_types::Timestamp;

use super::TokenService;
use crate::{Credentials, LoginError};

/// The name under which somebody else's token is sent as a password.
pub const TOKEN_USER: &str = "<token>";

/// Somebody who logged in.
#[derive(Clone, Debug)]
pub struct Login {
    /// What they may do.
    pub access: Access,
    /// When that ends with which they did; what is made from it should not hold longer.
    pub until: Option<Timestamp>,
}

impl TokenService {
    /// Who sends these credentials: as [`Accounts::login`](crate::Accounts::login), and somebody else's token as the
    /// password of [`TOKEN_USER`].
    ///
    /// # Errors
    /// See [`LoginError`].
    pub async fn login(
        &self,
        credentials: &Credentials,
        circumstances: &Circumstances,
        request_id: &str,
    ) -> Result<Login, LoginError> {
        match credentials {
            Credentials::Basic { name, secret } if name == TOKEN_USER => {
                self.exchange(secret, circumstances, request_id).await
            }
            _ => {
                let access = self.accounts.login(credentials, circumstances, request_id).await?;
                Ok(Login { access, until: None })
            }
        }
    }

    /// The robot that somebody else's token stands for.
    ///
    /// # Errors
    /// See [`LoginError`].
    pub async fn exchange(
        &self,
        token: &str,
        circumstances: &Circumstances,
        request_id: &str,
    ) -> Result<Login, LoginError> {
        let workload = match self.workloads.verify_token(token, circumstances.now).await {
            Ok(workload) => Ok(workload),
            Err(error @ WorkloadError::Unavailable(_)) => return Err(LoginError::Unavailable(error.into())),
            Err(error @ (WorkloadError::Token(_) | WorkloadError::Certificate(_))) => Err(error),
        };
        let until = workload.as_ref().ok().and_then(|workload| workload.expires());
        let access = self.accounts.login_workload(workload, circumstances, request_id).await?;
        Ok(Login { access, until })
    }
}
