//! SQLite: one writer whose transactions are committed in groups, and a pool of readers.
//!
//! Calls run where they are made: a point read takes a few microseconds, less than handing it to another thread. Only
//! the commit, which waits for the disk, has a thread of its own.

mod connection;
mod others;
mod readers;
mod writer;

use std::{path::Path, sync::Arc};

use crate::{MetadataError, MetadataSettings, cache::Cache, durability::Durability};

pub(crate) use readers::Reader;
use readers::Readers;
use writer::WriterQueue;
pub(crate) use writer::WriterTurn;

/// An index in SQLite.
pub(crate) struct SqliteIndex {
    readers: Arc<Readers>,
    writer: WriterQueue,
    /// Removes the file of a temporary index, after everything else is closed.
    _temporary: Option<tempfile::TempDir>,
}

impl SqliteIndex {
    pub(crate) fn open(
        path: &Path,
        settings: &MetadataSettings,
        cache: Option<Arc<Cache>>,
    ) -> Result<Self, MetadataError> {
        connection::prepare_file(path).map_err(|error| MetadataError::Unavailable(error.into()))?;
        let writer = connection::open_writer(path, settings.durable).map_err(connection::reduce)?;
        Ok(Self {
            readers: Arc::new(Readers::new(path.to_owned(), settings.connections_max)),
            writer: WriterQueue::start(writer, settings.durable, cache)?,
            _temporary: None,
        })
    }

    /// In a file all the same: SQLite has no database in memory whose readers neither wait for the writer nor see what
    /// it has not committed.
    pub(crate) fn open_temporary(
        settings: &MetadataSettings,
        cache: Option<Arc<Cache>>,
    ) -> Result<Self, MetadataError> {
        let folder = tempfile::Builder::new().prefix("longshore-index-").tempdir();
        let folder = folder.map_err(|error| MetadataError::Unavailable(error.into()))?;
        let settings = MetadataSettings { durable: false, ..settings.clone() };
        let index = Self::open(&folder.path().join("index.sqlite3"), &settings, cache)?;
        Ok(Self { _temporary: Some(folder), ..index })
    }

    pub(crate) async fn read(&self) -> Result<Reader, MetadataError> {
        self.readers.clone().begin().await
    }

    pub(crate) async fn write(&self, durability: Durability) -> Result<WriterTurn, MetadataError> {
        self.writer.begin(durability).await
    }

    /// Lets the cache know whether another process has changed anything, unless the writer is busy.
    pub(crate) fn look_for_others(&self) {
        self.writer.look_for_others();
    }

    #[cfg(feature = "testing")]
    pub(crate) async fn durable_commits(&self) -> u64 {
        self.writer.durable_commits().await
    }

    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}
