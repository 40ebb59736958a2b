//! A bare connection, for what no honest client sends.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::wait::within;

/// A TCP connection on which a test writes what it likes. Dropping it hangs up.
#[derive(Debug)]
pub struct RawConnection {
    stream: TcpStream,
    unread: Vec<u8>,
}

/// An answer read from a [`RawConnection`].
#[derive(Clone, Debug)]
pub struct RawReply {
    /// The status code.
    pub status: u16,
    /// The head: status line and headers as they came.
    pub head: String,
    /// The body, as long as `Content-Length` says.
    pub body: Vec<u8>,
}

impl RawReply {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl RawConnection {
    /// Connects.
    ///
    /// # Panics
    /// When nobody listens.
    pub async fn open(address: SocketAddr) -> Self {
        let stream = within("connecting", TcpStream::connect(address)).await.expect("the server listens");
        stream.set_nodelay(true).expect("a fresh socket takes options");
        Self { stream, unread: Vec::new() }
    }

    /// Writes bytes as they are.
    ///
    /// # Errors
    /// When the server has hung up.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        within("writing", self.stream.write_all(bytes.as_ref())).await
    }

    /// Writes a request's head that announces a body of `announced` bytes, then only `body`.
    ///
    /// # Errors
    /// When the server has hung up.
    pub async fn write_part(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        announced: usize,
        body: &[u8],
    ) -> std::io::Result<()> {
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: test\r\nContent-Length: {announced}\r\n{headers}\r\n");
        self.write([head.as_bytes(), body].concat()).await
    }

    /// Reads one answer.
    ///
    /// # Errors
    /// When the server hangs up before it is complete.
    pub async fn read_reply(&mut self) -> Result<RawReply> {
        within("reading an answer", self.read_one(false)).await
    }

    /// Reads the answer to a `HEAD`: headers alone.
    ///
    /// # Errors
    /// When the server hangs up before they are complete.
    pub async fn read_head(&mut self) -> Result<RawReply> {
        within("reading an answer", self.read_one(true)).await
    }

    async fn read_one(&mut self, head_only: bool) -> Result<RawReply> {
        let end = loop {
            if let Some(at) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            self.read_more().await?;
        };
        let head = String::from_utf8(self.unread.drain(..end).collect())?;
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        let mut reply = RawReply { status: status.context("no status line")?, head, body: Vec::new() };
        let length: usize = match reply.header("content-length") {
            Some(text) if !head_only => text.parse()?,
            _ => 0,
        };
        while self.unread.len() < length {
            self.read_more().await?;
        }
        reply.body = self.unread.drain(..length).collect();
        Ok(reply)
    }

    async fn read_more(&mut self) -> Result<()> {
        let mut buffer = [0; 16 << 10];
        let count = self.stream.read(&mut buffer).await?;
        if count == 0 {
            bail!("the server hung up after {:?}", String::from_utf8_lossy(&self.unread));
        }
        self.unread.extend_from_slice(&buffer[..count]);
        Ok(())
    }

    /// Reads until the server hangs up; a reset counts as that.
    pub async fn read_to_end(&mut self) -> Vec<u8> {
        within("the server's hanging up", async { while self.read_more().await.is_ok() {} }).await;
        std::mem::take(&mut self.unread)
    }
}
