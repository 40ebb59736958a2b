//! The two databases behind one asynchronous transaction type.

use crate::MetadataError;

/// Which database, and how to use it.
#[derive(Clone, Debug)]
pub struct MetadataSettings {
    /// `sqlite:///absolute/path`, `sqlite::memory:` (tests) or `postgres://…`.
    pub url: String,
    /// Readers (SQLite) or connections (PostgreSQL) at most.
    pub connections_max: usize,
    /// `false`: a commit does not wait for the disk. Off the record: only for those who can lose the last second.
    pub durable: bool,
}

/// The index. Cheap to clone.
#[derive(Clone)]
pub struct Metadata {}

/// Reads the index. On PostgreSQL every call sees what was committed before it; on SQLite the whole transaction sees
/// one state.
pub struct ReadTx {}

/// Changes the index, all or nothing; reads see its own changes. Dropped without [`WriteTx::commit`] it leaves no
/// trace. On SQLite there is one at a time, and several that wait are committed to disk together: never hold one
/// while waiting for a client.
pub struct WriteTx {}

impl std::ops::Deref for WriteTx {
    type Target = ReadTx;
    fn deref(&self) -> &ReadTx {
        todo!()
    }
}

impl std::ops::DerefMut for WriteTx {
    fn deref_mut(&mut self) -> &mut ReadTx {
        todo!()
    }
}

impl Metadata {
    /// Opens the index and brings its schema up to date.
    pub async fn open(_settings: &MetadataSettings) -> Result<Self, MetadataError> {
        todo!()
    }

    /// Begins reading.
    pub async fn read(&self) -> Result<ReadTx, MetadataError> {
        todo!()
    }

    /// Begins changing; waits for its turn.
    pub async fn write(&self) -> Result<WriteTx, MetadataError> {
        todo!()
    }

    /// Tries the database for real: one read and one write.
    pub async fn check(&self) -> Result<(), MetadataError> {
        todo!()
    }

    /// Ends all connections after the transactions under way.
    pub async fn close(&self) {
        todo!()
    }
}

impl WriteTx {
    /// Makes the changes durable; returns after the disk has them.
    ///
    /// # Cancel safety
    /// Dropped while waiting, the changes may or may not last.
    pub async fn commit(self) -> Result<(), MetadataError> {
        todo!()
    }
}
