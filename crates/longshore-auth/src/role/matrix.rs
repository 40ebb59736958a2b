//! The matrix of Harbor 2.16 (its `src/common/rbac/project/rbac_role.go`): who may do what in a project.

use crate::{PermissionSet, permission::permission_set};

pub(super) const PROJECT_ADMIN: PermissionSet = permission_set! {
    Project: Read Update Delete;
    Member: Create Read Update Delete List;
    Metadata: Create Read Update Delete;
    Log: List;
    Repository: Create Read Update Delete List Pull Push;
    Artifact: Create Read Delete List;
    ArtifactAddition: Read;
    ArtifactLabel: Create Delete;
    Accessory: List;
    Tag: Create Delete List;
    TagRetention: Create Read Update Delete List Operate;
    ImmutableTag: Create Update Delete List;
    NotificationPolicy: Create Read Update Delete List;
    PreheatPolicy: Create Read Update Delete List;
    Scan: Create Read Stop;
    Sbom: Create Read Stop;
    ExportCve: Create Read List;
    Configuration: Read Update;
    Label: Create Read Update Delete List;
    Quota: Read;
    Robot: Create Read Update Delete List;
    Scanner: Create Read;
};

pub(super) const MAINTAINER: PermissionSet = permission_set! {
    Project: Read;
    Member: Read List;
    Metadata: Read;
    Repository: Create Read Update Delete List Pull Push;
    Artifact: Create Read Delete List;
    ArtifactAddition: Read;
    ArtifactLabel: Create Delete;
    Accessory: List;
    Tag: Create Delete List;
    TagRetention: Create Read Update Delete List Operate;
    ImmutableTag: Create Update Delete List;
    NotificationPolicy: Read List;
    Scan: Create Read Stop;
    Sbom: Create Read Stop;
    ExportCve: Create Read List;
    Configuration: Read;
    Label: Create Read Update Delete List;
    Quota: Read;
    Robot: Read List;
    Scanner: Read;
};

pub(super) const DEVELOPER: PermissionSet = permission_set! {
    Project: Read;
    Member: Read List;
    Repository: Create Read Update List Pull Push;
    Artifact: Create Read List;
    ArtifactAddition: Read;
    ArtifactLabel: Create Delete;
    Accessory: List;
    Tag: Create List;
    TagRetention: Create Read Update Delete List Operate;
    Scan: Read;
    Sbom: Read;
    ExportCve: Create Read List;
    Configuration: Read;
    Label: Read List;
    Quota: Read;
    Robot: Read List;
    Scanner: Read;
};

pub(super) const GUEST: PermissionSet = permission_set! {
    Project: Read;
    Member: Read List;
    Repository: Read List Pull;
    Artifact: Read List;
    ArtifactAddition: Read;
    Accessory: List;
    Tag: List;
    Scan: Read;
    Sbom: Read;
    Configuration: Read;
    Label: Read List;
    Quota: Read;
    Robot: Read List;
    Scanner: Read;
};

pub(super) const LIMITED_GUEST: PermissionSet = permission_set! {
    Project: Read;
    Repository: Read List Pull;
    Artifact: Read List;
    ArtifactAddition: Read;
    Accessory: List;
    Tag: List;
    Scan: Read;
    Sbom: Read;
    Configuration: Read;
    Quota: Read;
    Scanner: Read;
};

/// Everybody in a public project, with or without a login. Harbor's set, and `repository:read`, which tells nothing that
/// its `repository:list` does not.
pub(super) const PUBLIC: PermissionSet = permission_set! {
    Project: Read;
    Repository: Read List Pull;
    Artifact: Read List;
    ArtifactAddition: Read;
    Accessory: List;
    Tag: List;
    Scan: Read;
    Label: Read List;
    Scanner: Read;
};

/// Not Harbor's.
pub(super) const TRUST_RULES: PermissionSet = permission_set! {
    TrustRule: Create Read Update Delete List;
};

/// Not Harbor's either: projects within the project.
pub(super) const NESTED_PROJECTS: PermissionSet = permission_set! {
    Project: Create;
};

/// Every user, outside of projects. Lists of projects hold what the caller may read and nothing else. Roles are named
/// here because members are given them.
pub(super) const EVERY_USER: PermissionSet = permission_set! {
    Project: List;
    Label: Read List;
    Catalog: Read;
    Profile: Read Update;
    AccessToken: Create Read Update Delete List;
    Role: Read List;
};
