//! Why a command of the client ended, and with which exit code.

use std::process::ExitCode;

use longshore_client::{
    ClientError, CopyError, CredentialError, ImageError, LocalError, ManagementError, RulesError,
    SettingsError,
};
use longshore_types::error_chain;

use crate::commands::{USAGE, complain};

/// What was asked for is not there, as far as the caller may know.
const NOT_FOUND: u8 = 4;

/// The registry wants a login, or another one.
const NOT_ALLOWED: u8 = 5;

/// Why a command ended without doing its work.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Image(#[from] ImageError),
    #[error(transparent)]
    Local(#[from] LocalError),
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error(transparent)]
    Management(#[from] ManagementError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Rules(#[from] RulesError),
    #[error(transparent)]
    Credentials(#[from] CredentialError),
    /// The arguments do not fit together.
    #[error("{0}")]
    Usage(String),
    /// The image is there, but not what was asked for in it.
    #[error("{0}")]
    NotFound(String),
    /// Something of that name is not there.
    #[error("{0}")]
    Missing(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl Failure {
    /// Writes it to standard error, with a hint where there is one; gives the exit code.
    pub(super) fn tell(&self) -> ExitCode {
        complain(&error_chain(self));
        if let Some(hint) = self.refusal().and_then(longshore_client::Refusal::hint) {
            complain(&format!("hint: {hint}"));
        }
        self.exit_code()
    }

    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) | Self::Settings(_) | Self::Rules(_) => ExitCode::from(USAGE),
            Self::Missing(_) => ExitCode::from(NOT_FOUND),
            Self::NotFound(_) => ExitCode::from(NOT_FOUND),
            _ => match self.refusal().map(|refusal| refusal.status.as_u16()) {
                Some(404) => ExitCode::from(NOT_FOUND),
                Some(401 | 403) => ExitCode::from(NOT_ALLOWED),
                _ => ExitCode::FAILURE,
            },
        }
    }

    fn refusal(&self) -> Option<&longshore_client::Refusal> {
        match self {
            Self::Client(ClientError::Refused(refusal))
            | Self::Management(ManagementError::Client(ClientError::Refused(refusal)))
            | Self::Image(ImageError::Client(ClientError::Refused(refusal)))
            | Self::Copy(CopyError::Image(ImageError::Client(ClientError::Refused(refusal)))) => {
                Some(refusal)
            }
            Self::Copy(CopyError::Source { source, .. } | CopyError::Target { source, .. }) => match source {
                ClientError::Refused(refusal) => Some(refusal),
                _ => None,
            },
            _ => None,
        }
    }
}
