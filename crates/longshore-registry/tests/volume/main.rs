//! Work over whole volumes, in a real folder with a real index: import, links, rebuild, verification.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is the answer")]

mod import;
mod links;
mod rebuild;
#[path = "../registry/support.rs"]
#[allow(dead_code, reason = "shared with the tests of the other use cases, which need more of it")]
mod support;
mod verify;
mod volume;
