//! HTTP/1.1 with nothing to spare: one write and, for a small reply, one read an exchange.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use anyhow::{Context as _, Result, bail};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    head::{self, Framing},
    request::{Reply, Request},
};
use crate::{server::Endpoint, tls};

/// Read at once: holds a reply's head, and a piece of its body that stays in the processor's cache.
const BUFFER_BYTES: usize = 256 * 1024;

/// A connection.
#[derive(Debug)]
pub(super) struct Http1 {
    stream: Stream,
    buffer: Box<[u8]>,
    /// What of the buffer was read from the stream and not yet used.
    start: usize,
    end: usize,
}

impl Http1 {
    pub(super) async fn connect(endpoint: &Endpoint) -> Result<Self> {
        let stream = Stream::connect(endpoint, tls::Alpn::Http1).await?;
        Ok(Self { stream, buffer: vec![0; BUFFER_BYTES].into(), start: 0, end: 0 })
    }

    /// Sends a request and reads its reply. Also says whether the connection can go on.
    pub(super) async fn exchange(
        &mut self,
        request: &Request,
        mut body: Option<&mut Vec<u8>>,
    ) -> Result<(Reply, bool)> {
        self.write(request).await?;
        let to_head = request.method == http::Method::HEAD;
        let (mut reply, framing, closes) = loop {
            match head::parse(&self.buffer[self.start..self.end], to_head)? {
                Some(head) => {
                    self.start += head.size;
                    // 100 Continue and its like come before the reply.
                    if head.reply.status >= 200 {
                        break (head.reply, head.framing, head.closes);
                    }
                }
                None => self.read_more().await.context("while waiting for a reply")?,
            }
        };
        reply.body_bytes = match framing {
            Framing::Length(length) => self.skip(length, &mut body).await?,
            Framing::Chunked => self.skip_chunks(&mut body).await?,
            Framing::Close => self.skip_to_end(&mut body).await?,
        };
        Ok((reply, !closes))
    }

    async fn write(&mut self, request: &Request) -> Result<()> {
        let (head, body) = (&request.wire[..], &request.body[..]);
        if body.is_empty() {
            self.stream.write_all(head).await?;
        } else {
            let written = self.stream.write_vectored(&[IoSlice::new(head), IoSlice::new(body)]).await?;
            if written < head.len() {
                self.stream.write_all(&head[written..]).await?;
            }
            self.stream.write_all(&body[written.saturating_sub(head.len())..]).await?;
        }
        self.stream.flush_if_needed().await?;
        Ok(())
    }

    /// Reads at least a byte behind those that are there.
    async fn read_more(&mut self) -> Result<()> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            if self.end == self.buffer.len() {
                bail!("the server sent a line longer than {BUFFER_BYTES} bytes");
            }
        }
        match self.stream.read(&mut self.buffer[self.end..]).await? {
            0 => bail!("the server closed the connection"),
            read => self.end += read,
        }
        Ok(())
    }

    async fn skip(&mut self, length: u64, body: &mut Option<&mut Vec<u8>>) -> Result<u64> {
        let mut left = length;
        loop {
            let here = usize::try_from(left).unwrap_or(usize::MAX).min(self.end - self.start);
            if let Some(body) = body {
                body.extend_from_slice(&self.buffer[self.start..self.start + here]);
            }
            self.start += here;
            left -= here as u64;
            if left == 0 {
                return Ok(length);
            }
            self.read_more()
                .await
                .with_context(|| format!("{left} bytes of a body of {length} are missing"))?;
        }
    }

    async fn skip_chunks(&mut self, body: &mut Option<&mut Vec<u8>>) -> Result<u64> {
        let mut sum = 0;
        loop {
            let size = self.chunk_size().await?;
            sum += self.skip(size, body).await?;
            if size == 0 {
                break;
            }
            self.skip(2, &mut None).await?;
        }
        // Trailers, up to an empty line.
        while self.line_length().await? != 2 {}
        Ok(sum)
    }

    async fn chunk_size(&mut self) -> Result<u64> {
        loop {
            match httparse::parse_chunk_size(&self.buffer[self.start..self.end]) {
                Ok(httparse::Status::Complete((used, size))) => {
                    self.start += used;
                    return Ok(size);
                }
                Ok(httparse::Status::Partial) => self.read_more().await?,
                Err(_) => bail!("the server sent a malformed chunk"),
            }
        }
    }

    /// Skips a line, and says how long it was with its end.
    async fn line_length(&mut self) -> Result<usize> {
        loop {
            let here = &self.buffer[self.start..self.end];
            if let Some(at) = here.iter().position(|&byte| byte == b'\n') {
                self.start += at + 1;
                return Ok(at + 1);
            }
            self.read_more().await?;
        }
    }

    async fn skip_to_end(&mut self, body: &mut Option<&mut Vec<u8>>) -> Result<u64> {
        let mut sum = 0;
        loop {
            sum += self.skip((self.end - self.start) as u64, body).await?;
            (self.start, self.end) = (0, self.stream.read(&mut self.buffer).await?);
            if self.end == 0 {
                return Ok(sum);
            }
        }
    }
}

/// A TCP connection, with TLS or without.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    pub(super) async fn connect(endpoint: &Endpoint, alpn: tls::Alpn) -> Result<Self> {
        let tcp = TcpStream::connect(endpoint.address).await?;
        tcp.set_nodelay(true)?;
        let Some(tls) = &endpoint.tls else { return Ok(Self::Plain(tcp)) };
        let connector = TlsConnector::from(Arc::clone(tls.client(alpn)));
        let name =
            endpoint.host.clone().try_into().context("the host is no name that a certificate could have")?;
        Ok(Self::Tls(Box::new(connector.connect(name, tcp).await?)))
    }

    /// TLS holds records back until it is told; TCP does not.
    async fn flush_if_needed(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Tls(tls) => tls.flush().await,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write_vectored(cx, bufs),
            Self::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::load::{Client, Protocol, block_on};

    /// Serves each connection the next of `replies`, in pieces of `piece` bytes, whatever it asks; and returns what
    /// one client makes of them: status and body.
    fn exchange(replies: &[&'static str], requests: usize, piece: usize) -> Result<Vec<(u16, String)>> {
        block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let mut endpoint = Endpoint::local(None)?;
            endpoint.address = listener.local_addr()?;
            let replies = replies.to_vec();
            let server = tokio::spawn(async move {
                for reply in replies {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    stream.set_nodelay(true).unwrap();
                    let mut asked = [0; 4096];
                    assert_ne!(stream.read(&mut asked).await.unwrap(), 0);
                    for piece in reply.as_bytes().chunks(piece) {
                        stream.write_all(piece).await.unwrap();
                        tokio::task::yield_now().await;
                    }
                }
            });
            let mut client = Client::connect(&endpoint, Protocol::Http1).await?;
            let mut got = Vec::new();
            for _ in 0..requests {
                let (reply, body) = client.fetch(&Request::get(&endpoint, "/v2/")?).await?;
                assert_eq!(reply.body_bytes, body.len() as u64);
                got.push((reply.status, String::from_utf8(body.to_vec())?));
            }
            drop(client);
            server.await?;
            Ok(got)
        })
    }

    fn ok(bodies: &[&str]) -> Vec<(u16, String)> {
        bodies.iter().map(|body| (200, (*body).to_owned())).collect()
    }

    #[test]
    fn bodies_end_where_their_framing_says_in_pieces_of_any_size() {
        for piece in [1, 3, 1000] {
            for (reply, body) in [
                ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"),
                (
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n",
                    "hello",
                ),
                (
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n",
                    "hello",
                ),
                ("HTTP/1.1 200 OK\r\n\r\nhello", "hello"),
                (
                    "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                    "",
                ),
            ] {
                assert_eq!(exchange(&[reply], 1, piece).unwrap(), ok(&[body]), "{reply:?} by {piece}");
            }
        }
    }

    #[test]
    fn a_connection_goes_on_until_the_server_closes_it() {
        // Both replies come on the first request's heels: the second is read from what is there.
        let two =
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb";
        assert_eq!(exchange(&[two], 2, 1000).unwrap(), ok(&["a", "b"]));
        let closed = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\na";
        assert_eq!(exchange(&[closed, closed], 2, 1000).unwrap(), ok(&["a", "a"]));
    }

    #[test]
    fn a_body_that_breaks_off_is_an_error() {
        for reply in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "HTTP/1.1 200",
        ] {
            assert!(exchange(&[reply], 1, 1000).is_err(), "{reply:?}");
        }
    }
}
