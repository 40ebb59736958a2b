//! One connection to PostgreSQL while somebody uses it.

use std::{error::Error, time::Duration};

use bytes::BytesMut;
use deadpool_postgres::{Client, Object};
use tokio::sync::OwnedSemaphorePermit;
use tokio_postgres::{
    Statement,
    error::SqlState,
    types::{IsNull, ToSql, Type, to_sql_checked},
};

use crate::{
    MetadataError,
    durability::Durability,
    sql::{Row, Value},
};

/// How long any answer may take. The server gives up earlier (settings.rs); this is for one that hangs.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// A connection out of the pool, in a transaction after [`PostgresConnection::begin`]. However it is dropped, the pool
/// never gets back a connection with an open transaction or an answer still to come.
pub(crate) struct PostgresConnection {
    /// Always there until drop.
    client: Option<Client>,
    /// Goes back after the connection.
    permit: Option<OwnedSemaphorePermit>,
    in_transaction: bool,
    /// Waiting for an answer. Still set on drop, it says that the caller was cancelled or ran out of time.
    in_flight: bool,
}

impl PostgresConnection {
    pub(crate) fn new(client: Client, permit: OwnedSemaphorePermit) -> Self {
        Self { client: Some(client), permit: Some(permit), in_transaction: false, in_flight: false }
    }

    /// Begins a transaction. As in SQLite, a relaxed one may be lost in a power cut of the server, but nothing that was
    /// durable before it, and nothing durable after it without it: the log is one there too.
    pub(crate) async fn begin(&mut self, durability: Durability) -> Result<(), MetadataError> {
        self.in_transaction = true;
        self.batch(match durability {
            Durability::Durable => "BEGIN",
            Durability::Relaxed => "BEGIN; SET LOCAL synchronous_commit = off",
        })
        .await
    }

    /// Runs `last`, which may be empty, and commits; in one round trip.
    pub(crate) async fn commit(mut self, last: &str) -> Result<(), MetadataError> {
        self.batch(&format!("{last}COMMIT")).await?;
        self.in_transaction = false;
        Ok(())
    }

    pub(crate) async fn query(&mut self, sql: &str, params: &[Value<'_>]) -> Result<Vec<Row>, MetadataError> {
        let rows = self
            .answer(async |client| {
                let statement = client.prepare_cached(sql).await?;
                client.query(&statement, &references(params)).await
            })
            .await?;
        rows.iter().map(row).collect()
    }

    pub(crate) async fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64, MetadataError> {
        self.answer(async |client| {
            let statement: Statement = client.prepare_cached(sql).await?;
            client.execute(&statement, &references(params)).await
        })
        .await
    }

    pub(crate) async fn batch(&mut self, sql: &str) -> Result<(), MetadataError> {
        self.answer(async |client| client.batch_execute(sql).await).await
    }

    async fn answer<T>(
        &mut self,
        call: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, MetadataError> {
        let client = self.client.as_ref().expect("a connection has its client until drop");
        self.in_flight = true;
        let result = tokio::time::timeout(ANSWER_WITHIN, call(client))
            .await
            .map_err(|_| MetadataError::Unavailable("PostgreSQL does not answer".into()))?;
        self.in_flight = false;
        result.map_err(reduce)
    }
}

impl Drop for PostgresConnection {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else { return };
        if !self.in_flight && !self.in_transaction {
            return; // Back into the pool.
        }
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if !self.in_flight => {
                let permit = self.permit.take();
                runtime.spawn(async move {
                    roll_back(client).await;
                    drop(permit);
                });
            }
            // Closed. The server rolls back when it notices: after the statement under way, which it limits.
            _ => drop(Object::take(client)),
        }
    }
}

/// Ends a transaction that was dropped. A connection that cannot is closed instead of going back into the pool.
async fn roll_back(client: Client) {
    let done = tokio::time::timeout(ANSWER_WITHIN, client.batch_execute("ROLLBACK")).await;
    if !matches!(done, Ok(Ok(()))) {
        drop(Object::take(client));
    }
}

fn references<'a>(params: &'a [Value<'_>]) -> Vec<&'a (dyn ToSql + Sync)> {
    params.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

impl ToSql for Value<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) if *ty == Type::INT8 => value.to_sql(ty, out),
            Self::Int(value) if *ty == Type::INT4 => i32::try_from(*value)?.to_sql(ty, out),
            Self::Int(value) if *ty == Type::INT2 => i16::try_from(*value)?.to_sql(ty, out),
            Self::Text(value) if *ty == Type::TEXT => value.as_ref().to_sql(ty, out),
            Self::Bytes(value) if *ty == Type::BYTEA => value.as_ref().to_sql(ty, out),
            _ => Err(format!("a parameter of the wrong kind for {ty}").into()),
        }
    }

    fn accepts(ty: &Type) -> bool {
        [Type::INT8, Type::INT4, Type::INT2, Type::TEXT, Type::BYTEA].contains(ty)
    }

    to_sql_checked!();
}

fn row(row: &tokio_postgres::Row) -> Result<Row, MetadataError> {
    let columns = row.columns().iter().enumerate();
    let values = columns.map(|(index, column)| column_value(row, index, column.type_()));
    Ok(Row::new(values.collect::<Result<_, _>>().map_err(reduce)?))
}

fn column_value(
    row: &tokio_postgres::Row,
    index: usize,
    ty: &Type,
) -> Result<Value<'static>, tokio_postgres::Error> {
    Ok(match *ty {
        Type::INT8 => row.try_get::<_, Option<i64>>(index)?.into(),
        Type::INT4 => row.try_get::<_, Option<i32>>(index)?.map(i64::from).into(),
        Type::INT2 => row.try_get::<_, Option<i16>>(index)?.map(i64::from).into(),
        Type::BYTEA => {
            row.try_get::<_, Option<Vec<u8>>>(index)?.map_or(Value::Null, |b| Value::Bytes(b.into()))
        }
        // Of any other type this is an error that names it.
        _ => row.try_get::<_, Option<String>>(index)?.into(),
    })
}

/// PostgreSQL's errors in the words of this crate.
fn reduce(error: tokio_postgres::Error) -> MetadataError {
    const CONFLICTS: [SqlState; 4] = [
        SqlState::FOREIGN_KEY_VIOLATION,
        SqlState::UNIQUE_VIOLATION,
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
    ];
    const DAMAGE: [SqlState; 2] = [SqlState::DATA_CORRUPTED, SqlState::INDEX_CORRUPTED];
    match error.code() {
        Some(code) if CONFLICTS.contains(code) => MetadataError::Conflict(error.into()),
        Some(code) if DAMAGE.contains(code) => {
            MetadataError::Corrupt(error.as_db_error().map_or_else(String::new, ToString::to_string))
        }
        _ => MetadataError::Unavailable(error.into()),
    }
}
