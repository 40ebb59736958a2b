//! Rows of the audit record about pulls, gathered beside them: what is alike within a second is one row, which says how
//! often. A row for each would cost more than the pull itself.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    mem,
};

use longshore_metadata::{Metadata, MetadataError};
use longshore_types::{Digest, RepositoryName, Tag};

use crate::{
    Call,
    audit::{AuditRow, Operation},
    gather::Gathered,
    retry::retry_on_conflict,
};

/// Most rows that wait to be written; of further pulls the record says how many there were.
const ROWS_MAX: usize = 8192;
/// Most rows written in one transaction.
const BATCH: usize = 256;

/// Who pulls what. Everything of it is in the row, and two pulls of which all of it is the same share one.
#[derive(Clone, Copy)]
pub(crate) struct Pull<'a> {
    pub(crate) call: &'a Call,
    pub(crate) repository: &'a RepositoryName,
    pub(crate) tag: Option<&'a Tag>,
    pub(crate) digest: &'a Digest,
}

/// Rows on their way into the index.
#[derive(Default)]
pub(crate) struct PullRows {
    rows: Vec<Row>,
    /// Where to find them, by a hash of all that makes them alike.
    places: HashMap<u64, usize>,
    hasher: RandomState,
    /// Pulls that the record has no row for, since the last one that says how many.
    dropped: u64,
}

struct Row {
    row: AuditRow,
    tag: Option<Tag>,
    digest: Digest,
    pulls: u64,
}

impl Pull<'_> {
    fn hash(&self, hasher: &RandomState) -> u64 {
        let Self { call, repository, tag, digest } = self;
        hasher.hash_one((repository, tag, digest, call.caller.name.as_deref(), call.request.addr.as_str()))
    }

    fn is_of(&self, row: &Row) -> bool {
        row.digest == *self.digest
            && row.tag.as_ref() == self.tag
            && row.row.is_by(self.call, self.repository)
    }

    fn row(&self) -> AuditRow {
        AuditRow::new(self.call, Operation::PullArtifact, self.repository, self.tag, Some(self.digest))
    }
}

impl PullRows {
    pub(crate) fn add(&mut self, pull: &Pull<'_>) {
        let place = pull.hash(&self.hasher);
        let known = self.places.get(&place).and_then(|nth| self.rows.get_mut(*nth));
        if let Some(row) = known.filter(|row| pull.is_of(row)) {
            row.pulls += 1;
        } else if self.rows.len() < ROWS_MAX {
            self.places.insert(place, self.rows.len());
            self.rows.push(Row { row: pull.row(), tag: pull.tag.cloned(), digest: *pull.digest, pulls: 1 });
        } else {
            self.dropped += 1;
            if self.dropped == 1 {
                tracing::warn!(
                    "the index is too slow to record every pull: the record will say how many it lacks"
                );
            }
        }
    }

    /// The rows as they are written; the last one says how many are missing.
    fn finish(&mut self) -> Vec<(AuditRow, u64)> {
        self.places.clear();
        let mut rows: Vec<_> =
            self.rows.drain(..).map(|Row { row, pulls, .. }| (row.of_pulls(pulls), pulls)).collect();
        if let Some((last, _)) = rows.last()
            && self.dropped > 0
        {
            let dropped = mem::take(&mut self.dropped);
            rows.push((last.clone().instead_of(dropped), dropped));
        }
        rows
    }
}

impl Gathered for PullRows {
    async fn write(mut self, metadata: &Metadata) -> Self {
        for batch in self.finish().chunks(BATCH) {
            if let Err(error) = retry_on_conflict(|| write_batch(metadata, batch)).await {
                let lost: u64 = batch.iter().map(|(_, pulls)| pulls).sum();
                self.dropped += lost;
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    lost,
                    "could not record pulls; the record will say how many it lacks"
                );
            }
        }
        self
    }

    fn take_back(&mut self, left: Self) {
        self.dropped += left.dropped;
    }
}

async fn write_batch(metadata: &Metadata, rows: &[(AuditRow, u64)]) -> Result<(), MetadataError> {
    // Rows need not wait for the disk: whoever seals them does, a moment later.
    let mut tx = metadata.write_relaxed().await?;
    for (row, _) in rows {
        row.write(&mut tx).await?;
    }
    tx.commit().await
}
