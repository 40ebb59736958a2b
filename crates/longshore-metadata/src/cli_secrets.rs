//! Harbor's CLI secret: what users of another source give to `docker login`. It is an access token of a fixed name whose
//! secret somebody may have chosen, so that it is found by its user and not by its hash.

use longshore_types::Timestamp;

use crate::{AccessTokenId, MetadataError, ReadTx, UserId, WriteTx, sql::params};

/// The name of the access token.
pub const CLI_SECRET_NAME: &str = "cli-secret";

impl ReadTx {
    /// A user's CLI secret: the token's row, and the hash.
    pub async fn cli_secret(
        &mut self,
        user: UserId,
    ) -> Result<Option<(AccessTokenId, Vec<u8>)>, MetadataError> {
        let sql = "SELECT id, secret_hash FROM access_tokens WHERE user_id = $1 AND name = $2";
        let row = self.query_opt(sql, params![user, CLI_SECRET_NAME]).await?;
        row.map(|mut row| Ok((AccessTokenId(row.int()?), row.bytes()?))).transpose()
    }
}

impl WriteTx {
    /// Gives a user another CLI secret.
    pub async fn set_cli_secret(
        &mut self,
        user: UserId,
        secret_hash: &[u8],
        now: Timestamp,
    ) -> Result<(), MetadataError> {
        let sql = "DELETE FROM access_tokens WHERE user_id = $1 AND name = $2";
        self.execute(sql, params![user, CLI_SECRET_NAME]).await?;
        let sql =
            "INSERT INTO access_tokens (user_id, name, secret_hash, created_at) VALUES ($1, $2, $3, $4)";
        self.execute(sql, params![user, CLI_SECRET_NAME, secret_hash, now]).await.map(drop)
    }
}
