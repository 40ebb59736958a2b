//! What projects hold, content by content: how many links and manifests hold each, so that the first is charged and the
//! last gives back.

use longshore_types::Digest;

use super::usage::{Level, is_nested};
use crate::{
    BlobId, MetadataError, ProjectId, ReadTx, RepositoryId, WriteTx,
    sql::{Row, at_most, params},
};

/// Where it stands that repositories are counted from the start.
const COUNTING: &str = "quota.counting";

/// Digests that a repository holds, each as often as it is held: as a link and as a manifest.
const HELD: [&str; 2] = [
    "SELECT b.digest, b.size_bytes FROM repository_blobs l CROSS JOIN blobs b \
     WHERE l.repository_id = $1 AND b.id = l.blob_id",
    "SELECT m.digest, m.size_bytes FROM manifests m WHERE m.repository_id = $1",
];

/// A content's row after a change.
struct Held {
    level: Level,
    size_bytes: i64,
    holders: i64,
}

impl Held {
    fn read(mut row: Row) -> Result<Self, MetadataError> {
        let level = Level { project: ProjectId(row.int()?), nested: row.int()? != 0 };
        Ok(Self { level, size_bytes: row.int()?, holders: row.int()? })
    }
}

/// What [`Held`] reads.
macro_rules! held {
    ($statement:literal) => {
        concat!(
            $statement,
            " RETURNING project_id, (SELECT ",
            is_nested!("p"),
            " FROM projects p WHERE p.id = project_contents.project_id), size_bytes, holders"
        )
    };
}

impl ReadTx {
    /// Whether new repositories are counted from their start.
    pub async fn counts_usage(&mut self) -> Result<bool, MetadataError> {
        Ok(self.setting(COUNTING).await?.is_some())
    }

    /// Some repositories that are not counted, at most `limit`.
    pub async fn uncounted_repositories(&mut self, limit: usize) -> Result<Vec<RepositoryId>, MetadataError> {
        let sql = "SELECT id FROM repositories WHERE counted = 0 ORDER BY id LIMIT $1";
        let rows = self.query(sql, params![at_most(limit)]).await?;
        rows.into_iter().map(|mut row| row.int().map(RepositoryId)).collect()
    }
}

impl WriteTx {
    /// From its commit on, new repositories are counted. Then count those of [`ReadTx::uncounted_repositories`] one by
    /// one; until that is done, uses are too low.
    pub async fn begin_counting_usage(&mut self) -> Result<(), MetadataError> {
        self.set_setting(COUNTING, "").await
    }

    /// Counts nothing any more, and forgets what was counted.
    pub async fn end_counting_usage(&mut self) -> Result<(), MetadataError> {
        self.delete_setting(COUNTING).await?;
        for sql in [
            "UPDATE repositories SET counted = 0 WHERE counted = 1",
            "DELETE FROM project_contents",
            "DELETE FROM project_usage",
        ] {
            self.execute(sql, params![]).await?;
        }
        Ok(())
    }

    /// Counts what a repository holds for its project, whatever the limit says, unless it is counted already. Takes as
    /// long as the repository is large.
    pub async fn count_repository(&mut self, repository: RepositoryId) -> Result<(), MetadataError> {
        self.lock_repository(repository).await?;
        let sql = "UPDATE repositories SET counted = 1 WHERE id = $1 AND counted = 0 RETURNING project_id";
        let Some(mut row) = self.query_opt(sql, params![repository]).await? else { return Ok(()) };
        let project = ProjectId(row.int()?);
        let mut bytes = 0;
        for held in HELD {
            let sql = format!(
                "INSERT INTO project_contents (project_id, digest, size_bytes, holders) \
                 SELECT r.project_id, h.digest, h.size_bytes, 1 FROM repositories r CROSS JOIN ({held}) AS h \
                 WHERE r.id = $1 ON CONFLICT (project_id, digest) \
                 DO UPDATE SET holders = project_contents.holders + 1"
            );
            self.execute(&sql, params![repository]).await?;
            // Those that nothing held before.
            bytes += self.held_bytes(repository, project, held, 1).await?;
        }
        self.adjust(project, bytes).await
    }

    /// Takes what a repository holds from its project's count, as if it was never counted. Returns whether it was.
    pub async fn uncount_repository(&mut self, repository: RepositoryId) -> Result<bool, MetadataError> {
        self.lock_repository(repository).await?;
        let sql = "UPDATE repositories SET counted = 0 WHERE id = $1 AND counted = 1 RETURNING project_id";
        let Some(mut row) = self.query_opt(sql, params![repository]).await? else { return Ok(false) };
        let project = ProjectId(row.int()?);
        let mut bytes = 0;
        for held in HELD {
            let of = format!("digest IN (SELECT digest FROM ({held}) AS h) AND project_id = $2");
            let sql = format!("UPDATE project_contents SET holders = holders - 1 WHERE {of}");
            self.execute(&sql, params![repository, project]).await?;
            bytes += self.held_bytes(repository, project, held, 0).await?;
            let sql = format!("DELETE FROM project_contents WHERE {of} AND holders = 0");
            self.execute(&sql, params![repository, project]).await?;
        }
        self.adjust(project, -bytes).await?;
        Ok(true)
    }

    /// Puts a repository, with what it holds, into another project, whatever that one's limit says.
    pub async fn move_repository(
        &mut self,
        repository: RepositoryId,
        project: ProjectId,
    ) -> Result<(), MetadataError> {
        let counted = self.uncount_repository(repository).await?;
        let sql = "UPDATE repositories SET project_id = $1 WHERE id = $2";
        self.execute(sql, params![project, repository]).await?;
        if counted { self.count_repository(repository).await } else { Ok(()) }
    }

    /// The bytes of those contents of a repository that its project holds so many times.
    async fn held_bytes(
        &mut self,
        repository: RepositoryId,
        project: ProjectId,
        held: &str,
        holders: i64,
    ) -> Result<i64, MetadataError> {
        let sql = format!(
            "SELECT CAST(COALESCE(SUM(c.size_bytes), 0) AS bigint) FROM ({held}) AS h \
             CROSS JOIN project_contents c WHERE c.project_id = $2 AND c.digest = h.digest AND c.holders = $3"
        );
        let row = self.query_opt(&sql, params![repository, project, holders]).await?;
        row.ok_or_else(|| MetadataError::Corrupt("a sum has no row".to_owned()))?.int()
    }

    /// A repository that is counted got a link.
    pub(crate) async fn hold_blob(
        &mut self,
        repository: RepositoryId,
        blob: BlobId,
    ) -> Result<(), MetadataError> {
        let sql = held!(
            "INSERT INTO project_contents (project_id, digest, size_bytes, holders) \
             SELECT r.project_id, b.digest, b.size_bytes, 1 FROM repositories r CROSS JOIN blobs b \
             WHERE r.id = $1 AND b.id = $2 ON CONFLICT (project_id, digest) \
             DO UPDATE SET holders = project_contents.holders + 1"
        );
        let row = self.query_opt(sql, params![repository, blob]).await?;
        self.charge_first(row).await
    }

    /// A repository that is counted got a manifest.
    pub(crate) async fn hold_manifest(
        &mut self,
        repository: RepositoryId,
        digest: &Digest,
        size_bytes: u64,
    ) -> Result<(), MetadataError> {
        let sql = held!(
            "INSERT INTO project_contents (project_id, digest, size_bytes, holders) \
             VALUES ((SELECT project_id FROM repositories WHERE id = $1), $2, $3, 1) \
             ON CONFLICT (project_id, digest) DO UPDATE SET holders = project_contents.holders + 1"
        );
        let row = self.query_opt(sql, params![repository, digest, size_bytes]).await?;
        self.charge_first(row).await
    }

    async fn charge_first(&mut self, row: Option<Row>) -> Result<(), MetadataError> {
        let row = row.ok_or_else(|| MetadataError::vanished("the repository or the blob vanished"))?;
        let held = Held::read(row)?;
        if held.holders == 1 { self.charge(held.level, held.size_bytes).await } else { Ok(()) }
    }

    /// A repository that is counted lost a link or a manifest.
    pub(crate) async fn release(
        &mut self,
        repository: RepositoryId,
        digest: &Digest,
    ) -> Result<(), MetadataError> {
        let sql = held!(
            "UPDATE project_contents SET holders = holders - 1 \
             WHERE project_id = (SELECT project_id FROM repositories WHERE id = $1) AND digest = $2"
        );
        let Some(row) = self.query_opt(sql, params![repository, digest]).await? else {
            tracing::warn!(%digest, "a project does not count what it held: count it again");
            return Ok(());
        };
        let held = Held::read(row)?;
        if held.holders > 0 {
            return Ok(());
        }
        let sql = "DELETE FROM project_contents WHERE project_id = $1 AND digest = $2";
        self.execute(sql, params![held.level.project, digest]).await?;
        self.credit(held.level, held.size_bytes).await
    }
}
