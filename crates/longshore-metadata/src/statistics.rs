//! How often something was pulled, and how much there is.

use longshore_types::{Digest, RepositoryName, Timestamp};

use crate::{ManifestId, MetadataError, ReadTx, WriteTx, sql::params};

/// Pulls of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulls {
    /// How many.
    pub pulls: u64,
    /// When the last one was.
    pub last_at: Timestamp,
}

impl ReadTx {
    /// How often a manifest was pulled; `None` if never.
    pub async fn pulls_of(&mut self, manifest: ManifestId) -> Result<Option<Pulls>, MetadataError> {
        let sql = "SELECT pulls, last_pulled_at FROM manifest_pulls WHERE manifest_id = $1";
        let row = self.query_opt(sql, params![manifest]).await?;
        row.map(|mut row| Ok(Pulls { pulls: row.unsigned()?, last_at: row.timestamp()? })).transpose()
    }

    /// The bytes of all blobs, each once. Looks at every one of them.
    pub async fn blobs_bytes(&mut self) -> Result<u64, MetadataError> {
        self.count("SELECT CAST(COALESCE(SUM(size_bytes), 0) AS bigint) FROM blobs", params![]).await
    }
}

impl WriteTx {
    /// Adds pulls of a manifest. Nothing happens where it is gone.
    ///
    /// Whoever counts several adds them in the order of name and digest, so that no two wait for each other.
    pub async fn add_manifest_pulls(
        &mut self,
        repository: &RepositoryName,
        digest: &Digest,
        count: Pulls,
    ) -> Result<(), MetadataError> {
        let sql = "INSERT INTO manifest_pulls (manifest_id, pulls, last_pulled_at) \
                   SELECT m.id, CAST($1 AS bigint), CAST($2 AS bigint) \
                   FROM repositories r CROSS JOIN manifests m \
                   WHERE r.name = $3 AND m.repository_id = r.id AND m.digest = $4 \
                   ON CONFLICT (manifest_id) DO UPDATE SET pulls = manifest_pulls.pulls + excluded.pulls, \
                   last_pulled_at = CASE WHEN excluded.last_pulled_at > manifest_pulls.last_pulled_at \
                   THEN excluded.last_pulled_at ELSE manifest_pulls.last_pulled_at END";
        self.execute(sql, params![count.pulls, count.last_at, repository, digest]).await.map(drop)
    }

    /// Adds pulls of what a repository holds, in the same order.
    pub async fn add_repository_pulls(
        &mut self,
        repository: &RepositoryName,
        count: Pulls,
    ) -> Result<(), MetadataError> {
        let sql = "INSERT INTO repository_pulls (repository_id, pulls, last_pulled_at) \
                   SELECT r.id, CAST($1 AS bigint), CAST($2 AS bigint) FROM repositories r WHERE r.name = $3 \
                   ON CONFLICT (repository_id) DO UPDATE SET pulls = repository_pulls.pulls + excluded.pulls, \
                   last_pulled_at = CASE WHEN excluded.last_pulled_at > repository_pulls.last_pulled_at \
                   THEN excluded.last_pulled_at ELSE repository_pulls.last_pulled_at END";
        self.execute(sql, params![count.pulls, count.last_at, repository]).await.map(drop)
    }
}
