//! What deleted projects left under a name: repositories that are still named because deleted manifests can be restored, or
//! wait for collection. It is nobody's but theirs who had it.

use longshore_types::ProjectName;

use crate::{MetadataError, RepositoryId, WriteTx, sql::params};

impl WriteTx {
    /// Makes the name of a deleted project one that nothing is known of, for somebody who did not have it: history and
    /// descriptions of the repositories that it left are forgotten. `false` where those still hold something.
    pub async fn clear_leftovers(&mut self, name: &ProjectName) -> Result<bool, MetadataError> {
        let repositories = self.leftovers(name).await?;
        for id in &repositories {
            for sql in [
                "SELECT 1 FROM manifests WHERE repository_id = $1 LIMIT 1",
                "SELECT 1 FROM repository_blobs WHERE repository_id = $1 LIMIT 1",
            ] {
                if self.exists(sql, params![*id]).await? {
                    return Ok(false);
                }
            }
        }
        for id in repositories {
            self.execute("DELETE FROM tag_events WHERE repository_id = $1", params![id]).await?;
            self.execute("UPDATE repositories SET description = '' WHERE id = $1", params![id]).await?;
        }
        Ok(true)
    }

    /// Repositories of the deleted project of that name, and of deleted projects inside of it.
    async fn leftovers(&mut self, name: &ProjectName) -> Result<Vec<RepositoryId>, MetadataError> {
        // '0' follows '/' in byte order: everything that begins with the name and a slash.
        let (first, end) = (format!("{name}/"), format!("{name}0"));
        let sql = "SELECT r.id FROM repositories r JOIN projects p ON p.id = r.project_id \
                   WHERE r.name > $1 AND r.name < $2 AND p.deleted_at IS NOT NULL";
        let mut rows = self.query(sql, params![first, end]).await?;
        let sql = "SELECT r.id FROM projects p CROSS JOIN repositories r \
                   WHERE p.name = $1 AND p.deleted_at IS NOT NULL AND r.project_id = p.id";
        rows.extend(self.query(sql, params![name.as_str()]).await?);
        let mut found =
            rows.into_iter().map(|mut row| row.int().map(RepositoryId)).collect::<Result<Vec<_>, _>>()?;
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }
}
