//! Who asks for a token: by credentials of ours, or, for programs, by somebody else's token. What that is worth, trust
//! rules say, and no secret is kept for it.

use longshore_auth::{
    Access, Circumstances, Principal, Scope,
    secret::{SecretHash, is_access_token},
};
use longshore_identity::workload::WorkloadError;
use longshore_metadata::{MetadataError, RobotId};
use longshore_types::Timestamp;

use super::TokenService;
use crate::{Credentials, LoginError, login::Wish};

/// The name under which somebody else's token is sent as a password.
pub const TOKEN_USER: &str = "<token>";

/// Longer than any secret of a robot, in bytes.
const SIGNED_TOKEN_MIN: usize = 128;

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
    /// password of [`TOKEN_USER`], or of the robot that the workload wants to stand for. `asked` is what they come for.
    ///
    /// # Errors
    /// See [`LoginError`].
    pub async fn login(
        &self,
        credentials: &Credentials,
        asked: &[Scope],
        circumstances: &Circumstances,
        request_id: &str,
    ) -> Result<Login, LoginError> {
        match credentials {
            Credentials::Basic { name, secret } if name == TOKEN_USER => {
                self.exchange(secret, Wish { robot: None, scopes: asked }, circumstances, request_id).await
            }
            Credentials::Basic { name, secret }
                if self.accounts.is_robot_name(name) && is_signed_token(secret) =>
            {
                let wish = Wish { robot: Some(name), scopes: asked };
                self.exchange(secret, wish, circumstances, request_id).await
            }
            Credentials::Certificate(chain) => {
                let by_certificate =
                    self.accounts.login_by_certificate(chain, asked, circumstances, request_id);
                let (access, until) = by_certificate.await?;
                Ok(Login { access, until })
            }
            _ => {
                let access = self.accounts.login(credentials, circumstances, request_id).await?;
                Ok(Login { access, until: None })
            }
        }
    }

    /// As [`TokenService::login`], with the end of what a token of ours is going to be made from.
    ///
    /// # Errors
    /// See [`LoginError`].
    pub async fn login_for_token(
        &self,
        credentials: &Credentials,
        asked: &[Scope],
        circumstances: &Circumstances,
        request_id: &str,
    ) -> Result<Login, LoginError> {
        let mut login = self.login(credentials, asked, circumstances, request_id).await?;
        if login.until.is_none() {
            login.until = self.end_of(credentials, &login.access).await?;
        }
        Ok(login)
    }

    /// When a robot or an access token expires.
    async fn end_of(
        &self,
        credentials: &Credentials,
        access: &Access,
    ) -> Result<Option<Timestamp>, MetadataError> {
        if let Principal::Robot { id, .. } = &access.principal {
            let robot = self.accounts.metadata().read().await?.robot_by_id(RobotId::of_number(*id)).await?;
            return Ok(robot.and_then(|robot| robot.expires_at));
        }
        let (Credentials::Basic { secret, .. } | Credentials::Bearer(secret)) = credentials else {
            return Ok(None);
        };
        if !is_access_token(secret) {
            return Ok(None);
        }
        let hash = SecretHash::of_random(secret).to_bytes();
        let token = self.accounts.metadata().read().await?.access_token_by_hash(&hash).await?;
        Ok(token.and_then(|token| token.expires_at))
    }

    /// The robot that somebody else's token stands for; the workload may name one, and says what it comes for.
    ///
    /// # Errors
    /// See [`LoginError`].
    pub async fn exchange_for(
        &self,
        token: &str,
        robot: Option<&str>,
        asked: &[Scope],
        circumstances: &Circumstances,
        request_id: &str,
    ) -> Result<Login, LoginError> {
        self.exchange(token, Wish { robot, scopes: asked }, circumstances, request_id).await
    }

    async fn exchange(
        &self,
        token: &str,
        wish: Wish<'_>,
        circumstances: &Circumstances,
        request_id: &str,
    ) -> Result<Login, LoginError> {
        let workload = match self.workloads.verify_token(token, circumstances.now).await {
            Ok(workload) => Ok(workload),
            Err(error @ WorkloadError::Unavailable(_)) => return Err(LoginError::Unavailable(error.into())),
            Err(error @ (WorkloadError::Token(_) | WorkloadError::Certificate(_))) => Err(error),
        };
        let login = self.accounts.login_workload_for(workload, wish, circumstances, request_id);
        let (access, until) = login.await?;
        Ok(Login { access, until })
    }
}

/// Whether a password is somebody else's token: three parts of base64, of which the first is a JSON object. No secret of a
/// robot is as long.
fn is_signed_token(secret: &str) -> bool {
    let mut parts = 0;
    let base64 = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    let all = secret.split('.').inspect(|_| parts += 1).all(|part| !part.is_empty() && base64(part));
    all && parts == 3 && secret.starts_with("eyJ") && secret.len() > SIGNED_TOKEN_MIN
}
