//! Who is sent the record, and how far they have it. The record itself is the queue: nothing is copied, and what a target
//! did not take waits in it until retention takes the rows.

use longshore_types::Timestamp;

use crate::{MetadataError, ReadTx, WriteTx, sql::params};

impl ReadTx {
    /// Up to which sequence a target has the record; `None` for one that is not known.
    pub async fn audit_target(&mut self, name: &str) -> Result<Option<u64>, MetadataError> {
        let row = self.query_opt("SELECT sequence FROM audit_targets WHERE name = $1", params![name]).await?;
        row.map(|mut row| row.unsigned()).transpose()
    }
}

impl WriteTx {
    /// Makes a target known, which gets what is sealed from now on; one that is known stays where it is.
    pub async fn ensure_audit_target(&mut self, name: &str) -> Result<(), MetadataError> {
        let head = self.audit_head().await?.sequence;
        let sql = "INSERT INTO audit_targets (name, sequence, leased_until) VALUES ($1, $2, 0) \
                   ON CONFLICT (name) DO NOTHING";
        self.execute(sql, params![name, head]).await.map(drop)
    }

    /// Takes the sending to a target until then. Returns up to which sequence it has the record; `None` while another
    /// process sends.
    pub async fn lease_audit_target(
        &mut self,
        name: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<u64>, MetadataError> {
        let sql = "UPDATE audit_targets SET leased_until = $1 WHERE name = $2 AND leased_until <= $3 \
                   RETURNING sequence";
        let row = self.query_opt(sql, params![until, name, now]).await?;
        row.map(|mut row| row.unsigned()).transpose()
    }

    /// The target has the record up to `sequence`, and others may send.
    pub async fn advance_audit_target(&mut self, name: &str, sequence: u64) -> Result<(), MetadataError> {
        let sql = "UPDATE audit_targets SET sequence = $1, leased_until = 0 WHERE name = $2";
        self.execute(sql, params![sequence, name]).await.map(drop)
    }
}
