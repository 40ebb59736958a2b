//! Which failures of this crate's use cases are conflicts of transactions. A name or an address that somebody else took at
//! the same moment is one: the next try finds it taken.

use longshore_metadata::MetadataError;
pub(crate) use longshore_metadata::{MayConflict, retry_on_conflict};

use crate::{LoginError, ManageError};

impl MayConflict for ManageError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Metadata(error) if error.is_conflict())
    }
}

impl MayConflict for LoginError {
    fn is_conflict(&self) -> bool {
        match self {
            Self::Unavailable(error) => {
                error.downcast_ref::<MetadataError>().is_some_and(MayConflict::is_conflict)
            }
            Self::Refused(_) | Self::Csrf | Self::TooMany { .. } => false,
        }
    }
}
