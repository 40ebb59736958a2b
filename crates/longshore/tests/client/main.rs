//! The commands of the client, as a person runs them, at Longshore and at registry:2.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod admin;
mod contents;
mod files;
mod golden;
mod images;
mod logins;
mod mirrors;
mod operator;
mod packed;
mod shell;
mod support;
