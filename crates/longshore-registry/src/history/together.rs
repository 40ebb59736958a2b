//! What was deleted together comes back together: an index with its children, an image with what is about it.

use longshore_metadata::{ManifestRecord, WriteTx};

use super::RestoreError;
use crate::{Call, Registry};

/// Most manifests that come back with one.
const TOGETHER_MAX: usize = 10_000;

impl Registry {
    /// Shows again what was deleted in the same moment as `record`, which is shown already, and belongs to it. What
    /// lost its blobs meanwhile stays deleted, as it would in a sparse index.
    pub(super) async fn show_together(
        &self,
        tx: &mut WriteTx,
        call: &Call,
        record: &ManifestRecord,
    ) -> Result<(), RestoreError> {
        let Some(deleted_at) = record.deleted_at else { return Ok(()) };
        let mut waiting = tx.deleted_together(record, deleted_at).await?;
        let mut shown = 0;
        while let Some(next) = waiting.pop().filter(|_| shown < TOGETHER_MAX) {
            // It may belong to two of them.
            let still = tx.manifest_record(next.repository, &next.digest).await?;
            if still.is_none_or(|record| record.deleted_at.is_none()) {
                continue;
            }
            match self.show(tx, call, &next).await {
                Ok(()) => waiting.extend(tx.deleted_together(&next, deleted_at).await?),
                Err(RestoreError::Gone(_)) => {}
                Err(error) => return Err(error),
            }
            shown += 1;
        }
        Ok(())
    }
}
