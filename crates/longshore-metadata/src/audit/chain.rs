//! The chain of hashes over the record, by which it shows when a row is changed or taken out later.
//!
//! Writers of rows know nothing of it: one sealer at a time gives the rows that are committed a sequence, and a hash over the
//! hash before it and the row's fields. What it protects from is a change of rows by somebody who does not write the
//! whole chain anew; copies that were forwarded show that too.

use std::{fmt, str::FromStr};

use longshore_types::{Digest, DigestAlgorithm, Digester, Timestamp};

use super::{AuditEvent, COLUMNS};
use crate::{
    Metadata, MetadataError, ReadTx, WriteTx,
    migrations::Dialect,
    sql::{Row, Value, at_most, batches, params},
};

/// The last row that was sealed, as `sequence:hash`.
const HEAD: &str = "audit.head";
/// The last row that retention took.
const PURGED: &str = "audit.purged";
/// Rows read at a time.
const BATCH: usize = 1000;

/// A place in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainState {
    /// The last row's number; 0 before the first.
    pub sequence: u64,
    /// The hash up to and with it; zeros before the first.
    pub hash: Digest,
}

/// What is wrong with the record, first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditDamage {
    /// A row is not what was sealed, or the one before it is not.
    Changed {
        /// Its place in the chain.
        sequence: u64,
        /// Its row.
        id: i64,
    },
    /// A row is not there.
    Missing {
        /// Its place in the chain.
        sequence: u64,
    },
    /// A row has a place that was never given out.
    Inserted {
        /// The place it claims.
        sequence: u64,
        /// Its row.
        id: i64,
    },
    /// Every row fits the one before it, but the last is not the one that was sealed last: all were written anew.
    Rewritten {
        /// The last place in the chain.
        sequence: u64,
    },
}

/// What [`Metadata::verify_audit`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditReport {
    /// How many rows were looked at and are as they were sealed.
    pub rows: u64,
    /// What retention took before them.
    pub purged: ChainState,
    /// The last of them.
    pub head: ChainState,
    /// How many rows are not sealed yet: nothing shows whether these were changed.
    pub unsealed: u64,
    /// The first thing that is wrong; what comes after it was not looked at.
    pub damage: Option<AuditDamage>,
}

impl fmt::Display for AuditDamage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { sequence, id } => {
                write!(f, "row {id}, number {sequence} of the chain, is not what was sealed")
            }
            Self::Missing { sequence } => write!(f, "number {sequence} of the chain is missing"),
            Self::Inserted { sequence, id } => {
                write!(f, "row {id} claims number {sequence} of the chain, which was never given out")
            }
            Self::Rewritten { sequence } => {
                write!(
                    f,
                    "the chain ends at number {sequence} in another row than was sealed: it was written anew"
                )
            }
        }
    }
}

impl fmt::Display for ChainState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.sequence, self.hash.hex())
    }
}

impl FromStr for ChainState {
    type Err = MetadataError;
    fn from_str(text: &str) -> Result<Self, MetadataError> {
        let read = || {
            let (sequence, hash) = text.split_once(':')?;
            Some(Self { sequence: sequence.parse().ok()?, hash: format!("sha256:{hash}").parse().ok()? })
        };
        read().ok_or_else(|| MetadataError::Corrupt(format!("{text:?} is no place in the audit record")))
    }
}

impl ChainState {
    /// The place after a row. Every field is preceded by its length, so that none can run into the next; an absent one
    /// has no length that a present one could have.
    fn after(&self, event: &AuditEvent) -> Self {
        let sequence = self.sequence + 1;
        let mut digester = Digester::new(DigestAlgorithm::Sha256);
        let mut field = |bytes: Option<&[u8]>| {
            let length = bytes.map_or(u64::MAX, |bytes| bytes.len() as u64);
            digester.update(&length.to_be_bytes());
            digester.update(bytes.unwrap_or_default());
        };
        field(Some(self.hash.hash()));
        field(Some(&sequence.to_be_bytes()));
        field(Some(&event.id.to_be_bytes()));
        field(Some(&event.at.unix_millis().to_be_bytes()));
        field(Some(event.operation.as_bytes()));
        field(Some(event.resource_type.as_bytes()));
        field(Some(event.resource.as_bytes()));
        field(event.project_id.map(|id| id.0.to_be_bytes()).as_ref().map(|bytes| bytes.as_slice()));
        field(event.project.as_deref().map(str::as_bytes));
        field(Some(event.actor.as_bytes()));
        field(Some(event.address.as_bytes()));
        field(Some(event.request_id.as_bytes()));
        field(Some(&[u8::from(event.succeeded)]));
        field(Some(event.detail.as_bytes()));
        Self { sequence, hash: digester.finish() }
    }
}

impl ReadTx {
    async fn chain_state(&mut self, key: &str) -> Result<ChainState, MetadataError> {
        let text = self.setting(key).await?;
        text.ok_or_else(|| MetadataError::Corrupt(format!("the index has no {key}")))?.parse()
    }

    /// The last row that was sealed.
    pub async fn audit_head(&mut self) -> Result<ChainState, MetadataError> {
        self.chain_state(HEAD).await
    }

    /// The last row that retention took.
    pub async fn audit_purged(&mut self) -> Result<ChainState, MetadataError> {
        self.chain_state(PURGED).await
    }

    /// Whether there is anything for [`WriteTx::seal_audit`].
    pub async fn audit_is_unsealed(&mut self) -> Result<bool, MetadataError> {
        self.exists("SELECT 1 FROM audit_events WHERE sequence IS NULL LIMIT 1", params![]).await
    }

    /// Rows with a place after `after`, in the order of the chain.
    pub async fn sealed_audit(&mut self, after: u64, limit: usize) -> Result<Vec<AuditEvent>, MetadataError> {
        let sql =
            format!("SELECT {COLUMNS} FROM audit_events WHERE sequence > $1 ORDER BY sequence LIMIT $2");
        let rows = self.query(&sql, params![after, at_most(limit)]).await?;
        rows.into_iter().map(AuditEvent::read).collect()
    }
}

impl WriteTx {
    /// Gives the oldest committed rows without a place the next ones, at most `limit`. Returns how many; 0 also while
    /// another process does so.
    pub async fn seal_audit(&mut self, limit: usize) -> Result<usize, MetadataError> {
        let Some(mut head) = self.lock_chain(HEAD).await? else { return Ok(0) };
        let sql = format!("SELECT {COLUMNS} FROM audit_events WHERE sequence IS NULL ORDER BY id LIMIT $1");
        let rows = self.query(&sql, params![at_most(limit)]).await?;
        let mut sealed = Vec::with_capacity(rows.len());
        for row in rows {
            let event = AuditEvent::read(row)?;
            head = head.after(&event);
            sealed.push((event.id, head));
        }
        if sealed.is_empty() {
            return Ok(0);
        }
        for batch in batches(&sealed) {
            let (id, sequence, hash) = self.typed_places();
            let row =
                |n: usize| format!("(${}{id}, ${}{sequence}, ${}{hash})", 3 * n + 1, 3 * n + 2, 3 * n + 3);
            let rows: Vec<String> = (0..batch.len()).map(row).collect();
            let sql = format!(
                "UPDATE audit_events SET sequence = v.column2, hash = v.column3 FROM (VALUES {}) AS v \
                 WHERE audit_events.id = v.column1",
                rows.join(", ")
            );
            let place = |(id, place): &(i64, ChainState)| -> [Value<'static>; 3] {
                [(*id).into(), place.sequence.into(), Value::Bytes(place.hash.to_bytes().into())]
            };
            let values: Vec<Value<'_>> = batch.iter().flat_map(place).collect();
            self.execute(&sql, &values).await?;
        }
        self.set_setting(HEAD, &head.to_string()).await?;
        Ok(sealed.len())
    }

    /// Removes rows from the beginning of the chain that are older than `before`, at most `limit`; what remains can
    /// still be verified. Returns how many; 0 also while another process does so.
    pub async fn purge_audit(&mut self, before: Timestamp, limit: usize) -> Result<u64, MetadataError> {
        let Some(purged) = self.lock_chain(PURGED).await? else { return Ok(0) };
        let sql =
            "SELECT sequence, hash, at FROM audit_events WHERE sequence > $1 ORDER BY sequence LIMIT $2";
        let mut last = purged;
        for mut row in self.query(sql, params![purged.sequence, at_most(limit)]).await? {
            let place = ChainState { sequence: row.unsigned()?, hash: row.digest()? };
            if row.timestamp()? >= before {
                break;
            }
            if place.sequence != last.sequence + 1 {
                let (from, to) = (last.sequence + 1, place.sequence - 1);
                tracing::error!(from, to, "rows {from} to {to} of the audit record are missing");
            }
            last = place;
        }
        if last == purged {
            return Ok(0);
        }
        let sql = "DELETE FROM audit_events WHERE sequence > $1 AND sequence <= $2";
        let count = self.execute(sql, params![purged.sequence, last.sequence]).await?;
        self.set_setting(PURGED, &last.to_string()).await?;
        Ok(count)
    }

    /// A place in the chain, locked until commit; `None` while another process has it.
    async fn lock_chain(&mut self, key: &str) -> Result<Option<ChainState>, MetadataError> {
        let sql = "SELECT value FROM settings WHERE key = $1";
        let rows = self.query_locking(sql, "FOR UPDATE SKIP LOCKED", params![key]).await?;
        rows.into_iter().next().map(|mut row: Row| row.text()?.parse()).transpose()
    }

    /// The types of an id, a sequence and a hash, for PostgreSQL, which does not see them in a list of values.
    fn typed_places(&self) -> (&'static str, &'static str, &'static str) {
        match self.dialect() {
            Dialect::Sqlite => ("", "", ""),
            Dialect::Postgres => ("::bigint", "::bigint", "::bytea"),
        }
    }
}

impl Metadata {
    /// Walks the whole chain. What is sealed or taken by retention meanwhile is no damage.
    pub async fn verify_audit(&self) -> Result<AuditReport, MetadataError> {
        let mut tx = self.read().await?;
        let (head, purged) = (tx.audit_head().await?, tx.audit_purged().await?);
        drop(tx);
        let mut report = AuditReport { rows: 0, purged, head, unsealed: 0, damage: None };
        self.walk_chain(&mut report).await?;
        let mut tx = self.read().await?;
        let sql = "SELECT COUNT(*) FROM audit_events WHERE sequence IS NULL";
        report.unsealed = tx.count(sql, params![]).await?;
        if report.damage.is_some() {
            return Ok(report);
        }
        // The rows first: what is sealed in between is below the head that is read then.
        let sql = "SELECT sequence, id FROM audit_events WHERE sequence > $1 ORDER BY sequence DESC LIMIT 1";
        let last = tx.query_opt(sql, params![head.sequence]).await?;
        let last = last.map(|mut row| Ok::<_, MetadataError>((row.unsigned()?, row.int()?))).transpose()?;
        let sealed = tx.audit_head().await?.sequence;
        report.damage = last
            .filter(|(sequence, _)| *sequence > sealed)
            .map(|(sequence, id)| AuditDamage::Inserted { sequence, id });
        Ok(report)
    }

    async fn walk_chain(&self, report: &mut AuditReport) -> Result<(), MetadataError> {
        let (mut place, head) = (report.purged, report.head);
        while place.sequence < head.sequence {
            let mut tx = self.read().await?;
            let mut rows = tx.sealed_audit(place.sequence, BATCH).await?;
            rows.retain(|row| row.sequence.is_some_and(|sequence| sequence <= head.sequence));
            if rows.first().and_then(|row| row.sequence) != Some(place.sequence + 1) {
                let purged = tx.audit_purged().await?;
                if purged.sequence <= place.sequence {
                    report.damage = Some(AuditDamage::Missing { sequence: place.sequence + 1 });
                    return Ok(());
                }
                (place, report.purged) = (purged, purged);
                continue;
            }
            for row in &rows {
                let next = place.after(row);
                if row.sequence != Some(next.sequence) {
                    // Perhaps retention is at it: the next round tells.
                    break;
                }
                if row.hash != Some(next.hash) {
                    report.damage = Some(AuditDamage::Changed { sequence: next.sequence, id: row.id });
                    return Ok(());
                }
                place = next;
                report.rows += 1;
            }
        }
        if place.sequence == head.sequence && place.hash != head.hash {
            report.damage = Some(AuditDamage::Rewritten { sequence: head.sequence });
        }
        Ok(())
    }
}
