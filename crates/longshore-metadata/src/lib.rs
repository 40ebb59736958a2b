//! The index in SQL: repositories, links, manifests, tags, history, uploads and queues. One schema and one code path
//! for SQLite and PostgreSQL.
//!
//! [`Metadata`] hands out transactions: [`ReadTx`] for reading, [`WriteTx`] (which reads too) for changing. The
//! methods of both are spread over one file per subject. Nothing here reads a clock: moments are arguments.

mod access_policies;
mod access_tokens;
mod artifacts;
mod audit;
mod blobs;
#[cfg(feature = "bulk")]
mod bulk;
mod cache;
mod catalog;
mod cli_secrets;
mod conditions;
mod content;
mod database;
mod deleted;
mod durability;
mod error;
#[cfg(feature = "testing")]
mod fault;
mod groups;
mod images;
mod jobs;
mod labels;
mod manifests;
mod members;
mod migrations;
mod page;
#[cfg(test)]
mod plans;
mod postgres;
mod projects;
mod quotas;
mod reading;
mod repositories;
mod retry;
mod reviews;
mod robots;
mod roles;
mod sessions;
mod settings;
mod signing_keys;
mod sql;
mod sqlite;
mod statistics;
mod tags;
mod trust_rules;
mod uploads;
mod users;

pub use access_policies::{AccessPolicyRecord, NewAccessPolicy, PolicyUse, PolicyVersion};
pub use access_tokens::{AccessTokenId, AccessTokenRecord};
pub use artifacts::{ArtifactFilter, ArtifactOrder, TagFilter, TagOrder};
pub use audit::{
    AUDIT_OPERATIONS, AuditDamage, AuditEvent, AuditFilter, AuditOperation, AuditOrder, AuditPosition,
    AuditReport, ChainState, NewAuditEvent, TextFilter,
};
pub use blobs::{BlobId, BlobRecord};
#[cfg(feature = "bulk")]
pub use bulk::BulkFill;
pub use catalog::CatalogEntry;
pub use cli_secrets::CLI_SECRET_NAME;
pub use content::ManifestContent;
pub use database::{Metadata, MetadataSettings, ReadTx, WriteTx};
pub use deleted::Before;
pub use error::MetadataError;
#[cfg(feature = "testing")]
pub use fault::FaultPlan;
pub use groups::{GroupFilter, GroupId, GroupKind, GroupRecord};
pub use images::{FoundImage, ImageCursor, MarkKey, folded};
pub use jobs::{COLLECTION_JOB, JobId, JobQueue, JobRecord, QueuedJob};
pub use labels::{LabelId, LabelOrder, LabelRecord, NewLabel};
pub use manifests::{
    ManifestId, ManifestRecord, ManifestReference, NewManifest, ReferenceKind, ReferrerRecord, StoredManifest,
};
pub use members::{Holder, MemberId, MemberRecord, Membership};
pub use page::Page;
pub use projects::{PUBLIC_SETTING, ProjectFilter, ProjectId, ProjectOrder, ProjectRecord};
pub use quotas::{QuotaExceeded, QuotaLimit, QuotaRecord};
pub use repositories::{
    RepositoryFilter, RepositoryId, RepositoryOrder, RepositoryParts, RepositoryRecord, RepositoryScope,
    RepositoryStamp, RepositorySummary,
};
pub use retry::{MayConflict, retry_on_conflict};
pub use reviews::{BlobReview, ManifestReview, ReviewEvent, ReviewQueue};
pub use robots::{NewRobot, RobotId, RobotLevel, RobotRecord};
pub use roles::RoleRecord;
pub use sessions::SessionRecord;
pub use signing_keys::SigningKeyRecord;
pub use statistics::Pulls;
pub use tags::{TagEvent, TagEventAction, TagRecord};
pub use trust_rules::{NewTrustRule, TrustRuleId, TrustRuleKind, TrustRuleRecord};
pub use uploads::UploadRecord;
pub use users::{ADMIN_ROLE, LOCAL_SOURCE, NewUser, UserFilter, UserId, UserOrder, UserRecord};
