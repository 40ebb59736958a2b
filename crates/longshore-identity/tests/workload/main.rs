//! Workloads that prove who they are by tokens and certificates of others.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod certificates;
mod forged;
mod keys;
mod shapes;
mod support;
mod svid;
