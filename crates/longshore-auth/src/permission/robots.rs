//! What robots may be given: the two lists of Harbor 2.16, word for word. Making robots is in them, changing them is not.

use super::{PermissionSet, permission_set};

/// Outside of projects.
pub(super) const IN_SYSTEM: PermissionSet = permission_set! {
    Project: Create List;
    Label: Create Read Update Delete;
    Quota: Read Update List;
    Robot: Create Read Delete List;
    Scanner: Create Read Update Delete List;
    AuditLog: List;
    PurgeAudit: Create Read Update List Stop;
    Catalog: Read;
    User: Create Read Update Delete List;
    UserGroup: Create Read Update Delete List;
    LdapUser: Create List;
    Registry: Create Read Update Delete List;
    Replication: Create Read List;
    ReplicationAdapter: List;
    ReplicationPolicy: Create Read Update Delete List;
    GarbageCollection: Create Read Update List Stop;
    ScanAll: Create Read Update Stop;
    PreheatInstance: Create Read Update Delete List;
    SystemVolumes: Read;
    JobServiceMonitor: List Stop;
    SecurityHub: Read List;
};

/// In projects.
pub(super) const IN_PROJECTS: PermissionSet = permission_set! {
    Project: Read Update Delete;
    Member: Create Read Update Delete List;
    Metadata: Create Read Update Delete List;
    Log: List;
    Repository: Read Update Delete List Pull Push;
    Artifact: Create Read Delete List;
    ArtifactAddition: Read;
    ArtifactLabel: Create Delete;
    Accessory: List;
    Tag: Create Delete List;
    TagRetention: Create Read Update Delete List;
    ImmutableTag: Create Update Delete List;
    NotificationPolicy: Create Read Update Delete List;
    PreheatPolicy: Create Read Update Delete List;
    Scan: Create Read Stop;
    Sbom: Create Read Stop;
    ExportCve: Create Read;
    Label: Create Read Update Delete List;
    Quota: Read;
    Robot: Create Read Delete List;
    Scanner: Create Read;
};
