//! The rows of many projects as one sequence: each project has its rows in order, and of each only a few places are held at a
//! time, however far a page lies back.

use std::{cmp::Reverse, collections::BinaryHeap, collections::VecDeque};

use longshore_types::Timestamp;

use super::{AuditFilter, AuditOrder, AuditPosition};
use crate::{MetadataError, ProjectId, ReadTx};

/// Places of a project read at first, and at most at a time.
const FIRST: usize = 16;
const MOST: usize = 512;

/// One project's rows.
struct Source {
    project: (ProjectId, Timestamp),
    waiting: VecDeque<AuditPosition>,
    /// Where to read on.
    after: Option<AuditPosition>,
    read_next: usize,
    at_end: bool,
}

/// Where the rows of some projects lie, one after the other.
pub(super) struct Merge {
    sources: Vec<Source>,
    begun: bool,
    /// The first place of each project, and which project. One of both is used.
    newest: BinaryHeap<(AuditPosition, usize)>,
    oldest: BinaryHeap<Reverse<(AuditPosition, usize)>>,
}

impl Merge {
    pub(super) fn new(projects: &[(ProjectId, Timestamp)], after: Option<AuditPosition>) -> Self {
        let source = |project: &(ProjectId, Timestamp)| Source {
            project: *project,
            waiting: VecDeque::new(),
            after,
            read_next: FIRST,
            at_end: false,
        };
        Self {
            sources: projects.iter().map(source).collect(),
            begun: false,
            newest: BinaryHeap::new(),
            oldest: BinaryHeap::new(),
        }
    }

    /// The next place, if there is one.
    pub(super) async fn next(
        &mut self,
        tx: &mut ReadTx,
        filter: &AuditFilter<'_>,
        order: AuditOrder,
    ) -> Result<Option<AuditPosition>, MetadataError> {
        if !self.begun {
            self.begun = true;
            for nth in 0..self.sources.len() {
                self.advance(nth, tx, filter, order).await?;
            }
        }
        let first = match order {
            AuditOrder::NewestFirst => self.newest.pop(),
            AuditOrder::OldestFirst => self.oldest.pop().map(|Reverse(first)| first),
        };
        let Some((position, nth)) = first else { return Ok(None) };
        self.advance(nth, tx, filter, order).await?;
        Ok(Some(position))
    }

    /// Has the next place of a project take part.
    async fn advance(
        &mut self,
        nth: usize,
        tx: &mut ReadTx,
        filter: &AuditFilter<'_>,
        order: AuditOrder,
    ) -> Result<(), MetadataError> {
        let Some(source) = self.sources.get_mut(nth) else { return Ok(()) };
        if source.waiting.is_empty() && !source.at_end {
            let wanted = source.read_next;
            let found = tx.audit_positions(filter, source.project, order, source.after, wanted).await?;
            source.at_end = found.len() < wanted;
            source.after = found.last().copied().or(source.after);
            source.waiting = found.into();
            source.read_next = (wanted * 4).min(MOST);
        }
        if let Some(position) = source.waiting.pop_front() {
            match order {
                AuditOrder::NewestFirst => self.newest.push((position, nth)),
                AuditOrder::OldestFirst => self.oldest.push(Reverse((position, nth))),
            }
        }
        Ok(())
    }
}
