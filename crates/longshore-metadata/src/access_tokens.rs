//! Personal access tokens: what a user gives to programs instead of a password.

use longshore_types::Timestamp;

use crate::{
    MetadataError, ReadTx, UserId, WriteTx,
    sql::{Row, params},
};

/// A token's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccessTokenId(pub(crate) i64);

/// A personal access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessTokenRecord {
    /// Its row.
    pub id: AccessTokenId,
    /// Whose.
    pub user: UserId,
    /// What the user calls it.
    pub name: String,
    /// What it narrows its user to, as JSON; `None` narrows nothing.
    pub permissions: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From then on it is not good.
    pub expires_at: Option<Timestamp>,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

pub(crate) const COLUMNS: &str = "id, user_id, name, permissions, created_at, expires_at, last_used_at";

impl AccessTokenRecord {
    pub(crate) fn read(mut row: Row) -> Result<Self, MetadataError> {
        Ok(Self {
            id: AccessTokenId(row.int()?),
            user: UserId(row.int()?),
            name: row.text()?,
            permissions: row.optional_text()?,
            created_at: row.timestamp()?,
            expires_at: row.optional_int()?.map(Timestamp::from_unix_millis),
            last_used_at: row.optional_int()?.map(Timestamp::from_unix_millis),
        })
    }
}

impl ReadTx {
    /// The token whose secret has that hash.
    pub async fn access_token_by_hash(
        &mut self,
        secret_hash: &[u8],
    ) -> Result<Option<AccessTokenRecord>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM access_tokens WHERE secret_hash = $1");
        self.query_opt(&sql, params![secret_hash]).await?.map(AccessTokenRecord::read).transpose()
    }
}

impl WriteTx {
    /// Notes when a token was last used. Told in batches: the moment only grows.
    pub async fn access_token_used(&mut self, id: AccessTokenId, at: Timestamp) -> Result<(), MetadataError> {
        let sql = "UPDATE access_tokens SET last_used_at = $2 \
                   WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";
        self.execute(sql, params![id, at]).await.map(drop)
    }
}
