//! Who is calling, and may they do this? Knows no web framework, no clock and no environment: the value of the
//! `Authorization` header, the moment and the settings are arguments.
//!
//! [`Authenticator`] turns credentials into a [`Caller`], or an [`AuthError`]; its [`Authenticator::challenge`] is the
//! `WWW-Authenticate` header that asks for better ones.

mod authenticator;
mod caller;
mod challenge;
mod htpasswd;
mod permission;
mod role;
mod scope;
mod token;

pub use authenticator::{AuthError, Authenticator, SettingsError};
pub use caller::{Action, Caller, Permissions, RepositoryGrant};
pub use challenge::ChallengeProblem;
pub use htpasswd::{Htpasswd, HtpasswdSettings};
pub use permission::{Level, Permission, PermissionError, PermissionSet, Resource, Verb};
pub use role::{BuiltInRole, PUBLIC_PROJECT, ProjectCreation, Role, RoleId, SystemRole, of_every_user};
pub use scope::Scope;
pub use token::{TokenSettings, TokenVerifier};
