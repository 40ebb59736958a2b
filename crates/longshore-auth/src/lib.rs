//! Who is calling, and may they do this? Knows no web framework, no clock and no environment.

mod caller;

pub use caller::{Action, Caller, Permissions, RepositoryGrant};
