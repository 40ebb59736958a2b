//! The statements of the audit record.

use std::time::Duration;

use longshore_types::{RepositoryName, Timestamp};

use crate::{
    AuditFilter, AuditOrder, AuditPosition, Metadata, MetadataError, NewAuditEvent, ProjectId, TextFilter,
};

/// Writes, seals, reads and purges the record.
pub(super) async fn call_everything(metadata: &Metadata) -> Result<(), MetadataError> {
    let now = Timestamp::from_unix_millis(1_000);
    let event = NewAuditEvent {
        at: now,
        operation: "create_artifact",
        resource_type: "artifact",
        resource: "team/app:v1",
        project: None,
        actor: "ann",
        address: "::1",
        request_id: "1",
        succeeded: true,
        detail: "",
    };
    let name: RepositoryName = "team/app".parse().unwrap();
    let mut tx = metadata.write().await?;
    let project = tx.ensure_repository(&name, now).await?.project;
    tx.record_audit(&event).await?;
    tx.record_audit_in(&name, &event).await?;
    tx.ensure_audit_target("t").await?;
    assert!(tx.audit_is_unsealed().await?);
    assert_eq!(tx.seal_audit(9).await?, 2);
    assert_eq!(tx.lease_audit_target("t", now, now).await?, Some(0));
    tx.advance_audit_target("t", 1).await?;
    tx.commit().await?;
    assert!(metadata.verify_audit().await?.damage.is_none());

    let mut tx = metadata.read().await?;
    assert_eq!(tx.audit_target("t").await?, Some(1));
    assert_eq!(tx.sealed_audit(0, 9).await?.len(), 2);
    let is = |text| Some(TextFilter::Is(text));
    let all = AuditFilter { until: Some(now.after(Duration::from_secs(1))), ..AuditFilter::default() };
    let after = AuditPosition { at: now.after(Duration::from_secs(2)), id: 0 };
    for (filter, found) in [
        (AuditFilter::default(), 2),
        (all, 2),
        (AuditFilter { projects: &[(project, now)], ..all }, 1),
        (AuditFilter { projects: &[(project, now), (ProjectId(99), now)], ..all }, 1),
        (AuditFilter { actor: is("ann"), ..all }, 2),
        (AuditFilter { operation: is("create_artifact"), ..all }, 2),
        (AuditFilter { resource_type: is("artifact"), ..all }, 2),
        (AuditFilter { resource: Some(TextFilter::Begins("team/")), ..all }, 2),
        (AuditFilter { succeeded: Some(false), ..all }, 0),
    ] {
        let page = tx.audit_page(&filter, AuditOrder::NewestFirst, None, 0, 9).await?;
        assert_eq!(page.entries.len(), found, "{filter:?}");
        let page = tx.audit_page(&filter, AuditOrder::NewestFirst, Some(after), 0, 9).await?;
        assert_eq!(page.entries.len(), found, "{filter:?}");
        tx.audit_page(&filter, AuditOrder::OldestFirst, Some(after), 0, 9).await?;
        assert_eq!(tx.audit_count(&filter, 9).await?, found as u64, "{filter:?}");
    }
    drop(tx);
    let mut tx = metadata.write().await?;
    assert_eq!(tx.purge_audit(now.after(Duration::from_secs(1)), 9).await?, 2);
    tx.commit().await
}
