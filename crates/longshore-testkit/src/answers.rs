//! An HTTP server that answers as a test tells it, to play an issuer that does what no real one does.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use crate::Certificate;

/// What is answered to a request for one path.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// Whether the answer says how long it is.
    with_length: bool,
    hangs: bool,
}

impl Answer {
    /// 200 with JSON.
    pub fn json(value: &Value) -> Self {
        Self::bytes(value.to_string()).header("Content-Type", "application/json")
    }

    /// 200 with any bytes.
    pub fn bytes(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, headers: Vec::new(), body: body.into(), with_length: true, hangs: false }
    }

    /// Another status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// One header more.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Does not say how long it is: the end of the connection ends it.
    #[must_use]
    pub fn without_length(mut self) -> Self {
        self.with_length = false;
        self
    }

    /// Never comes.
    #[must_use]
    pub fn hanging(mut self) -> Self {
        self.hangs = true;
        self
    }
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The path with its query.
    pub target: String,
    /// The whole head.
    pub head: String,
    /// The body.
    pub body: String,
}

/// The server. What nobody told it is 404. It ends with the test's runtime.
#[derive(Clone, Debug)]
pub struct Answers {
    scheme: &'static str,
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    answers: HashMap<String, Answer>,
    asked: Vec<Asked>,
}

impl Answers {
    /// Listens on a free port.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn start() -> Self {
        Self::listen("http", None).await
    }

    /// The same encrypted, by that certificate.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn start_encrypted(certificate: &Certificate) -> Self {
        let chain = vec![CertificateDer::from_pem_file(&certificate.certificate).expect("made as PEM")];
        let key = PrivateKeyDer::from_pem_file(&certificate.key).expect("made as PEM");
        let config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("the provider has them")
                .with_no_client_auth()
                .with_single_cert(chain, key)
                .expect("the key is the certificate's");
        Self::listen("https", Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn listen(scheme: &'static str, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port can be bound");
        let address = listener.local_addr().expect("a bound listener has an address");
        let answers = Self { scheme, address, state: Arc::default() };
        let serving = answers.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (serving, tls) = (serving.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serving.serve(stream).await,
                        Some(tls) => {
                            // Who does not trust the certificate goes away.
                            if let Ok(stream) = tls.accept(stream).await {
                                serving.serve(stream).await;
                            }
                        }
                    }
                });
            }
        });
        answers
    }

    /// `http://127.0.0.1:PORT`, or `https://`.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Answers requests for that path, without query, from now on.
    pub fn set(&self, path: &str, answer: Answer) {
        self.state().answers.insert(path.to_owned(), answer);
    }

    /// Plays an issuer with these keys: its metadata with the usual addresses, and its key set.
    pub fn set_issuer(&self, keys: &[Value]) {
        let url = self.url();
        let metadata = serde_json::json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "userinfo_endpoint": format!("{url}/userinfo"),
            "jwks_uri": format!("{url}/jwks"),
        });
        self.set("/.well-known/openid-configuration", Answer::json(&metadata));
        self.set_keys(keys);
    }

    /// Another key set at `/jwks`.
    pub fn set_keys(&self, keys: &[Value]) {
        self.set("/jwks", Answer::json(&serde_json::json!({ "keys": keys })));
    }

    /// What came so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    /// How often that path was asked for.
    pub fn count(&self, path: &str) -> usize {
        self.state().asked.iter().filter(|asked| asked.target.split('?').next() == Some(path)).count()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding it")
    }

    /// One request a connection.
    async fn serve(self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let Some(asked) = request(&mut stream).await else { return };
        let path = asked.target.split('?').next().unwrap_or_default().to_owned();
        let answer = {
            let mut state = self.state();
            state.asked.push(asked);
            state.answers.get(&path).cloned()
        };
        let answer = answer.unwrap_or_else(|| Answer::bytes("").status(404));
        if answer.hangs {
            // Until the client goes.
            let _ = stream.read(&mut [0; 1]).await;
            return;
        }
        let mut head = format!("HTTP/1.1 {} Status\r\nConnection: close\r\n", answer.status);
        for (name, value) in &answer.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if answer.with_length {
            head.push_str(&format!("Content-Length: {}\r\n", answer.body.len()));
        }
        head.push_str("\r\n");
        if stream.write_all(head.as_bytes()).await.is_ok() && stream.write_all(&answer.body).await.is_ok() {
            let _ = stream.shutdown().await;
        }
    }
}

/// Reads a request.
async fn request(stream: &mut (impl AsyncRead + Unpin)) -> Option<Asked> {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 8 << 10];
        let count = stream.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&buffer[..count]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        if let Some(body) = bytes.get(end + 4..end + 4 + length.unwrap_or(0)) {
            let target = head.split(' ').nth(1)?.to_owned();
            return Some(Asked { target, body: String::from_utf8_lossy(body).into_owned(), head });
        }
    }
}
