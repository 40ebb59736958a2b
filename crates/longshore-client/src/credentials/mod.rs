//! The names and secrets that people gave to docker or podman, and that we share with them.

mod file;
mod helper;

use std::{io, path::PathBuf};

use longshore_types::RepositoryName;

pub use file::CredentialFile;

use crate::RegistryHost;

/// What a registry is shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A name and a password, access token or robot's secret.
    Password {
        /// The name.
        user: String,
        /// The secret.
        secret: String,
    },
    /// A refresh token, which the token service turns into others.
    RefreshToken(String),
    /// A token to be sent as it is.
    Bearer(String),
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Password { user, .. } => write!(f, "Password({user}, ***)"),
            Self::RefreshToken(_) => f.write_str("RefreshToken(***)"),
            Self::Bearer(_) => f.write_str("Bearer(***)"),
        }
    }
}

/// Why stored credentials can be neither read nor written.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// A file cannot be read or written.
    #[error("{}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not what docker or podman write.
    #[error("{} is no file of credentials: {why}", path.display())]
    Format {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A helper cannot be run.
    #[error("docker-credential-{name} cannot be run")]
    HelperMissing {
        /// The helper, as the file names it.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// A helper failed.
    #[error("docker-credential-{name}: {why}")]
    Helper {
        /// The helper, as the file names it.
        name: String,
        /// What it said.
        why: String,
    },
    /// There is no file that could be written.
    #[error("there is no home folder to keep credentials in; set DOCKER_CONFIG, or name a file")]
    NoFile,
}

/// The files of credentials, the first that knows a registry first.
#[derive(Clone, Debug, Default)]
pub struct CredentialStore {
    files: Vec<CredentialFile>,
}

impl CredentialStore {
    /// Those files, none of which need be there.
    pub fn new(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { files: paths.into_iter().map(CredentialFile::new).collect() }
    }

    /// What to show a registry for that repository: podman's files may have different ones for parts of a registry.
    ///
    /// # Errors
    /// If a file that is there cannot be read, or a helper fails for other reasons than that it knows nothing.
    pub async fn find(
        &self,
        host: &RegistryHost,
        repository: Option<&RepositoryName>,
    ) -> Result<Option<Credentials>, CredentialError> {
        for file in &self.files {
            if let Some(found) = file.find(host, repository).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Keeps credentials in the first of the files, and tells where they lie now.
    ///
    /// # Errors
    /// If it cannot be written, or its helper fails.
    pub async fn store(
        &self,
        host: &RegistryHost,
        credentials: &Credentials,
    ) -> Result<String, CredentialError> {
        self.files.first().ok_or(CredentialError::NoFile)?.store(host, credentials).await
    }

    /// Forgets what the files know of a registry; tells from where it was removed.
    ///
    /// # Errors
    /// If a file cannot be read or written, or a helper fails.
    pub async fn remove(&self, host: &RegistryHost) -> Result<Vec<String>, CredentialError> {
        let mut removed = Vec::new();
        for file in &self.files {
            removed.extend(file.remove(host).await?);
        }
        Ok(removed)
    }
}
