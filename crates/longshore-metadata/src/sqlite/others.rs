//! Notices what other processes commit to the same file: maintenance may run beside a server.

use std::{sync::Arc, time::Duration};

use rusqlite::Connection;

use super::connection;
use crate::{MetadataError, cache::Cache, sql::params};

/// How long a look holds. A look costs some microseconds, and is only taken when somebody asks the cache.
const LOOK_HOLDS: Duration = Duration::from_millis(10);

/// Keeps the cache from telling what another process has changed. Belongs to the connection that writes.
pub(super) struct OtherProcesses {
    cache: Option<Arc<Cache>>,
    /// SQLite's counter of commits by others, at the last look.
    version: Option<i64>,
}

impl OtherProcesses {
    pub(super) fn new(cache: Option<Arc<Cache>>) -> Self {
        Self { cache, version: None }
    }

    /// To be called outside of transactions.
    pub(super) fn look(&mut self, connection: &Connection) {
        let Some(cache) = self.cache.clone() else { return };
        let heard_at = cache.lease().now();
        if self.compare(connection, &cache) {
            cache.lease().extend(heard_at, LOOK_HOLDS);
        }
    }

    /// To be called once a transaction has the write lock: until it ends, nobody else commits.
    pub(super) fn keep_out(&mut self, connection: &Connection) {
        let Some(cache) = self.cache.clone() else { return };
        if self.compare(connection, &cache) {
            cache.lease().hold();
        }
    }

    /// To be called after that transaction.
    pub(super) fn let_in(&self) {
        if let Some(cache) = &self.cache {
            cache.lease().let_go(LOOK_HOLDS);
        }
    }

    /// Empties the cache if another process has committed since the last look. Returns whether that is known.
    fn compare(&mut self, connection: &Connection, cache: &Cache) -> bool {
        // "PRAGMA data_version": changed by commits of any connection but this one, and our others only read.
        let version = connection::query(connection, "PRAGMA data_version", params![])
            .map_err(connection::reduce)
            .and_then(|mut rows| match rows.pop() {
                Some(mut row) => row.int(),
                None => Err(MetadataError::Corrupt("no data_version".to_owned())),
            });
        if let Err(error) = &version {
            tracing::warn!(%error, "cannot see whether another process has changed the index");
            cache.lease().end();
        }
        let version = version.ok();
        if version.is_none() || version != self.version {
            cache.forget_everything();
        }
        self.version = version;
        version.is_some()
    }
}
