//! Opening SQLite and running statements on it.

use std::{fs, io, os::unix::fs::OpenOptionsExt, path::Path, time::Duration};

use rusqlite::{
    Connection, ErrorCode, OpenFlags, ToSql, ffi,
    types::{ToSqlOutput, ValueRef},
};

use crate::{
    MetadataError,
    durability::Durability,
    sql::{Row, Value},
};

/// How many prepared statements a connection keeps; more than this crate has.
const STATEMENTS_KEPT: usize = 256;

/// From so many pages in the log on, a durable commit moves them into the file.
const CHECKPOINT_PAGES: u32 = 4_000;

/// How long a reader waits, on its thread, where WAL makes readers wait at all: while another process recovers the
/// file after a crash.
const READER_WAITS: Duration = Duration::from_secs(5);

/// Makes the file, readable by nobody else, unless it exists; SQLite gives its other files the same mode.
pub(crate) fn prepare_file(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        // SQLite syncs the folder for its log, not for the file itself.
        Ok(_) => fs::File::open(folder)?.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// The connection that changes things. It never waits inside SQLite: whoever begins waits asynchronously.
pub(crate) fn open_writer(path: &Path, durable: bool) -> rusqlite::Result<Connection> {
    let connection = open(path, Duration::ZERO)?;
    // Changing to WAL needs the file alone for a moment, when several processes open a new one.
    connection.busy_timeout(READER_WAITS)?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    if mode != "wal" {
        let why = "this file system cannot hold an SQLite database in WAL mode".to_owned();
        return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CANTOPEN), Some(why)));
    }
    if durable {
        set_durability(&connection, Durability::Durable)?;
    } else {
        connection.execute_batch(&format!(
            "PRAGMA synchronous = off; PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}"
        ))?;
    }
    connection.pragma_update(None, "foreign_keys", "on")?;
    // 16 MiB of pages; the log is cut back to 64 MiB after a burst.
    connection.pragma_update(None, "cache_size", -16_384)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    connection.busy_timeout(Duration::ZERO)?;
    Ok(connection)
}

/// How commits from here on reach the disk. A relaxed one never moves the log into the file: that waits for the disk,
/// and it runs where others must not wait.
pub(crate) fn set_durability(connection: &Connection, durability: Durability) -> rusqlite::Result<()> {
    // If the second of the two fails, the worse of the two is not in effect.
    connection.execute_batch(&match durability {
        Durability::Durable => {
            format!("PRAGMA synchronous = full; PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        }
        Durability::Relaxed => "PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = normal".to_owned(),
    })
}

/// A connection that only reads.
pub(crate) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open(path, READER_WAITS)?;
    connection.pragma_update(None, "query_only", "on")?;
    // 2 MiB of pages: the upper levels of every tree. The rest is in the kernel's cache.
    connection.pragma_update(None, "cache_size", -2_048)?;
    Ok(connection)
}

fn open(path: &Path, busy_timeout: Duration) -> rusqlite::Result<Connection> {
    // No SQLITE_OPEN_URI: the path is a path, whatever letters it has.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    connection.pragma_update(None, "trusted_schema", "off")?;
    connection.pragma_update(None, "temp_store", "memory")?;
    // Mapped pages would count as memory of this process, however large the file is and once for each connection.
    connection.pragma_update(None, "mmap_size", 0)?;
    Ok(connection)
}

pub(crate) fn query(
    connection: &Connection,
    sql: &str,
    params: &[Value<'_>],
) -> Result<Vec<Row>, rusqlite::Error> {
    let mut statement = prepare(connection, sql, params)?;
    let columns = statement.column_count();
    let mut found = statement.raw_query();
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let values = (0..columns).map(|column| Ok(owned(row.get_ref(column)?)));
        rows.push(Row::new(values.collect::<Result<_, rusqlite::Error>>()?));
    }
    Ok(rows)
}

pub(crate) fn execute(
    connection: &Connection,
    sql: &str,
    params: &[Value<'_>],
) -> Result<u64, rusqlite::Error> {
    Ok(prepare(connection, sql, params)?.raw_execute()? as u64)
}

fn prepare<'c>(
    connection: &'c Connection,
    sql: &str,
    params: &[Value<'_>],
) -> Result<rusqlite::CachedStatement<'c>, rusqlite::Error> {
    #[cfg(test)]
    crate::plans::record(sql);
    let mut statement = connection.prepare_cached(sql)?;
    for (index, value) in (1..).zip(params) {
        debug_assert_eq!(
            statement.parameter_name(index),
            Some(format!("${index}").as_str()),
            "parameters are numbered by first appearance: {sql}"
        );
        statement.raw_bind_parameter(index, value)?;
    }
    Ok(statement)
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Bytes(value) => ValueRef::Blob(value),
        }))
    }
}

/// Text that is no UTF-8, and numbers with a fraction, were not written by us; what reads the column will say so.
fn owned(value: ValueRef<'_>) -> Value<'static> {
    match value {
        ValueRef::Integer(value) => Value::Int(value),
        ValueRef::Text(bytes) => match String::from_utf8(bytes.to_vec()) {
            Ok(text) => Value::from(text),
            Err(error) => Value::Bytes(error.into_bytes().into()),
        },
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec().into()),
        ValueRef::Null | ValueRef::Real(_) => Value::Null,
    }
}

/// Whether another process has the write lock.
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

/// SQLite's errors in the words of this crate.
pub(crate) fn reduce(error: rusqlite::Error) -> MetadataError {
    let extended = error.sqlite_error().map(|error| error.extended_code);
    match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation)
            if matches!(
                extended,
                Some(
                    ffi::SQLITE_CONSTRAINT_FOREIGNKEY
                        | ffi::SQLITE_CONSTRAINT_UNIQUE
                        | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
                )
            ) =>
        {
            MetadataError::Conflict(error.into())
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            MetadataError::Corrupt(error.to_string())
        }
        _ => MetadataError::Unavailable(error.into()),
    }
}
