//! How many uploads may be unfinished, without counting them all at every start.

use std::sync::atomic::{AtomicU64, Ordering};

use longshore_auth::CallerKind;
use longshore_metadata::MetadataError;

use crate::{Call, Registry, UploadError};

/// How many uploads may still begin before they are counted again.
#[derive(Default)]
pub(crate) struct UploadBudget(AtomicU64);

/// Who begins an upload, as far as they are bounded by themselves: nobody in particular is not, because that is everybody.
/// The robots of a project count as one, as whoever makes one of them makes as many as they like.
pub(super) fn starter(call: &Call) -> Option<&str> {
    let name = call.caller.name.as_deref()?;
    match call.caller.kind {
        CallerKind::Robot => name.split('+').next(),
        CallerKind::Person | CallerKind::Administrator => Some(name),
    }
}

impl Registry {
    /// Refuses an upload of somebody who has a fifth of all that there may be, and one too many of all.
    pub(super) async fn require_room_for_upload(&self, call: &Call) -> Result<(), UploadError> {
        if let Some(starter) = starter(call) {
            let own_max = (self.inner.settings.uploads.count_max / 5).max(1);
            let limit = usize::try_from(own_max).unwrap_or(usize::MAX);
            let count = self.inner.metadata.read().await?.uploads_count_of(starter, limit).await?;
            if count >= own_max {
                return Err(UploadError::TooMany);
            }
        }
        self.require_room_among_all().await
    }

    /// Refuses one upload too many. Counts them only when what the last count left is used up: far from the limit that
    /// is once in many starts, near it at each. Several replicas may together pass the limit by a tenth each.
    async fn require_room_among_all(&self) -> Result<(), UploadError> {
        let budget = &self.inner.upload_budget.0;
        let taken = budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if taken.is_ok() {
            return Ok(());
        }
        let count = self.uploads_count().await?;
        let granted = grant(self.inner.settings.uploads.count_max, count).ok_or(UploadError::TooMany)?;
        budget.store(granted - 1, Ordering::Relaxed);
        Ok(())
    }

    async fn uploads_count(&self) -> Result<u64, MetadataError> {
        self.inner.metadata.read().await?.uploads_count().await
    }
}

/// How many uploads may begin until the next count, when `count` are unfinished: a tenth of the limit at most, so that
/// other replicas' uploads are seen in time. `None` when there is no room.
fn grant(count_max: u64, count: u64) -> Option<u64> {
    match count_max.saturating_sub(count) {
        0 => None,
        room => Some(room.min((count_max / 10).max(1))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_never_pass_the_limit() {
        let check =
            |count_max, count, wanted| assert_eq!(grant(count_max, count), wanted, "{count_max} {count}");
        check(0, 0, None);
        check(1, 0, Some(1));
        check(1, 1, None);
        check(1000, 0, Some(100));
        check(1000, 950, Some(50));
        check(1000, 999, Some(1));
        check(1000, 1000, None);
        check(1000, 5000, None);
    }
}
