//! Who is logged in on the pages. What a browser holds is not in the index, only its hash.

use longshore_types::Timestamp;

use crate::{
    MetadataError, ReadTx, UserId, WriteTx,
    sql::{Row, at_most, params},
};

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Whose.
    pub user: UserId,
    /// From where the login came; empty if that is not known.
    pub address: String,
    /// When.
    pub created_at: Timestamp,
    /// When a request last came, give or take a minute.
    pub last_seen_at: Timestamp,
    /// From then on it is nobody's.
    pub expires_at: Timestamp,
}

const COLUMNS: &str = "user_id, address, created_at, last_seen_at, expires_at";

impl SessionRecord {
    fn read(mut row: Row) -> Result<Self, MetadataError> {
        Ok(Self {
            user: UserId(row.int()?),
            address: row.text()?,
            created_at: row.timestamp()?,
            last_seen_at: row.timestamp()?,
            expires_at: row.timestamp()?,
        })
    }
}

impl ReadTx {
    /// The session whose id has that hash, also if it has ended by itself.
    pub async fn session(&mut self, id_hash: &[u8]) -> Result<Option<SessionRecord>, MetadataError> {
        let sql = format!("SELECT {COLUMNS} FROM sessions WHERE id_hash = $1");
        self.query_opt(&sql, params![id_hash]).await?.map(SessionRecord::read).transpose()
    }

    /// Sessions of a user that have not ended by then, with the hashes of their ids; those that last longest first.
    pub async fn sessions_of(
        &mut self,
        user: UserId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, SessionRecord)>, MetadataError> {
        let sql = format!(
            "SELECT id_hash, {COLUMNS} FROM sessions WHERE user_id = $1 AND expires_at > $2 \
             ORDER BY expires_at DESC LIMIT $3"
        );
        let rows = self.query(&sql, params![user, now, at_most(limit)]).await?;
        rows.into_iter().map(|mut row| Ok((row.bytes()?, SessionRecord::read(row)?))).collect()
    }

    /// How many sessions a user has.
    pub async fn sessions_count(&mut self, user: UserId) -> Result<u64, MetadataError> {
        self.count("SELECT COUNT(*) FROM sessions WHERE user_id = $1", params![user]).await
    }
}

impl WriteTx {
    /// Begins a session.
    pub async fn insert_session(
        &mut self,
        id_hash: &[u8],
        session: &SessionRecord,
    ) -> Result<(), MetadataError> {
        let sql = "INSERT INTO sessions (id_hash, user_id, address, created_at, last_seen_at, expires_at) \
                   VALUES ($1, $2, $3, $4, $5, $6)";
        let values = params![
            id_hash,
            session.user,
            session.address.as_str(),
            session.created_at,
            session.last_seen_at,
            session.expires_at
        ];
        self.execute(sql, values).await.map(drop)
    }

    /// A request came: the session lasts longer. One that is gone does not come back.
    pub async fn touch_session(
        &mut self,
        id_hash: &[u8],
        seen_at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), MetadataError> {
        let sql =
            "UPDATE sessions SET last_seen_at = $1, expires_at = $2 WHERE id_hash = $3 AND last_seen_at < $1";
        self.execute(sql, params![seen_at, expires_at, id_hash]).await.map(drop)
    }

    /// Ends a session. Whether there was one.
    pub async fn delete_session(&mut self, id_hash: &[u8]) -> Result<bool, MetadataError> {
        Ok(self.execute("DELETE FROM sessions WHERE id_hash = $1", params![id_hash]).await? > 0)
    }

    /// Ends all sessions of a user. How many there were.
    pub async fn delete_sessions_of(&mut self, user: UserId) -> Result<u64, MetadataError> {
        self.execute("DELETE FROM sessions WHERE user_id = $1", params![user]).await
    }

    /// Ends all sessions of a user but one. How many there were.
    pub async fn delete_other_sessions_of(
        &mut self,
        user: UserId,
        kept: &[u8],
    ) -> Result<u64, MetadataError> {
        let sql = "DELETE FROM sessions WHERE user_id = $1 AND id_hash <> $2";
        self.execute(sql, params![user, kept]).await
    }

    /// Ends the oldest sessions of a user, so that `keep` are left.
    pub async fn trim_sessions_of(&mut self, user: UserId, keep: usize) -> Result<(), MetadataError> {
        let sql = "DELETE FROM sessions WHERE id_hash IN (SELECT id_hash FROM sessions WHERE user_id = $1 \
                   ORDER BY expires_at DESC LIMIT 1000 OFFSET $2)";
        self.execute(sql, params![user, at_most(keep)]).await.map(drop)
    }

    /// Forgets some sessions that have ended by themselves. How many.
    pub async fn delete_expired_sessions(
        &mut self,
        now: Timestamp,
        limit: usize,
    ) -> Result<u64, MetadataError> {
        let sql = "DELETE FROM sessions WHERE id_hash IN \
                   (SELECT id_hash FROM sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)";
        self.execute(sql, params![now, at_most(limit)]).await
    }
}
