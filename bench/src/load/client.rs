//! One connection to a server, by either protocol.

use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;

use super::{Protocol, Reply, Request, http1::Http1, http2::Http2};
use crate::server::Endpoint;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection that sends one request at a time, and is made again when it broke or the server closed it.
#[derive(Debug)]
pub(crate) struct Client {
    endpoint: Endpoint,
    protocol: Protocol,
    connection: Option<Connection>,
}

#[derive(Debug)]
enum Connection {
    Http1(Box<Http1>),
    Http2(Http2),
}

impl Client {
    /// Connects, TLS handshake included.
    ///
    /// # Errors
    /// When nobody listens, or no handshake succeeds.
    pub(crate) async fn connect(endpoint: &Endpoint, protocol: Protocol) -> Result<Self> {
        let mut client = Self { endpoint: endpoint.clone(), protocol, connection: None };
        client.connection = Some(client.open().await?);
        Ok(client)
    }

    /// Where it is connected to; requests are formed for it.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sends a request and reads the whole reply, whose body is thrown away.
    ///
    /// # Errors
    /// When the connection breaks; the next request makes a new one.
    pub(crate) async fn send(&mut self, request: &Request) -> Result<Reply> {
        self.exchange(request, None).await
    }

    /// [`Client::send`] that keeps the body.
    ///
    /// # Errors
    /// As there.
    pub(crate) async fn fetch(&mut self, request: &Request) -> Result<(Reply, Bytes)> {
        let mut body = Vec::new();
        let reply = self.exchange(request, Some(&mut body)).await?;
        Ok((reply, body.into()))
    }

    async fn exchange(&mut self, request: &Request, body: Option<&mut Vec<u8>>) -> Result<Reply> {
        let renewed = request.renewed(&self.endpoint)?;
        let request = renewed.as_ref().unwrap_or(request);
        // Taken out while in use: an exchange that fails or is dropped half-way leaves no connection behind.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.open().await?,
        };
        let (reply, reusable) = match &mut connection {
            Connection::Http1(http1) => http1.exchange(request, body).await?,
            Connection::Http2(http2) => (http2.exchange(request, body).await?, true),
        };
        self.connection = reusable.then_some(connection);
        Ok(reply)
    }

    async fn open(&self) -> Result<Connection> {
        let connect = async {
            Ok(match self.protocol {
                Protocol::Http1 => Connection::Http1(Box::new(Http1::connect(&self.endpoint).await?)),
                Protocol::Http2 => Connection::Http2(Http2::connect(&self.endpoint).await?),
            })
        };
        let connected: Result<_> =
            tokio::time::timeout(CONNECT_TIMEOUT, connect).await.context("timed out")?;
        connected.with_context(|| format!("could not connect to {}", self.endpoint))
    }
}

/// Runs a future to its end on this thread; for all that is not timed.
///
/// # Errors
/// Those of the future, or that there are no resources for a runtime.
pub(crate) fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    runtime()?.block_on(future)
}

/// A runtime of one thread.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
