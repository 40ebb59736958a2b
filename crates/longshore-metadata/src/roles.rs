//! Roles beside the built-in ones.

use longshore_types::Timestamp;

use crate::{
    MetadataError, Page, ReadTx, WriteTx,
    sql::{Row, one_more, page, params},
};

/// A role that somebody made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleRecord {
    /// Its number; those below [`RoleRecord::FIRST`] are built in.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// What it permits, as JSON.
    pub permissions: String,
}

impl RoleRecord {
    /// The first number that a role of this table can have.
    pub const FIRST: i64 = 100;

    fn read(mut row: Row) -> Result<Self, MetadataError> {
        Ok(Self { id: row.int()? + Self::FIRST, name: row.text()?, permissions: row.text()? })
    }
}

impl ReadTx {
    /// The role of that number.
    pub async fn role(&mut self, id: i64) -> Result<Option<RoleRecord>, MetadataError> {
        let sql = "SELECT id, name, permissions FROM roles WHERE id = $1";
        let row = self.query_opt(sql, params![id - RoleRecord::FIRST]).await?;
        row.map(RoleRecord::read).transpose()
    }

    /// The role of that name.
    pub async fn role_named(&mut self, name: &str) -> Result<Option<RoleRecord>, MetadataError> {
        let sql = "SELECT id, name, permissions FROM roles WHERE name = $1";
        self.query_opt(sql, params![name]).await?.map(RoleRecord::read).transpose()
    }

    /// Roles as they were made, those after `after`.
    pub async fn roles_page(&mut self, after: i64, limit: usize) -> Result<Page<RoleRecord>, MetadataError> {
        let sql = "SELECT id, name, permissions FROM roles WHERE id > $1 ORDER BY id LIMIT $2";
        let rows = self.query(sql, params![after - RoleRecord::FIRST, one_more(limit)]).await?;
        page(rows, limit, RoleRecord::read)
    }

    /// Whether anybody has it.
    pub async fn role_is_used(&mut self, id: i64) -> Result<bool, MetadataError> {
        self.exists("SELECT 1 FROM project_members WHERE role_id = $1 LIMIT 1", params![id]).await
    }
}

impl WriteTx {
    /// Makes a role; `None` when the name is taken.
    pub async fn insert_role(
        &mut self,
        name: &str,
        permissions: &str,
        now: Timestamp,
    ) -> Result<Option<i64>, MetadataError> {
        let sql = "INSERT INTO roles (name, permissions, created_at, updated_at) VALUES ($1, $2, $3, $3) \
                   ON CONFLICT (name) DO NOTHING RETURNING id";
        let row = self.query_opt(sql, params![name, permissions, now]).await?;
        row.map(|mut row| Ok(row.int()? + RoleRecord::FIRST)).transpose()
    }

    /// Calls a role otherwise, or has it permit something else. Who else has the name must be asked before.
    pub async fn update_role(
        &mut self,
        id: i64,
        name: &str,
        permissions: &str,
        now: Timestamp,
    ) -> Result<(), MetadataError> {
        let sql = "UPDATE roles SET name = $1, permissions = $2, updated_at = $3 WHERE id = $4";
        self.execute(sql, params![name, permissions, now, id - RoleRecord::FIRST]).await.map(drop)
    }

    /// Removes a role. That nobody has it must be asked before.
    pub async fn delete_role(&mut self, id: i64) -> Result<(), MetadataError> {
        self.execute("DELETE FROM roles WHERE id = $1", params![id - RoleRecord::FIRST]).await.map(drop)
    }

    /// Waits until no other transaction changes the role or looks whether it is there, and keeps others out until commit.
    /// Returns whether it is there.
    pub async fn lock_role(&mut self, id: i64) -> Result<bool, MetadataError> {
        let sql = "SELECT id FROM roles WHERE id = $1";
        let rows = self.query_locking(sql, "FOR UPDATE", params![id - RoleRecord::FIRST]).await?;
        Ok(!rows.is_empty())
    }
}
