//! Repositories.

mod listing;

use longshore_types::{RepositoryName, Timestamp};

pub use listing::{RepositoryFilter, RepositoryOrder, RepositoryParts, RepositoryScope, RepositorySummary};

use crate::{
    MetadataError, Page, ProjectId, ReadTx, WriteTx,
    sql::{Row, one_more, page, params, text_key},
};

/// A repository's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryId(pub(crate) i64);

/// A repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryRecord {
    /// Its row.
    pub id: RepositoryId,
    /// The project that it belongs to.
    pub project: ProjectId,
    /// Its name.
    pub name: RepositoryName,
    /// When it was first pushed to.
    pub created_at: Timestamp,
}

impl RepositoryRecord {
    fn read(mut row: Row) -> Result<Self, MetadataError> {
        Ok(Self {
            id: RepositoryId(row.int()?),
            project: ProjectId(row.int()?),
            name: row.parsed("repository name")?,
            created_at: row.timestamp()?,
        })
    }
}

/// Looks a repository up; also with a lock.
const BY_NAME: &str = "SELECT id, project_id, name, created_at FROM repositories WHERE name = $1";

/// What changes has another moment than any change before, whatever the clock says.
const CHANGED: &str = "changed_at = CASE WHEN changed_at < $1 THEN $1 ELSE changed_at + 1 END";

/// Whether a repository is still as it was; compared, nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepositoryStamp {
    /// When manifests, tags or the description last changed.
    pub changed_at: Timestamp,
    /// Uploads under way.
    pub uploads: u64,
    /// The bytes that came for them.
    pub uploads_bytes: u64,
}

impl ReadTx {
    /// Whether a repository is still as it was, and what is on its way into it.
    pub async fn repository_stamp(
        &mut self,
        id: RepositoryId,
    ) -> Result<Option<RepositoryStamp>, MetadataError> {
        let sql = "SELECT changed_at, (SELECT COUNT(*) FROM uploads u WHERE u.repository_id = $1), \
                   (SELECT CAST(COALESCE(SUM(u.size_bytes), 0) AS bigint) FROM uploads u WHERE u.repository_id = $1) \
                   FROM repositories WHERE id = $1";
        let row = self.query_opt(sql, params![id]).await?;
        let read = |mut row: Row| {
            let (changed_at, uploads) = (row.timestamp()?, row.unsigned()?);
            Ok(RepositoryStamp { changed_at, uploads, uploads_bytes: row.unsigned()? })
        };
        row.map(read).transpose()
    }

    /// The repository of that name.
    pub async fn repository(
        &mut self,
        name: &RepositoryName,
    ) -> Result<Option<RepositoryRecord>, MetadataError> {
        self.query_opt(BY_NAME, params![name]).await?.map(RepositoryRecord::read).transpose()
    }

    /// The repository of that row.
    pub async fn repository_by_id(
        &mut self,
        id: RepositoryId,
    ) -> Result<Option<RepositoryRecord>, MetadataError> {
        let sql = "SELECT id, project_id, name, created_at FROM repositories WHERE id = $1";
        self.query_opt(sql, params![id]).await?.map(RepositoryRecord::read).transpose()
    }

    /// Repositories after `after` (which need not exist), by name in byte order. Only those with at least one
    /// manifest that is not deleted.
    pub async fn repositories_page(
        &mut self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page<RepositoryName>, MetadataError> {
        let sql =
            "SELECT name FROM repositories WHERE has_manifests = 1 AND name > $1 ORDER BY name LIMIT $2";
        let rows = self.query(sql, params![text_key(after), one_more(limit)]).await?;
        page(rows, limit, |mut row| row.parsed("repository name"))
    }

    /// Every repository, also those with nothing in them, by row, after `after`.
    pub async fn all_repositories_page(
        &mut self,
        after: Option<RepositoryId>,
        limit: usize,
    ) -> Result<Page<RepositoryRecord>, MetadataError> {
        let sql =
            "SELECT id, project_id, name, created_at FROM repositories WHERE id > $1 ORDER BY id LIMIT $2";
        let after = after.map_or(i64::MIN, |id| id.0);
        let rows = self.query(sql, params![after, one_more(limit)]).await?;
        page(rows, limit, RepositoryRecord::read)
    }
}

impl WriteTx {
    /// The repository of that name, made with its project if it is new.
    pub async fn ensure_repository(
        &mut self,
        name: &RepositoryName,
        now: Timestamp,
    ) -> Result<RepositoryRecord, MetadataError> {
        if let Some(found) = self.repository(name).await? {
            return Ok(found);
        }
        let project = self.ensure_project(name, now).await?;
        // Another transaction may make it meanwhile: this waits for it, and the look after finds what it made.
        let sql = "INSERT INTO repositories (project_id, name, has_manifests, created_at, counted) \
                   VALUES ($1, $2, 0, $3, (SELECT COUNT(*) FROM settings WHERE key = 'quota.counting')) \
                   ON CONFLICT (name) DO NOTHING";
        self.execute(sql, params![project, name, now]).await?;
        // Whoever makes a project inside of that one waits for this transaction from here on, and takes the repository
        // along; one made before this point is seen now.
        let nearest = self.ensure_project(name, now).await?;
        if nearest != project {
            let sql = "UPDATE repositories SET project_id = $1 WHERE name = $2";
            self.execute(sql, params![nearest, name]).await?;
        }
        self.repository(name).await?.ok_or_else(|| MetadataError::vanished("the new repository vanished"))
    }

    /// [`WriteTx::ensure_repository`], then [`WriteTx::lock_repository`]; in one statement where it is there already.
    pub async fn ensure_locked_repository(
        &mut self,
        name: &RepositoryName,
        now: Timestamp,
    ) -> Result<RepositoryRecord, MetadataError> {
        let rows = self.query_locking(BY_NAME, "FOR NO KEY UPDATE", params![name]).await?;
        if let Some(found) = rows.into_iter().next() {
            return RepositoryRecord::read(found);
        }
        let new = self.ensure_repository(name, now).await?;
        self.lock_repository(new.id).await?;
        Ok(new)
    }

    /// The row of the project that the name belongs to: the innermost that is there, else a new one of the top level.
    async fn ensure_project(
        &mut self,
        name: &RepositoryName,
        now: Timestamp,
    ) -> Result<ProjectId, MetadataError> {
        let names: Vec<_> = name.possible_projects().collect();
        if let Some(project) = self.projects_named(&names).await?.first() {
            return Ok(project.id);
        }
        if let Some(new) = self.insert_project(&name.project(), None, now).await? {
            return Ok(new);
        }
        let project = self.project(&name.project()).await?;
        Ok(project.ok_or_else(|| MetadataError::vanished("the new project vanished"))?.id)
    }

    /// Waits until no other transaction changes manifests, tags or their links in this repository, and keeps others
    /// out until commit. Whoever changes them must call it first, before any other lock. (SQLite has one writer: nothing to do there.)
    ///
    /// # Errors
    /// [`MetadataError::Conflict`] when there is no such repository.
    pub async fn lock_repository(&mut self, id: RepositoryId) -> Result<(), MetadataError> {
        // NO KEY: rows that merely name the repository, such as uploads, need not wait.
        let sql = "SELECT id FROM repositories WHERE id = $1";
        match self.query_locking(sql, "FOR NO KEY UPDATE", params![id]).await?.is_empty() {
            false => Ok(()),
            true => Err(MetadataError::vanished("the repository vanished")),
        }
    }

    /// Notes that the repository has a manifest that is not deleted.
    pub(crate) async fn list_repository(
        &mut self,
        id: RepositoryId,
        now: Timestamp,
    ) -> Result<(), MetadataError> {
        let sql = format!("UPDATE repositories SET has_manifests = 1, {CHANGED} WHERE id = $2");
        self.touched(id);
        self.execute(&sql, params![now, id]).await.map(drop)
    }

    /// Notes that manifests, tags or the description changed; once in a transaction.
    pub(crate) async fn touch_repository(
        &mut self,
        id: RepositoryId,
        now: Timestamp,
    ) -> Result<(), MetadataError> {
        if !self.touched(id) {
            return Ok(());
        }
        let sql = format!("UPDATE repositories SET {CHANGED} WHERE id = $2");
        self.execute(&sql, params![now, id]).await.map(drop)
    }

    /// Notes that the repository has no manifest any more, if that is so.
    pub(crate) async fn unlist_repository_if_empty(&mut self, id: RepositoryId) -> Result<(), MetadataError> {
        let sql = "UPDATE repositories SET has_manifests = 0 WHERE id = $1 AND has_manifests = 1 AND NOT EXISTS \
                   (SELECT 1 FROM manifests WHERE repository_id = $1 AND deleted_at IS NULL)";
        self.execute(sql, params![id]).await.map(drop)
    }
}
