//! The schema's history: numbered steps inside the binary, run when the index is opened.

use crate::{MetadataError, WriteTx, sql::params};

/// Every step, in order; step `n` makes version `n + 1`. A step that was released is never changed.
const STEPS: [&str; 3] = [
    include_str!("migrations/0001_index.sql"),
    include_str!("migrations/0002_accounts.sql"),
    include_str!("migrations/0003_jobs.sql"),
];

/// What has a different spelling in the two databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    fn spell(self, step: &str) -> String {
        let words: [(&str, &str); 7] = match self {
            // AUTOINCREMENT: a number is not given out again, so that an id that somebody still holds never comes to
            // mean another row.
            Self::Sqlite => [
                ("{id}", "INTEGER PRIMARY KEY AUTOINCREMENT"),
                ("{int}", "INTEGER"),
                ("{small}", "INTEGER"),
                ("{text}", "TEXT"),
                ("{bytes}", "BLOB"),
                ("{rows}", " STRICT"),
                ("{clustered}", " STRICT, WITHOUT ROWID"),
            ],
            Self::Postgres => [
                ("{id}", "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
                ("{int}", "bigint"),
                ("{small}", "smallint"),
                ("{text}", "text COLLATE \"C\""),
                ("{bytes}", "bytea"),
                ("{rows}", ""),
                ("{clustered}", ""),
            ],
        };
        words.iter().fold(step.to_owned(), |text, (word, spelling)| text.replace(word, spelling))
    }
}

/// The newest version this program knows.
fn known() -> i64 {
    STEPS.len() as i64
}

/// Brings the schema up to date. Everything happens in one transaction under a lock, so of several processes that
/// start together one does the work and the others find it done.
pub(crate) async fn run(mut tx: WriteTx) -> Result<(), MetadataError> {
    tx.lock_schema().await?;
    tx.batch("CREATE TABLE IF NOT EXISTS schema_version (version bigint PRIMARY KEY)").await?;
    let found = match tx.query_opt("SELECT MAX(version) FROM schema_version", params![]).await? {
        Some(mut row) => row.optional_int()?.unwrap_or(0),
        None => 0,
    };
    if found > known() {
        return Err(MetadataError::TooNew { found, known: known() });
    }
    if found == known() {
        return Ok(());
    }
    let dialect = tx.dialect();
    for (version, step) in (1..).zip(STEPS).filter(|&(version, _)| version > found) {
        tracing::info!(version, "bringing the index to schema version {version}");
        tx.batch(&dialect.spell(step)).await?;
        tx.execute("INSERT INTO schema_version (version) VALUES ($1)", params![version]).await?;
    }
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_steps_is_spelled() {
        for dialect in [Dialect::Sqlite, Dialect::Postgres] {
            for step in STEPS {
                let body: String =
                    dialect.spell(step).lines().filter(|line| !line.starts_with("--")).collect();
                assert!(!body.contains('{'), "{body}");
            }
        }
    }
}
