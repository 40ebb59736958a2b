//! Users, projects and tokens, through the real program.

mod catalog;
mod certificates;
mod conditions;
mod configuration;
mod directory;
mod existence;
mod first_start;
mod guessing;
mod hidden;
mod keys;
mod patterns;
mod pushing;
mod refusals;
mod slow_pushes;
mod spiffe;
mod tokens;
mod workloads;

use longshore_testkit::{Builder, TestRegistry};

/// A registry with accounts that does not wait for the disk.
pub(crate) fn with_accounts() -> Builder {
    TestRegistry::builder().accounts().quick()
}
