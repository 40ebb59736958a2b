//! The password that the first start made: shown once where somebody looks on, and kept in a file until it is changed.

use std::{
    fs,
    io::{self, IsTerminal as _, Write as _, stderr},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use longshore_accounts::{Accounts, FIRST_USER};
use longshore_auth::Secret;
use longshore_metadata::{Metadata, MetadataError};

use crate::background::now;

/// Its name in our folder.
const FILE: &str = "admin-password";
/// For its owner alone.
const MODE: u32 = 0o600;

/// The file with the password.
#[derive(Clone, Debug)]
pub(crate) struct FirstPassword {
    path: PathBuf,
}

impl FirstPassword {
    /// `folder` is ours in the storage folder.
    pub(crate) fn of(folder: &Path) -> Self {
        Self { path: folder.join(FILE) }
    }

    /// Makes what an empty registry begins with. The password is written for the person who started it, never to a log:
    /// logs are sent on and kept. Standard error that is no terminal is a log: of a container, or the system's.
    pub(crate) async fn first_start(&self, accounts: &Accounts) -> anyhow::Result<()> {
        let Some(password) = accounts.first_start(now()).await.context("cannot make the first user")? else {
            return Ok(());
        };
        let lost = "the password of admin is lost: make another with `longshore admin reset-password`";
        self.keep(&password).with_context(|| format!("cannot write {}; {lost}", self.path.display()))?;
        tracing::info!(file = %self.path.display(), "made the user admin; the password is in the file");
        let mut error = stderr().lock();
        if !error.is_terminal() {
            return Ok(());
        }
        // Where standard error is gone, the file is left.
        let _ = writeln!(
            error,
            "\nLog in as {FIRST_USER} with the password  {}\nIt is kept in {} until it is changed.\n",
            password.reveal(),
            self.path.display()
        );
        Ok(())
    }

    /// Writes it, in the place of one of before.
    pub(crate) fn keep(&self, password: &Secret) -> io::Result<()> {
        let new = self.path.with_extension("new");
        let _ = fs::remove_file(&new);
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(MODE).open(&new)?;
        writeln!(file, "{}", password.reveal())?;
        file.sync_all()?;
        fs::rename(&new, &self.path)
    }

    /// Takes the file away once it is not the password any more.
    pub(crate) async fn forget_if_changed(&self, metadata: &Metadata) -> Result<(), MetadataError> {
        let Ok(file) = fs::metadata(&self.path) else { return Ok(()) };
        let Ok(written_at) = file.modified().map(longshore_types::Timestamp::from) else { return Ok(()) };
        let user = metadata.read().await?.user(FIRST_USER).await?;
        let changed_at = user.and_then(|user| user.password_changed_at);
        // The file is written after the row; a password that is changed later has a later moment.
        if changed_at.is_none_or(|changed_at| changed_at > written_at) {
            match fs::remove_file(&self.path) {
                Ok(()) => {
                    tracing::info!(file = %self.path.display(), "removed the first password, which was changed")
                }
                Err(error) => {
                    tracing::warn!(file = %self.path.display(), %error, "cannot remove the first password, which was changed");
                }
            }
        }
        Ok(())
    }
}
