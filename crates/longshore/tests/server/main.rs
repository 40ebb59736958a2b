//! The server around the protocol: listeners, accounts, limits, notifications, shutdown.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod accounts;
mod audit;
mod authentication;
mod images;
mod limits;
mod listening;
mod notifications;
mod pages;
mod quotas;
mod rate_limits;
mod role_matrix;
mod stopping;
mod tls;
