//! The questions every use case asks first: may the caller do this, and may anything change at all?

use std::sync::atomic::Ordering;

use longshore_auth::Action;
use longshore_metadata::{MetadataError, WriteTx};
use longshore_types::RepositoryName;

use crate::{Call, Registry};

/// The caller may not.
#[derive(Debug, thiserror::Error)]
#[error("{action:?} on {repository} is not allowed")]
pub struct Denied {
    /// What they wanted.
    pub action: Action,
    /// Where.
    pub repository: RepositoryName,
}

/// Nothing may change: `storage.maintenance.readonly.enabled`.
#[derive(Debug, thiserror::Error)]
#[error("the registry is read-only at the moment")]
pub struct ReadOnly;

/// Refuses a caller who may not do `action` to `repository`.
pub(crate) fn require(call: &Call, action: Action, repository: &RepositoryName) -> Result<(), Denied> {
    if call.caller.may(action, repository) {
        return Ok(());
    }
    Err(Denied { action, repository: repository.clone() })
}

impl Registry {
    /// Whether nothing may change.
    pub fn is_read_only(&self) -> bool {
        self.inner.switches.read_only.load(Ordering::Relaxed)
    }

    /// Lets nothing change from now on, or lets it again. What has begun goes on.
    pub fn set_read_only(&self, read_only: bool) {
        self.inner.switches.read_only.store(read_only, Ordering::Relaxed);
    }

    /// Refuses a push where the project is gone, if pushes make none. To be called first in a transaction, until whose end
    /// the project stays: what was decided when the request began may be long ago.
    pub(crate) async fn require_project<E>(
        &self,
        tx: &mut WriteTx,
        repository: &RepositoryName,
    ) -> Result<(), E>
    where
        E: From<Denied> + From<MetadataError>,
    {
        if !self.inner.settings.managed_projects || tx.hold_project_of(repository).await? {
            return Ok(());
        }
        Err(Denied { action: Action::Push, repository: repository.clone() }.into())
    }

    /// Refuses a change of a read-only registry.
    pub(crate) fn require_writable(&self) -> Result<(), ReadOnly> {
        if self.is_read_only() { Err(ReadOnly) } else { Ok(()) }
    }
}
