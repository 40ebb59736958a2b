//! The error codes of the distribution specification v1.1.1, "Error Codes".

use std::fmt;

/// A code in the body of an error reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// code-1: blob unknown to the repository.
    BlobUnknown,
    /// code-2: the upload is invalid, or cannot go on so.
    BlobUploadInvalid,
    /// code-3: no such upload.
    BlobUploadUnknown,
    /// code-4: the digest does not match the content, or is no digest.
    DigestInvalid,
    /// code-5: a manifest names content that the repository does not have.
    ManifestBlobUnknown,
    /// code-6: the manifest is invalid.
    ManifestInvalid,
    /// code-7: manifest unknown to the repository.
    ManifestUnknown,
    /// code-8: invalid repository name.
    NameInvalid,
    /// code-9: no such repository.
    NameUnknown,
    /// code-10: the length does not match the content.
    SizeInvalid,
    /// code-11: who are you?
    Unauthorized,
    /// code-12: you may not.
    Denied,
    /// code-13: the operation is not supported, or switched off.
    Unsupported,
    /// code-14: too many requests.
    TooManyRequests,
    /// Not of the specification, which covers 4xx only: the body of our 5xx.
    Unknown,
}

impl ErrorCode {
    /// The code as it stands in the body.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BlobUnknown => "BLOB_UNKNOWN",
            Self::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            Self::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Self::ManifestInvalid => "MANIFEST_INVALID",
            Self::ManifestUnknown => "MANIFEST_UNKNOWN",
            Self::NameInvalid => "NAME_INVALID",
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::SizeInvalid => "SIZE_INVALID",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Denied => "DENIED",
            Self::Unsupported => "UNSUPPORTED",
            Self::TooManyRequests => "TOOMANYREQUESTS",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
