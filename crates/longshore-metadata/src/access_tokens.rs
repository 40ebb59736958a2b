//! Personal access tokens: what a user gives to programs instead of a password.

use longshore_types::Timestamp;

use crate::{
    MetadataError, ReadTx, UserId, WriteTx,
    sql::{Row, at_most, params},
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

impl ReadTx {
    /// A token of that user.
    pub async fn access_token(
        &mut self,
        user: UserId,
        id: AccessTokenId,
    ) -> Result<Option<AccessTokenRecord>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM access_tokens WHERE id = $1 AND user_id = $2");
        self.query_opt(&sql, params![id, user]).await?.map(AccessTokenRecord::read).transpose()
    }

    /// The tokens of a user as they were made, without the first `skip`.
    pub async fn access_tokens_page(
        &mut self,
        user: UserId,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<AccessTokenRecord>, MetadataError> {
        let sql =
            format!("SELECT {COLUMNS} FROM access_tokens WHERE user_id = $1 ORDER BY id LIMIT $2 OFFSET $3");
        let rows = self.query(&sql, params![user, at_most(limit), at_most(skip)]).await?;
        rows.into_iter().map(AccessTokenRecord::read).collect()
    }

    /// How many a user has.
    pub async fn access_tokens_count(&mut self, user: UserId) -> Result<u64, MetadataError> {
        self.count("SELECT COUNT(*) FROM access_tokens WHERE user_id = $1", params![user]).await
    }
}

impl WriteTx {
    /// Makes a token; `None` when the user has one of that name.
    pub async fn insert_access_token(
        &mut self,
        user: UserId,
        name: &str,
        secret_hash: &[u8],
        permissions: Option<&str>,
        expires_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Option<AccessTokenId>, MetadataError> {
        let sql = "INSERT INTO access_tokens (user_id, name, secret_hash, permissions, created_at, expires_at) \
                   VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (user_id, name) DO NOTHING RETURNING id";
        let values = params![user, name, secret_hash, permissions, now, expires_at];
        self.query_opt(sql, values).await?.map(|mut row| row.int().map(AccessTokenId)).transpose()
    }

    /// Revokes a token.
    pub async fn delete_access_token(&mut self, id: AccessTokenId) -> Result<(), MetadataError> {
        self.execute("DELETE FROM access_tokens WHERE id = $1", params![id]).await.map(drop)
    }

    /// Notes when a token was last used. Told in batches: the moment only grows.
    pub async fn access_token_used(&mut self, id: AccessTokenId, at: Timestamp) -> Result<(), MetadataError> {
        let sql = "UPDATE access_tokens SET last_used_at = $1 \
                   WHERE id = $2 AND (last_used_at IS NULL OR last_used_at < $1)";
        self.execute(sql, params![at, id]).await.map(drop)
    }
}
