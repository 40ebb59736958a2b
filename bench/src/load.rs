//! The load: connections in closed loop, from as little client as there can be, since it shares the machine with the
//! server.

mod client;
mod engine;
mod head;
mod histogram;
mod http1;
mod http2;
mod request;

pub(crate) use client::{Client, block_on};
pub(crate) use engine::{Errors, Plan, Worker, repeat, run};
pub(crate) use histogram::Histogram;
pub(crate) use request::{Reply, Request};

/// What is spoken with the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.1, over TLS if the server has a certificate.
    #[default]
    Http1,
    /// HTTP/2, which is always over TLS here.
    Http2,
}
