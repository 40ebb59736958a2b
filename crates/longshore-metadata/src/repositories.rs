//! Projects and repositories.

use longshore_types::{RepositoryName, Timestamp};

use crate::{MetadataError, Page, ReadTx, WriteTx};

/// A repository's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryId(pub(crate) i64);

/// A repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryRecord {
    /// Its row.
    pub id: RepositoryId,
    /// Its name.
    pub name: RepositoryName,
    /// When it was first pushed to.
    pub created_at: Timestamp,
}

impl ReadTx {
    /// The repository of that name.
    pub async fn repository(
        &mut self,
        _name: &RepositoryName,
    ) -> Result<Option<RepositoryRecord>, MetadataError> {
        todo!()
    }

    /// The repository of that row.
    pub async fn repository_by_id(
        &mut self,
        _id: RepositoryId,
    ) -> Result<Option<RepositoryRecord>, MetadataError> {
        todo!()
    }

    /// Repositories after `after` (which need not exist), by name in byte order. Only those with at least one
    /// manifest that is not deleted.
    pub async fn repositories_page(
        &mut self,
        _after: Option<&str>,
        _limit: usize,
    ) -> Result<Page<RepositoryName>, MetadataError> {
        todo!()
    }

    /// Every repository, also those with nothing in them, by row, after `after`.
    pub async fn all_repositories_page(
        &mut self,
        _after: Option<RepositoryId>,
        _limit: usize,
    ) -> Result<Page<RepositoryRecord>, MetadataError> {
        todo!()
    }
}

impl WriteTx {
    /// The repository of that name, made with its project if it is new.
    pub async fn ensure_repository(
        &mut self,
        _name: &RepositoryName,
        _now: Timestamp,
    ) -> Result<RepositoryRecord, MetadataError> {
        todo!()
    }

    /// Waits until no other transaction changes manifests, tags or their links in this repository, and keeps others
    /// out until commit. Whoever changes them must call it first, before any other lock. (SQLite has one writer: nothing to do there.)
    pub async fn lock_repository(&mut self, _id: RepositoryId) -> Result<(), MetadataError> {
        todo!()
    }
}
