//! The two databases behind one asynchronous transaction type.

use std::{fmt, sync::Arc};

#[cfg(feature = "testing")]
use crate::FaultPlan;
use crate::{
    MetadataError, RepositoryId,
    cache::{Cache, Key},
    durability::Durability,
    migrations::{self, Dialect},
    postgres::{PostgresConnection, PostgresIndex, notifications},
    sql::{Row, Value, params},
    sqlite::{Reader, SqliteIndex, WriterTurn},
};

/// Which database, and how to use it.
#[derive(Clone)]
pub struct MetadataSettings {
    /// `sqlite:///absolute/path`, `sqlite::memory:` (tests: a temporary file that goes away with the index) or
    /// `postgres://user:password@host:port/database`. For PostgreSQL `sslmode` is `disable` or `require`; left out it
    /// is `require`, except over a unix socket or to this machine itself. `require` checks the certificate against
    /// the system's authorities, or those in the file `sslrootcert`.
    pub url: String,
    /// Readers (SQLite) or connections (PostgreSQL) at most.
    pub connections_max: usize,
    /// `false`: a commit does not wait for the disk. Off the record: only for those who can lose the last second.
    pub durable: bool,
}

/// The address of a server may hold a password: only its scheme is shown.
impl fmt::Debug for MetadataSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = match self.url.split_once("://") {
            Some((scheme, _)) if !self.url.starts_with("sqlite:") => format!("{scheme}://***"),
            _ if self.url.starts_with("sqlite:") => self.url.clone(),
            _ => "***".to_owned(),
        };
        f.debug_struct("MetadataSettings")
            .field("url", &url)
            .field("connections_max", &self.connections_max)
            .field("durable", &self.durable)
            .finish()
    }
}

/// The index. Cheap to clone.
#[derive(Clone)]
pub struct Metadata {
    backend: Backend,
    pub(crate) cache: Option<Arc<Cache>>,
    #[cfg(feature = "testing")]
    pub(crate) faults: FaultPlan,
}

#[derive(Clone)]
enum Backend {
    Sqlite(Arc<SqliteIndex>),
    Postgres(PostgresIndex),
}

/// Reads the index. On PostgreSQL every call sees what was committed before it; on SQLite the whole transaction sees
/// one state, and its log grows as long as somebody looks at an old one. So take a new one for each page of a long walk.
pub struct ReadTx {
    connection: Connection,
    /// A statement failed. PostgreSQL then takes nothing more in this transaction, so neither does SQLite.
    failed: bool,
    #[cfg(feature = "testing")]
    faults: FaultPlan,
}

/// Changes the index, all or nothing; reads see its own changes. Dropped without [`WriteTx::commit`] it leaves no
/// trace. On SQLite there is one at a time, and several that wait are committed to disk together: never hold one
/// while waiting for a client. After a failed call the rest fails too; drop it, and begin again if it was a
/// [`MetadataError::Conflict`].
pub struct WriteTx {
    inner: ReadTx,
    cache: Option<Arc<Cache>>,
    /// What caches may hold that is different after this.
    changed: Vec<Key>,
    /// The repositories that were said to have changed.
    touched: Vec<RepositoryId>,
}

/// What a transaction runs on.
enum Connection {
    SqliteReader(Reader),
    SqliteWriter(WriterTurn),
    Postgres(PostgresConnection),
}

impl std::ops::Deref for WriteTx {
    type Target = ReadTx;
    fn deref(&self) -> &ReadTx {
        &self.inner
    }
}

impl std::ops::DerefMut for WriteTx {
    fn deref_mut(&mut self) -> &mut ReadTx {
        &mut self.inner
    }
}

impl Metadata {
    /// Opens the index and brings its schema up to date. An SQLite file is made if it is missing, with its folder.
    ///
    /// # Errors
    /// [`MetadataError::Settings`] for an address that is none; [`MetadataError::TooNew`]; those of the database.
    pub async fn open(settings: &MetadataSettings) -> Result<Self, MetadataError> {
        Self::open_cached(settings, 0).await
    }

    /// As [`Metadata::open`]; keeps up to `cache_bytes` of what pulls ask in memory, see [`Metadata::manifest`]. On
    /// PostgreSQL one more connection then listens to what other replicas change.
    pub async fn open_cached(settings: &MetadataSettings, cache_bytes: u64) -> Result<Self, MetadataError> {
        let cache = Cache::new(cache_bytes);
        let url = settings.url.as_str();
        let backend = if let Some(path) = url.strip_prefix("sqlite://").filter(|path| !path.is_empty()) {
            Backend::Sqlite(Arc::new(SqliteIndex::open(path.as_ref(), settings, cache.clone())?))
        } else if url == "sqlite::memory:" {
            Backend::Sqlite(Arc::new(SqliteIndex::open_temporary(settings, cache.clone())?))
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Backend::Postgres(PostgresIndex::open(settings, cache.clone())?)
        } else {
            let forms = "sqlite:///path/of/the/file or postgres://user@host/database";
            return Err(MetadataError::Settings(format!("expected {forms}")));
        };
        let metadata = Self {
            backend,
            cache,
            #[cfg(feature = "testing")]
            faults: FaultPlan::none(),
        };
        migrations::run(metadata.write().await?).await?;
        Ok(metadata)
    }

    /// Begins reading.
    pub async fn read(&self) -> Result<ReadTx, MetadataError> {
        #[cfg(feature = "testing")]
        self.faults.count()?;
        let connection = match &self.backend {
            Backend::Sqlite(index) => Connection::SqliteReader(index.read().await?),
            Backend::Postgres(index) => Connection::Postgres(index.read().await?),
        };
        Ok(self.transaction(connection))
    }

    /// Begins changing; waits for its turn.
    pub async fn write(&self) -> Result<WriteTx, MetadataError> {
        self.begin(Durability::Durable).await
    }

    /// Begins changing what a power cut may take back, until a transaction of [`Metadata::write`] is committed after it;
    /// a crash of this program takes nothing back. Its commit does not wait for the disk. For what nobody was promised,
    /// as the session of an upload.
    pub async fn write_relaxed(&self) -> Result<WriteTx, MetadataError> {
        self.begin(Durability::Relaxed).await
    }

    async fn begin(&self, durability: Durability) -> Result<WriteTx, MetadataError> {
        #[cfg(feature = "testing")]
        self.faults.count()?;
        let connection = match &self.backend {
            Backend::Sqlite(index) => Connection::SqliteWriter(index.write(durability).await?),
            Backend::Postgres(index) => Connection::Postgres(index.write(durability).await?),
        };
        Ok(WriteTx {
            inner: self.transaction(connection),
            cache: self.cache.clone(),
            changed: Vec::new(),
            touched: Vec::new(),
        })
    }

    /// Whether the cache may be asked: no other process has changed anything lately that was not heard of.
    pub(crate) fn is_fresh(&self, cache: &Cache) -> bool {
        cache.lease().is_valid()
            || match &self.backend {
                Backend::Sqlite(index) => {
                    index.look_for_others();
                    cache.lease().is_valid()
                }
                Backend::Postgres(_) => false,
            }
    }

    fn transaction(&self, connection: Connection) -> ReadTx {
        ReadTx {
            connection,
            failed: false,
            #[cfg(feature = "testing")]
            faults: self.faults.clone(),
        }
    }

    /// Tries the database for real: one read and one write.
    pub async fn check(&self) -> Result<(), MetadataError> {
        self.read().await?.query("SELECT MAX(version) FROM schema_version", params![]).await?;
        let mut tx = self.write().await?;
        tx.set_setting("check", "").await?;
        tx.commit().await
    }

    /// How many commits waited for the disk so far, those of a group once; `None` where the database's server counts.
    #[cfg(feature = "testing")]
    pub async fn durable_commits(&self) -> Option<u64> {
        match &self.backend {
            Backend::Sqlite(index) => Some(index.durable_commits().await),
            Backend::Postgres(_) => None,
        }
    }

    /// What the cache counts for all that it holds now.
    #[cfg(feature = "testing")]
    pub fn cached_bytes(&self) -> u64 {
        self.cache.as_ref().map_or(0, |cache| cache.weight_bytes())
    }

    /// Ends all connections after the transactions under way. Whoever begins one later gets
    /// [`MetadataError::Unavailable`].
    pub async fn close(&self) {
        match &self.backend {
            Backend::Sqlite(index) => index.close().await,
            Backend::Postgres(index) => index.close().await,
        }
    }
}

impl ReadTx {
    /// All rows of a query.
    pub(crate) async fn query(&mut self, sql: &str, params: &[Value<'_>]) -> Result<Vec<Row>, MetadataError> {
        #[cfg(feature = "testing")]
        self.count_statement()?;
        let result = match &mut self.connection {
            Connection::SqliteReader(reader) => reader.query(sql, params),
            Connection::SqliteWriter(turn) => turn.query(sql, params),
            Connection::Postgres(connection) => connection.query(sql, params).await,
        };
        self.failed |= result.is_err();
        result
    }

    /// The first row of a query.
    pub(crate) async fn query_opt(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
    ) -> Result<Option<Row>, MetadataError> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }

    /// Whether a query has any row.
    pub(crate) async fn exists(&mut self, sql: &str, params: &[Value<'_>]) -> Result<bool, MetadataError> {
        Ok(!self.query(sql, params).await?.is_empty())
    }

    /// The one number that a query answers with.
    pub(crate) async fn count(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64, MetadataError> {
        let row = self.query_opt(sql, params).await?;
        row.ok_or_else(|| MetadataError::Corrupt("a count has no row".to_owned()))?.unsigned()
    }

    /// A statement that a test makes fail fails the transaction, as any other.
    #[cfg(feature = "testing")]
    fn count_statement(&mut self) -> Result<(), MetadataError> {
        self.faults.count().inspect_err(|_| self.failed = true)
    }

    /// Which database this is, where the same words will not do.
    pub(crate) fn dialect(&self) -> Dialect {
        match self.connection {
            Connection::SqliteReader(_) | Connection::SqliteWriter(_) => Dialect::Sqlite,
            Connection::Postgres(_) => Dialect::Postgres,
        }
    }
}

impl WriteTx {
    /// Makes the changes durable; returns after the disk has them, unless it was begun by [`Metadata::write_relaxed`].
    ///
    /// # Errors
    /// After an error the changes are gone, unless the connection to PostgreSQL broke in this very moment.
    ///
    /// # Cancel safety
    /// Dropped while waiting, the changes may or may not last.
    pub async fn commit(self) -> Result<(), MetadataError> {
        if self.inner.failed {
            // PostgreSQL would answer COMMIT with a silent rollback.
            return Err(MetadataError::Unavailable("a call in this transaction failed before".into()));
        }
        #[cfg(feature = "testing")]
        self.inner.faults.count()?;
        match self.inner.connection {
            Connection::SqliteWriter(turn) => {
                let changing = self.cache.as_ref().and_then(|cache| cache.begin_change(self.changed));
                turn.commit(changing).await
            }
            Connection::Postgres(connection) => {
                let news = notifications(&self.changed);
                // If the answer never comes, the notification is how this process hears of the commit too.
                let _changing = self.cache.as_ref().and_then(|cache| cache.begin_change(self.changed));
                connection.commit(&news).await
            }
            Connection::SqliteReader(_) => unreachable!("Metadata::write never hands out a reader"),
        }?;
        #[cfg(feature = "testing")]
        self.inner.faults.count()?;
        Ok(())
    }

    /// Nothing of this can be committed any more, because of `error`.
    pub(crate) fn fail(&mut self, error: MetadataError) -> MetadataError {
        self.inner.failed = true;
        error
    }

    /// Notes that what caches hold under `key`, if they do, is wrong once this is committed.
    pub(crate) fn changes(&mut self, key: Key) {
        self.changed.push(key);
    }

    /// Notes that a repository changed; whether that is new.
    pub(crate) fn touched(&mut self, repository: RepositoryId) -> bool {
        let is_new = !self.touched.contains(&repository);
        if is_new {
            self.touched.push(repository);
        }
        is_new
    }

    /// Runs a statement. Returns how many rows it changed.
    pub(crate) async fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64, MetadataError> {
        #[cfg(feature = "testing")]
        self.count_statement()?;
        let result = match &mut self.inner.connection {
            Connection::SqliteWriter(turn) => turn.execute(sql, params),
            Connection::Postgres(connection) => connection.execute(sql, params).await,
            Connection::SqliteReader(_) => unreachable!("Metadata::write never hands out a reader"),
        };
        self.inner.failed |= result.is_err();
        result
    }

    /// Runs several statements without parameters.
    pub(crate) async fn batch(&mut self, sql: &str) -> Result<(), MetadataError> {
        #[cfg(feature = "testing")]
        self.count_statement()?;
        let result = match &mut self.inner.connection {
            Connection::SqliteWriter(turn) => turn.batch(sql),
            Connection::Postgres(connection) => connection.batch(sql).await,
            Connection::SqliteReader(_) => unreachable!("Metadata::write never hands out a reader"),
        };
        self.inner.failed |= result.is_err();
        result
    }

    /// A query whose rows stay locked until commit; `lock` is PostgreSQL's clause for it. SQLite has one writer, so
    /// there everything is locked already.
    pub(crate) async fn query_locking(
        &mut self,
        sql: &str,
        lock: &str,
        params: &[Value<'_>],
    ) -> Result<Vec<Row>, MetadataError> {
        match self.dialect() {
            Dialect::Sqlite => self.query(sql, params).await,
            Dialect::Postgres => self.query(&format!("{sql} {lock}"), params).await,
        }
    }

    /// Keeps other processes from changing the schema until commit, and waits for them as long as it takes.
    pub(crate) async fn lock_schema(&mut self) -> Result<(), MetadataError> {
        match self.dialect() {
            Dialect::Sqlite => Ok(()),
            // The number means nothing; it only has to be ours.
            Dialect::Postgres => {
                self.batch(
                    "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
                     SELECT pg_advisory_xact_lock(5417201931)",
                )
                .await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_show_no_password() {
        let check = |url: &str, shown: &str| {
            let settings = MetadataSettings { url: url.to_owned(), connections_max: 4, durable: true };
            let text = format!("{settings:?}");
            assert!(text.contains(shown) && !text.contains("secret"), "{text}");
        };
        check("postgres://user:secret@host/db", "postgres://***");
        check("user:secret@host", "***");
        check("sqlite:///var/lib/index", "sqlite:///var/lib/index");
    }

    #[test]
    fn transactions_can_change_threads() {
        fn is_send<T: Send>() {}
        is_send::<ReadTx>();
        is_send::<WriteTx>();
        is_send::<Metadata>();
    }
}
