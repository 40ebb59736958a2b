//! A connection that breaks: a relay between client and registry.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Which direction breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// What the registry sends.
    Download,
    /// What the client sends.
    Upload,
}

/// A relay to one registry that cuts some connections in the middle of a blob and remembers requests.
#[derive(Debug)]
pub(crate) struct Wire {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    registry: SocketAddr,
    direction: Direction,
    after_bytes: usize,
    cuts_left: AtomicUsize,
    /// The beginning of what the client wrote each time, which holds the request's head.
    requests: Mutex<String>,
}

impl Wire {
    /// Relays to `registry`; `cuts` times it breaks a connection on which `direction` has carried `after_bytes`.
    pub(crate) async fn cutting(
        registry: SocketAddr,
        direction: Direction,
        after_bytes: usize,
        cuts: usize,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (cuts_left, requests) = (AtomicUsize::new(cuts), Mutex::default());
        let state = Arc::new(State { registry, direction, after_bytes, cuts_left, requests });
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay(client, shared.clone()));
            }
        });
        Self { address, state }
    }

    /// The address that clients are given.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// How often it may still cut.
    pub(crate) fn cuts_left(&self) -> usize {
        self.state.cuts_left.load(Ordering::SeqCst)
    }

    /// How many requests had a head with this text, in lower case.
    pub(crate) fn requests_with(&self, text: &str) -> usize {
        self.state.requests.lock().expect("nobody panics while holding it").matches(text).count()
    }
}

async fn relay(client: TcpStream, state: Arc<State>) {
    let Ok(registry) = TcpStream::connect(state.registry).await else { return };
    let (client_reads, client_writes) = client.into_split();
    let (registry_reads, registry_writes) = registry.into_split();
    // The first direction to end takes the other with it: a cut must be seen on both sides.
    tokio::select! {
        () = pipe(client_reads, registry_writes, &state, Direction::Upload) => {}
        () = pipe(registry_reads, client_writes, &state, Direction::Download) => {}
    }
}

async fn pipe(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    state: &State,
    direction: Direction,
) {
    let mut carried = 0;
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if direction == Direction::Upload {
            let head = String::from_utf8_lossy(&buffer[..count.min(4096)]).to_ascii_lowercase();
            state.requests.lock().expect("nobody panics while holding it").push_str(&head);
        }
        carried += count;
        if direction == state.direction && carried > state.after_bytes && state.takes_a_cut() {
            return;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

impl State {
    fn takes_a_cut(&self) -> bool {
        let less = |left: usize| left.checked_sub(1);
        self.cuts_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok()
    }
}
