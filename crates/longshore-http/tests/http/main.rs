//! The server over HTTP: real sockets on port 0, most stores in memory.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod access_log;
mod authentication;
mod files;
mod hostile;
mod lifecycle;
mod listings;
mod operations;
mod proxies;
mod pull;
mod push;
mod server;
mod tls;
