//! The commands of the client, as a person runs them, at Longshore and at registry:2.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod contents;
mod files;
mod images;
mod logins;
mod packed;
mod support;
