//! Rows of the record by what is asked of them: pages by moment, over an index for each thing that is asked most.

use longshore_types::Timestamp;

use super::{AuditEvent, COLUMNS};
use crate::{
    MetadataError, Page, ProjectId, ReadTx,
    conditions::Conditions,
    migrations::Dialect,
    sql::{at_most, one_more, page},
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
    /// In one of these projects; empty for all rows, also those of no project.
    pub projects: &'a [ProjectId],
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
fn conditions<'a>(dialect: Dialect, filter: &AuditFilter<'a>, project: Option<ProjectId>) -> Conditions<'a> {
    let mut conditions = Conditions::new(dialect);
    if let Some(project) = project {
        conditions.compare("project_id", "=", project);
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
    if let Some(from) = filter.from {
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
        // Each project has its rows in order; the first of all are among the first of each.
        let most = skip.saturating_add(limit);
        let mut found = Vec::new();
        let mut more = false;
        for project in filter.projects {
            let page = self.audit_of(filter, Some(*project), order, after, 0, most).await?;
            more |= page.more;
            found.extend(page.entries);
        }
        found.sort_unstable_by_key(AuditEvent::position);
        if order == AuditOrder::NewestFirst {
            found.reverse();
        }
        more |= found.len() > most;
        Ok(Page { entries: found.into_iter().skip(skip).take(limit).collect(), more })
    }

    async fn audit_of(
        &mut self,
        filter: &AuditFilter<'_>,
        project: Option<ProjectId>,
        order: AuditOrder,
        after: Option<AuditPosition>,
        skip: usize,
        limit: usize,
    ) -> Result<Page<AuditEvent>, MetadataError> {
        let (operator, direction) = match order {
            AuditOrder::NewestFirst => ("<", "DESC"),
            AuditOrder::OldestFirst => (">", "ASC"),
        };
        let mut conditions = conditions(self.dialect(), filter, project);
        if let Some(AuditPosition { at, id }) = after {
            let (at, id) = (conditions.value(at), conditions.value(id));
            conditions.says(format!("(at, id) {operator} (${at}, ${id})"));
        }
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
        let projects: Vec<Option<ProjectId>> = match filter.projects {
            [] => vec![None],
            projects => projects.iter().copied().map(Some).collect(),
        };
        let mut total = 0;
        for project in projects {
            let mut conditions = conditions(self.dialect(), filter, project);
            let most = conditions.value(at_most(most));
            let sql = format!(
                "SELECT COUNT(*) FROM (SELECT 1 FROM audit_events {} LIMIT ${most}) AS found",
                conditions.sql()
            );
            total += self.count(&sql, &conditions.values).await?;
        }
        Ok(total.min(most as u64))
    }
}
