//! HTTP/2, by hyper's client.

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::{
    http1::Stream,
    request::{Reply, Request},
};
use crate::{server::Endpoint, tls};

/// What a stream and a connection may have in flight; large enough that the server is never held back on one machine.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;
/// The largest frame that is accepted.
const FRAME_BYTES_MAX: u32 = 256 * 1024;

/// A connection with one stream at a time.
#[derive(Debug)]
pub(super) struct Http2 {
    sender: SendRequest<Full<Bytes>>,
}

impl Http2 {
    pub(super) async fn connect(endpoint: &Endpoint) -> Result<Self> {
        let stream = Stream::connect(endpoint, tls::Alpn::Http2).await?;
        match &stream {
            Stream::Tls(tls) if tls.get_ref().1.alpn_protocol() == Some(b"h2") => {}
            _ => bail!("the server does not offer HTTP/2"),
        }
        let (sender, connection) = Builder::new(TokioExecutor::new())
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_frame_size(FRAME_BYTES_MAX)
            .handshake(TokioIo::new(stream))
            .await?;
        // Ends with the connection; its errors also reach whoever waits for a reply.
        tokio::spawn(connection);
        Ok(Self { sender })
    }

    pub(super) async fn exchange(
        &mut self,
        request: &Request,
        mut body: Option<&mut Vec<u8>>,
    ) -> Result<Reply> {
        let mut sent = http::Request::new(Full::new(request.body.clone()));
        *sent.method_mut() = request.method.clone();
        *sent.uri_mut() = request.uri.clone();
        *sent.headers_mut() = request.headers.clone();
        self.sender.ready().await?;
        let response = self.sender.send_request(sent).await?;
        let header = |name| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        let mut reply = Reply {
            status: response.status().as_u16(),
            body_bytes: 0,
            location: header(http::header::LOCATION),
            link: header(http::header::LINK),
            challenge: header(http::header::WWW_AUTHENTICATE),
        };
        let mut incoming = response.into_body();
        while let Some(frame) = incoming.frame().await {
            let frame = frame.context("a body broke off")?;
            if let Some(data) = frame.data_ref() {
                reply.body_bytes += data.len() as u64;
                if let Some(body) = &mut body {
                    body.extend_from_slice(data);
                }
            }
        }
        Ok(reply)
    }
}
