//! Who does something, when, and by which request.

use longshore_auth::{Access, Circumstances};
use longshore_metadata::{MetadataError, NewAuditEvent, ProjectRecord, WriteTx};

/// The circumstances of a use case.
#[derive(Clone, Debug)]
pub struct Act {
    /// Who, and what they may do.
    pub access: Access,
    /// When, and from where.
    pub circumstances: Circumstances,
    /// By which request, as in the log.
    pub request_id: String,
}

impl Act {
    /// Writes an audit row for something that this act does in `tx`. `detail` is a JSON object, or empty.
    pub(crate) async fn record(
        &self,
        tx: &mut WriteTx,
        operation: &str,
        (resource_type, resource): (&str, &str),
        project: Option<&ProjectRecord>,
        detail: &str,
    ) -> Result<(), MetadataError> {
        let address = self.circumstances.address.map(|address| address.to_string()).unwrap_or_default();
        tx.record_audit(&NewAuditEvent {
            at: self.circumstances.now,
            operation,
            resource_type,
            resource,
            project: project.map(|project| (project.id, &project.name)),
            actor: self.access.principal.name().unwrap_or("anonymous"),
            address: &address,
            request_id: &self.request_id,
            succeeded: true,
            detail,
        })
        .await
    }
}
