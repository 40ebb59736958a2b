//! Bytes of files on their way to a socket without passing through this process.
//!
//! hyper knows bodies of bytes only. So a body that wants a part of a file sent puts it into a queue that it shares with
//! its connection ([`FileSender::send`]) and gives hyper a *placeholder* of the same length: bytes that nobody writes or
//! reads, at an address of their own. [`FileIo`], which lies right on the socket, knows placeholders by their address
//! and has the kernel send the part of the file instead.
//!
//! **Placeholders are never sent as content.** Before it writes anything, [`FileIo`] compares what it was given with the
//! queue: there must be a placeholder for each part, in the same order, with exactly as many bytes as are left of it,
//! and none besides. hyper gives all that it has queued in every call, as it queues slices and does not copy them when
//! `is_write_vectored` holds; if it ever copied a placeholder, shortened it, left it out or came with one twice, the
//! comparison fails before a byte of that goes out, the connection breaks off, and the log speaks of a bug. The same
//! when hyper believes that all was written, and parts are left. Connections with no `FileIo` below them (TLS) have no
//! [`FileSender`], and HTTP/2, which does copy, is not given it (`server.rs`).

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::listener::Stream;

/// Most bytes of a file in one part. The kernel copies references, not bytes, so a part takes about 0.1 ms, and
/// larger ones save nothing.
pub(crate) const PART_BYTES_MAX: usize = 1024 * 1024;

/// What placeholders are slices of. Allocated zeroed and never touched, it takes addresses but no memory.
static PLACEHOLDER: LazyLock<Box<[u8]>> = LazyLock::new(|| vec![0; PART_BYTES_MAX].into_boxed_slice());

/// Through this, bodies have files sent on one connection.
#[derive(Clone, Default)]
pub(crate) struct FileSender {
    parts: Arc<Mutex<VecDeque<Part>>>,
}

/// A part of a file that is to be sent.
struct Part {
    file: Arc<File>,
    offset: u64,
    left_bytes: usize,
}

impl FileSender {
    /// Has `length` bytes from `offset` sent, at most [`PART_BYTES_MAX`] and not none. Returns what must now be given to
    /// hyper, as the next bytes of the reply.
    pub(crate) fn send(&self, file: Arc<File>, offset: u64, length: usize) -> Bytes {
        let placeholder = Bytes::from_static(&PLACEHOLDER[..length]);
        self.parts().push_back(Part { file, offset, left_bytes: length });
        placeholder
    }

    fn parts(&self) -> MutexGuard<'_, VecDeque<Part>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket that sends parts of files where it is given placeholders.
pub(crate) struct FileIo {
    stream: Stream,
    sender: FileSender,
}

impl FileIo {
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream, sender: FileSender::default() }
    }

    /// What bodies of this connection send files through.
    pub(crate) fn sender(&self) -> FileSender {
        self.sender.clone()
    }

    /// Writes what stands before the first placeholder, then as much of its part as the socket takes.
    fn poll_write_parts(&self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let mut parts = self.sender.parts();
        compare(slices, &parts)?;
        let before = slices.iter().take_while(|slice| !is_placeholder(slice)).count();
        let before_bytes: usize = slices[..before].iter().map(|slice| slice.len()).sum();
        let mut written = 0;
        if before_bytes > 0 {
            // Held back for the part that follows at once: a head and a small blob then travel in one packet.
            written = ready!(self.stream.poll_send_more(cx, &slices[..before]))?;
            if written < before_bytes {
                return Poll::Ready(Ok(written));
            }
        }
        let Some(part) = parts.front_mut() else { return Poll::Ready(Ok(written)) };
        match self.stream.poll_send_file(cx, &part.file, part.offset, part.left_bytes) {
            Poll::Ready(Ok(0)) => Poll::Ready(Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("the file ends at byte {}", part.offset),
            ))),
            Poll::Ready(Ok(sent)) => {
                part.offset += sent as u64;
                part.left_bytes -= sent;
                if part.left_bytes == 0 {
                    parts.pop_front();
                }
                Poll::Ready(Ok(written + sent))
            }
            Poll::Pending if written > 0 => Poll::Ready(Ok(written)),
            failed => failed,
        }
    }

    /// Whoever flushes or ends believes that everything was written.
    fn expect_nothing_left(&self) -> io::Result<()> {
        if self.sender.parts().is_empty() { Ok(()) } else { Err(bug("parts of files were left out")) }
    }
}

fn is_placeholder(slice: &[u8]) -> bool {
    !slice.is_empty() && PLACEHOLDER.as_ptr_range().contains(&slice.as_ptr())
}

/// Whether the placeholders among `slices` stand for exactly `parts`.
fn compare(slices: &[IoSlice<'_>], parts: &VecDeque<Part>) -> io::Result<()> {
    let placeholders = slices.iter().filter(|slice| is_placeholder(slice)).map(|slice| slice.len());
    if placeholders.eq(parts.iter().map(|part| part.left_bytes)) {
        Ok(())
    } else {
        Err(bug("placeholders and parts of files are not the same"))
    }
}

fn bug(what: &'static str) -> io::Error {
    tracing::error!("a connection ended by a bug of ours: {what}");
    io::Error::other(what)
}

impl AsyncRead for FileIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for FileIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.sender.parts().is_empty() && !slices.iter().any(|slice| is_placeholder(slice)) {
            return Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        }
        self.poll_write_parts(cx, slices)
    }

    /// Always, or hyper would copy.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.expect_nothing_left()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.expect_nothing_left()?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
