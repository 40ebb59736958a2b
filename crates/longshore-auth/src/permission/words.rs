//! The words that permissions are made of.

use std::{fmt, str::FromStr};

/// No permission is called so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown permission {0:?}")]
pub struct PermissionError(String);

impl PermissionError {
    /// For that text, of which it repeats the beginning.
    pub(super) fn of(text: &str) -> Self {
        Self(text.chars().take(64).collect())
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $variant:ident $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $name { $($(#[$word_doc])* #[doc = concat!("`", $text, "`")] $variant,)+ }

        impl $name {
            /// Every one of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word for it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = PermissionError;

            fn from_str(text: &str) -> Result<Self, PermissionError> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(PermissionError::of(text)),
                }
            }
        }
    };
}

words! {
    /// What a permission is about.
    Resource {
        AccessPolicy "access-policy",
        AccessToken "access-token",
        Accessory "accessory",
        Artifact "artifact",
        ArtifactAddition "artifact-addition",
        ArtifactLabel "artifact-label",
        AuditLog "audit-log",
        Catalog "catalog",
        Configuration "configuration",
        Distribution "distribution",
        ExportCve "export-cve",
        GarbageCollection "garbage-collection",
        ImmutableTag "immutable-tag",
        JobServiceMonitor "jobservice-monitor",
        Label "label",
        LdapUser "ldap-user",
        Log "log",
        Member "member",
        Metadata "metadata",
        NotificationPolicy "notification-policy",
        PreheatInstance "preheat-instance",
        PreheatPolicy "preheat-policy",
        Profile "profile",
        Project "project",
        PurgeAudit "purge-audit",
        Quota "quota",
        Registry "registry",
        Replication "replication",
        ReplicationAdapter "replication-adapter",
        ReplicationPolicy "replication-policy",
        Repository "repository",
        Robot "robot",
        Role "role",
        Sbom "sbom",
        Scan "scan",
        ScanAll "scan-all",
        Scanner "scanner",
        SecurityHub "security-hub",
        SigningKey "signing-key",
        SystemVolumes "system-volumes",
        Tag "tag",
        TagRetention "tag-retention",
        TrustRule "trust-rule",
        User "user",
        UserGroup "user-group",
    }
}

words! {
    /// What is done to it; Harbor calls it the action.
    Verb {
        Create "create",
        Read "read",
        Update "update",
        Delete "delete",
        List "list",
        Pull "pull",
        Push "push",
        Operate "operate",
        Stop "stop",
        ScannerPull "scanner-pull",
    }
}
