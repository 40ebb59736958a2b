//! Which failures of this crate's use cases are conflicts of transactions.

pub(crate) use longshore_metadata::{MayConflict, retry_on_conflict};

use crate::{BrowseError, DeleteError, ManifestPushError, MountError, RestoreError, TagError, UploadError};

macro_rules! may_conflict {
    ($($error:ident),+) => { $(
        impl MayConflict for $error {
            fn is_conflict(&self) -> bool {
                matches!(self, Self::Metadata(error) if error.is_conflict())
            }
        }
    )+ };
}

may_conflict!(BrowseError, DeleteError, ManifestPushError, MountError, RestoreError, TagError, UploadError);
