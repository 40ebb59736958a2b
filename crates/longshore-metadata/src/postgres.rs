//! PostgreSQL: a pool of connections, transactions in READ COMMITTED.

mod connection;
mod settings;
mod tls;

use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};

pub(crate) use connection::PostgresConnection;

use crate::{MetadataError, MetadataSettings};

/// How long to wait for a free connection, and for a new one.
const CONNECTION_WITHIN: Duration = Duration::from_secs(10);

/// An index in PostgreSQL.
#[derive(Clone)]
pub(crate) struct PostgresIndex {
    pool: Pool,
}

impl PostgresIndex {
    pub(crate) fn open(settings: &MetadataSettings) -> Result<Self, MetadataError> {
        let (config, tls) = settings::read(settings)?;
        // A connection that the server has closed shows at once; one that was interrupted never comes back here.
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match tls {
            None => Manager::from_config(config, tokio_postgres::NoTls, recycling),
            Some(tls) => Manager::from_config(config, tls, recycling),
        };
        let pool = Pool::builder(manager)
            .max_size(settings.connections_max.clamp(2, 1000))
            .wait_timeout(Some(CONNECTION_WITHIN))
            .create_timeout(Some(CONNECTION_WITHIN))
            .recycle_timeout(Some(CONNECTION_WITHIN))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| MetadataError::Unavailable(error.into()))?;
        Ok(Self { pool })
    }

    pub(crate) async fn read(&self) -> Result<PostgresConnection, MetadataError> {
        let client = self.pool.get().await.map_err(|error| MetadataError::Unavailable(error.into()))?;
        Ok(PostgresConnection::new(client))
    }

    pub(crate) async fn write(&self) -> Result<PostgresConnection, MetadataError> {
        let mut connection = self.read().await?;
        connection.begin().await?;
        Ok(connection)
    }

    /// Hands out nothing more, and waits until every connection has come back.
    pub(crate) async fn close(&self) {
        self.pool.close();
        // The pool has no way to wait for what it handed out; whoever holds a transaction finishes with it alone.
    }
}
