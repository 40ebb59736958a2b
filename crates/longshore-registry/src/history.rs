//! The history of tags, and the way back.

use longshore_auth::Action;
use longshore_metadata::{MetadataError, Page, TagEvent};
use longshore_types::{Digest, RepositoryName, Tag};

use crate::{Call, ListError, Registry};

/// Why nothing is restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The caller may not.
    #[error("{action:?} on {repository} is not allowed")]
    Denied {
        /// What they wanted.
        action: Action,
        /// Where.
        repository: RepositoryName,
    },
    /// The registry is read-only.
    #[error("the registry is read-only at the moment")]
    ReadOnly,
    /// No such repository.
    #[error("no repository {0}")]
    NameUnknown(RepositoryName),
    /// The tag was never deleted, or too long ago, or its manifest is gone.
    #[error("nothing to restore: {0}")]
    Gone(String),
    /// The index failed.
    #[error("could not change the index")]
    Metadata(#[from] MetadataError),
}

impl Registry {
    /// What happened to the tags of a repository (to one, if given), newest first, before event `before`.
    pub async fn tag_history(
        &self,
        _call: &Call,
        _repository: &RepositoryName,
        _tag: Option<&Tag>,
        _before: Option<i64>,
        _limit: usize,
    ) -> Result<Page<TagEvent>, ListError> {
        todo!()
    }

    /// Points a deleted tag to where it pointed last, restoring the manifest too if need be; within the undelete
    /// window. Returns where it points.
    pub async fn restore_tag(
        &self,
        _call: &Call,
        _repository: &RepositoryName,
        _tag: &Tag,
    ) -> Result<Digest, RestoreError> {
        todo!()
    }

    /// Shows a deleted manifest again, without tags; within the undelete window.
    pub async fn restore_manifest(
        &self,
        _call: &Call,
        _repository: &RepositoryName,
        _digest: &Digest,
    ) -> Result<(), RestoreError> {
        todo!()
    }
}
