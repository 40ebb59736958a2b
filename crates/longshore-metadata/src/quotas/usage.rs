//! What projects hold, in bytes, over shards.
//!
//! On PostgreSQL a row that a transaction changed is locked until its commit, and a commit waits for the disk. So a charge
//! takes any shard that nobody holds and whose allotment has room; failing that it waits for the first shard; if that has
//! no room either it locks the others too, in order, and shares out anew what the limit leaves. Whoever waits, waits in
//! the order of the shards, and one who took a free shard waits for no other: so nobody waits in a circle. (But for one whose
//! free shard lost its room in the very moment of the look: that lock stays. Should somebody who locks all wait for it, the
//! server ends one of the two with a conflict, which its caller runs again.) A refusal comes with every shard locked: it is
//! exact. SQLite has one writer, so there one shard will do.
//!
//! A credit lowers the allotment too: the room comes back when it is shared out next, under the limit that holds then.
//! So at any time allotments together are at most the limit, or what is used where that is more.
//!
//! What is charged to a project is charged to those that it lies in too, from the inside outwards, each with shards of its
//! own: whoever waits further out holds nothing that those wait for who are there already. Where a project lies is looked
//! up while a shard of it is held, and who puts it elsewhere holds all of them (`WriteTx::set_parent`), so that no charge
//! goes astray.

use super::QuotaExceeded;
use crate::{
    MetadataError, ProjectId, WriteTx,
    migrations::Dialect,
    sql::{Row, params},
};

/// Shards of a project on PostgreSQL: about as many transactions as a server has connections.
const SHARDS: i64 = 16;
/// The room of a shard where there is no limit: four petabytes, and credits take from it.
const PLENTY: i64 = 1 << 52;

/// A shard that has room for `$1` bytes gets them. Which, follows.
const CHARGE: &str = "UPDATE project_usage SET used_bytes = used_bytes + $1 \
                      WHERE project_id = $2 AND allotted_bytes - used_bytes >= $1 AND shard = ";
/// A shard gives `$1` bytes back. Which, follows.
const CREDIT: &str = "UPDATE project_usage SET used_bytes = used_bytes - $1, allotted_bytes = allotted_bytes - $1 \
                      WHERE project_id = $2 AND shard = ";
/// One that nobody holds and that has room for a charge.
const FREE_WITH_ROOM: &str = "(SELECT shard FROM project_usage WHERE project_id = $2 \
                              AND allotted_bytes - used_bytes >= $1 LIMIT 1 FOR UPDATE SKIP LOCKED)";
/// One that nobody holds.
const FREE: &str = "(SELECT shard FROM project_usage WHERE project_id = $2 LIMIT 1 FOR UPDATE SKIP LOCKED)";
/// Where everybody waits.
const FIRST: &str = "0";

/// `1` for a project whose name says that it lies in another, else `0`: one that cannot lie in another need not be asked
/// where it does.
macro_rules! is_nested {
    ($table:literal) => {
        concat!("CASE WHEN ", $table, ".name LIKE '%/%' THEN 1 ELSE 0 END")
    };
}
pub(super) use is_nested;

/// A project that something is charged to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    pub(super) project: ProjectId,
    /// Whether it may lie in another.
    pub(super) nested: bool,
}

impl WriteTx {
    /// Adds bytes to what a project holds, and those that it lies in. Taken last, so that whoever waits here holds up nobody
    /// else.
    ///
    /// # Errors
    /// [`MetadataError::QuotaExceeded`] when they do not fit; this transaction cannot be committed then.
    pub(super) async fn charge(&mut self, first: Level, bytes: i64) -> Result<(), MetadataError> {
        let mut level = Some(first).filter(|_| bytes != 0);
        while let Some(Level { project, nested }) = level {
            self.charge_one(project, bytes).await?;
            level = if nested { self.level_around(project).await? } else { None };
        }
        Ok(())
    }

    /// Takes bytes from what a project holds, and those that it lies in.
    pub(super) async fn credit(&mut self, first: Level, bytes: i64) -> Result<(), MetadataError> {
        let mut level = Some(first).filter(|_| bytes != 0);
        while let Some(Level { project, nested }) = level {
            if !self.change_one_shard(CREDIT, FREE, project, bytes).await? {
                self.adjust_one(project, -bytes).await?;
            }
            level = if nested { self.level_around(project).await? } else { None };
        }
        Ok(())
    }

    /// Adds bytes to a project and those that it lies in, or takes them, whatever the limits say; leaves no room allotted.
    pub(super) async fn adjust(&mut self, project: ProjectId, bytes: i64) -> Result<(), MetadataError> {
        let mut level = Some(project);
        while let Some(project) = level {
            self.adjust_one(project, bytes).await?;
            level = self.level_around(project).await?.map(|level| level.project);
        }
        Ok(())
    }

    /// Puts a project, with what it and those inside of it hold, into another one or none, whatever the limits say.
    pub(crate) async fn set_parent(
        &mut self,
        project: ProjectId,
        parent: Option<ProjectId>,
    ) -> Result<(), MetadataError> {
        // Who charges the project from now on waits, and then looks where it lies.
        let used = self.lock_usage(project).await?;
        self.share_out(project, 0, 0).await?;
        // In one statement: others may move the projects around it meanwhile, which makes no difference to what differs here.
        let sql = "WITH RECURSIVE around (id, here) AS (\
                   SELECT p.parent_id, 0 FROM projects p WHERE p.id = $1 AND p.parent_id IS NOT NULL \
                   UNION ALL SELECT p.id, 1 FROM projects p WHERE p.id = $2 \
                   UNION ALL SELECT p.parent_id, a.here FROM around a CROSS JOIN projects p \
                   WHERE p.id = a.id AND p.parent_id IS NOT NULL) \
                   SELECT a.id, CAST(SUM(CASE a.here WHEN 1 THEN 1 ELSE -1 END) AS bigint) FROM around a \
                   JOIN projects p ON p.id = a.id GROUP BY a.id, p.name ORDER BY length(p.name) DESC, a.id";
        let rows = self.query(sql, params![project, parent]).await?;
        for mut row in rows {
            let (around, sign) = (ProjectId(row.int()?), row.int()?);
            if used != 0 && sign != 0 {
                self.adjust_one(around, sign * used).await?;
            }
        }
        let sql = "UPDATE projects SET parent_id = $1 WHERE id = $2";
        self.execute(sql, params![parent, project]).await.map(drop)
    }

    /// The project that this one lies in. What the caller holds of it keeps that as it is.
    async fn level_around(&mut self, project: ProjectId) -> Result<Option<Level>, MetadataError> {
        let sql = concat!(
            "SELECT o.id, ",
            is_nested!("o"),
            " FROM projects p JOIN projects o ON o.id = p.parent_id WHERE p.id = $1"
        );
        let row = self.query_opt(sql, params![project]).await?;
        row.map(|mut row| Ok(Level { project: ProjectId(row.int()?), nested: row.int()? != 0 })).transpose()
    }

    async fn charge_one(&mut self, project: ProjectId, bytes: i64) -> Result<(), MetadataError> {
        if self.change_one_shard(CHARGE, FREE_WITH_ROOM, project, bytes).await? {
            return Ok(());
        }
        let used = self.lock_usage(project).await?;
        let limit = self.quota_of(project).await?;
        let quota = limit.ok_or_else(|| MetadataError::vanished("the project vanished"))?;
        let share = match quota.limit_bytes.map(super::storable) {
            None => PLENTY,
            Some(limit) if bytes <= limit.saturating_sub(used) => (limit - used - bytes) / self.shards(),
            Some(limit) => {
                return Err(self.fail(MetadataError::QuotaExceeded(QuotaExceeded {
                    project: quota.name,
                    limit_bytes: limit.unsigned_abs(),
                    used_bytes: used.max(0).unsigned_abs(),
                    needed_bytes: bytes.unsigned_abs(),
                })));
            }
        };
        self.share_out(project, bytes, share).await
    }

    async fn adjust_one(&mut self, project: ProjectId, bytes: i64) -> Result<(), MetadataError> {
        self.lock_usage(project).await?;
        self.share_out(project, bytes, 0).await
    }

    async fn change_one_shard(
        &mut self,
        change: &str,
        free: &str,
        project: ProjectId,
        bytes: i64,
    ) -> Result<bool, MetadataError> {
        let tried = match self.dialect() {
            Dialect::Sqlite => &[FIRST][..],
            Dialect::Postgres => &[free, FIRST],
        };
        for shard in tried {
            if self.execute(&format!("{change}{shard}"), params![bytes, project]).await? > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Locks every shard of a project until commit, made if they are missing. Returns what they add up to.
    async fn lock_usage(&mut self, project: ProjectId) -> Result<i64, MetadataError> {
        let sql = "SELECT used_bytes FROM project_usage WHERE project_id = $1 ORDER BY shard";
        let mut shards = self.query_locking(sql, "FOR UPDATE", params![project]).await?;
        if shards.is_empty() {
            let rows: Vec<_> = (0..self.shards()).map(|shard| format!("($1, {shard}, 0, 0)")).collect();
            let insert = format!(
                "INSERT INTO project_usage (project_id, shard, used_bytes, allotted_bytes) VALUES {} \
                 ON CONFLICT (project_id, shard) DO NOTHING",
                rows.join(", ")
            );
            self.execute(&insert, params![project]).await?;
            shards = self.query_locking(sql, "FOR UPDATE", params![project]).await?;
        }
        shards.into_iter().map(|mut row: Row| row.int()).sum()
    }

    /// With every shard locked: the first gets `bytes`, and each may grow by `share`.
    async fn share_out(&mut self, project: ProjectId, bytes: i64, share: i64) -> Result<(), MetadataError> {
        let sql = "UPDATE project_usage SET used_bytes = used_bytes + CASE shard WHEN 0 THEN $1 ELSE 0 END, \
                   allotted_bytes = used_bytes + CASE shard WHEN 0 THEN $1 ELSE 0 END + $2 WHERE project_id = $3";
        self.execute(sql, params![bytes, share, project]).await.map(drop)
    }

    fn shards(&self) -> i64 {
        match self.dialect() {
            Dialect::Sqlite => 1,
            Dialect::Postgres => SHARDS,
        }
    }
}
