//! The use cases of management: who may log in, projects and their members, robots, access tokens, what was done. Knows no
//! HTTP, no clock and no environment: callers, moments and settings are arguments.
//!
//! [`Accounts`] holds the parts; its methods are spread over one file per subject. Each change writes its audit row in its own
//! transaction.

mod access;
mod access_policies;
mod access_tokens;
mod accounts;
mod act;
mod audit;
mod audit_line;
mod background_work;
mod client_chain;
mod collection_runs;
mod configuration;
mod content;
mod credentials;
mod delegation;
mod directories;
mod error;
mod first_start;
mod groups;
mod hidden;
mod labels;
mod login;
mod members;
mod project_view;
mod projects;
mod providers;
mod quotas;
mod refusals;
mod retry;
mod robots;
mod roles;
mod sessions;
mod signing_keys;
mod stored_grants;
mod tally;
mod token_service;
mod trust_rules;
mod users;

pub use access_policies::{AskedPolicy, Doing, PolicyPlan, SimulatedGrant, Simulation, Supposed};
pub use access_tokens::{AccessTokenDetails, NewAccessToken};
pub use accounts::{Accounts, AccountsSettings};
pub use act::Act;
pub use audit_line::{CSV_HEADER, csv_line, json_line};
pub use client_chain::ClientChain;
pub use collection_runs::{Collection, CollectionRun, RunState};
pub use configuration::{ConfiguredSource, FileConfiguration, Running, Setting};
pub use content::{ListedInProject, ListedRepositories, Statistics};
pub use credentials::{Credentials, Csrf, LoginError};
pub use directories::{DirectoryTrial, NotImported};
pub use error::ManageError;
pub use first_start::{FIRST_PROJECT, FIRST_USER};
pub use groups::NewGroup;
pub use hidden::{learns_what_is_missing, may_lie_deeper};
pub use labels::LabelPlan;
pub use login::{ConfirmationSettings, NewSession, SessionId, Vouched};
pub use members::{MemberDetails, MemberGrant, NewHolder};
pub use project_view::{FoundProject, ProjectKey};
pub use projects::{
    ALLOWLIST_SETTING, NewProject, ProjectDetails, ProjectQuery, ProjectSummary, public_setting,
};
pub use providers::{CameBack, Named, ProviderError, Providers, ReturnPath, SentAway};
pub use quotas::QuotaOrder;
pub use refusals::{Refused, RefusedIn};
pub use robots::{NewSecret, RobotDetails, RobotPlan, ScopedPermissions};
pub use sessions::SessionDetails;
pub use signing_keys::{KeyDetails, KeyState, KeyStore, KeysError, OldKeys};
pub use token_service::{
    Granted, Login, TOKEN_SERVICE_PATH, TOKEN_USER, TokenService, TokenServiceError, rotation,
};
pub use trust_rules::{TrustRuleDetails, TrustRulePlan, UsableTrustRule};
pub use users::{NewAccount, Profile};

/// Whose word counts about programs.
pub use longshore_identity::workload::Workloads;
/// Who signs certificates that say who somebody is.
pub use longshore_identity::{CertificateDer, certificate::Certificates};
/// What directories say of people and groups.
pub use longshore_identity::{SourceGroup, ldap::LdapUser};
/// Rows as the use cases take and give them.
pub use longshore_metadata::{
    AUDIT_OPERATIONS, AccessPolicyRecord, AccessTokenId, AuditEvent, AuditFilter, AuditOperation, AuditOrder,
    GroupFilter, GroupKind, GroupRecord, Holder, JobQueue, LabelId, LabelOrder, LabelRecord, MemberId,
    ProjectFilter, ProjectId, ProjectOrder, ProjectRecord, QueuedJob, QuotaRecord, ReviewQueue, RobotId,
    TextFilter, TrustRuleId, TrustRuleKind, UserFilter, UserId, UserOrder, UserRecord,
};
/// What policies are about, and what they say.
pub use longshore_policy::{Answer, Rule, schema_text};
