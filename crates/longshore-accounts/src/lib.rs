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
mod project_view;

pub use accounts::{Accounts, AccountsSettings};
pub use act::Act;
pub use credentials::{Credentials, Csrf, LoginError};
pub use error::ManageError;
pub use project_view::{FoundProject, ProjectKey};
