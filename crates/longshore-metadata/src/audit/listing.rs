//! Rows of the record by what is asked of them: pages by moment, over an index for each thing that is asked most.

use longshore_types::Timestamp;

use super::{AuditEvent, COLUMNS, merge::Merge};
use crate::{
    MetadataError, Page, ProjectId, ReadTx,
    conditions::Conditions,
    migrations::Dialect,
    sql::{Value, at_most, batches, one_more, page, placeholders},
};

/// What a text must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFilter<'a> {
    /// This.
    Is(&'a str),
    /// It begins so.
    Begins(&'a str),
    /// This is somewhere in it.
    Contains(&'a str),
}

/// Which rows. All that is given must hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct AuditFilter<'a> {
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// In one of these projects, each from a moment on: whoever makes a project of a name that was used before is not shown
    /// what happened there before. Empty for all rows, also those of no project.
    pub projects: &'a [(ProjectId, Timestamp)],
    /// By whom.
    pub actor: Option<TextFilter<'a>>,
    /// What was done.
    pub operation: Option<TextFilter<'a>>,
    /// To what kind of thing.
    pub resource_type: Option<TextFilter<'a>>,
    /// To which. Looked at row by row: it makes nothing faster.
    pub resource: Option<TextFilter<'a>>,
    /// Whether it was done.
    pub succeeded: Option<bool>,
}

/// In which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditOrder {
    /// The newest first.
    NewestFirst,
    /// The oldest first.
    OldestFirst,
}

impl AuditOrder {
    /// Has a listing go on after a place; the direction that `ORDER BY` needs.
    fn go_on(self, conditions: &mut Conditions<'_>, after: Option<AuditPosition>) -> &'static str {
        let (operator, direction) = match self {
            Self::NewestFirst => ("<", "DESC"),
            Self::OldestFirst => (">", "ASC"),
        };
        if let Some(AuditPosition { at, id }) = after {
            let (at, id) = (conditions.value(at), conditions.value(id));
            conditions.says(format!("(at, id) {operator} (${at}, ${id})"));
        }
        direction
    }
}

/// A row's place in both orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditPosition {
    /// When.
    pub at: Timestamp,
    /// Its row.
    pub id: i64,
}

impl AuditEvent {
    /// Where a listing goes on after it.
    pub fn position(&self) -> AuditPosition {
        AuditPosition { at: self.at, id: self.id }
    }
}

/// What must hold of the rows, in one project or all.
fn conditions<'a>(
    dialect: Dialect,
    filter: &AuditFilter<'a>,
    project: Option<(ProjectId, Timestamp)>,
) -> Conditions<'a> {
    let mut conditions = Conditions::new(dialect);
    let mut from = filter.from;
    if let Some((project, since)) = project {
        conditions.compare("project_id", "=", project);
        from = Some(from.map_or(since, |from| from.max(since)));
    }
    conditions.text("operation", filter.operation);
    conditions.text("actor", filter.actor);
    conditions.text("resource_type", filter.resource_type);
    conditions.text("resource", filter.resource);
    // Written out, so that the index of what failed can be used.
    match filter.succeeded {
        Some(true) => conditions.says("succeeded = 1"),
        Some(false) => conditions.says("succeeded = 0"),
        None => {}
    }
    if let Some(from) = from {
        conditions.compare("at", ">=", from);
    }
    if let Some(until) = filter.until {
        conditions.compare("at", "<", until);
    }
    conditions
}

impl ReadTx {
    /// Rows after `after`, without the first `skip` of those: these are read all the same, so whoever pages by number
    /// pays for the pages before.
    pub async fn audit_page(
        &mut self,
        filter: &AuditFilter<'_>,
        order: AuditOrder,
        after: Option<AuditPosition>,
        skip: usize,
        limit: usize,
    ) -> Result<Page<AuditEvent>, MetadataError> {
        if let [] | [_] = filter.projects {
            return self.audit_of(filter, filter.projects.first().copied(), order, after, skip, limit).await;
        }
        let mut merge = Merge::new(filter.projects, after);
        let mut ids = Vec::new();
        for nth in 0..skip.saturating_add(limit) {
            let Some(position) = merge.next(self, filter, order).await? else { break };
            if nth >= skip {
                ids.push(position.id);
            }
        }
        let more = ids.len() == limit && merge.next(self, filter, order).await?.is_some();
        Ok(Page { entries: self.audit_rows(&ids, order).await?, more })
    }

    /// Rows by their numbers.
    async fn audit_rows(&mut self, ids: &[i64], order: AuditOrder) -> Result<Vec<AuditEvent>, MetadataError> {
        let mut found = Vec::with_capacity(ids.len());
        for ids in batches(ids) {
            let list = placeholders(1, ids.len());
            let sql = format!("SELECT {COLUMNS} FROM audit_events WHERE id IN ({list})");
            let values: Vec<Value<'_>> = ids.iter().map(|id| (*id).into()).collect();
            for row in self.query(&sql, &values).await? {
                found.push(AuditEvent::read(row)?);
            }
        }
        found.sort_unstable_by_key(AuditEvent::position);
        if order == AuditOrder::NewestFirst {
            found.reverse();
        }
        Ok(found)
    }

    /// Where the rows of a project lie after `after`.
    pub(super) async fn audit_positions(
        &mut self,
        filter: &AuditFilter<'_>,
        project: (ProjectId, Timestamp),
        order: AuditOrder,
        after: Option<AuditPosition>,
        limit: usize,
    ) -> Result<Vec<AuditPosition>, MetadataError> {
        let mut conditions = conditions(self.dialect(), filter, Some(project));
        let direction = order.go_on(&mut conditions, after);
        let rows = conditions.value(at_most(limit));
        let sql = format!(
            "SELECT at, id FROM audit_events {} ORDER BY at {direction}, id {direction} LIMIT ${rows}",
            conditions.sql()
        );
        let rows = self.query(&sql, &conditions.values).await?;
        rows.into_iter().map(|mut row| Ok(AuditPosition { at: row.timestamp()?, id: row.int()? })).collect()
    }

    async fn audit_of(
        &mut self,
        filter: &AuditFilter<'_>,
        project: Option<(ProjectId, Timestamp)>,
        order: AuditOrder,
        after: Option<AuditPosition>,
        skip: usize,
        limit: usize,
    ) -> Result<Page<AuditEvent>, MetadataError> {
        let mut conditions = conditions(self.dialect(), filter, project);
        let direction = order.go_on(&mut conditions, after);
        let (rows, skip) = (conditions.value(one_more(limit)), conditions.value(at_most(skip)));
        let sql = format!(
            "SELECT {COLUMNS} FROM audit_events {} ORDER BY at {direction}, id {direction} \
             LIMIT ${rows} OFFSET ${skip}",
            conditions.sql()
        );
        let rows = self.query(&sql, &conditions.values).await?;
        page(rows, limit, AuditEvent::read)
    }

    /// How many rows there are, counted up to `most`.
    pub async fn audit_count(&mut self, filter: &AuditFilter<'_>, most: usize) -> Result<u64, MetadataError> {
        let projects: Vec<Option<_>> = match filter.projects {
            [] => vec![None],
            projects => projects.iter().copied().map(Some).collect(),
        };
        let mut total: u64 = 0;
        for project in projects {
            let left = most.saturating_sub(usize::try_from(total).unwrap_or(usize::MAX));
            if left == 0 {
                break;
            }
            let mut conditions = conditions(self.dialect(), filter, project);
            let most = conditions.value(at_most(left));
            let sql = format!(
                "SELECT COUNT(*) FROM (SELECT 1 FROM audit_events {} LIMIT ${most}) AS found",
                conditions.sql()
            );
            total += self.count(&sql, &conditions.values).await?;
        }
        Ok(total)
    }
}
