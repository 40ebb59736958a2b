//! Conditions on grants as policies in Cedar's language: one schema of ours, texts that are checked against it when they
//! are saved, and what they say of a request. Knows no clock, no index and no HTTP.
//!
//! A policy is a text of rules, `permit` and `forbid`. It agrees with a request when a `permit` does and no `forbid` does.
//! Whatever goes wrong while it is asked, it does not agree: Cedar itself passes over rules that fail, and a `forbid` that is
//! passed over would open what it was to close.

mod bounds;
mod policy;
mod problem;
mod question;
mod schema;

pub use bounds::{RULES_MAX, TEXT_BYTES_MAX};
pub use policy::{Answer, Effect, Policy, Rule};
pub use problem::{PolicyProblem, PolicyProblems};
pub use schema::schema_text;
