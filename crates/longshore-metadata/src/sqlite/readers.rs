//! The pool of connections that read. With SQLite's write-ahead log they neither wait for the writer nor see what it
//! has not committed.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection;
use crate::{
    MetadataError,
    sql::{Row, Value},
};

/// How long a caller waits for a free connection. Reads take microseconds: beyond this something hangs.
const TURN_WITHIN: Duration = Duration::from_secs(30);

pub(crate) struct Readers {
    path: PathBuf,
    connections_max: u32,
    free: Arc<Semaphore>,
    /// Opened and not in use. A plain lock: it is never held for longer than a push or pop.
    idle: Mutex<Vec<Connection>>,
}

/// A read transaction; ends when dropped.
pub(crate) struct Reader {
    /// Always there until drop.
    connection: Option<Connection>,
    readers: Arc<Readers>,
    _permit: OwnedSemaphorePermit,
}

impl Readers {
    pub(crate) fn new(path: PathBuf, connections_max: usize) -> Self {
        let connections_max = connections_max.clamp(1, 1000) as u32;
        let free = Arc::new(Semaphore::new(connections_max as usize));
        Self { path, connections_max, free, idle: Mutex::default() }
    }

    pub(crate) async fn begin(self: Arc<Self>) -> Result<Reader, MetadataError> {
        let turn = tokio::time::timeout(TURN_WITHIN, self.free.clone().acquire_owned()).await;
        let permit = turn
            .map_err(|_| MetadataError::Unavailable("every reader of the index is in use".into()))?
            .map_err(|_| MetadataError::Unavailable("the index is closed".into()))?;
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connection::open_reader(&self.path).map_err(connection::reduce)?,
        };
        connection::execute(&connection, "BEGIN", &[]).map_err(connection::reduce)?;
        Ok(Reader { connection: Some(connection), readers: self, _permit: permit })
    }

    /// Waits until nobody reads, then closes every connection.
    pub(crate) async fn close(&self) {
        // An error says that it is closed already.
        if let Ok(_all) = self.free.acquire_many(self.connections_max).await {
            self.free.close();
            self.idle().clear();
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    pub(crate) fn query(&self, sql: &str, params: &[Value<'_>]) -> Result<Vec<Row>, MetadataError> {
        let connection = self.connection.as_ref().expect("a reader has its connection until drop");
        connection::query(connection, sql, params).map_err(connection::reduce)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // One that cannot end its transaction is closed instead of handed on.
        if let Some(connection) = self.connection.take()
            && connection::execute(&connection, "COMMIT", &[]).is_ok()
        {
            self.readers.idle().push(connection);
        }
    }
}
