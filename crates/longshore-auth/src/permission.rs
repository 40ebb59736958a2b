//! What may be done to what, in Harbor's words: `repository:pull`.
//!
//! The words, and which of them a robot may be given, are those of Harbor 2.16 (its `src/common/rbac/const.go`), so that
//! its clients' `access` lists work unchanged. What Harbor has no word for follows in the same form.

mod robots;
mod set;
mod words;

use std::{borrow::Cow, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use self::{
    set::PermissionSet,
    words::{PermissionError, Resource, Verb},
};
use crate::Action;

/// Something that may be done to something. There is one for every line of the table below and no other.
///
/// The number inside is for this process only; what is kept or sent is the text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Permission(u8);

macro_rules! permissions {
    ($($resource:ident { $($name:ident $verb:ident),+ $(,)? })+) => {
        /// Every permission; a [`Permission`] is an index into it.
        const TABLE: &[(Resource, Verb)] = &[$($((Resource::$resource, Verb::$verb)),+),+];

        /// The permissions by name.
        impl Permission {
            $($(
                #[doc = concat!("[`Verb::", stringify!($verb), "`] of [`Resource::", stringify!($resource), "`].")]
                pub const $name: Self = Self::listed(Resource::$resource, Verb::$verb);
            )+)+
        }
    };
}

permissions! {
    // In projects.
    Project {
        PROJECT_CREATE Create, PROJECT_READ Read, PROJECT_UPDATE Update, PROJECT_DELETE Delete, PROJECT_LIST List,
    }
    Member {
        MEMBER_CREATE Create, MEMBER_READ Read, MEMBER_UPDATE Update, MEMBER_DELETE Delete, MEMBER_LIST List,
    }
    Metadata {
        METADATA_CREATE Create, METADATA_READ Read, METADATA_UPDATE Update, METADATA_DELETE Delete,
        METADATA_LIST List,
    }
    Log { LOG_LIST List }
    Repository {
        REPOSITORY_CREATE Create, REPOSITORY_READ Read, REPOSITORY_UPDATE Update, REPOSITORY_DELETE Delete,
        REPOSITORY_LIST List, REPOSITORY_PULL Pull, REPOSITORY_PUSH Push, REPOSITORY_SCANNER_PULL ScannerPull,
    }
    Artifact {
        ARTIFACT_CREATE Create, ARTIFACT_READ Read, ARTIFACT_DELETE Delete, ARTIFACT_LIST List,
    }
    ArtifactAddition { ARTIFACT_ADDITION_READ Read }
    ArtifactLabel { ARTIFACT_LABEL_CREATE Create, ARTIFACT_LABEL_DELETE Delete }
    Accessory { ACCESSORY_LIST List }
    Tag { TAG_CREATE Create, TAG_DELETE Delete, TAG_LIST List }
    TagRetention {
        TAG_RETENTION_CREATE Create, TAG_RETENTION_READ Read, TAG_RETENTION_UPDATE Update,
        TAG_RETENTION_DELETE Delete, TAG_RETENTION_LIST List, TAG_RETENTION_OPERATE Operate,
    }
    ImmutableTag {
        IMMUTABLE_TAG_CREATE Create, IMMUTABLE_TAG_UPDATE Update, IMMUTABLE_TAG_DELETE Delete,
        IMMUTABLE_TAG_LIST List,
    }
    NotificationPolicy {
        NOTIFICATION_POLICY_CREATE Create, NOTIFICATION_POLICY_READ Read, NOTIFICATION_POLICY_UPDATE Update,
        NOTIFICATION_POLICY_DELETE Delete, NOTIFICATION_POLICY_LIST List,
    }
    PreheatPolicy {
        PREHEAT_POLICY_CREATE Create, PREHEAT_POLICY_READ Read, PREHEAT_POLICY_UPDATE Update,
        PREHEAT_POLICY_DELETE Delete, PREHEAT_POLICY_LIST List,
    }
    Scan { SCAN_CREATE Create, SCAN_READ Read, SCAN_STOP Stop }
    Sbom { SBOM_CREATE Create, SBOM_READ Read, SBOM_STOP Stop }
    ExportCve { EXPORT_CVE_CREATE Create, EXPORT_CVE_READ Read, EXPORT_CVE_LIST List }

    // In projects and of the whole system, told apart by where they are granted.
    Configuration { CONFIGURATION_READ Read, CONFIGURATION_UPDATE Update }
    Label {
        LABEL_CREATE Create, LABEL_READ Read, LABEL_UPDATE Update, LABEL_DELETE Delete, LABEL_LIST List,
    }
    Quota { QUOTA_READ Read, QUOTA_UPDATE Update, QUOTA_LIST List }
    Robot {
        ROBOT_CREATE Create, ROBOT_READ Read, ROBOT_UPDATE Update, ROBOT_DELETE Delete, ROBOT_LIST List,
    }
    Scanner {
        SCANNER_CREATE Create, SCANNER_READ Read, SCANNER_UPDATE Update, SCANNER_DELETE Delete, SCANNER_LIST List,
    }
    // Whose tokens stand for a robot.
    TrustRule {
        TRUST_RULE_CREATE Create, TRUST_RULE_READ Read, TRUST_RULE_UPDATE Update, TRUST_RULE_DELETE Delete,
        TRUST_RULE_LIST List,
    }

    // Of the whole system.
    AuditLog { AUDIT_LOG_LIST List }
    PurgeAudit {
        PURGE_AUDIT_CREATE Create, PURGE_AUDIT_READ Read, PURGE_AUDIT_UPDATE Update, PURGE_AUDIT_STOP Stop,
        PURGE_AUDIT_LIST List,
    }
    Catalog { CATALOG_READ Read }
    User {
        USER_CREATE Create, USER_READ Read, USER_UPDATE Update, USER_DELETE Delete, USER_LIST List,
    }
    UserGroup {
        USER_GROUP_CREATE Create, USER_GROUP_READ Read, USER_GROUP_UPDATE Update, USER_GROUP_DELETE Delete,
        USER_GROUP_LIST List,
    }
    LdapUser { LDAP_USER_CREATE Create, LDAP_USER_LIST List }
    Registry {
        REGISTRY_CREATE Create, REGISTRY_READ Read, REGISTRY_UPDATE Update, REGISTRY_DELETE Delete,
        REGISTRY_LIST List,
    }
    Replication {
        REPLICATION_CREATE Create, REPLICATION_READ Read, REPLICATION_UPDATE Update, REPLICATION_DELETE Delete,
        REPLICATION_LIST List,
    }
    ReplicationAdapter { REPLICATION_ADAPTER_LIST List }
    ReplicationPolicy {
        REPLICATION_POLICY_CREATE Create, REPLICATION_POLICY_READ Read, REPLICATION_POLICY_UPDATE Update,
        REPLICATION_POLICY_DELETE Delete, REPLICATION_POLICY_LIST List,
    }
    Distribution {
        DISTRIBUTION_CREATE Create, DISTRIBUTION_READ Read, DISTRIBUTION_UPDATE Update,
        DISTRIBUTION_DELETE Delete, DISTRIBUTION_LIST List,
    }
    GarbageCollection {
        GARBAGE_COLLECTION_CREATE Create, GARBAGE_COLLECTION_READ Read, GARBAGE_COLLECTION_UPDATE Update,
        GARBAGE_COLLECTION_DELETE Delete, GARBAGE_COLLECTION_LIST List, GARBAGE_COLLECTION_STOP Stop,
    }
    ScanAll {
        SCAN_ALL_CREATE Create, SCAN_ALL_READ Read, SCAN_ALL_UPDATE Update, SCAN_ALL_DELETE Delete,
        SCAN_ALL_LIST List, SCAN_ALL_STOP Stop,
    }
    PreheatInstance {
        PREHEAT_INSTANCE_CREATE Create, PREHEAT_INSTANCE_READ Read, PREHEAT_INSTANCE_UPDATE Update,
        PREHEAT_INSTANCE_DELETE Delete, PREHEAT_INSTANCE_LIST List,
    }
    SystemVolumes { SYSTEM_VOLUMES_READ Read }
    JobServiceMonitor {
        JOB_SERVICE_MONITOR_READ Read, JOB_SERVICE_MONITOR_LIST List, JOB_SERVICE_MONITOR_STOP Stop,
    }
    SecurityHub { SECURITY_HUB_READ Read, SECURITY_HUB_LIST List }

    // Of the whole system, and not Harbor's: one's own account and its access tokens; custom roles; conditions on
    // grants; the keys that sign tokens.
    Profile { PROFILE_READ Read, PROFILE_UPDATE Update }
    AccessToken {
        ACCESS_TOKEN_CREATE Create, ACCESS_TOKEN_READ Read, ACCESS_TOKEN_UPDATE Update,
        ACCESS_TOKEN_DELETE Delete, ACCESS_TOKEN_LIST List,
    }
    Role {
        ROLE_CREATE Create, ROLE_READ Read, ROLE_UPDATE Update, ROLE_DELETE Delete, ROLE_LIST List,
    }
    AccessPolicy {
        ACCESS_POLICY_CREATE Create, ACCESS_POLICY_READ Read, ACCESS_POLICY_UPDATE Update,
        ACCESS_POLICY_DELETE Delete, ACCESS_POLICY_LIST List,
    }
    SigningKey { SIGNING_KEY_CREATE Create, SIGNING_KEY_DELETE Delete, SIGNING_KEY_LIST List }
}

/// A constant [`PermissionSet`]: `Project: Read Update; Member: List;`.
macro_rules! permission_set {
    ($($resource:ident: $($verb:ident)+;)+) => {
        $crate::PermissionSet::of(&[$($(
            $crate::Permission::listed($crate::Resource::$resource, $crate::Verb::$verb)
        ),+),+])
    };
}
pub(crate) use permission_set;

/// Where permissions are granted: Harbor's two kinds of a robot's permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// The whole system, outside of projects.
    System,
    /// Projects and what lies in them.
    Project,
}

impl Permission {
    /// The permission to do `verb` to `resource`, if that means anything.
    pub const fn new(resource: Resource, verb: Verb) -> Option<Self> {
        let mut i = 0;
        while i < TABLE.len() {
            if TABLE[i].0 as u8 == resource as u8 && TABLE[i].1 as u8 == verb as u8 {
                return Some(Self(i as u8));
            }
            i += 1;
        }
        None
    }

    /// For constants alone: the compiler meets the panic.
    pub(crate) const fn listed(resource: Resource, verb: Verb) -> Self {
        match Self::new(resource, verb) {
            Some(permission) => permission,
            None => panic!("not in the table"),
        }
    }

    /// What it is about.
    pub const fn resource(self) -> Resource {
        TABLE[self.0 as usize].0
    }

    /// What it allows to do.
    pub const fn verb(self) -> Verb {
        TABLE[self.0 as usize].1
    }

    /// Whether it changes nothing and hands out no content: what an auditor may do.
    pub const fn is_reading(self) -> bool {
        matches!(self.verb(), Verb::Read | Verb::List)
    }

    /// Every permission.
    pub fn all() -> impl Iterator<Item = Self> {
        PermissionSet::ALL.iter()
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.resource(), self.verb())
    }
}

impl fmt::Debug for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Permission {
    type Err = PermissionError;

    fn from_str(text: &str) -> Result<Self, PermissionError> {
        text.split_once(':')
            .and_then(|(resource, verb)| Self::new(resource.parse().ok()?, verb.parse().ok()?))
            .ok_or_else(|| PermissionError::of(text))
    }
}

impl Serialize for Permission {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Permission {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Action {
    /// The permissions that an action of the distribution API asks for: all of them are needed.
    pub const fn permissions(self) -> PermissionSet {
        match self {
            Self::Pull => PermissionSet::of(&[Permission::REPOSITORY_PULL]),
            Self::Push => PermissionSet::of(&[Permission::REPOSITORY_PULL, Permission::REPOSITORY_PUSH]),
            Self::Delete => PermissionSet::of(&[Permission::ARTIFACT_DELETE]),
        }
    }
}

#[cfg(test)]
mod tests;
