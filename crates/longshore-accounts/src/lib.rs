//! The use cases of management: who may log in, projects and their members, robots, access tokens, what was done. Knows no
//! HTTP, no clock and no environment: callers, moments and settings are arguments.
//!
//! [`Accounts`] holds the parts; its methods are spread over one file per subject. Each change writes its audit row in its own
//! transaction.

mod access;
mod accounts;
mod act;
mod credentials;
mod error;
mod first_start;
mod groups;
mod login;
mod project_view;
mod retry;
mod stored_grants;
mod users;

pub use accounts::{Accounts, AccountsSettings};
pub use act::Act;
pub use credentials::{Credentials, Csrf, LoginError};
pub use error::ManageError;
pub use first_start::{FIRST_PROJECT, FIRST_USER};
pub use groups::NewGroup;
pub use login::{NewSession, SessionId, Vouched};
pub use project_view::{FoundProject, ProjectKey};
pub use users::{NewAccount, Profile};

/// Rows as the use cases take and give them.
pub use longshore_metadata::{
    GroupFilter, GroupKind, GroupRecord, TextFilter, UserFilter, UserId, UserOrder, UserRecord,
};
