//! The record of what was done: rows written in the transaction of the change that they tell of. Afterwards each gets a
//! place in a chain of hashes (`chain`), which nobody who writes has to wait for.

mod chain;
mod listing;
mod merge;
mod operations;
mod targets;

use longshore_types::{Digest, ProjectName, RepositoryName, Timestamp};

pub use chain::{AuditDamage, AuditReport, ChainState};
pub use listing::{AuditFilter, AuditOrder, AuditPosition, TextFilter};
pub use operations::{AUDIT_OPERATIONS, AuditOperation};

use crate::{
    MetadataError, ProjectId, WriteTx,
    sql::{Row, params},
};

/// Something that was done, or refused.
#[derive(Clone, Debug)]
pub struct NewAuditEvent<'a> {
    /// When.
    pub at: Timestamp,
    /// What, in Harbor's words: `create_project`, `login_user`.
    pub operation: &'a str,
    /// To what kind of thing: `project`, `artifact`.
    pub resource_type: &'a str,
    /// To which: `team/app:v1`.
    pub resource: &'a str,
    /// In which project, by row and by name, because the row may go.
    pub project: Option<(ProjectId, &'a ProjectName)>,
    /// Who, as they log in; `anonymous`; `system` for the registry's own work.
    pub actor: &'a str,
    /// From where; empty for the registry's own work.
    pub address: &'a str,
    /// By which request, as in the log.
    pub request_id: &'a str,
    /// Whether it was done.
    pub succeeded: bool,
    /// Anything more, as a JSON object, or empty.
    pub detail: &'a str,
}

impl NewAuditEvent<'_> {
    /// Whoever records something adds it to the table, which callers and the documentation show.
    fn check(&self) {
        debug_assert!(
            AuditOperation::find(self.operation)
                .is_some_and(|known| known.resource_types.contains(&self.resource_type)),
            "AUDIT_OPERATIONS has no {} of a {}",
            self.operation,
            self.resource_type
        );
    }
}

/// A row of the record. The fields are those of [`NewAuditEvent`], and its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// Its row.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub operation: String,
    /// To what kind of thing.
    pub resource_type: String,
    /// To which.
    pub resource: String,
    /// The row that the project had then.
    pub project_id: Option<ProjectId>,
    /// The project's name then.
    pub project: Option<String>,
    /// Who.
    pub actor: String,
    /// From where.
    pub address: String,
    /// By which request.
    pub request_id: String,
    /// Whether it was done.
    pub succeeded: bool,
    /// Anything more.
    pub detail: String,
    /// Its place in the chain, once it has one; the first is 1.
    pub sequence: Option<u64>,
    /// The chain's hash up to and with it.
    pub hash: Option<Digest>,
}

/// The columns that [`AuditEvent::read`] reads.
const COLUMNS: &str = "id, at, operation, resource_type, resource, project_id, project, actor, address, request_id, \
                       succeeded, detail, sequence, hash";

impl AuditEvent {
    fn read(mut row: Row) -> Result<Self, MetadataError> {
        Ok(Self {
            id: row.int()?,
            at: row.timestamp()?,
            operation: row.text()?,
            resource_type: row.text()?,
            resource: row.text()?,
            project_id: row.optional_int()?.map(ProjectId),
            project: row.optional_text()?,
            actor: row.text()?,
            address: row.text()?,
            request_id: row.text()?,
            succeeded: row.int()? != 0,
            detail: row.text()?,
            sequence: row.optional_int()?.map(i64::unsigned_abs),
            hash: row.optional_digest()?,
        })
    }
}

impl WriteTx {
    /// Writes a row of the record.
    pub async fn record_audit(&mut self, event: &NewAuditEvent<'_>) -> Result<(), MetadataError> {
        event.check();
        let sql = "INSERT INTO audit_events (at, operation, resource_type, resource, project_id, project, actor, \
                   address, request_id, succeeded, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        let values = params![
            event.at,
            event.operation,
            event.resource_type,
            storable(event.resource),
            event.project.map(|(id, _)| id),
            event.project.map(|(_, name)| name.as_str()),
            storable(event.actor),
            storable(event.address),
            storable(event.request_id),
            i64::from(event.succeeded),
            storable(event.detail)
        ];
        self.execute(sql, values).await.map(drop)
    }

    /// [`WriteTx::record_audit`] of something in a repository: its project is the event's, whatever that says.
    pub async fn record_audit_in(
        &mut self,
        repository: &RepositoryName,
        event: &NewAuditEvent<'_>,
    ) -> Result<(), MetadataError> {
        event.check();
        let sql = "INSERT INTO audit_events (project_id, project, at, operation, resource_type, resource, actor, \
                   address, request_id, succeeded, detail) VALUES (\
                   (SELECT project_id FROM repositories WHERE name = $1), \
                   (SELECT p.name FROM repositories r CROSS JOIN projects p \
                    WHERE r.name = $1 AND p.id = r.project_id), $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        let values = params![
            repository,
            event.at,
            event.operation,
            event.resource_type,
            storable(event.resource),
            storable(event.actor),
            storable(event.address),
            storable(event.request_id),
            i64::from(event.succeeded),
            storable(event.detail)
        ];
        self.execute(sql, values).await.map(drop)
    }
}

/// What callers say about themselves may hold NUL, which PostgreSQL cannot: it becomes a replacement character.
fn storable(text: &str) -> std::borrow::Cow<'_, str> {
    match text.contains('\0') {
        true => text.replace('\0', "\u{fffd}").into(),
        false => text.into(),
    }
}
