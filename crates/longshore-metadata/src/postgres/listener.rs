//! Hears what other replicas change, over a connection of its own.
//!
//! Every transaction that changes what a cache may hold notifies one channel, in the transaction itself: PostgreSQL
//! sends it with the commit, to every session that listens, in the order of commits. The listener also notifies itself
//! once a second. When that comes back, everything committed before it was sent has been heard, and the lease of the
//! cache is extended. So a listener whose connection hangs, or is shared by a pooler that loses notifications, never
//! lets the cache be used.

use std::{convert::Infallible, future::poll_fn, sync::Arc, time::Duration};

use tokio::{task::JoinHandle, time::timeout};
use tokio_postgres::{
    AsyncMessage, Client, Config, Connection, Error, NoTls, Socket,
    tls::{MakeTlsConnect, TlsStream},
};

use super::tls::Tls;
use crate::cache::{Cache, Key};

/// The channel. Everyone who uses the same database uses it.
const CHANNEL: &str = "longshore_changes";

/// PostgreSQL takes payloads "shorter than 8000 bytes".
const PAYLOAD_BYTES_MAX: usize = 7_900;
/// A transaction that changed more than fits into so many payloads says that it changed everything.
const PAYLOADS_MAX: usize = 16;
const EVERYTHING: &str = "everything";

/// How often the listener notifies itself, how long its lease holds, and how long it waits for answers.
const EVERY: Duration = Duration::from_secs(1);
const HEARD_HOLDS: Duration = Duration::from_secs(3);
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Ends when dropped.
pub(crate) struct Listener(JoinHandle<()>);

impl Listener {
    pub(crate) fn start(config: Config, tls: Option<Tls>, cache: Arc<Cache>) -> Self {
        Self(tokio::spawn(async move {
            loop {
                let ended = match tls.clone() {
                    None => listen(&config, NoTls, &cache).await,
                    Some(tls) => listen(&config, tls, &cache).await,
                };
                cache.lease().end();
                cache.forget_everything();
                let Err(error) = ended;
                tracing::warn!(%error, "not listening to other replicas: every read goes to PostgreSQL");
                tokio::time::sleep(EVERY).await;
            }
        }))
    }

    pub(crate) fn end(&self) {
        self.0.abort();
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.end();
    }
}

/// Listens until the connection ends.
async fn listen<T>(config: &Config, tls: T, cache: &Cache) -> Result<Infallible, String>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: TlsStream + Send + 'static,
{
    let connected = timeout(ANSWER_WITHIN, config.connect(tls)).await;
    let (client, connection) = connected.map_err(|_| "no answer".to_owned())?.map_err(|e| told(&e))?;
    // No two listeners have the same: one for each connection of any process.
    let name = format!("{:016x}", std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), ()));
    tokio::select! {
        ended = hear(connection, &name, cache) => ended,
        ended = ask(&client, &name, cache) => ended,
    }
}

/// Takes what the server sends.
async fn hear<T>(
    mut connection: Connection<Socket, T>,
    name: &str,
    cache: &Cache,
) -> Result<Infallible, String>
where
    T: TlsStream + Unpin,
{
    loop {
        match poll_fn(|cx| connection.poll_message(cx)).await {
            Some(Ok(AsyncMessage::Notification(news))) => take(news.payload(), name, cache),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(told(&error)),
            None => return Err("the connection was closed".to_owned()),
        }
    }
}

/// Begins to listen, and notifies itself again and again.
async fn ask(client: &Client, name: &str, cache: &Cache) -> Result<Infallible, String> {
    let run = async |sql: String| match timeout(ANSWER_WITHIN, client.batch_execute(&sql)).await {
        Ok(answer) => answer.map_err(|error| told(&error)),
        Err(_) => Err("no answer".to_owned()),
    };
    run(format!("LISTEN {CHANNEL}")).await?;
    // What was changed before was not heard of.
    cache.forget_everything();
    loop {
        run(format!("NOTIFY {CHANNEL}, 'heard {name} {}'", cache.lease().now())).await?;
        tokio::time::sleep(EVERY).await;
    }
}

/// Acts on a notification.
fn take(payload: &str, name: &str, cache: &Cache) {
    if let Some(heard) = payload.strip_prefix("heard ") {
        if let Some((by, at)) = heard.split_once(' ')
            && by == name
            && let Ok(at) = at.parse()
        {
            cache.lease().extend(at, HEARD_HOLDS);
        }
        return;
    }
    for text in payload.split(' ') {
        match Key::from_text(text) {
            Some(key) => cache.forget(&key),
            // Everything, or something that a newer version knows.
            None => return cache.forget_everything(),
        }
    }
}

/// The statements that tell everyone of changed keys; nothing for none.
pub(crate) fn notifications(keys: &[Key]) -> String {
    let mut payloads = vec![String::new()];
    for text in keys.iter().filter_map(Key::to_text) {
        match payloads.last_mut() {
            Some(last) if last.is_empty() => *last = text,
            Some(last) if last.len() + 1 + text.len() <= PAYLOAD_BYTES_MAX => {
                last.push(' ');
                last.push_str(&text);
            }
            _ => payloads.push(text),
        }
    }
    if payloads.len() > PAYLOADS_MAX {
        payloads = vec![EVERYTHING.to_owned()];
    }
    let told = payloads.iter().filter(|payload| !payload.is_empty());
    // Neither tags nor digests have quotes.
    told.map(|payload| format!("NOTIFY {CHANNEL}, '{payload}'; ")).collect()
}

/// The whole chain: the outer error says no more than its kind.
fn told(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RepositoryId;

    #[test]
    fn notifications_fit() {
        assert_eq!(notifications(&[]), "");
        let keys: Vec<Key> =
            (0..1000).map(|n| Key::Tag(RepositoryId(n), format!("{n:0>100}").parse().unwrap())).collect();
        assert_eq!(
            notifications(&keys[..1]),
            format!("NOTIFY longshore_changes, 't0/{}'; ", "0".repeat(100))
        );
        let many = notifications(&keys);
        let payloads: Vec<&str> = many.split('\'').skip(1).step_by(2).collect();
        assert!(payloads.len() > 10 && payloads.iter().all(|payload| payload.len() <= PAYLOAD_BYTES_MAX));
        let told: Vec<Key> =
            payloads.iter().flat_map(|p| p.split(' ')).map(|text| Key::from_text(text).unwrap()).collect();
        assert_eq!(told, keys);
        let too_many: Vec<Key> = keys.iter().cycle().take(10_000).cloned().collect();
        assert_eq!(notifications(&too_many), "NOTIFY longshore_changes, 'everything'; ");
    }

    #[tokio::test]
    async fn what_is_not_understood_empties_the_cache() {
        let id = RepositoryId(1);
        let name = "app".parse().unwrap();
        for (payload, left) in [("t1/v1 t1/v2", 1), ("t1/v1 z9", 0), (EVERYTHING, 0), ("heard me 0", 1)] {
            let cache = Cache::new(1 << 20).unwrap();
            cache.keep_repository(&name, id);
            take(payload, "me", &cache);
            assert_eq!(u64::from(cache.repository(&name).is_some()), left, "{payload}");
        }
    }
}
