//! The keys that sign tokens. Their private halves are sealed before they come here.

use longshore_types::Timestamp;

use crate::{
    MetadataError, ReadTx, WriteTx,
    migrations::Dialect,
    sql::{Row, params},
};

/// A key that signs tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningKeyRecord {
    /// Its name in tokens.
    pub id: String,
    /// The whole key, sealed.
    pub private_key: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl ReadTx {
    /// All keys, the newest first.
    pub async fn signing_keys(&mut self) -> Result<Vec<SigningKeyRecord>, MetadataError> {
        let sql = "SELECT id, private_key, created_at FROM signing_keys ORDER BY created_at DESC, id";
        let read = |mut row: Row| {
            Ok(SigningKeyRecord { id: row.text()?, private_key: row.bytes()?, created_at: row.timestamp()? })
        };
        self.query(sql, params![]).await?.into_iter().map(read).collect()
    }
}

impl WriteTx {
    /// Keeps others from changing the keys until commit, so that of several processes one makes a new key.
    pub async fn lock_signing_keys(&mut self) -> Result<(), MetadataError> {
        match self.dialect() {
            Dialect::Sqlite => Ok(()),
            // The number means nothing; it only has to be ours.
            Dialect::Postgres => self.batch("SELECT pg_advisory_xact_lock(5417201932)").await,
        }
    }

    /// Keeps a key.
    pub async fn insert_signing_key(&mut self, key: &SigningKeyRecord) -> Result<(), MetadataError> {
        let sql = "INSERT INTO signing_keys (id, private_key, created_at) VALUES ($1, $2, $3)";
        self.execute(sql, params![key.id.as_str(), key.private_key.as_slice(), key.created_at])
            .await
            .map(drop)
    }

    /// Forgets a key: what it signed is not good any more.
    pub async fn delete_signing_key(&mut self, id: &str) -> Result<(), MetadataError> {
        self.execute("DELETE FROM signing_keys WHERE id = $1", params![id]).await.map(drop)
    }
}
