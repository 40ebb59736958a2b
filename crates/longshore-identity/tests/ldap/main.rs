//! Logins, groups, searches and encryption against a real slapd.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod company;
mod encryption;
mod groups;
mod import;
mod login;
mod servers;
