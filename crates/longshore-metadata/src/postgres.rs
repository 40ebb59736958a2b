//! PostgreSQL: a pool of connections, transactions in READ COMMITTED.

mod connection;
mod listener;
mod settings;
mod tls;

use std::{sync::Arc, time::Duration};

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio::sync::Semaphore;

pub(crate) use connection::PostgresConnection;
use listener::Listener;
pub(crate) use listener::notifications;

use crate::{MetadataError, MetadataSettings, cache::Cache, durability::Durability};

/// How long to wait for a free connection, and then for the server to make a new one.
const TURN_WITHIN: Duration = Duration::from_secs(30);
const CONNECTION_WITHIN: Duration = Duration::from_secs(10);

/// An index in PostgreSQL.
#[derive(Clone)]
pub(crate) struct PostgresIndex {
    pool: Pool,
    connections_max: u32,
    /// One permit for each connection in use. Beside the pool's own count, for one can wait until all are back.
    free: Arc<Semaphore>,
    /// Where there is a cache.
    listener: Option<Arc<Listener>>,
}

impl PostgresIndex {
    pub(crate) fn open(
        settings: &MetadataSettings,
        cache: Option<Arc<Cache>>,
    ) -> Result<Self, MetadataError> {
        let (config, tls) = settings::read(settings)?;
        let listener = cache.map(|cache| Arc::new(Listener::start(config.clone(), tls.clone(), cache)));
        // A connection that the server has closed shows at once; one that was interrupted never comes back here.
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match tls {
            None => Manager::from_config(config, tokio_postgres::NoTls, recycling),
            Some(tls) => Manager::from_config(config, tls, recycling),
        };
        let connections_max = settings.connections_max.clamp(2, 1000) as u32;
        let pool = Pool::builder(manager)
            .max_size(connections_max as usize)
            .create_timeout(Some(CONNECTION_WITHIN))
            .recycle_timeout(Some(CONNECTION_WITHIN))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| MetadataError::Unavailable(error.into()))?;
        let free = Arc::new(Semaphore::new(connections_max as usize));
        Ok(Self { pool, connections_max, free, listener })
    }

    pub(crate) async fn read(&self) -> Result<PostgresConnection, MetadataError> {
        let turn = tokio::time::timeout(TURN_WITHIN, self.free.clone().acquire_owned()).await;
        let permit = turn
            .map_err(|_| MetadataError::Unavailable("every connection to PostgreSQL is in use".into()))?
            .map_err(|_| MetadataError::Unavailable("the index is closed".into()))?;
        let client = self.pool.get().await.map_err(|error| MetadataError::Unavailable(error.into()))?;
        Ok(PostgresConnection::new(client, permit))
    }

    pub(crate) async fn write(&self, durability: Durability) -> Result<PostgresConnection, MetadataError> {
        let mut connection = self.read().await?;
        connection.begin(durability).await?;
        Ok(connection)
    }

    /// Waits until every connection has come back, then closes them.
    pub(crate) async fn close(&self) {
        if let Some(listener) = &self.listener {
            listener.end();
        }
        // An error says that it is closed already.
        if let Ok(_all) = self.free.acquire_many(self.connections_max).await {
            self.free.close();
            self.pool.close();
        }
    }
}
