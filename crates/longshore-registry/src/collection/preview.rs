//! A look at what collection would take, which ends after so many reviews: for people who wait for it.

use std::sync::Mutex;

use longshore_metadata::MetadataError;
use longshore_types::Timestamp;

use super::{Collected, CollectionReport, Run};
use crate::Registry;

/// What a run would take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CollectionPreview {
    /// Each thing, and why.
    pub taken: Vec<Collected>,
    /// How much of it.
    pub report: CollectionReport,
    /// Whether all that is due was looked at.
    pub complete: bool,
}

impl Registry {
    /// Tells what a run at that moment would take, looking at no more than `reviews_max` things of a kind, and changes
    /// nothing. What would become due because of it is left out, and so are bytes of uploads that the index does not know.
    ///
    /// # Errors
    /// When the queues cannot be read.
    pub async fn preview_collection(
        &self,
        at: Timestamp,
        reviews_max: usize,
    ) -> Result<CollectionPreview, MetadataError> {
        let taken = Mutex::new(Vec::new());
        let found = |one: &Collected| {
            if let Ok(mut taken) = taken.lock() {
                taken.push(one.clone());
            }
        };
        let mut run = Run { looks_max: reviews_max, ..Run::new(self, at, &found) };
        run.preview_manifests().await?;
        run.preview_blobs().await?;
        run.preview_stale_uploads().await?;
        let (report, complete) = (run.report, !run.is_cut);
        Ok(CollectionPreview { taken: taken.into_inner().unwrap_or_default(), report, complete })
    }
}
