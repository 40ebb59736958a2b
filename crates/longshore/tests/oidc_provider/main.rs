//! People who log in at a real OpenID provider, npm's `oidc-provider`, through the real program: run
//! `scripts/oidc-provider` first.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod logging_in;
mod naming;
mod refusals;
mod support;
