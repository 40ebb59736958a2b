//! Roles beside the built-in ones.

use longshore_types::Timestamp;

use crate::{
    MetadataError, ReadTx, WriteTx,
    sql::{Row, params},
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
}
