//! Who is calling, and may they do this? Knows no web framework, no clock and no environment: the value of the
//! `Authorization` header, the moment and the settings are arguments.
//!
//! [`decide`] says what a [`Principal`] may do, from all that was granted to them ([`Access`]).
//!
//! [`Authenticator`] turns credentials into a [`Caller`], or an [`AuthError`]; its [`Authenticator::challenge`] is the
//! `WWW-Authenticate` header that asks for better ones.

mod access;
mod authenticator;
mod caller;
mod challenge;
mod circumstances;
mod condition;
mod credentials;
mod decision;
mod generations;
mod htpasswd;
mod lockout;
pub mod password;
mod pattern;
mod permission;
mod principal;
mod ratelimit;
mod role;
mod scope;
mod sealing;
pub mod secret;
mod token;

pub use access::{Access, Grant, GrantKind, GrantScope};
pub use authenticator::{AuthError, Authenticator, SettingsError};
pub use caller::{Action, Caller, CallerKind, Permissions, RepositoryGrant};
pub use challenge::ChallengeProblem;
pub use circumstances::{Circumstances, ClientCertificate};
pub use condition::Condition;
pub use credentials::Credentials;
pub use decision::{
    Because, Decision, ProjectView, Question, Reach, Target, decide, decide_action, reach, reach_of_action,
};
pub use htpasswd::{Htpasswd, HtpasswdSettings};
pub use lockout::Lockout;
pub use pattern::{PatternError, RepositoryPattern};
pub use permission::{Level, Permission, PermissionError, PermissionSet, Resource, Verb};
pub use principal::{Principal, PrincipalKind};
pub use ratelimit::{
    BySource, InWindow, LimitKind, Limited, OwnLimit, ProjectLimit, ProjectLimits, PullLimit, PullWindow,
    Pulls, RateLimit, RateLimitSettings, RateLimiter, Remaining, RetryAfter, Source, TokenBucket,
};
pub use role::{BuiltInRole, PUBLIC_PROJECT, ProjectCreation, Role, RoleId, SystemRole, of_every_user};
pub use scope::{Scope, ScopesError};
pub use sealing::{SealError, SecretKey};
pub use secret::Secret;
pub use token::{
    IssueError, IssuedToken, IssuerSettings, KeyRotation, SigningKey, SigningKeyError, SigningKeys,
    TokenIssuer, TokenRights, TokenSettings, TokenVerifier,
};
