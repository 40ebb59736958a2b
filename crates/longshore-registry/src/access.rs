//! The questions every use case asks first: may the caller do this, and may anything change at all?

use longshore_auth::Action;
use longshore_types::RepositoryName;

use crate::{
    BlobPullError, Call, DeleteError, ListError, ManifestPullError, ManifestPushError, MountError, Registry,
    RestoreError, UploadError,
};

/// The caller may not; becomes the `Denied` of the use case's error.
pub(crate) struct Denied {
    action: Action,
    repository: RepositoryName,
}

/// Nothing may change; becomes the `ReadOnly` of the use case's error.
pub(crate) struct ReadOnly;

/// Refuses a caller who may not do `action` to `repository`.
pub(crate) fn require(call: &Call, action: Action, repository: &RepositoryName) -> Result<(), Denied> {
    if call.caller.may(action, repository) {
        return Ok(());
    }
    Err(Denied { action, repository: repository.clone() })
}

impl Registry {
    /// Refuses a change of a read-only registry.
    pub(crate) fn require_writable(&self) -> Result<(), ReadOnly> {
        if self.inner.settings.readonly { Err(ReadOnly) } else { Ok(()) }
    }
}

macro_rules! from_denied {
    ($($error:ident),+) => { $(
        impl From<Denied> for $error {
            fn from(denied: Denied) -> Self {
                Self::Denied { action: denied.action, repository: denied.repository }
            }
        }
    )+ };
}

macro_rules! from_read_only {
    ($($error:ident),+) => { $(
        impl From<ReadOnly> for $error {
            fn from(_: ReadOnly) -> Self {
                Self::ReadOnly
            }
        }
    )+ };
}

from_denied!(
    BlobPullError,
    DeleteError,
    ListError,
    ManifestPullError,
    ManifestPushError,
    MountError,
    RestoreError,
    UploadError
);
from_read_only!(DeleteError, ManifestPushError, MountError, RestoreError, UploadError);
