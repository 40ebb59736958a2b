//! Content that was published for a link which was then refused: nobody has room for it, and nothing else would look for it.

use longshore_types::{Digest, Timestamp};

use super::UploadError;
use crate::{Registry, retry::retry_on_conflict};

impl Registry {
    /// Removes content that nothing links. If that fails, it is garbage that a sweep finds.
    pub(super) async fn take_back(&self, digest: &Digest, size_bytes: u64, now: Timestamp) {
        let taken = retry_on_conflict(|| self.try_to_take_back(digest, size_bytes, now)).await;
        if let Err(error) = taken {
            tracing::warn!(
                %digest, error = &error as &dyn std::error::Error,
                "left content behind that no project has room for: longshore gc --sweep takes it"
            );
        }
    }

    /// As collection does it: under the lock of the row, on which a push of the same content waits, to look for the content
    /// after it and publish its own.
    async fn try_to_take_back(
        &self,
        digest: &Digest,
        size_bytes: u64,
        now: Timestamp,
    ) -> Result<(), UploadError> {
        // A power cut may take this back, as it may in collection: what is left then is a row without links and content.
        let mut tx = self.inner.metadata.write_relaxed().await?;
        let blob = tx.ensure_blob(digest, size_bytes, now).await?;
        if tx.blob_is_linked(blob.id).await? {
            return Ok(());
        }
        self.inner.blobs.remove(digest).await?;
        tx.delete_blob(blob.id).await?;
        Ok(tx.commit().await?)
    }
}
