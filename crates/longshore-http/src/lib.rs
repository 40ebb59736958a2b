//! The HTTP face: distribution API, health, metrics. The only crate that knows HTTP.
//!
//! [`Server::bind`] takes [`HttpSettings`] and [`Parts`]. A request goes through `service` (who asks, for what), the
//! pure parser in `endpoint`, and one of the `handlers`, which calls one use case; `error` alone chooses the answers
//! to what goes wrong.

mod access_log;
mod activity;
mod admission;
mod any_client_cert;
mod api;
mod body;
mod conditional;
mod conditions;
mod connection;
mod context;
mod debug;
mod drain;
mod endpoint;
mod error;
mod handlers;
mod health;
mod listener;
mod metrics;
mod pages;
mod proxies;
mod query;
mod ranges;
mod rate_limits;
mod refusals;
mod request_body;
mod request_id;
mod route;
mod second_decision;
mod sendfile;
mod server;
mod service;
mod settings;
mod tls;
mod token_service;
mod urls;

pub use access_log::ACCESS_LOG_TARGET;
pub use api::{Api, ApiSettings, AuthMode, Credentials, Csrf, FoundProject, Guard, LoginError, ProjectKey};
pub use context::Parts;
pub use metrics::Metrics;
pub use proxies::{TrustedProxies, TrustedProxiesError};
pub use server::{ServeError, Server, ServerHandle};
pub use settings::{
    ClientAuth, DebugSettings, HttpLimits, HttpSettings, ListenAddr, TlsSettings, TlsVersion,
};
pub use tls::{TlsError, check_tls};
