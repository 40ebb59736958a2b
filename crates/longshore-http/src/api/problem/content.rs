//! What goes wrong with repositories and artifacts.

use longshore_registry::{
    BrowseError, ContentsError, CopyError, DeleteError, ListError, LookUpError, ManifestPushError,
    MetadataError, MountError, RestoreError, StoreError, TagError,
};
use longshore_types::{Reference, RepositoryName};

use super::{ApiProblem, Code};

impl ApiProblem {
    pub(crate) fn repository_not_found(name: &RepositoryName) -> Self {
        Self::not_found(format!("repository {name} not found"))
    }

    fn artifact_not_found(repository: &RepositoryName, reference: &Reference) -> Self {
        let separator = if matches!(reference, Reference::Tag(_)) { ':' } else { '@' };
        Self::not_found(format!("artifact {repository}{separator}{reference} not found"))
    }

    /// Of the content itself, where no one permission of a project is meant.
    fn denied() -> Self {
        Self::forbidden("you may not do this")
    }

    fn read_only() -> Self {
        Self::forbidden("the registry is read-only at the moment")
    }
}

/// What a failed call to the index answers.
impl From<MetadataError> for ApiProblem {
    fn from(error: MetadataError) -> Self {
        match error {
            MetadataError::QuotaExceeded(exceeded) => Self::new(Code::Denied, exceeded.to_string()),
            MetadataError::Conflict(_) | MetadataError::Unavailable(_) => Self::unavailable(error),
            MetadataError::Corrupt(_) | MetadataError::TooNew { .. } | MetadataError::Settings(_) => {
                Self::internal(error)
            }
        }
    }
}

impl From<StoreError> for ApiProblem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full(_) | StoreError::Unavailable(_) => Self::unavailable(error),
            StoreError::NotFound | StoreError::Corrupt(_) => Self::internal(error),
        }
    }
}

impl From<BrowseError> for ApiProblem {
    fn from(error: BrowseError) -> Self {
        match error {
            BrowseError::Denied(_) | BrowseError::CatalogDenied => Self::denied(),
            BrowseError::NameUnknown(name) => Self::repository_not_found(&name),
            BrowseError::ManifestUnknown { repository, reference } => {
                Self::artifact_not_found(&repository, &reference)
            }
            BrowseError::NotSupported(message) => Self::bad_request(message),
            BrowseError::Metadata(error) => error.into(),
            BrowseError::Store(error) => error.into(),
        }
    }
}

impl From<ContentsError> for ApiProblem {
    fn from(error: ContentsError) -> Self {
        let message = error.to_string();
        match error {
            ContentsError::Denied(_) => Self::denied(),
            ContentsError::NameUnknown(name) => Self::repository_not_found(&name),
            ContentsError::ManifestUnknown { repository, reference } => {
                Self::artifact_not_found(&repository, &reference)
            }
            ContentsError::BlobUnknown(_) | ContentsError::File(LookUpError::NotFound(_)) => {
                Self::not_found(message)
            }
            ContentsError::Platform { wanted: None, .. } => {
                Self::bad_request(format!("this is an index, say which platform: {message}"))
            }
            ContentsError::NoImage(_)
            | ContentsError::Platform { .. }
            | ContentsError::Configuration(_)
            | ContentsError::Layer { .. }
            | ContentsError::TooMuch(_)
            | ContentsError::File(_)
            | ContentsError::FileTooLarge { .. } => Self::bad_request(message),
            ContentsError::Metadata(error) => error.into(),
            ContentsError::Store(error) => error.into(),
        }
    }
}

impl From<DeleteError> for ApiProblem {
    fn from(error: DeleteError) -> Self {
        let message = error.to_string();
        match error {
            DeleteError::Denied(_) => Self::denied(),
            DeleteError::Disabled => Self::forbidden(message),
            DeleteError::ReadOnly(_) => Self::read_only(),
            DeleteError::NameUnknown(name) => Self::repository_not_found(&name),
            DeleteError::ManifestUnknown { repository, reference } => {
                Self::artifact_not_found(&repository, &reference)
            }
            DeleteError::BlobUnknown { .. } => Self::not_found(message),
            DeleteError::BlobReferenced { .. } | DeleteError::ManifestReferenced { .. } => {
                Self::new(Code::Precondition, message)
            }
            DeleteError::Metadata(error) => error.into(),
        }
    }
}

impl From<ListError> for ApiProblem {
    fn from(error: ListError) -> Self {
        match error {
            ListError::Denied(_) | ListError::CatalogDenied => Self::denied(),
            ListError::NameUnknown(name) => Self::repository_not_found(&name),
            ListError::Metadata(error) => error.into(),
        }
    }
}

impl From<RestoreError> for ApiProblem {
    fn from(error: RestoreError) -> Self {
        let message = error.to_string();
        match error {
            RestoreError::Denied(_) => Self::denied(),
            RestoreError::ReadOnly(_) => Self::read_only(),
            RestoreError::NameUnknown(name) => Self::repository_not_found(&name),
            RestoreError::Gone(_) => Self::not_found(message),
            RestoreError::NotDeleted(_) => Self::new(Code::Conflict, message),
            RestoreError::Metadata(error) => error.into(),
        }
    }
}

impl From<TagError> for ApiProblem {
    fn from(error: TagError) -> Self {
        match error {
            TagError::Denied(_) => Self::denied(),
            TagError::ReadOnly(_) => Self::read_only(),
            TagError::NameUnknown(name) => Self::repository_not_found(&name),
            TagError::ManifestUnknown { repository, reference } => {
                Self::artifact_not_found(&repository, &reference)
            }
            error @ TagError::Exists { .. } => Self::new(Code::Conflict, error.to_string()),
            TagError::Metadata(error) => error.into(),
        }
    }
}

impl From<CopyError> for ApiProblem {
    fn from(error: CopyError) -> Self {
        let message = error.to_string();
        match error {
            CopyError::Denied(_) => Self::denied(),
            CopyError::ReadOnly(_) => Self::read_only(),
            CopyError::SourceUnknown { repository, reference } => {
                Self::artifact_not_found(&repository, &reference)
            }
            CopyError::Accessory(_) => Self::new(Code::Denied, message),
            CopyError::TooMany => Self::bad_request(message),
            // Somebody deletes it at this moment.
            CopyError::BlobGone(_) => Self::not_found(message),
            CopyError::Mount(error) => match error {
                MountError::Denied(_) => Self::denied(),
                MountError::ReadOnly(_) => Self::read_only(),
                MountError::Metadata(error) => error.into(),
                MountError::Store(error) => error.into(),
            },
            CopyError::Push(error) => match error {
                ManifestPushError::Denied(_) => Self::denied(),
                ManifestPushError::ReadOnly(_) => Self::read_only(),
                ManifestPushError::BlobsUnknown { .. } => Self::not_found(error.to_string()),
                ManifestPushError::Invalid(_) | ManifestPushError::DigestMismatch { .. } => {
                    Self::internal(error)
                }
                ManifestPushError::Metadata(error) => error.into(),
                ManifestPushError::Store(error) => error.into(),
            },
            CopyError::Metadata(error) => error.into(),
        }
    }
}
