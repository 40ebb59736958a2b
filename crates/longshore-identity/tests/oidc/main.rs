//! Logins at a provider that answers as a test tells it: what a real one never does. Logins at a real one are in
//! `tests/oidc_provider`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod endpoints;
mod forged;
mod renewal;
mod support;
