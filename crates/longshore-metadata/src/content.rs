//! Manifests as they are served: made once, handed out many times.

use bytes::Bytes;
use longshore_types::{Digest, MediaType};

use crate::StoredManifest;

/// A manifest ready to be served. Shared behind an `Arc`; its texts are made once, and clones of [`Bytes`] copy nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestContent {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: MediaType,
    /// Its subject.
    pub subject: Option<Digest>,
    /// Its exact bytes.
    pub payload: Bytes,
    /// The digest between double quotes.
    quoted_digest: Bytes,
    media_type_text: Bytes,
}

impl ManifestContent {
    /// The text of the digest.
    pub fn digest_text(&self) -> Bytes {
        self.quoted_digest.slice(1..self.quoted_digest.len() - 1)
    }

    /// The text of the digest between double quotes.
    pub fn quoted_digest_text(&self) -> Bytes {
        self.quoted_digest.clone()
    }

    /// The text of the media type.
    pub fn media_type_text(&self) -> Bytes {
        self.media_type_text.clone()
    }

    /// What it takes of memory.
    pub(crate) fn weight_bytes(&self) -> u64 {
        // The bytes and texts are allocations of their own, each with a counter beside it.
        let parts = [self.payload.len(), self.quoted_digest.len(), 2 * self.media_type_text.len(), 3 * 32];
        (size_of::<Self>() + parts.iter().sum::<usize>()) as u64
    }
}

impl From<StoredManifest> for ManifestContent {
    fn from(stored: StoredManifest) -> Self {
        let record = stored.record;
        Self {
            digest: record.digest,
            quoted_digest: format!("\"{}\"", record.digest).into(),
            media_type_text: Bytes::copy_from_slice(record.media_type.as_str().as_bytes()),
            media_type: record.media_type,
            subject: record.subject,
            payload: stored.payload.into(),
        }
    }
}
