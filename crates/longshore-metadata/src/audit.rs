//! The record of what was done: rows written in the transaction of the change that they tell of.

use longshore_types::{ProjectName, Timestamp};

use crate::{MetadataError, ProjectId, WriteTx, sql::params};

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

impl WriteTx {
    /// Writes a row of the record.
    pub async fn record_audit(&mut self, event: &NewAuditEvent<'_>) -> Result<(), MetadataError> {
        let sql = "INSERT INTO audit_events (at, operation, resource_type, resource, project_id, project, actor, \
                   address, request_id, succeeded, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        let values = params![
            event.at,
            event.operation,
            event.resource_type,
            event.resource,
            event.project.map(|(id, _)| id),
            event.project.map(|(_, name)| name.as_str()),
            event.actor,
            event.address,
            event.request_id,
            i64::from(event.succeeded),
            event.detail
        ];
        self.execute(sql, values).await.map(drop)
    }
}
