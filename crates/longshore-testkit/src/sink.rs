//! A listener that keeps what is posted to it, such as notifications.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A request that came in.
#[derive(Clone, Debug)]
pub struct Posted {
    /// The request's head.
    pub head: String,
    /// Its body as JSON; null where it was none.
    pub json: Value,
    /// Its body as text.
    pub body: String,
}

/// An HTTP server that keeps every request and answers all with one status. It ends with the test's runtime.
#[derive(Clone, Debug)]
pub struct Sink {
    address: SocketAddr,
    status: Arc<AtomicU16>,
    posted: Arc<Mutex<Vec<Posted>>>,
}

impl Sink {
    /// Listens on a free port and answers `status`.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn start(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port can be bound");
        let sink = Self {
            address: listener.local_addr().expect("a bound listener has an address"),
            status: Arc::new(AtomicU16::new(status)),
            posted: Arc::default(),
        };
        let serving = sink.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        sink
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}/events", self.address)
    }

    /// What to answer from now on.
    pub fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// What has come so far.
    ///
    /// # Panics
    /// Never.
    pub fn posted(&self) -> Vec<Posted> {
        self.posted.lock().expect("nobody panics while holding it").clone()
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut bytes = Vec::new();
        loop {
            let mut buffer = [0; 8 << 10];
            match stream.read(&mut buffer).await {
                Ok(count) if count > 0 => bytes.extend_from_slice(&buffer[..count]),
                _ => return,
            }
            while let Some((posted, length)) = complete_request(&bytes) {
                bytes.drain(..length);
                self.posted.lock().expect("nobody panics while holding it").push(posted);
                let status = self.status.load(Ordering::SeqCst);
                let answer = format!("HTTP/1.1 {status} Status\r\nContent-Length: 0\r\n\r\n");
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// The request at the start of `bytes` and its length, once it is complete.
fn complete_request(bytes: &[u8]) -> Option<(Posted, usize)> {
    let head_length = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..head_length]).into_owned();
    let body_length: usize = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    })?;
    let body = bytes.get(head_length..head_length + body_length)?;
    let json = serde_json::from_slice(body).unwrap_or(Value::Null);
    let body = String::from_utf8_lossy(body).into_owned();
    Some((Posted { head, json, body }, head_length + body_length))
}
