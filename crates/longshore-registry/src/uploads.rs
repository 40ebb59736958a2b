//! Uploads: begun, written in pieces, finished or cancelled.
//!
//! Whatever changes an upload holds its [`UploadLock`] (one writer an upload in this process) and compares the length
//! in the index (one writer among replicas), and runs in a task of its own, so that a client that hangs up cannot stop
//! it half way.

mod append;
mod finish;
mod limit;
mod lock;
mod receive;
mod session;
mod start;
mod taking_back;

use bytes::Bytes;
pub(crate) use limit::UploadBudget;
pub(crate) use lock::{UploadLock, UploadLocks};
pub(crate) use session::progress_of;

use futures_util::stream::BoxStream;
use longshore_metadata::MetadataError;
use longshore_storage::StoreError;
use longshore_types::{Digest, UploadId};

use crate::{Denied, ReadOnly};

/// Why a body ended early. The bytes before it count for an upload in pieces.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The client went away, or broke the framing.
    #[error("the request body ended early: {0}")]
    Disconnected(String),
    /// The client was too slow.
    #[error("the request body stalled")]
    TimedOut,
    /// The caller was allowed this when the request began, and is no more.
    #[error("this is not allowed any more")]
    NotAllowed,
}

/// What a client sends, as it comes.
pub type UploadBody = BoxStream<'static, Result<Bytes, BodyError>>;

/// An upload as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadStatus {
    /// Its id.
    pub id: UploadId,
    /// How many bytes are durably there.
    pub size_bytes: u64,
}

/// A blob that was stored and linked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedBlob {
    /// Its digest.
    pub digest: Digest,
    /// Its length.
    pub size_bytes: u64,
}

/// Why an upload does not go on.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The registry is read-only.
    #[error(transparent)]
    ReadOnly(#[from] ReadOnly),
    /// No such upload in this repository.
    #[error("no upload {0}: begin a new one")]
    UploadUnknown(UploadId),
    /// The piece does not begin where the upload ends; the upload stays usable.
    #[error("the upload has {} bytes, the piece does not begin there", status.size_bytes)]
    OutOfOrder {
        /// Where it stands.
        status: UploadStatus,
    },
    /// Another request is writing to it at this moment.
    #[error("another request is writing to this upload")]
    Busy(UploadId),
    /// The body had another length than announced.
    #[error("the request announced {wanted} bytes and sent {actual}")]
    SizeMismatch {
        /// Announced.
        wanted: u64,
        /// Sent.
        actual: u64,
    },
    /// The content does not hash to the digest. The upload is gone.
    #[error("the content's digest is {actual}, the request says {wanted}")]
    DigestMismatch {
        /// From the request.
        wanted: Digest,
        /// Of the bytes.
        actual: Digest,
    },
    /// Larger than the limit. The upload is gone.
    #[error("larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// Too many uploads are unfinished.
    #[error("too many unfinished uploads; try again later")]
    TooMany,
    /// The client's body broke off; what came before it is kept for a resumption where the upload is in pieces.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The index failed.
    #[error("could not change the index")]
    Metadata(#[from] MetadataError),
    /// The store failed.
    #[error("could not write content")]
    Store(#[from] StoreError),
}
